//! A Zammad that insists on what the real one insists on, as far as its interface is documented.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{self, Fault, Faults, Refusals, Seen, Shared, Side, guarded, header, number};

/// The token that opens it.
pub(super) const TOKEN: &str = "t0ken";

/// What it holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) tickets: Vec<Value>,
    pub(super) articles: Vec<Value>,
    /// Merged tickets, and those that they became.
    pub(super) merged: BTreeMap<u64, u64>,
    /// Files by article and id.
    pub(super) files: BTreeMap<(u64, u64), Vec<u8>>,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl StandIn {
    /// A ticket that somebody opened; its id.
    pub(super) fn ticket(&self, number: &str, title: &str, text: &str) -> u64 {
        let mut side = self.held();
        let id = side.tickets.len() as u64 + 3;
        side.tickets.push(json!({
            "id": id, "number": number, "title": title, "group": "Users", "state": "new", "priority": "2 normal",
            "customer_id": 7, "escalation_at": null, "device": "PC-17",
        }));
        let article = side.articles.len() as u64 + 8;
        side.articles.push(json!({
            "id": article, "ticket_id": id, "subject": title, "body": text, "content_type": "text/html",
            "internal": false, "attachments": [],
        }));
        id
    }
}

impl Side for StandIn {
    fn routes(&self) -> Router {
        let routes = Router::new()
            .route("/users/me", get(me))
            .route("/users/{id}", get(user))
            .route("/groups", get(async || named(&["Users", "Second"])))
            .route("/ticket_states", get(async || named(&["new", "open", "pending reminder", "closed"])))
            .route("/ticket_priorities", get(async || said(403, "Not authorized")))
            .route("/tickets", get(tickets).post(open))
            .route("/tickets/search", get(search))
            .route("/tickets/{id}", get(ticket).put(change))
            .route("/links", get(links))
            .route("/ticket_articles", post(write))
            .route("/ticket_articles/by_ticket/{id}", get(articles))
            .route("/ticket_attachment/{ticket}/{article}/{id}", get(attachment));
        Router::new().nest("/api/v1", guarded(routes, refusal).with_state(self.clone()))
    }

    fn secret(&self) -> &'static str {
        TOKEN
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: DeskKind::Zammad,
            queues: vec!["Users".to_owned()],
            device_field: "device".to_owned(),
            closing_field: "close_code".to_owned(),
            ..DeskSettings::default()
        }
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        let number = (22_018 + self.tickets()).to_string();
        self.ticket(&number, subject, text);
        number
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let Some(ticket) = held.tickets.iter().find(|one| one["number"] == number) else { return Vec::new() };
        let own = held.articles.iter().filter(|one| one["ticket_id"] == ticket["id"]);
        let seen = |article: &Value| Seen {
            text: article["body"].as_str().unwrap_or_default().to_owned(),
            public: article["internal"] != true,
            files: held.files_of(article),
        };
        own.skip(1).map(seen).collect()
    }

    fn tickets(&self) -> usize {
        self.held().tickets.len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let found = held.tickets.iter().find(|one| one["number"] == number);
        found.and_then(|one| one["state"].as_str()).unwrap_or_default().to_owned()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let ticket = held.tickets.iter_mut().find(|one| one["number"] == number).expect("a ticket");
        ticket["state"] = json!(if code.is_some() { "closed" } else { "open" });
        ticket["close_code"] = json!(code);
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// It limits no requests itself: what stands in front of it does.
    fn refusals(&self) -> Refusals {
        Refusals {
            expired: Fault::Refused(
                401,
                vec![("x-failure", "token expired")],
                r#"{"error":"Not authorized (token expired)!"}"#,
            ),
            renews: false,
            denied: Fault::Refused(403, vec![], r#"{"error":"Not authorized","error_human":"Not authorized"}"#),
            limited: Fault::Refused(429, vec![("retry-after", "17")], "<html><h1>Too Many Requests</h1></html>"),
            too_long: Fault::Refused(422, vec![], r#"{"error":"The attachment is larger than the allowed size"}"#),
            down: Fault::Refused(502, vec![], "<html><h1>502 Bad Gateway</h1></html>"),
        }
    }
}

impl Held {
    fn files_of(&self, article: &Value) -> Vec<(String, Vec<u8>)> {
        let file = |one: &Value| {
            let bytes = self.files.get(&(article["id"].as_u64()?, one["id"].as_u64()?))?;
            Some((one["filename"].as_str()?.to_owned(), bytes.clone()))
        };
        article["attachments"].as_array().into_iter().flatten().filter_map(file).collect()
    }
}

fn said(status: u16, error: &str) -> Response {
    conformance::said(status, json!({ "error": error, "error_human": error }))
}

/// What is wrong with a request, whatever it asks for: its credentials, and the languages it speaks and takes.
fn refusal(request: &Request) -> Option<Response> {
    if header(request, "accept") != "application/json" {
        return Some((StatusCode::BAD_REQUEST, "<!doctype html><p>an error page</p>").into_response());
    }
    match header(request, "authorization").strip_prefix("Token token=") {
        None => Some(said(403, "Authentication required")),
        Some(TOKEN) if request.method() == http::Method::GET => None,
        Some(TOKEN) if header(request, "content-type") == "application/json" => None,
        Some(TOKEN) => Some(said(415, "Unsupported Media Type")),
        Some(_) => Some(said(401, "Can't find User for Token")),
    }
}

async fn me() -> Json<Value> {
    Json(json!({ "id": 2, "login": "firstline@desk.example", "active": true }))
}

fn named(names: &[&str]) -> Json<Value> {
    Json(names.iter().map(|name| json!({ "id": name.len(), "name": name, "active": true })).collect())
}

async fn user(Path(id): Path<u64>) -> Response {
    if id != 7 {
        return said(404, "Couldn't find User");
    }
    Json(json!({ "login": "ana@corp.example", "email": "ana@corp.example", "firstname": "Ana", "lastname": "Silva" }))
        .into_response()
}

async fn tickets(State(standin): State<StandIn>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let (page, count) = (number(&query, "page", 1), number(&query, "per_page", 100).min(100));
    let mut all = standin.held().tickets.clone();
    if query.get("order_by").is_some_and(|order| order == "desc") {
        all.reverse();
    }
    Json(all.into_iter().skip((page - 1) * count).take(count).collect())
}

/// Without a search index: plain text anywhere in title, number and articles; nothing of a query language.
async fn search(State(standin): State<StandIn>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    if query.get("expand").is_none_or(|expand| expand != "true") {
        return Json(json!({ "tickets": [], "tickets_count": 0, "assets": {} })).into_response();
    }
    let words = query.get("query").cloned().unwrap_or_default();
    let side = standin.held();
    let holds = |ticket: &&Value| {
        let own = |one: &&Value| one["ticket_id"] == ticket["id"];
        let articles: String = side.articles.iter().filter(own).map(Value::to_string).collect();
        format!("{} {} {articles}", ticket["number"], ticket["title"]).contains(&words)
    };
    let found: Vec<Value> = side.tickets.iter().filter(holds).cloned().collect();
    Json(Value::Array(found)).into_response()
}

async fn ticket(State(standin): State<StandIn>, Path(id): Path<u64>) -> Response {
    match standin.held().tickets.iter().find(|one| one["id"] == id) {
        Some(found) => Json(found.clone()).into_response(),
        None => said(404, &format!("Couldn't find Ticket with 'id'={id}")),
    }
}

/// The side of a link on which a ticket stands is told: a merged one has the other as its parent.
async fn links(State(standin): State<StandIn>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let own = number(&query, "link_object_value", 0) as u64;
    let side = standin.held();
    let link =
        |kind: &str, other: u64| json!({ "link_type": kind, "link_object": "Ticket", "link_object_value": other });
    let parents = side.merged.iter().filter(|(from, _)| **from == own).map(|(_, to)| link("parent", *to));
    let children = side.merged.iter().filter(|(_, to)| **to == own).map(|(from, _)| link("child", *from));
    Json(json!({ "links": parents.chain(children).collect::<Vec<_>>(), "assets": {} }))
}

async fn change(State(standin): State<StandIn>, Path(id): Path<u64>, Json(order): Json<Value>) -> Response {
    let mut side = standin.held();
    let Some(ticket) = side.tickets.iter_mut().find(|one| one["id"] == id) else {
        return said(404, &format!("Couldn't find Ticket with 'id'={id}"));
    };
    let known = [
        ("state", vec!["new", "open", "pending reminder", "closed"]),
        ("priority", vec!["1 low", "2 normal", "3 high"]),
        ("group", vec!["Users", "Second"]),
    ];
    for (name, value) in order.as_object().into_iter().flatten() {
        let words = known.iter().find(|(one, _)| one == name).map(|(_, words)| words);
        match words {
            Some(words) if !words.iter().any(|word| value == word) => {
                return said(422, &format!("No lookup value found for '{name}': {value}"));
            }
            Some(_) => ticket[name] = value.clone(),
            // Attributes that nobody made are ignored.
            None if ticket.get(name).is_some() => ticket[name] = value.clone(),
            None => {}
        }
    }
    Json(ticket.clone()).into_response()
}

async fn open(State(standin): State<StandIn>, Json(order): Json<Value>) -> Response {
    if order["group"] != "Users" {
        return said(422, &format!("No lookup value found for 'group': {}", order["group"]));
    }
    if order["customer_id"].is_null() {
        return said(422, "Missing required value for field 'customer_id'!");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let id = standin.ticket(&format!("{}", 22_100 + standin.held().tickets.len()), &text(&order["title"]), "");
    let mut side = standin.held();
    if let Some(article) = side.articles.last_mut() {
        article["subject"] = order["article"]["subject"].clone();
        article["internal"] = order["article"]["internal"].clone();
    }
    let made = side.tickets.iter().find(|one| one["id"] == id).cloned().unwrap_or_default();
    (StatusCode::CREATED, Json(made)).into_response()
}

async fn articles(State(standin): State<StandIn>, Path(id): Path<u64>) -> Json<Value> {
    let side = standin.held();
    Json(side.articles.iter().filter(|one| one["ticket_id"] == id).cloned().collect())
}

/// The article is stored first, and its attachments are checked afterwards.
async fn write(State(standin): State<StandIn>, Json(order): Json<Value>) -> Response {
    let mut side = standin.held();
    if !side.tickets.iter().any(|one| one["id"] == order["ticket_id"]) {
        return said(422, "Ticket is missing");
    }
    let id = side.articles.len() as u64 + 8;
    let mut article = order.clone();
    article["id"] = json!(id);
    article["attachments"] = json!([]);
    side.articles.push(article);
    let mut stored = Vec::new();
    for (index, file) in order["attachments"].as_array().into_iter().flatten().enumerate() {
        for name in ["filename", "data", "mime-type"] {
            if file[name].as_str().is_none_or(str::is_empty) {
                return said(422, &format!("Attachment needs '{name}' param for attachment with index '{index}'"));
            }
        }
        let Ok(bytes) = BASE64_STANDARD.decode(file["data"].as_str().unwrap_or_default()) else {
            return said(422, "Invalid base64");
        };
        let file_id = 31 + side.files.len() as u64;
        stored.push(json!({ "id": file_id, "filename": file["filename"], "size": bytes.len().to_string() }));
        side.files.insert((id, file_id), bytes);
    }
    let Some(article) = side.articles.last_mut() else { return said(500, "gone") };
    article["attachments"] = Value::Array(stored);
    (StatusCode::CREATED, Json(article.clone())).into_response()
}

async fn attachment(State(standin): State<StandIn>, Path((_, article, id)): Path<(u64, u64, u64)>) -> Response {
    match standin.held().files.get(&(article, id)) {
        Some(bytes) => Bytes::from(bytes.clone()).into_response(),
        None => said(404, "Couldn't find Store"),
    }
}
