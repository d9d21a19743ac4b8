//! A Zammad that insists on what the real one insists on, as far as its interface is documented.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

/// The token that opens it.
pub(super) const TOKEN: &str = "t0ken";

/// What it holds.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) tickets: Vec<Value>,
    pub(super) articles: Vec<Value>,
    /// Files by article and id.
    pub(super) files: BTreeMap<(u64, u64), Vec<u8>>,
    /// Answers that are lost after the work was done.
    pub(super) lost: usize,
}

/// The stand-in. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct StandIn(Arc<Mutex<Side>>);

impl StandIn {
    pub(super) fn side(&self) -> MutexGuard<'_, Side> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves it on the loopback; its address.
    pub(super) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new()
            .route("/users/me", get(me))
            .route("/users/{id}", get(user))
            .route("/tickets", get(tickets).post(open))
            .route("/tickets/search", get(search))
            .route("/tickets/{id}", get(ticket).put(change))
            .route("/ticket_articles", post(write))
            .route("/ticket_articles/by_ticket/{id}", get(articles))
            .route("/ticket_attachment/{ticket}/{article}/{id}", get(attachment));
        let routes = routes.layer(from_fn_with_state(self.clone(), guard)).with_state(self.clone());
        let app = Router::new().nest("/api/v1", routes);
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    /// A ticket that somebody opened; its id.
    pub(super) fn ticket(&self, number: &str, title: &str, text: &str) -> u64 {
        let mut side = self.side();
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

fn said(status: u16, error: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "error": error, "error_human": error }))).into_response()
}

/// Answers that are lost after the work was done.
async fn guard(State(standin): State<StandIn>, request: Request, next: Next) -> Response {
    if let Some(refused) = refusal(&request) {
        return refused;
    }
    let writes = request.method() != http::Method::GET;
    let answer = next.run(request).await;
    let mut side = standin.side();
    if writes && side.lost > 0 {
        side.lost -= 1;
        return (StatusCode::BAD_GATEWAY, "<html>Bad Gateway</html>").into_response();
    }
    answer
}

/// What is wrong with a request, whatever it asks for: its credentials, and the languages it speaks and takes.
fn refusal(request: &Request) -> Option<Response> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("accept") != "application/json" {
        return Some((StatusCode::BAD_REQUEST, "<!doctype html><p>an error page</p>").into_response());
    }
    match header("authorization").strip_prefix("Token token=") {
        None => Some(said(403, "Authentication required")),
        Some(TOKEN) if request.method() == http::Method::GET || header("content-type") == "application/json" => None,
        Some(TOKEN) => Some(said(415, "Unsupported Media Type")),
        Some(_) => Some(said(401, "Can't find User for Token")),
    }
}

async fn me() -> Json<Value> {
    Json(json!({ "id": 2, "login": "firstline@desk.example", "active": true }))
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
    let mut all = standin.side().tickets.clone();
    if query.get("order_by").is_some_and(|order| order == "desc") {
        all.reverse();
    }
    Json(all.into_iter().skip((page - 1) * count).take(count).collect())
}

fn number(query: &BTreeMap<String, String>, name: &str, usual: usize) -> usize {
    query.get(name).and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Without a search index: plain text anywhere in title, number and articles; nothing of a query language.
async fn search(State(standin): State<StandIn>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    if query.get("expand").is_none_or(|expand| expand != "true") {
        return Json(json!({ "tickets": [], "tickets_count": 0, "assets": {} })).into_response();
    }
    let words = query.get("query").cloned().unwrap_or_default();
    let side = standin.side();
    let holds = |ticket: &&Value| {
        let own = |one: &&Value| one["ticket_id"] == ticket["id"];
        let articles: String = side.articles.iter().filter(own).map(Value::to_string).collect();
        format!("{} {} {articles}", ticket["number"], ticket["title"]).contains(&words)
    };
    let found: Vec<Value> = side.tickets.iter().filter(holds).cloned().collect();
    Json(Value::Array(found)).into_response()
}

async fn ticket(State(standin): State<StandIn>, Path(id): Path<u64>) -> Response {
    match standin.side().tickets.iter().find(|one| one["id"] == id) {
        Some(found) => Json(found.clone()).into_response(),
        None => said(404, &format!("Couldn't find Ticket with 'id'={id}")),
    }
}

async fn change(State(standin): State<StandIn>, Path(id): Path<u64>, Json(order): Json<Value>) -> Response {
    let mut side = standin.side();
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
    let id = standin.ticket(&format!("{}", 22_100 + standin.side().tickets.len()), &text(&order["title"]), "");
    let mut side = standin.side();
    if let Some(article) = side.articles.last_mut() {
        article["subject"] = order["article"]["subject"].clone();
        article["internal"] = order["article"]["internal"].clone();
    }
    let made = side.tickets.iter().find(|one| one["id"] == id).cloned().unwrap_or_default();
    (StatusCode::CREATED, Json(made)).into_response()
}

async fn articles(State(standin): State<StandIn>, Path(id): Path<u64>) -> Json<Value> {
    let side = standin.side();
    Json(side.articles.iter().filter(|one| one["ticket_id"] == id).cloned().collect())
}

/// The article is stored first, and its attachments are checked afterwards.
async fn write(State(standin): State<StandIn>, Json(order): Json<Value>) -> Response {
    let mut side = standin.side();
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
    match standin.side().files.get(&(article, id)) {
        Some(bytes) => Bytes::from(bytes.clone()).into_response(),
        None => said(404, "Couldn't find Store"),
    }
}
