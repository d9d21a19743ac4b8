//! A GLPI that insists on what the real one insists on, as far as its first interface is documented.

mod items;

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::extract::{Multipart, Path, Query, RawQuery, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};

use crate::authority::hexadecimal;
use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{Fault, Faults, Refusals, Seen, Shared, Side};
use items::{STATES, listed};

/// The token that opens it.
pub(super) const TOKEN: &str = "t0ken";
/// The token of the application.
pub(super) const APP: &str = "app-t0ken";

/// What it holds.
#[derive(Debug)]
pub(super) struct Held {
    /// Items by type; an item that is gone is null.
    pub(super) items: BTreeMap<&'static str, Vec<Value>>,
    /// Bytes of documents, by their id.
    pub(super) files: BTreeMap<u64, Vec<u8>>,
    /// The session that is good, and whether it looks at all entities.
    pub(super) session: Option<(String, bool)>,
    /// How many sessions were opened.
    pub(super) sessions: usize,
    /// Whether changes are answered with success and not made.
    pub(super) is_frozen: bool,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl Default for Held {
    fn default() -> Self {
        let kinds = [
            "Ticket",
            "Ticket_User",
            "Group_Ticket",
            "Item_Ticket",
            "Ticket_Ticket",
            "ITILFollowup",
            "ITILSolution",
            "SolutionType",
            "Document",
            "Document_Item",
        ];
        let items = kinds.into_iter().map(|kind| (kind, Vec::new())).collect();
        let mut held = Self { items, files: BTreeMap::new(), session: None, sessions: 0, is_frozen: false };
        for (kind, item) in [
            ("Group", json!({ "name": "Service Desk", "entities_id": 2 })),
            ("Group", json!({ "name": "Second Level", "entities_id": 2 })),
            ("User", json!({ "name": "ana", "realname": "Silva", "firstname": "Ana" })),
            ("UserEmail", json!({ "users_id": 1, "email": "old@corp.example", "is_default": 0 })),
            ("UserEmail", json!({ "users_id": 1, "email": "ana@corp.example", "is_default": 1 })),
            ("Computer", json!({ "name": "PC-17" })),
        ] {
            held.items.entry(kind).or_default();
            held.add(kind, item);
        }
        held
    }
}

impl Side for StandIn {
    fn routes(&self) -> Router {
        let routes = Router::new()
            .route("/initSession", get(sign_in))
            .route("/killSession", get(sign_out))
            .route("/changeActiveEntities", post(look_at_all))
            .route(
                "/getActiveProfile",
                get(async || {
                    Json(json!({ "active_profile": { "id": 4, "name": "Technician", "interface": "central" } }))
                }),
            )
            .route("/Document/", post(upload))
            .route("/{kind}", get(list).post(add))
            .route("/{kind}/{id}", get(item).put(update).merge(delete(remove)))
            .route("/{kind}/{id}/{part}", get(parts));
        let routes = routes.layer(from_fn_with_state(self.clone(), guard)).with_state(self.clone());
        Router::new().nest("/apirest.php", routes)
    }

    fn secret(&self) -> &'static str {
        TOKEN
    }

    fn settings(&self, folder: &FilePath) -> DeskSettings {
        std::fs::write(folder.join("app"), APP).expect("written");
        DeskSettings {
            kind: DeskKind::Glpi,
            app_token_file: "app".into(),
            queues: vec!["Service Desk".to_owned()],
            ..DeskSettings::default()
        }
    }

    fn sessions(&self) -> usize {
        usize::from(self.held().session.is_some())
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        let content = format!("&#60;p&#62;{text}&#60;/p&#62;");
        let mut held = self.held();
        let id = held.open(&json!({ "name": subject, "content": content, "_groups_id_assign": 1, "entities_id": 2 }));
        held.add("Ticket_User", json!({ "tickets_id": id, "users_id": 1, "type": 1, "alternative_email": "" }));
        held.add("Item_Ticket", json!({ "tickets_id": id, "itemtype": "Computer", "items_id": 1 }));
        id.to_string()
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let id: u64 = number.parse().unwrap_or_default();
        // Files belong to the ticket; they are told with its first note.
        let links = held.items["Document_Item"].iter().filter(|link| link["items_id"] == id);
        let file = |link: &Value| {
            let document = link["documents_id"].as_u64()?;
            let name = held.item("Document", document)?["filename"].as_str()?.to_owned();
            Some((name, held.files.get(&document)?.clone()))
        };
        let mut files: Vec<(String, Vec<u8>)> = links.filter_map(file).collect();
        let own = held.items["ITILFollowup"].iter().filter(|one| one["items_id"] == id);
        own.map(|one| Seen {
            text: one["content"].as_str().unwrap_or_default().to_owned(),
            public: one["is_private"] != 1,
            files: std::mem::take(&mut files),
        })
        .collect()
    }

    fn tickets(&self) -> usize {
        self.held().items["Ticket"].len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let status = held.item("Ticket", number.parse().unwrap_or_default()).map(|one| one["status"].clone());
        let word = STATES.iter().find(|(one, _)| status == Some(json!(one)));
        word.map(|(_, word)| (*word).to_owned()).unwrap_or_default()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let id: u64 = number.parse().expect("a number");
        let mut held = self.held();
        if let Some(name) = code {
            let kind = held.add("SolutionType", json!({ "name": name }));
            let solution = json!({ "itemtype": "Ticket", "items_id": id, "solutiontypes_id": kind, "status": 3 });
            held.add("ITILSolution", solution);
        }
        let mut tickets = held.items.get_mut("Ticket").expect("tickets").iter_mut();
        tickets.find(|one| one["id"] == id).expect("a ticket")["status"] = json!(if code.is_some() { 5 } else { 2 });
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// It limits no requests itself: what stands in front of it does.
    fn refusals(&self) -> Refusals {
        Refusals {
            expired: Fault::Refused(
                401,
                vec![],
                r#"["ERROR_SESSION_TOKEN_INVALID","session_token seems invalid; view documentation in your browser"]"#,
            ),
            renews: true,
            denied: Fault::Refused(
                403,
                vec![],
                r#"["ERROR_RIGHT_MISSING","You don't have permission to perform this action."]"#,
            ),
            limited: Fault::Refused(429, vec![("retry-after", "17")], "<html><h1>Too Many Requests</h1></html>"),
            too_long: Fault::Refused(
                400,
                vec![],
                r#"["ERROR_UPLOAD_FILE_TOO_BIG_POST_MAX_SIZE","The file seems too big; view documentation in your browser"]"#,
            ),
            down: Fault::Refused(500, vec![], "<html><h1>500 Internal Server Error</h1></html>"),
        }
    }
}

fn refused(status: u16, code: &str, text: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let text = format!("{text}; view documentation in your browser at http://glpi/apirest.php/#ERRORS");
    (status, Json(json!([code, text]))).into_response()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What it wants of every request: the application's token, and a session.
async fn guard(State(standin): State<StandIn>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    match header(headers, "app-token") {
        APP => {}
        "" => return refused(400, "ERROR_APP_TOKEN_PARAMETERS_MISSING", "missing parameter app_token"),
        _ => return refused(400, "ERROR_WRONG_APP_TOKEN_PARAMETER", "parameter app_token seems wrong"),
    }
    if request.uri().path().ends_with("/initSession") {
        return next.run(request).await;
    }
    if header(headers, "session-token").is_empty() {
        return refused(400, "ERROR_SESSION_TOKEN_MISSING", "parameter session_token is missing or empty");
    }
    let session = standin.held().session.as_ref().map(|(token, _)| token.clone());
    if session.as_deref() != Some(header(headers, "session-token")) {
        return refused(401, "ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid");
    }
    let typed = header(headers, "content-type");
    if request.method() == Method::GET
        && header(headers, "content-length").parse::<u64>().is_ok_and(|length| length > 0)
    {
        return refused(400, "ERROR_JSON_PAYLOAD_FORBIDDEN", "GET Request should not have json payload (http body)");
    }
    if !typed.is_empty()
        && !typed.starts_with("application/json")
        && !typed.starts_with("multipart/form-data; boundary=")
    {
        return refused(400, "ERROR_JSON_PAYLOAD_INVALID", "JSON payload seems not valid");
    }
    next.run(request).await
}

async fn sign_in(State(standin): State<StandIn>, headers: HeaderMap) -> Response {
    let given = header(&headers, "authorization");
    match (given.strip_prefix("user_token "), given) {
        (Some(TOKEN), _) | (_, "Basic Zmlyc3RsaW5lOnQwa2Vu") => {}
        (Some(_), _) => return refused(401, "ERROR_GLPI_LOGIN_USER_TOKEN", "parameter user_token seems invalid"),
        (_, "") => {
            return refused(
                400,
                "ERROR_LOGIN_PARAMETERS_MISSING",
                "parameter(s) login, password or user_token are missing",
            );
        }
        _ => return refused(401, "ERROR_GLPI_LOGIN", "Incorrect username or password"),
    }
    let mut held = standin.held();
    held.sessions += 1;
    let token = format!("session-{}", held.sessions);
    held.session = Some((token.clone(), false));
    Json(json!({ "session_token": token })).into_response()
}

async fn sign_out(State(standin): State<StandIn>) -> Json<bool> {
    standin.held().session = None;
    Json(true)
}

async fn look_at_all(State(standin): State<StandIn>, Json(order): Json<Value>) -> Json<bool> {
    let mut held = standin.held();
    if let Some((_, all)) = &mut held.session {
        *all = order["entities_id"] == "all" && order["is_recursive"] == true;
    }
    Json(true)
}

async fn list(
    State(standin): State<StandIn>,
    Path(kind): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let held = standin.held();
    match held.items.get(kind.as_str()) {
        Some(items) => listed(held.in_sight(items), &query),
        None => refused(
            400,
            "ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM",
            "resource not found or not an instance of CommonDBTM",
        ),
    }
}

async fn item(State(standin): State<StandIn>, Path((kind, id)): Path<(String, u64)>, headers: HeaderMap) -> Response {
    let held = standin.held();
    let Some(found) = held.item(&kind, id) else { return refused(404, "ERROR_ITEM_NOT_FOUND", "Item not found") };
    if kind == "Document" && header(&headers, "accept") == "application/octet-stream" {
        return held.files.get(&id).cloned().unwrap_or_default().into_response();
    }
    Json(found.clone()).into_response()
}

async fn parts(
    State(standin): State<StandIn>,
    Path((kind, id, part)): Path<(String, u64, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let held = standin.held();
    let Some(items) = held.items.get(part.as_str()).filter(|_| held.item(&kind, id).is_some()) else {
        return refused(404, "ERROR_ITEM_NOT_FOUND", "Item not found");
    };
    let field = if kind == "User" { "users_id" } else { "tickets_id" };
    let own = |one: &&Value| {
        one[field] == id || (one["itemtype"] == "Ticket" && one["items_id"] == id) || one["tickets_id_1"] == id
    };
    listed(items.iter().filter(own).collect(), &query)
}

async fn add(State(standin): State<StandIn>, Path(kind): Path<String>, Json(order): Json<Value>) -> Response {
    match standin.held().ordered(&kind, &order["input"]) {
        Ok(id) => (StatusCode::CREATED, Json(json!({ "id": id, "message": "" }))).into_response(),
        Err(why) => refused(400, "ERROR_GLPI_ADD", why),
    }
}

async fn update(
    State(standin): State<StandIn>,
    Path((kind, id)): Path<(String, u64)>,
    Json(order): Json<Value>,
) -> Response {
    let mut held = standin.held();
    let is_done = !held.is_frozen && held.changed(&kind, id, &order["input"]);
    Json(json!([{ id.to_string(): is_done, "message": if is_done { "" } else { "You may not" } }])).into_response()
}

async fn remove(State(standin): State<StandIn>, Path((kind, id)): Path<(String, u64)>) -> Response {
    let mut held = standin.held();
    held.items
        .get_mut(kind.as_str())
        .expect("a type")
        .iter_mut()
        .filter(|one| one["id"] == id)
        .for_each(|one| *one = Value::Null);
    Json(json!([{ id.to_string(): true, "message": "" }])).into_response()
}

/// Takes one file; a type that is not enabled is refused after it was sent.
async fn upload(State(standin): State<StandIn>, RawQuery(_): RawQuery, mut form: Multipart) -> Response {
    let (mut manifest, mut file) = (Value::Null, None);
    while let Ok(Some(field)) = form.next_field().await {
        match field.name() {
            Some("uploadManifest") => {
                manifest = serde_json::from_str(&field.text().await.unwrap_or_default()).unwrap_or_default();
            }
            Some("filename[0]") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                file = Some((name, field.bytes().await.unwrap_or_default()));
            }
            _ => {}
        }
    }
    let input = &manifest["input"];
    let Some((name, bytes)) = file else {
        return refused(400, "ERROR_UPLOAD_FILE_TOO_BIG_POST_MAX_SIZE", "The file seems too big");
    };
    if !input.is_object() {
        return refused(400, "ERROR_JSON_PAYLOAD_INVALID", "JSON payload seems not valid");
    }
    if name.contains(".exe") {
        return refused(400, "ERROR_GLPI_ADD", "File type is not allowed");
    }
    let mut held = standin.held();
    let sum = hexadecimal(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes).as_ref());
    let same =
        held.items["Document"].iter().find(|one| one["sha1sum"] == sum.as_str()).and_then(|one| one["id"].as_u64());
    let id = same
        .unwrap_or_else(|| held.add("Document", json!({ "name": input["name"], "filename": name, "sha1sum": sum })));
    held.files.insert(id, bytes.to_vec());
    held.add(
        "Document_Item",
        json!({ "documents_id": id, "itemtype": input["itemtype"], "items_id": items::number(&input["items_id"]) }),
    );
    (StatusCode::CREATED, Json(json!({ "id": id, "message": "Document move succeeded.", "upload_result": { "filename": [{ "name": name }] } })))
        .into_response()
}
