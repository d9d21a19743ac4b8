//! A Zendesk that insists on what the real one insists on, as far as its interface is documented.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{Fault, Faults, Refusals, Seen, Shared, Side, guarded, header, number, said};
use crate::desk::http::basic;
use crate::desk::plain::plain;
use crate::desk::values::id;

/// Whose token opens it, and the token.
pub(super) const USER: &str = "firstline@desk.example";
pub(super) const TOKEN: &str = "z3n";
/// The longest file that it takes.
pub(super) const FILE_BYTES: usize = 100_000;
/// Updates of a ticket, within the time that a test takes.
pub(super) const UPDATES: usize = 30;

type Asked = Query<BTreeMap<String, String>>;

/// What it holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) tickets: Vec<Value>,
    pub(super) comments: Vec<Value>,
    /// Bytes by attachment.
    files: BTreeMap<u64, Vec<u8>>,
    /// Attachments that are bound to nothing yet, by token.
    uploads: BTreeMap<String, Value>,
    /// Orders and their answers by idempotency key.
    keys: BTreeMap<String, (Value, Value)>,
    updates: BTreeMap<u64, usize>,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl Side for StandIn {
    /// There is no search: what is searched for is not found for minutes.
    fn routes(&self) -> Router {
        let routes = Router::new()
            .route("/users/me.json", get(me))
            .route("/groups.json", get(groups))
            .route("/tickets.json", get(tickets).post(open))
            .route("/tickets/{id}", get(ticket).put(update))
            .route("/tickets/{id}/comments.json", get(comments))
            .route("/uploads.json", post(upload));
        Router::new().nest("/api/v2", guarded(routes, stopped).with_state(self.clone()))
    }

    fn secret(&self) -> &'static str {
        TOKEN
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: DeskKind::Zendesk,
            user: USER.to_owned(),
            queues: vec!["Support".to_owned()],
            device_field: "3600123".to_owned(),
            category_field: "3600124".to_owned(),
            closing_field: "3600124".to_owned(),
            ..DeskSettings::default()
        }
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        let order = json!({ "subject": subject, "group_id": 360_001, "requester_id": 7, "external_id": null });
        self.held().open(&order, &json!({ "html_body": text, "public": true })).to_string()
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let own = held.comments.iter().filter(|one| id(&one["ticket_id"]).as_deref() == Some(number)).skip(1);
        let file = |one: &Value| {
            let bytes = held.files.get(&one["id"].as_u64()?)?;
            Some((one["file_name"].as_str()?.to_owned(), bytes.clone()))
        };
        let seen = |one: &Value| Seen {
            text: one["plain_body"].as_str().unwrap_or_default().to_owned(),
            public: one["public"] == true,
            files: one["attachments"].as_array().into_iter().flatten().filter_map(file).collect(),
        };
        own.map(seen).collect()
    }

    fn tickets(&self) -> usize {
        self.held().tickets.len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let found = held.tickets.iter().find(|one| id(&one["id"]).as_deref() == Some(number));
        found.and_then(|one| one["status"].as_str()).unwrap_or_default().to_owned()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let ticket = held.tickets.iter_mut().find(|one| id(&one["id"]).as_deref() == Some(number)).expect("a ticket");
        ticket["status"] = json!(if code.is_some() { "solved" } else { "open" });
        ticket["custom_fields"][1]["value"] = json!(code);
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn refusals(&self) -> Refusals {
        let limited = vec![
            ("retry-after", "17"),
            ("x-rate-limit", "700"),
            ("x-rate-limit-remaining", "0"),
            ("ratelimit-reset", "41"),
        ];
        Refusals {
            expired: Fault::Refused(401, vec![], r#"{"error":"Couldn't authenticate you"}"#),
            renews: false,
            denied: Fault::Refused(
                403,
                vec![],
                r#"{"error":{"title":"Forbidden","message":"You do not have access to this page"}}"#,
            ),
            limited: Fault::Refused(
                429,
                limited,
                "Rate limit for ticket updates exceeded, please wait before updating this ticket again",
            ),
            too_long: Fault::Refused(
                413,
                vec![],
                r#"{"error":"AttachmentTooBig","description":"Attachment exceeds the size limit"}"#,
            ),
            down: Fault::Refused(503, vec![], "<html><h1>Service Unavailable</h1></html>"),
        }
    }
}

impl Held {
    fn open(&mut self, order: &Value, comment: &Value) -> u64 {
        let id = 35_436 + self.tickets.len() as u64;
        self.comment(id, comment);
        let said = self.comments.last().map(|one| one["plain_body"].clone());
        let mut ticket = json!({
            "id": id, "status": "new", "priority": null, "requester_id": 2, "tags": [], "due_at": "2026-01-16T10:00:00Z",
            "custom_fields": [{ "id": 3_600_123, "value": "PC-17" }, { "id": 3_600_124, "value": null }],
            "description": said,
        });
        set(&mut ticket, order);
        self.tickets.push(ticket);
        id
    }

    /// Merges a ticket into another, with what is said on each.
    pub(super) fn merge(&mut self, from: u64, said: &str, into: u64, there: &str) {
        for (ticket, words) in [(from, said), (into, there)] {
            self.comment(ticket, &json!({ "html_body": words, "public": false }));
        }
        let merged = self.tickets.iter_mut().find(|one| one["id"] == from).expect("a ticket");
        merged["status"] = json!("closed");
        merged["tags"] = json!(["closed_by_merge"]);
    }

    /// What an unknown token stands for is left out, and nobody is told.
    fn comment(&mut self, ticket: u64, comment: &Value) {
        let tokens = comment["uploads"].as_array().cloned().unwrap_or_default();
        let bound: Vec<Value> =
            tokens.iter().filter_map(|token| self.uploads.remove(token.as_str().unwrap_or_default())).collect();
        let html = comment["html_body"].as_str().unwrap_or_default();
        self.comments.push(json!({
            "id": 900 + self.comments.len(), "ticket_id": ticket, "html_body": html, "plain_body": plain(html),
            "public": comment["public"].as_bool().unwrap_or(true), "attachments": bound,
        }));
    }
}

fn set(ticket: &mut Value, order: &Value) {
    for (name, value) in order.as_object().into_iter().flatten() {
        if name == "custom_fields" {
            for field in value.as_array().into_iter().flatten() {
                let known = ticket[name].as_array_mut().into_iter().flatten().find(|one| one["id"] == field["id"]);
                if let Some(known) = known {
                    known["value"] = field["value"].clone();
                }
            }
        } else if name != "comment" && name != "requester" {
            ticket[name] = value.clone();
        }
    }
}

fn invalid(details: Value) -> Response {
    said(422, json!({ "error": "RecordInvalid", "description": "Record validation errors", "details": details }))
}

fn missing() -> Response {
    said(404, json!({ "error": "RecordNotFound", "description": "Not found" }))
}

/// What is wrong with a request, whatever it asks for.
fn stopped(request: &Request) -> Option<Response> {
    let header = |name: &str| header(request, name);
    if header("authorization") != basic(&format!("{USER}/token"), TOKEN).1 {
        return Some(said(401, json!({ "error": "Couldn't authenticate you" })));
    }
    if header("accept") != "application/json" {
        return Some(said(406, json!({ "error": "NotAcceptable" })));
    }
    let file = request.uri().path().ends_with("/uploads.json");
    if request.method() != Method::GET && !file && header("content-type") != "application/json" {
        return Some(said(415, json!({ "error": "UnsupportedContentType" })));
    }
    None
}

async fn me() -> Json<Value> {
    Json(json!({ "user": { "id": 2, "email": USER, "role": "agent", "active": true } }))
}

async fn groups() -> Json<Value> {
    let groups = json!([{ "id": 360_001, "name": "Support" }, { "id": 360_002, "name": "Second line" }]);
    Json(json!({ "groups": groups, "next_page": null, "count": 2 }))
}

/// By whatever order is asked for; of one `external_id` when that is asked for.
async fn tickets(State(standin): State<StandIn>, Query(asked): Asked) -> Json<Value> {
    let mut found = standin.held().tickets.clone();
    if let Some(wanted) = asked.get("external_id") {
        found.retain(|ticket| ticket["external_id"] == *wanted);
    }
    if asked.get("sort_by").is_some_and(|by| by == "id") && asked.get("sort_order").is_some_and(|order| order == "desc")
    {
        found.reverse();
    }
    Json(json!({ "tickets": paged(&found, &asked), "count": found.len() }))
}

fn paged(rows: &[Value], asked: &BTreeMap<String, String>) -> Vec<Value> {
    let count = number(asked, "per_page", 100).min(100);
    rows.iter().skip((number(asked, "page", 1) - 1) * count).take(count).cloned().collect()
}

fn numbered(path: &str) -> Option<u64> {
    path.strip_suffix(".json").unwrap_or(path).parse().ok()
}

async fn ticket(State(standin): State<StandIn>, Path(id): Path<String>, Query(asked): Asked) -> Response {
    let held = standin.held();
    let Some(found) = held.tickets.iter().find(|one| one["id"].as_u64() == numbered(&id)) else { return missing() };
    let mut document = json!({ "ticket": found });
    for beside in asked.get("include").into_iter().flat_map(|list| list.split(',')) {
        document[beside] = match beside {
            "users" => json!([
                { "id": 2, "name": "Firstline", "email": USER },
                { "id": 7, "name": "Ana Silva", "email": "ana@corp.example" },
            ]),
            _ => json!([{ "id": 360_001, "name": "Support" }, { "id": 360_002, "name": "Second line" }]),
        };
    }
    Json(document).into_response()
}

async fn comments(State(standin): State<StandIn>, Path(id): Path<u64>, Query(asked): Asked) -> Response {
    let own: Vec<Value> = standin.held().comments.iter().filter(|one| one["ticket_id"] == id).cloned().collect();
    if own.is_empty() {
        return missing();
    }
    Json(json!({ "comments": paged(&own, &asked), "count": own.len() })).into_response()
}

/// What is wrong with an order, whatever it is about.
fn refusal(order: &Value) -> Option<Response> {
    let known = [
        ("status", vec!["new", "open", "pending", "hold", "solved", "closed"]),
        ("priority", vec!["low", "normal", "high", "urgent"]),
        ("type", vec!["problem", "incident", "question", "task"]),
    ];
    for (name, words) in known {
        if order[name].as_str().is_some_and(|word| !words.contains(&word)) {
            return Some(invalid(
                json!({ name: [{ "description": format!("{name}: {} is not valid", order[name]) }] }),
            ));
        }
    }
    let comment = &order["comment"];
    let blank = comment["html_body"].as_str().unwrap_or_default().is_empty();
    if !comment.is_null() && blank {
        return Some(invalid(
            json!({ "comment": [{ "description": "Comment: cannot be blank", "error": "BlankValue" }] }),
        ));
    }
    None
}

async fn open(State(standin): State<StandIn>, headers: HeaderMap, Json(order): Json<Value>) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    let mut held = standin.held();
    match held.keys.get(&key) {
        Some((first, answer)) if *first == order => {
            return (StatusCode::CREATED, [("x-idempotency-lookup", "hit")], Json(answer.clone())).into_response();
        }
        Some(_) => {
            let words = "Request parameters don't match the given idempotency key";
            return said(400, json!({ "error": "IdempotentRequestError", "description": words }));
        }
        None => {}
    }
    let ticket = &order["ticket"];
    if let Some(refused) = refusal(ticket) {
        return refused;
    }
    if ticket["comment"].is_null() || ticket["subject"].as_str().is_none_or(str::is_empty) {
        return invalid(json!({ "base": [{ "error": "BlankValue", "description": "Subject: cannot be blank" }] }));
    }
    let id = held.open(ticket, &ticket["comment"]);
    let answer = json!({ "ticket": held.tickets.iter().find(|one| one["id"] == id), "audit": { "events": [] } });
    if !key.is_empty() {
        held.keys.insert(key, (order, answer.clone()));
    }
    (StatusCode::CREATED, [("x-idempotency-lookup", "miss")], Json(answer)).into_response()
}

async fn update(State(standin): State<StandIn>, Path(id): Path<String>, Json(order): Json<Value>) -> Response {
    let mut held = standin.held();
    let place = held.tickets.iter().position(|one| one["id"].as_u64() == numbered(&id));
    let (Some(place), Some(id)) = (place, numbered(&id)) else { return missing() };
    let updates = held.updates.entry(id).or_default();
    *updates += 1;
    if *updates > UPDATES {
        let words = "Rate limit for ticket updates exceeded, please wait before updating this ticket again";
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "93")], words).into_response();
    }
    if held.tickets[place]["status"] == "closed" {
        return invalid(json!({ "status": [{ "description": "Status: closed prevents ticket update" }] }));
    }
    let order = &order["ticket"];
    if let Some(refused) = refusal(order) {
        return refused;
    }
    set(&mut held.tickets[place], order);
    if order["comment"].is_object() {
        held.comment(id, &order["comment"]);
    }
    Json(json!({ "ticket": held.tickets[place], "audit": { "id": 1, "events": [] } })).into_response()
}

/// The answer is a document, and called a text.
async fn upload(State(standin): State<StandIn>, Query(asked): Asked, headers: HeaderMap, bytes: Bytes) -> Response {
    let Some(name) = asked.get("filename").filter(|name| !name.is_empty()) else {
        return invalid(json!({ "filename": [{ "description": "Filename: cannot be blank" }] }));
    };
    if !headers.contains_key("content-type") {
        return said(415, json!({ "error": "UnsupportedContentType" }));
    }
    if bytes.len() > FILE_BYTES {
        return said(413, json!({ "error": "AttachmentTooBig", "description": "Attachment exceeds the size limit" }));
    }
    let mut held = standin.held();
    let id = 70_001 + held.files.len() as u64;
    let attachment = json!({ "id": id, "file_name": name, "size": bytes.len() });
    held.files.insert(id, bytes.to_vec());
    held.uploads.insert(format!("uptok{id}"), attachment.clone());
    let answer = json!({ "upload": { "token": format!("uptok{id}"), "attachment": attachment } }).to_string();
    (StatusCode::CREATED, [("content-type", "text/plain")], answer).into_response()
}
