//! A Freshservice or Freshdesk that insists on what the real one insists on, as far as its interface is documented.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRequest, Multipart, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{Fault, Faults, Refusals, Seen, Side, guarded, header, said};
use crate::desk::plain::plain;
use crate::desk::values::id;

/// The key that opens it.
pub(super) const KEY: &str = "k3y";
/// How long all files of a ticket may be together.
pub(super) const FILES_BYTES: usize = 100_000;

type Asked = Query<BTreeMap<String, String>>;

/// What a ticket and a note may hold.
const TICKET: &str = "subject description email requester_id status priority source group_id tags type workspace_id \
                      custom_fields category urgency impact";
const NOTE: &str = "body private notify_emails user_id incoming attachments[]";

/// What it holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) tickets: Vec<Value>,
    pub(super) notes: Vec<Value>,
    /// Bytes by attachment.
    files: BTreeMap<u64, Vec<u8>>,
}

/// The stand-in. Copies are the same.
#[derive(Debug, Clone)]
pub(super) struct StandIn {
    held: Arc<Mutex<Held>>,
    faults: Faults,
    /// Whether it is a Freshservice, whose documents stand in another.
    wraps: bool,
}

impl StandIn {
    pub(super) fn freshservice() -> Self {
        Self { held: Arc::default(), faults: Faults::default(), wraps: true }
    }

    pub(super) fn freshdesk() -> Self {
        Self { wraps: false, ..Self::freshservice() }
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn document(&self, name: &str, inner: impl Into<Value>) -> Value {
        if self.wraps { json!({ name: inner.into() }) } else { inner.into() }
    }
}

impl Side for StandIn {
    /// There is no search: what is searched for is not found for minutes.
    fn routes(&self) -> Router {
        let people = if self.wraps { "/requesters/{id}" } else { "/contacts/{id}" };
        let mut routes = Router::new()
            .route("/groups", get(groups))
            .route(people, get(person))
            .route("/agents/{id}", get(agent))
            .route("/tickets", get(tickets).post(open))
            .route("/tickets/{id}", get(ticket).put(update))
            .route("/tickets/{id}/notes", post(note))
            .route("/tickets/{id}/conversations", get(conversations));
        if !self.wraps {
            routes = routes.route("/agents/me", get(me));
        }
        Router::new().nest("/api/v2", guarded(routes, stopped).with_state(self.clone()))
    }

    fn secret(&self) -> &'static str {
        KEY
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: if self.wraps { DeskKind::Freshservice } else { DeskKind::Freshdesk },
            user: "firstline@desk.example".to_owned(),
            queues: vec!["Workplace".to_owned()],
            device_field: "hostname".to_owned(),
            category_field: "kind_of_trouble".to_owned(),
            closing_field: "kind_of_trouble".to_owned(),
            ..DeskSettings::default()
        }
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        let order = json!({ "subject": subject, "description": text, "requester_id": 7, "group_id": 12, "status": 2 });
        self.held().open(&order)["id"].to_string()
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let file = |one: &Value| {
            let bytes = held.files.get(&one["id"].as_u64()?)?;
            Some((one["name"].as_str()?.to_owned(), bytes.clone()))
        };
        let seen = |one: &Value| Seen {
            text: one["body_text"].as_str().unwrap_or_default().to_owned(),
            public: one["private"] != true,
            files: one["attachments"].as_array().into_iter().flatten().filter_map(file).collect(),
        };
        held.notes.iter().filter(|one| id(&one["ticket_id"]).as_deref() == Some(number)).map(seen).collect()
    }

    fn tickets(&self) -> usize {
        self.held().tickets.len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let found = held.tickets.iter().find(|one| id(&one["id"]).as_deref() == Some(number));
        let words = ["", "", "Open", "Pending", "Resolved", "Closed"];
        found.and_then(|one| words.get(one["status"].as_u64()? as usize)).copied().unwrap_or_default().to_owned()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let ticket = held.find(number.parse().expect("a number")).expect("a ticket");
        ticket["status"] = json!(if code.is_some() { 4 } else { 2 });
        ticket["custom_fields"]["kind_of_trouble"] = json!(code);
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn refusals(&self) -> Refusals {
        let limited = vec![("retry-after", "17"), ("x-ratelimit-total", "400"), ("x-ratelimit-remaining", "0")];
        Refusals {
            expired: Fault::Refused(
                401,
                vec![],
                r#"{"code":"invalid_credentials","message":"You have to be logged in to perform this action."}"#,
            ),
            renews: false,
            denied: Fault::Refused(
                403,
                vec![],
                r#"{"code":"access_denied","message":"You are not authorized to perform this action."}"#,
            ),
            limited: Fault::Refused(
                429,
                limited,
                r#"{"message":"You have exceeded the limit of requests per minute"}"#,
            ),
            too_long: Fault::Refused(
                400,
                vec![],
                r#"{"description":"Validation failed","errors":[{"field":"attachments","message":"The total size of attachments is over the limit","code":"invalid_size"}]}"#,
            ),
            down: Fault::Refused(500, vec![], "<html><h1>We're sorry</h1></html>"),
        }
    }
}

impl Held {
    fn open(&mut self, order: &Value) -> Value {
        let said = plain(order["description"].as_str().unwrap_or_default());
        let mut ticket = json!({
            "id": self.tickets.len() + 9, "description_text": said, "priority": 1, "requester_id": 2, "tags": [],
            "custom_fields": { "hostname": "PC-17", "kind_of_trouble": null }, "due_by": "2026-01-16T10:00:00Z",
            "workspace_id": 2, "category": null, "deleted": false, "spam": false,
        });
        set(&mut ticket, order);
        self.tickets.push(ticket.clone());
        ticket
    }

    /// Merges a ticket into another, with what is said on each.
    pub(super) fn merge(&mut self, from: u64, said: &str, into: u64, there: &str) {
        for (ticket, words) in [(from, said), (into, there)] {
            let number = 5_000 + self.notes.len();
            self.notes.push(json!({
                "id": number, "ticket_id": ticket, "body": words, "body_text": words, "private": true, "attachments": [],
            }));
        }
        self.find(from).expect("a ticket")["status"] = json!(5);
    }

    fn find(&mut self, id: u64) -> Option<&mut Value> {
        self.tickets.iter_mut().find(|one| one["id"] == id)
    }
}

fn set(ticket: &mut Value, order: &Value) {
    for (name, value) in order.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(fields) => fields.iter().for_each(|(field, value)| ticket[name][field] = value.clone()),
            None => ticket[name] = value.clone(),
        }
    }
}

fn invalid(field: &str, message: &str, code: &str) -> Response {
    let errors = json!([{ "field": field, "message": message, "code": code }]);
    said(400, json!({ "description": "Validation failed", "errors": errors }))
}

/// What is not there is answered with nothing.
fn missing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// What is wrong with a request, whatever it asks for.
fn stopped(request: &Request) -> Option<Response> {
    let header = |name: &str| header(request, name);
    let given = header("authorization").strip_prefix("Basic ").and_then(|text| BASE64_STANDARD.decode(text).ok());
    let key = given.and_then(|given| String::from_utf8(given).ok()).unwrap_or_default();
    if key.split_once(':').is_none_or(|(user, _)| user != KEY) {
        let message = "You have to be logged in to perform this action.";
        return Some(said(401, json!({ "code": "invalid_credentials", "message": message })));
    }
    if !matches!(header("accept"), "application/json" | "*/*") {
        return Some(StatusCode::NOT_ACCEPTABLE.into_response());
    }
    let form = header("content-type").starts_with("multipart/form-data;");
    if request.method() != Method::GET && !form && header("content-type") != "application/json" {
        return Some(said(
            415,
            json!({ "code": "invalid_content_type", "message": "Content-Type must be application/json" }),
        ));
    }
    None
}

async fn me() -> Json<Value> {
    Json(json!({ "id": 2, "ticket_scope": 1, "contact": { "name": "Firstline", "email": "firstline@desk.example" } }))
}

async fn groups(State(standin): State<StandIn>, Query(asked): Asked) -> Response {
    let groups = [json!({ "id": 12, "name": "Workplace" }), json!({ "id": 13, "name": "Second line" })];
    listed(&standin, "groups", &groups, &asked)
}

/// Agents are not among those who complain.
async fn person(State(standin): State<StandIn>, Path(id): Path<u64>) -> Response {
    match (id, standin.wraps) {
        (7, true) => Json(json!({ "requester": {
            "id": 7, "first_name": "Ana", "last_name": "Silva", "primary_email": "ana@corp.example",
        } }))
        .into_response(),
        (7, false) => Json(json!({ "id": 7, "name": "Ana Silva", "email": "ana@corp.example" })).into_response(),
        _ => missing(),
    }
}

async fn agent(State(standin): State<StandIn>, Path(id): Path<u64>) -> Response {
    match (id, standin.wraps) {
        (2, true) => {
            Json(json!({ "agent": { "id": 2, "first_name": "Ben", "email": "ben@corp.example" } })).into_response()
        }
        (2, false) => {
            Json(json!({ "id": 2, "contact": { "name": "Ben", "email": "ben@corp.example" } })).into_response()
        }
        _ => missing(),
    }
}

/// A page is refused that is too long, and so is what nobody knows.
fn listed(standin: &StandIn, name: &str, rows: &[Value], asked: &BTreeMap<String, String>) -> Response {
    let known = ["page", "per_page", "workspace_id", "updated_since", "include"];
    if let Some(odd) = asked.keys().find(|key| !known.contains(&key.as_str())) {
        return invalid(odd, "Unexpected/invalid field in request", "invalid_field");
    }
    let number = |name: &str, usual: usize| asked.get(name).map_or(Ok(usual), |text| text.parse::<usize>());
    match (number("page", 1), number("per_page", 30)) {
        (Ok(page @ 1..), Ok(count @ 1..=100)) => {
            let rows: Vec<Value> = rows.iter().skip((page - 1) * count).take(count).cloned().collect();
            Json(standin.document(name, rows)).into_response()
        }
        _ => invalid("per_page", "It should be a Positive Integer less than or equal to 100", "invalid_value"),
    }
}

/// Newest first, and without what they say. A Freshservice shows only its first workspace, unless another is asked for.
async fn tickets(State(standin): State<StandIn>, Query(asked): Asked) -> Response {
    let mut all = standin.held().tickets.clone();
    let wanted = asked.get("workspace_id").map_or("2", String::as_str);
    all.retain(|ticket| !standin.wraps || wanted == "0" || id(&ticket["workspace_id"]).as_deref() == Some(wanted));
    all.reverse();
    for ticket in &mut all {
        ticket["description_text"].take();
    }
    listed(&standin, "tickets", &all, &asked)
}

async fn ticket(State(standin): State<StandIn>, Path(id): Path<u64>, Query(asked): Asked) -> Response {
    let mut held = standin.held();
    let Some(mut found) = held.find(id).cloned() else { return missing() };
    let beside = asked.get("include").map(String::as_str).unwrap_or_default();
    if beside.contains("requester") && found["requester_id"] == 7 && !standin.wraps {
        found["requester"] = json!({ "id": 7, "name": "Ana Silva", "email": "ana@corp.example" });
    }
    if beside.contains("assets") {
        found["assets"] = json!([{ "display_id": 3, "name": "PC-18" }]);
    }
    Json(standin.document("ticket", found)).into_response()
}

/// What is wrong with an order, whatever it is about.
fn refusal(order: &Value, known: &str) -> Option<Response> {
    let names: Vec<&str> = known.split_whitespace().collect();
    for (name, value) in order.as_object().into_iter().flatten() {
        if !names.contains(&name.as_str()) {
            return Some(invalid(name, "Unexpected/invalid field in request", "invalid_field"));
        }
        let range = if name == "status" { 2..=5 } else { 1..=4 };
        if matches!(name.as_str(), "status" | "priority") && !value.as_u64().is_some_and(|code| range.contains(&code)) {
            return Some(invalid(name, "It should be one of these values: '1,2,3,4'", "invalid_value"));
        }
        if name == "group_id" && !matches!(value.as_u64(), Some(12 | 13)) {
            return Some(invalid(name, "There is no group matching the given group_id", "invalid_value"));
        }
    }
    None
}

async fn open(State(standin): State<StandIn>, Json(order): Json<Value>) -> Response {
    if let Some(refused) = refusal(&order, TICKET) {
        return refused;
    }
    for name in ["subject", "description", "email", "status", "priority"] {
        if order[name].is_null() || order[name] == "" {
            return invalid(name, "It should not be blank as this is a mandatory field", "missing_field");
        }
    }
    let opened = standin.held().open(&order);
    (StatusCode::CREATED, Json(standin.document("ticket", opened))).into_response()
}

async fn update(State(standin): State<StandIn>, Path(id): Path<u64>, Json(order): Json<Value>) -> Response {
    let mut held = standin.held();
    let Some(ticket) = held.find(id) else { return missing() };
    if ticket["deleted"] == true {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Some(refused) = refusal(&order, TICKET) {
        return refused;
    }
    set(ticket, &order);
    Json(standin.document("ticket", ticket.clone())).into_response()
}

/// What a form or a document holds, and the files of a form.
async fn taken(request: Request) -> (Value, Vec<(String, Vec<u8>)>) {
    let form = request.headers()["content-type"].to_str().is_ok_and(|kind| kind.starts_with("multipart/"));
    if !form {
        return (Json::from_request(request, &()).await.map(|Json(order)| order).unwrap_or_default(), Vec::new());
    }
    let mut form = Multipart::from_request(request, &()).await.expect("a form");
    let (mut order, mut files) = (json!({}), Vec::new());
    while let Some(field) = form.next_field().await.expect("a field") {
        let (name, file) = (field.name().unwrap_or_default().to_owned(), field.file_name().map(str::to_owned));
        let bytes = field.bytes().await.expect("bytes").to_vec();
        let words = String::from_utf8_lossy(&bytes).into_owned();
        order[&name] = match words.as_str() {
            _ if file.is_some() => json!([]),
            "true" | "false" => json!(words == "true"),
            _ => json!(words),
        };
        files.extend(file.map(|file| (file, bytes)));
    }
    (order, files)
}

/// All of it is taken or nothing.
async fn note(State(standin): State<StandIn>, Path(id): Path<u64>, request: Request) -> Response {
    let (order, files) = taken(request).await;
    let mut held = standin.held();
    let Some(ticket) = held.find(id) else { return missing() };
    if ticket["deleted"] == true {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Some(refused) = refusal(&order, NOTE) {
        return refused;
    }
    let Some(body) = order["body"].as_str().filter(|body| !body.is_empty()) else {
        return invalid("body", "It should not be blank as this is a mandatory field", "missing_field");
    };
    let there = held.notes.iter().filter(|one| one["ticket_id"] == id);
    let there = there.flat_map(|one| one["attachments"].as_array().into_iter().flatten());
    let there: usize = there.filter_map(|one| one["size"].as_u64().or(one["file_size"].as_u64())).sum::<u64>() as usize;
    if there + files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > FILES_BYTES {
        return invalid("attachments", "The total size of attachments is over the limit", "invalid_size");
    }
    let length = if standin.wraps { "size" } else { "file_size" };
    let mut attachments = Vec::new();
    for (name, bytes) in files {
        let number = 5_100 + held.files.len() as u64;
        attachments.push(json!({ "id": number, "name": name, length: bytes.len() }));
        held.files.insert(number, bytes);
    }
    let note = json!({
        "id": 5_000 + held.notes.len(), "ticket_id": id, "body": body, "body_text": plain(body),
        "private": order["private"].as_bool().unwrap_or(true), "attachments": attachments,
    });
    held.notes.push(note.clone());
    (StatusCode::CREATED, Json(standin.document("conversation", note))).into_response()
}

async fn conversations(State(standin): State<StandIn>, Path(id): Path<u64>, Query(asked): Asked) -> Response {
    let own: Vec<Value> = standin.held().notes.iter().filter(|one| one["ticket_id"] == id).cloned().collect();
    listed(&standin, "conversations", &own, &asked)
}
