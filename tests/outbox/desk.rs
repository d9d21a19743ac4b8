//! A Zammad as far as the collector uses one, over real sockets: with a fault in every n-th call, and with everything that
//! was written there counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::faults::{Faults, interfere};

/// The token that opens it.
pub(crate) const TOKEN: &str = "t0ken";

/// What it holds.
#[derive(Debug, Default)]
struct Held {
    tickets: Vec<Value>,
    articles: Vec<Value>,
    /// Files by their id.
    files: BTreeMap<u64, Vec<u8>>,
    /// When the first note came onto a ticket, by its id.
    noted: BTreeMap<u64, Instant>,
}

/// The desk. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    held: Arc<Mutex<Held>>,
    /// What goes wrong there.
    pub(crate) faults: Faults,
}

impl Desk {
    /// Serves it; where.
    pub(crate) async fn serve(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let routes = Router::new()
            .route("/users/me", get(async || Json(json!({ "id": 2, "login": "firstline" }))))
            .route("/users/{id}", get(async || Json(json!({ "login": "sam", "email": "", "firstname": "Sam" }))))
            .route("/tickets", get(tickets))
            .route("/tickets/search", get(search))
            .route("/tickets/{id}", get(ticket))
            .route("/ticket_articles", post(write))
            .route("/ticket_articles/by_ticket/{id}", get(articles))
            .route("/ticket_attachment/{ticket}/{article}/{id}", get(attachment))
            .with_state(self.clone())
            .layer(from_fn_with_state(self.faults.clone(), interfere))
            .layer(from_fn(opened));
        let app = Router::new().nest("/api/v1", routes);
        tokio::spawn(async move { axum::serve(listener, app).await });
        port
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a ticket about a computer; its number.
    pub(crate) fn open(&self, device: &str) -> String {
        let mut held = self.held();
        let id = held.tickets.len() as u64 + 1;
        let number = (20_000 + id).to_string();
        held.tickets.push(json!({
            "id": id, "number": number, "title": "My computer is slow", "group": "Users", "state": "new", "customer_id": 7,
            "escalation_at": null, "device": device,
        }));
        let article = held.articles.len() as u64 + 1;
        held.articles.push(json!({
            "id": article, "ticket_id": id, "subject": "", "body": "Since 10:40.", "content_type": "text/plain",
            "attachments": [],
        }));
        number
    }

    /// When the first note came onto a ticket.
    pub(crate) fn noted_at(&self, number: &str) -> Option<Instant> {
        let held = self.held();
        let id = held.tickets.iter().find(|one| one["number"] == number)?["id"].as_u64()?;
        held.noted.get(&id).copied()
    }

    /// What all articles say.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.held().articles.iter().filter_map(|article| article["body"].as_str().map(str::to_owned)).collect()
    }
}

/// Goes on with whoever has the token.
async fn opened(request: Request, next: Next) -> Response {
    let open = request.headers().get("authorization").is_some_and(|given| given == &format!("Token token={TOKEN}"));
    if open {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, Json(json!({ "error": "Can't find User for Token" }))).into_response()
    }
}

async fn tickets(State(desk): State<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let number = |name: &str, usual: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (page, count) = (number("page", 1), number("per_page", 100));
    let newest_first: Vec<Value> = desk.held().tickets.iter().rev().cloned().collect();
    Json(newest_first.into_iter().skip((page - 1) * count).take(count).collect())
}

async fn search(State(desk): State<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let words = query.get("query").map(|words| words.trim_start_matches("number:")).unwrap_or_default();
    Json(desk.held().tickets.iter().filter(|one| one["number"] == words).cloned().collect())
}

async fn ticket(State(desk): State<Desk>, Path(id): Path<u64>) -> Response {
    match desk.held().tickets.iter().find(|one| one["id"] == id) {
        Some(ticket) => Json(ticket.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn articles(State(desk): State<Desk>, Path(id): Path<u64>) -> Json<Value> {
    Json(desk.held().articles.iter().filter(|one| one["ticket_id"] == id).cloned().collect())
}

async fn write(State(desk): State<Desk>, Json(order): Json<Value>) -> Response {
    let mut held = desk.held();
    let (id, mut article) = (held.articles.len() as u64 + 1, order);
    let mut stored = Vec::new();
    for file in article["attachments"].as_array().cloned().into_iter().flatten() {
        let bytes = BASE64_STANDARD.decode(file["data"].as_str().unwrap_or_default()).unwrap_or_default();
        let file_id = held.files.len() as u64 + 1;
        stored.push(json!({ "id": file_id, "filename": file["filename"] }));
        held.files.insert(file_id, bytes);
    }
    article["id"] = json!(id);
    article["attachments"] = Value::Array(stored);
    if let Some(ticket) = article["ticket_id"].as_u64() {
        held.noted.entry(ticket).or_insert_with(Instant::now);
    }
    held.articles.push(article.clone());
    (StatusCode::CREATED, Json(article)).into_response()
}

async fn attachment(State(desk): State<Desk>, Path((_, _, id)): Path<(u64, u64, u64)>) -> Response {
    match desk.held().files.get(&id) {
        Some(bytes) => Bytes::from(bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
