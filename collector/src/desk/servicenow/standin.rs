//! A ServiceNow that insists on what the real one insists on, as far as its interface is documented.

mod records;

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::authority::hexadecimal;
use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{Fault, Faults, Refusals, Seen, Shared, Side};
use records::{matching, seen_as};

/// The password that opens it.
pub(super) const PASSWORD: &str = "t0ken";
/// Headers that open it: of firstline with the password, of a key, and of an OAuth token.
const OPEN: [(&str, &str); 2] = [("authorization", "Basic Zmlyc3RsaW5lOnQwa2Vu"), ("x-sn-apikey", PASSWORD)];
/// Words for states.
const STATES: [(&str, &str); 6] =
    [("1", "New"), ("2", "In Progress"), ("3", "On Hold"), ("6", "Resolved"), ("7", "Closed"), ("8", "Canceled")];

/// What it holds.
#[derive(Debug)]
pub(super) struct Held {
    /// Rows by table.
    pub(super) tables: BTreeMap<&'static str, Vec<Value>>,
    /// Files, with what is told of them.
    pub(super) files: Vec<(Value, Vec<u8>)>,
    /// Whether it tells digests of files.
    pub(super) hashes: bool,
    /// OAuth tokens that are good.
    pub(super) tokens: Vec<String>,
    /// How often a token was asked for.
    pub(super) sign_ins: usize,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl Default for Held {
    fn default() -> Self {
        let group = |id: &str, name: &str| json!({ "sys_id": id, "name": name });
        let user = |id: &str, name: &str, full: &str| json!({ "sys_id": id, "user_name": name, "name": full, "email": format!("{name}@corp.example") });
        let tables = BTreeMap::from([
            ("incident", Vec::new()),
            ("sys_journal_field", Vec::new()),
            ("sys_user_group", vec![group("9a", "Service Desk"), group("9b", "Second ^ Level")]),
            ("sys_user", vec![user("5a", "ana", "Ana Silva"), user("5b", "firstline", "Firstline")]),
            ("sys_choice", choices()),
            ("cmdb_ci", vec![json!({ "sys_id": "7a", "name": "PC-17" })]),
        ]);
        Self { tables, files: Vec::new(), hashes: true, tokens: Vec::new(), sign_ins: 0 }
    }
}

fn choices() -> Vec<Value> {
    let choice = |element: &str, value: &str, label: &str| json!({ "name": "task", "element": element, "value": value, "label": label, "inactive": "false", "language": "en" });
    let states = STATES.map(|(value, label)| choice("state", value, label));
    let levels = [("1", "High"), ("2", "Medium"), ("3", "Low")];
    let both = ["impact", "urgency"].map(|field| levels.map(|(value, label)| choice(field, value, label)));
    states.into_iter().chain(both.into_iter().flatten()).collect()
}

impl Side for StandIn {
    fn routes(&self) -> Router {
        let routes = Router::new()
            .route("/table/{table}", get(list).post(insert))
            .route("/table/{table}/{id}", axum::routing::patch(update))
            .route("/attachment", get(attachments))
            .route("/attachment/file", post(attach))
            .route("/attachment/{id}/file", get(content));
        let routes = routes.layer(from_fn_with_state(self.clone(), guard)).with_state(self.clone());
        Router::new()
            .route("/oauth_token.do", post(token))
            .with_state(self.clone())
            .nest("/api/now", routes)
            .fallback(async || refused(400, "Requested URI does not represent any resource", ""))
    }

    fn secret(&self) -> &'static str {
        PASSWORD
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: DeskKind::ServiceNow,
            user: "firstline".to_owned(),
            queues: vec!["Service Desk".to_owned()],
            ..DeskSettings::default()
        }
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        let order = json!({ "short_description": subject, "description": text, "caller_id": "5a",
            "assignment_group": "9a", "cmdb_ci": "7a" });
        let mut held = self.held();
        let row = held.inserted(&order);
        row["number"].as_str().unwrap_or_default().to_owned()
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let Some(row) = held.tables["incident"].iter().find(|row| row["number"] == number) else { return Vec::new() };
        let own = held.tables["sys_journal_field"].iter().filter(|entry| entry["element_id"] == row["sys_id"]);
        // Files belong to the incident; they are told with its first note.
        let mut files: Vec<(String, Vec<u8>)> = held
            .files
            .iter()
            .filter(|(told, _)| told["table_sys_id"] == row["sys_id"])
            .map(|(told, bytes)| (told["file_name"].as_str().unwrap_or_default().to_owned(), bytes.clone()))
            .collect();
        own.map(|entry| Seen {
            text: entry["value"].as_str().unwrap_or_default().to_owned(),
            public: entry["element"] == "comments",
            files: std::mem::take(&mut files),
        })
        .collect()
    }

    fn tickets(&self) -> usize {
        self.held().tables["incident"].len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let found = held.tables["incident"].iter().find(|row| row["number"] == number);
        found.map(|row| word_of(&row["state"])).unwrap_or_default()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let rows = held.tables.get_mut("incident").expect("a table");
        let row = rows.iter_mut().find(|row| row["number"] == number).expect("an incident");
        row["state"] = json!(if code.is_some() { "6" } else { "2" });
        row["close_code"] = json!(code.unwrap_or_default());
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn refusals(&self) -> Refusals {
        let limited = vec![
            ("retry-after", "17"),
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-reset", "1768472430"),
            ("x-ratelimit-rule", "b1c2"),
        ];
        let many = r#"{"error":{"message":"Rate limit exceeded","detail":"Rate limit of 100 requests per hour for Table API exceeded"},"status":"failure"}"#;
        Refusals {
            expired: Fault::Refused(
                401,
                vec![],
                r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#,
            ),
            renews: false,
            denied: Fault::Refused(
                403,
                vec![],
                r#"{"error":{"message":"Operation Failed","detail":"ACL Exception Update Failed due to security constraints"},"status":"failure"}"#,
            ),
            limited: Fault::Refused(429, limited, many),
            too_long: Fault::Refused(
                400,
                vec![],
                r#"{"error":{"message":"Invalid attachment","detail":"File exceeds com.glide.attachment.max_size"},"status":"failure"}"#,
            ),
            down: Fault::Refused(
                500,
                vec![],
                r#"{"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"Check logs"},"status":"failure"}"#,
            ),
        }
    }
}

fn word_of(state: &Value) -> String {
    STATES.iter().find(|(number, _)| state == number).map(|(_, word)| (*word).to_owned()).unwrap_or_default()
}

fn refused(status: u16, message: &str, detail: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "error": { "message": message, "detail": detail }, "status": "failure" }))).into_response()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What it wants of every request: credentials, a language that it speaks, and a word for the one that is spoken to it.
async fn guard(State(standin): State<StandIn>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let bearer = header(headers, "authorization").strip_prefix("Bearer ").map(str::to_owned);
    let open = OPEN.iter().any(|(name, value)| header(headers, name) == *value)
        || bearer.is_some_and(|token| standin.held().tokens.contains(&token));
    if !open {
        return refused(401, "User Not Authenticated", "Required to provide Auth information");
    }
    let file = request.uri().path().ends_with("/file");
    if header(headers, "accept") != "application/json" && !(file && request.method() == Method::GET) {
        return refused(406, "Not acceptable", "");
    }
    match header(headers, "content-type") {
        _ if request.method() == Method::GET => {}
        "" => return refused(400, "Content-Type is required", ""),
        "application/json" => {}
        _ if file => {}
        _ => return refused(415, "Unsupported media type", ""),
    }
    next.run(request).await
}

/// Refuses with the same words whatever is wrong.
async fn token(State(standin): State<StandIn>, headers: HeaderMap, body: String) -> Response {
    let good = "grant_type=client_credentials&client_id=c1&client_secret=t0ken";
    if header(&headers, "content-type") != "application/x-www-form-urlencoded" || body != good {
        let denied = json!({ "error_description": "access_denied", "error": "server_error" });
        return (StatusCode::UNAUTHORIZED, Json(denied)).into_response();
    }
    let mut held = standin.held();
    held.sign_ins += 1;
    let token = format!("bearer-{}", held.sign_ins);
    held.tokens = vec![token.clone()];
    Json(json!({ "access_token": token, "scope": "useraccount", "token_type": "Bearer", "expires_in": 1799 }))
        .into_response()
}

async fn list(
    State(standin): State<StandIn>,
    Path(table): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let held = standin.held();
    let Some(rows) = held.tables.get(table.as_str()) else { return refused(400, "Invalid table", &table) };
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let number = |name: &str, usual: usize| word(name).parse().unwrap_or(usual);
    let found = matching(&held, rows, word("sysparm_query"));
    let total = found.len();
    let page = found.into_iter().skip(number("sysparm_offset", 0)).take(number("sysparm_limit", 10_000));
    let page: Vec<Value> =
        page.map(|row| seen_as(&held, row, word("sysparm_fields"), word("sysparm_display_value") == "all")).collect();
    ([("x-total-count", total.to_string())], Json(json!({ "result": page }))).into_response()
}

async fn insert(State(standin): State<StandIn>, Path(table): Path<String>, Json(order): Json<Value>) -> Response {
    if table != "incident" {
        return refused(403, "Operation Failed", "ACL restricts the creation");
    }
    let row = standin.held().inserted(&order);
    (StatusCode::CREATED, Json(json!({ "result": row }))).into_response()
}

async fn update(
    State(standin): State<StandIn>,
    Path((table, id)): Path<(String, String)>,
    Json(order): Json<Value>,
) -> Response {
    if table != "incident" {
        return refused(403, "Operation Failed", "ACL restricts the change");
    }
    match standin.held().updated(&id, &order) {
        Ok(row) => Json(json!({ "result": row })).into_response(),
        Err((404, _)) => refused(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
        Err((status, why)) => refused(status, "Operation Failed", why),
    }
}

async fn attachments(State(standin): State<StandIn>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let held = standin.held();
    let told: Vec<Value> = held.files.iter().map(|(told, _)| told.clone()).collect();
    let found = matching(&held, &told, query.get("sysparm_query").map_or("", String::as_str));
    ([("x-total-count", found.len().to_string())], Json(json!({ "result": found }))).into_response()
}

async fn attach(
    State(standin): State<StandIn>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let word = |name: &str| query.get(name).cloned().unwrap_or_default();
    if ["table_name", "table_sys_id", "file_name"].iter().any(|name| word(name).is_empty()) {
        return refused(400, "Missing parameter", "table_name, table_sys_id and file_name are required");
    }
    let mut held = standin.held();
    if !held.tables["incident"].iter().any(|row| row["sys_id"] == word("table_sys_id")) {
        return refused(404, "Record not found", "");
    }
    if word("file_name").contains(".exe") {
        return refused(403, "Operation Failed", "File type is not allowed: exe");
    }
    let mut told = json!({
        "sys_id": format!("f{}", held.files.len()), "table_name": word("table_name"), "table_sys_id": word("table_sys_id"),
        "file_name": word("file_name"), "content_type": header(&headers, "content-type"), "size_bytes": body.len().to_string(),
    });
    if held.hashes {
        told["hash"] = json!(hexadecimal(&Sha256::digest(&body)));
    }
    held.files.push((told.clone(), body.to_vec()));
    (StatusCode::CREATED, Json(json!({ "result": told }))).into_response()
}

async fn content(State(standin): State<StandIn>, Path(id): Path<String>) -> Response {
    match standin.held().files.iter().find(|(told, _)| told["sys_id"] == id.as_str()) {
        Some((_, bytes)) => Bytes::from(bytes.clone()).into_response(),
        None => refused(404, "No Record found", ""),
    }
}
