//! A Request Tracker that insists on what the real one insists on. The real one is tried in the tests of the whole; this one
//! goes wrong in every way that a desk can.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use super::words::quoted;
use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{self, Fault, Faults, Refusals, Seen, Shared, Side, guarded, header, number};

/// The token that opens it.
pub(super) const TOKEN: &str = "1-14-t0ken";
/// The first ticket.
const FIRST: usize = 12;
const QUEUES: [&str; 2] = ["Workstations", "Network"];
const STATES: [&str; 6] = ["new", "open", "stalled", "resolved", "rejected", "deleted"];

type Asked = Query<BTreeMap<String, String>>;

/// What it holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) tickets: Vec<Value>,
    /// Merged tickets, and those that they became.
    pub(super) merged: BTreeMap<usize, usize>,
    parts: Vec<Part>,
    transactions: usize,
}

/// A text or a file of a transaction.
#[derive(Debug, Clone)]
struct Part {
    ticket: usize,
    transaction: usize,
    public: bool,
    subject: String,
    name: String,
    kind: String,
    bytes: Vec<u8>,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl Side for StandIn {
    fn routes(&self) -> Router {
        let routes = Router::new()
            .route("/rt", get(async || Json(json!({ "Version": "5.0.3", "Plugins": [] }))))
            .route("/queue/{name}", get(queue))
            .route("/queues/all", get(queues))
            .route("/tickets", get(tickets))
            .route("/ticket", post(open))
            .route("/ticket/{id}", get(ticket).put(change))
            .route("/ticket/{id}/comment", post(comment))
            .route("/ticket/{id}/correspond", post(correspond))
            .route("/ticket/{id}/attachments", get(attachments))
            .route("/attachment/{id}", get(attachment));
        Router::new().nest("/REST/2.0", guarded(routes, stopped).with_state(self.clone()))
    }

    fn secret(&self) -> &'static str {
        TOKEN
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: DeskKind::RequestTracker,
            queues: vec![QUEUES[0].to_owned()],
            device_field: "Hostname".to_owned(),
            closing_field: "Close code".to_owned(),
            ..DeskSettings::default()
        }
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        let order = json!({ "Subject": subject, "Queue": QUEUES[0], "Content": text, "ContentType": "text/plain" });
        self.held().open(&order).to_string()
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let own = held.parts.iter().filter(|part| part.ticket.to_string() == number);
        let mut notes: BTreeMap<usize, Seen> = BTreeMap::new();
        for part in own {
            let empty = || Seen { text: String::new(), public: part.public, files: Vec::new() };
            let note = notes.entry(part.transaction).or_insert_with(empty);
            if part.name.is_empty() {
                note.text = String::from_utf8_lossy(&part.bytes).into_owned();
            } else {
                note.files.push((part.name.clone(), part.bytes.clone()));
            }
        }
        notes.into_values().skip(1).collect()
    }

    fn tickets(&self) -> usize {
        self.held().tickets.len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let found = held.tickets.iter().find(|one| one["id"] == number);
        found.and_then(|one| one["Status"].as_str()).unwrap_or_default().to_owned()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let place = held.place(number).expect("a ticket");
        let ticket = &mut held.tickets[place];
        ticket["Status"] = json!(if code.is_some() { "resolved" } else { "open" });
        ticket["CustomFields"][1]["values"] = json!(code.into_iter().collect::<Vec<_>>());
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// It limits nothing itself: what stands in front of it does.
    fn refusals(&self) -> Refusals {
        Refusals {
            expired: Fault::Refused(401, vec![], r#"{"message":"Unauthorized"}"#),
            renews: false,
            denied: Fault::Refused(403, vec![], r#"{"message":"Forbidden"}"#),
            limited: Fault::Refused(429, vec![("retry-after", "17")], "<html><h1>Too Many Requests</h1></html>"),
            too_long: Fault::Refused(413, vec![], "<html><h1>413 Request Entity Too Large</h1></html>"),
            down: Fault::Refused(503, vec![], "<html><h1>503 Service Unavailable</h1></html>"),
        }
    }
}

impl Held {
    fn open(&mut self, order: &Value) -> usize {
        let id = FIRST + self.tickets.len();
        let queue = order["Queue"].as_str().unwrap_or_default();
        self.tickets.push(json!({
            "id": id.to_string(), "type": "ticket", "Subject": order["Subject"], "Status": "new", "Priority": "50",
            "Queue": { "id": "1", "type": "queue", "Name": queue }, "Due": "1970-01-01T00:00:00Z",
            "Requestor": [{ "id": "ana", "Name": "ana", "EmailAddress": "ana@corp.example", "RealName": "Ana Silva" }],
            "CustomFields": [{ "name": "Hostname", "values": ["PC-17"] }, { "name": "Close code", "values": [] }],
            "RefersTo": order["RefersTo"],
        }));
        self.add(id, order, false);
        id
    }

    /// A text with its files, in one transaction.
    fn add(&mut self, ticket: usize, order: &Value, public: bool) {
        self.transactions += 1;
        let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let text = Part {
            ticket,
            transaction: self.transactions,
            public,
            subject: said(&order["Subject"]),
            name: String::new(),
            kind: said(&order["ContentType"]),
            bytes: said(&order["Content"]).into_bytes(),
        };
        self.parts.push(text.clone());
        for file in order["Attachments"].as_array().into_iter().flatten() {
            let bytes = BASE64_STANDARD.decode(said(&file["FileContent"])).expect("base64");
            let (name, kind, subject) = (said(&file["FileName"]), said(&file["FileType"]), String::new());
            self.parts.push(Part { subject, name, kind, bytes, ..text.clone() });
        }
    }

    /// The place of a ticket: of the one that it became when it was merged.
    fn place(&self, id: &str) -> Option<usize> {
        let id: usize = id.parse().ok()?;
        let id = self.merged.get(&id).copied().unwrap_or(id);
        id.checked_sub(FIRST).filter(|place| *place < self.tickets.len())
    }
}

fn said(status: u16, message: &str) -> Response {
    conformance::said(status, json!({ "message": message }))
}

/// What is wrong with a request, whatever it asks for. Browsers are sent to the sign-in.
fn stopped(request: &Request) -> Option<Response> {
    if header(request, "user-agent").contains("Mozilla") || !header(request, "cookie").is_empty() {
        return Some((StatusCode::FOUND, [("location", "/")]).into_response());
    }
    (header(request, "authorization") != format!("token {TOKEN}")).then(|| said(401, "Unauthorized"))
}

async fn queue(Path(name): Path<String>) -> Response {
    if QUEUES.contains(&name.as_str()) {
        Json(json!({ "id": 1, "Name": name })).into_response()
    } else {
        said(403, "Forbidden")
    }
}

async fn queues() -> Json<Value> {
    let items: Vec<Value> = QUEUES.iter().map(|name| json!({ "id": "1", "Name": name })).collect();
    Json(json!({ "items": items, "count": items.len(), "pages": 1 }))
}

/// Ids in documents are numbers, and in lists texts.
async fn ticket(State(standin): State<StandIn>, Path(id): Path<String>) -> Response {
    let held = standin.held();
    let Some(place) = held.place(&id) else { return said(404, "Not Found") };
    let mut found = held.tickets[place].clone();
    found["id"] = json!(place + FIRST);
    Json(found).into_response()
}

/// Whether a ticket fits a term of a query; nothing when nobody understands it.
fn fits(ticket: &Value, term: &str) -> Option<bool> {
    let id: usize = ticket["id"].as_str()?.parse().ok()?;
    let term = term.trim().trim_start_matches("( ").trim_end_matches(" )");
    let (field, value) = term.split_once(' ')?;
    let is = |value: &str, found: &Value| value == format!("= {}", quoted(found.as_str().unwrap_or_default()));
    Some(match field {
        "id" => match value.strip_prefix("> ") {
            Some(mark) => id > mark.parse::<usize>().ok()?,
            None => id == value.strip_prefix("= ")?.parse::<usize>().ok()?,
        },
        "Queue" => term.split(" OR ").any(|one| is(one.trim_start_matches("Queue "), &ticket["Queue"]["Name"])),
        "RefersTo" => is(value, &ticket["RefersTo"]),
        "Status" if value == "= '__Active__'" => {
            ["new", "open", "stalled"].iter().any(|state| ticket["Status"] == *state)
        }
        _ => return None,
    })
}

async fn tickets(State(standin): State<StandIn>, Query(asked): Asked) -> Response {
    let query = asked.get("query").cloned().unwrap_or_default();
    let mut items = Vec::new();
    for ticket in &standin.held().tickets {
        let fit: Option<Vec<bool>> = query.split(" AND ").map(|term| fits(ticket, term)).collect();
        match fit {
            Some(fit) if fit.iter().all(|fits| *fits) => items.push(ticket.clone()),
            Some(_) => {}
            None => return said(400, &format!("Unknown field: {query}")),
        }
    }
    if asked.get("order").is_some_and(|order| order == "DESC") {
        items.reverse();
    }
    paged(items, &asked)
}

/// The number of pages is a fraction where there is none, and the total may be nothing.
fn paged(items: Vec<Value>, asked: &BTreeMap<String, String>) -> Response {
    let count = number(asked, "per_page", 20).min(100);
    let items: Vec<Value> = items.into_iter().skip((number(asked, "page", 1) - 1) * count).take(count).collect();
    let pages = if items.is_empty() { json!(0.0) } else { json!(1) };
    Json(json!({ "items": items, "count": items.len(), "pages": pages, "total": null })).into_response()
}

/// What is wrong with a text and its files.
fn refusal(order: &Value) -> Option<Response> {
    if order["ContentType"].as_str().is_none_or(str::is_empty) {
        return Some(said(400, "ContentType is a required field for comment and correspond"));
    }
    let files = order["Attachments"].as_array().into_iter().flatten();
    for (file, name) in files.flat_map(|file| ["FileName", "FileType", "FileContent"].map(|name| (file, name))) {
        if file[name].as_str().is_none_or(str::is_empty) {
            return Some(said(400, &format!("{name} is a required field for each attachment")));
        }
    }
    None
}

async fn open(State(standin): State<StandIn>, Json(order): Json<Value>) -> Response {
    let queue = order["Queue"].as_str().unwrap_or_default();
    if queue.is_empty() {
        return said(400, "Could not create ticket. Queue not set");
    }
    if !QUEUES.contains(&queue) {
        return said(403, &format!("No permission to create tickets in the queue '{queue}'"));
    }
    if let Some(refused) = refusal(&order) {
        return refused;
    }
    let id = standin.held().open(&order).to_string();
    (StatusCode::CREATED, Json(json!({ "id": id, "type": "ticket" }))).into_response()
}

/// What is refused is answered with success, too.
async fn change(State(standin): State<StandIn>, Path(id): Path<String>, Json(order): Json<Value>) -> Response {
    let mut held = standin.held();
    let Some(place) = held.place(&id) else { return said(404, "Not Found") };
    let ticket = &mut held.tickets[place];
    let mut answer = Vec::new();
    for (name, value) in order.as_object().into_iter().flatten() {
        let word = value.as_str().unwrap_or_default();
        match name.as_str() {
            "Status" if !STATES.contains(&word) => {
                answer.push(format!("Ticket {id}: Status '{word}' isn't a valid status for this ticket."));
            }
            "Queue" if !QUEUES.contains(&word) => answer.push(format!("Ticket {id}: Queue {word} does not exist")),
            "Queue" => ticket["Queue"]["Name"] = value.clone(),
            "Status" | "Priority" => ticket[name] = value.clone(),
            _ => {}
        }
    }
    Json(answer).into_response()
}

async fn comment(standin: State<StandIn>, id: Path<String>, order: Json<Value>) -> Response {
    add(&standin, &id, &order, false)
}

async fn correspond(standin: State<StandIn>, id: Path<String>, order: Json<Value>) -> Response {
    add(&standin, &id, &order, true)
}

fn add(standin: &StandIn, id: &str, order: &Value, public: bool) -> Response {
    let mut held = standin.held();
    let Some(place) = held.place(id) else { return said(400, "Message could not be recorded") };
    if let Some(refused) = refusal(order) {
        return refused;
    }
    held.add(place + FIRST, order, public);
    (StatusCode::CREATED, Json(json!(["Comments added"]))).into_response()
}

async fn attachments(State(standin): State<StandIn>, Path(id): Path<String>, Query(asked): Asked) -> Response {
    let held = standin.held();
    let Some(place) = held.place(&id) else { return said(404, "Not Found") };
    let item = |(index, part): (usize, &Part)| {
        json!({
            "id": (index + 1).to_string(), "type": "attachment", "Subject": part.subject, "Filename": part.name,
            "ContentType": part.kind, "ContentLength": part.bytes.len().to_string(),
            "TransactionId": part.transaction.to_string(),
        })
    };
    let own = held.parts.iter().enumerate().filter(|(_, part)| part.ticket == place + FIRST);
    let mut items: Vec<Value> = own.map(item).collect();
    if asked.get("order").is_some_and(|order| order == "DESC") {
        items.reverse();
    }
    paged(items, &asked)
}

/// The content comes in lines.
async fn attachment(State(standin): State<StandIn>, Path(id): Path<usize>) -> Response {
    let held = standin.held();
    let Some(part) = id.checked_sub(1).and_then(|place| held.parts.get(place)) else { return said(404, "Not Found") };
    let text = BASE64_STANDARD.encode(&part.bytes);
    let lines: Vec<&str> = text.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Json(json!({ "id": id, "Content": lines.join("\n") })).into_response()
}
