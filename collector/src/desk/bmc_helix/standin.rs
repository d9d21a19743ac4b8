//! A BMC Helix that insists on what the real one insists on, as far as its interface is documented.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::extract::{FromRequest, Multipart, Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{Fault, Faults, Refusals, Seen, Shared, Side};

/// The password that opens it.
pub(super) const PASSWORD: &str = "t0ken";
/// Where an entry of the work log has its files.
const SLOTS: [&str; 3] = ["z2AF Work Log01", "z2AF Work Log02", "z2AF Work Log03"];

/// What it holds.
#[derive(Debug)]
pub(super) struct Held {
    /// Entries by form: their ids and values.
    pub(super) forms: BTreeMap<&'static str, Vec<(String, Value)>>,
    /// Files by entry and place.
    pub(super) files: BTreeMap<(String, String), Vec<u8>>,
    /// The token that is good.
    pub(super) token: String,
    /// How often a token was asked for.
    pub(super) sign_ins: usize,
    /// Whether a change empties what it leaves out.
    pub(super) resets: bool,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl Default for Held {
    fn default() -> Self {
        let person = |login: &str, first: &str| {
            let values = json!({ "First Name": first, "Last Name": "Silva", "Remedy Login ID": login,
                "Internet E-mail": format!("{login}@corp.example"), "Submit Date": null });
            (login.to_owned(), values)
        };
        let forms = BTreeMap::from([
            ("HPD:IncidentInterface", Vec::new()),
            ("HPD:WorkLog", Vec::new()),
            ("CTM:People", vec![person("ana", "Ana"), person("firstline", "First")]),
        ]);
        Self { forms, files: BTreeMap::new(), token: String::new(), sign_ins: 0, resets: false }
    }
}

impl Held {
    fn form(&mut self, form: &str) -> Option<&mut Vec<(String, Value)>> {
        self.forms.get_mut(form)
    }

    /// Opens an incident; its number, its id and the order of its making are three things.
    fn open(&mut self, values: &Value) -> String {
        let count = self.forms["HPD:IncidentInterface"].len();
        let (number, id) =
            (format!("INC{:012}", 123 + count), format!("INC{:012}|INC{:012}", 900 - count, 900 - count));
        let mut incident = json!({ "Incident Number": number, "Request ID": id, "HPD_CI": null, "Internet E-mail": null,
            "Submit Date": "2026-01-15T10:20:30.000+0000" });
        for (field, value) in values.as_object().into_iter().flatten() {
            let field = match field.as_str() {
                // One that the form for new incidents takes and does not pass on.
                "Lost Field" => continue,
                "Detailed_Decription" => "Detailed Decription",
                "Login_ID" => "Customer Login ID",
                "First_Name" => "First Name",
                "Last_Name" => "Last Name",
                other => other,
            };
            incident[field] = value.clone();
        }
        self.forms.get_mut("HPD:IncidentInterface").expect("a form").push((id, incident));
        number
    }
}

impl Side for StandIn {
    fn routes(&self) -> Router {
        let entries = Router::new()
            .route("/{form}", get(list).post(make))
            .route("/{form}/{id}", axum::routing::put(update))
            .route("/{form}/{id}/attach/{slot}", get(content))
            .layer(from_fn_with_state(self.clone(), guard));
        Router::new()
            .route("/api/jwt/login", post(sign_in))
            .route("/api/jwt/logout", post(sign_out))
            .nest("/api/arsys/v1/entry", entries)
            .with_state(self.clone())
    }

    fn secret(&self) -> &'static str {
        PASSWORD
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: DeskKind::BmcHelix,
            user: "firstline".to_owned(),
            queues: vec!["Acme/IT/Service Desk".to_owned()],
            ..DeskSettings::default()
        }
    }

    fn sessions(&self) -> usize {
        usize::from(!self.held().token.is_empty())
    }

    fn opens(&self, subject: &str, text: &str) -> String {
        self.held().open(&json!({ "Description": subject, "Detailed_Decription": text, "Status": "Assigned",
            "Assigned Group": "Service Desk", "First_Name": "Ana", "Last_Name": "Silva", "Login_ID": "ana", "HPD_CI": "PC-17" }))
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let own = held.forms["HPD:WorkLog"].iter().filter(|(_, values)| values["Incident Number"] == number);
        let file = |id: &str, values: &Value, slot: &str| {
            let bytes = held.files.get(&(id.to_owned(), slot.to_owned()))?;
            Some((values[slot]["name"].as_str()?.to_owned(), bytes.clone()))
        };
        own.map(|(id, values)| Seen {
            text: values["Detailed Description"].as_str().unwrap_or_default().to_owned(),
            public: values["View Access"] != "Internal",
            files: SLOTS.iter().filter_map(|slot| file(id, values, slot)).collect(),
        })
        .collect()
    }

    fn tickets(&self) -> usize {
        self.held().forms["HPD:IncidentInterface"].len()
    }

    fn state(&self, number: &str) -> String {
        let held = self.held();
        let found = held.forms["HPD:IncidentInterface"].iter().find(|(_, values)| values["Incident Number"] == number);
        found.and_then(|(_, values)| values["Status"].as_str()).unwrap_or_default().to_owned()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let incidents = held.form("HPD:IncidentInterface").expect("a form").iter_mut();
        let mut own = incidents.filter(|(_, values)| values["Incident Number"] == number);
        let (_, values) = own.next().expect("an incident");
        values["Status"] = json!(if code.is_some() { "Resolved" } else { "In Progress" });
        values["Status_Reason"] = json!(code);
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    /// It limits no requests itself; one that takes too long may be done all the same.
    fn refusals(&self) -> Refusals {
        Refusals {
            expired: Fault::Refused(
                401,
                vec![],
                r#"[{"messageType":"ERROR","messageText":"Authentication failed","messageAppendedText":"firstline","messageNumber":623}]"#,
            ),
            renews: true,
            denied: Fault::Refused(
                403,
                vec![],
                r#"[{"messageType":"ERROR","messageText":"You do not have write access to field","messageAppendedText":"1000000000","messageNumber":331}]"#,
            ),
            limited: Fault::Refused(503, vec![("retry-after", "17")], "<html><h1>503 Service Unavailable</h1></html>"),
            too_long: Fault::Refused(413, vec![], "<html><h1>413 Request Entity Too Large</h1></html>"),
            down: Fault::Refused(
                500,
                vec![],
                r#"[{"messageType":"ERROR","messageText":"Timeout during database update","messageAppendedText":"","messageNumber":92}]"#,
            ),
        }
    }
}

fn refused(status: u16, number: u32, text: &str, more: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let error =
        json!([{ "messageType": "ERROR", "messageText": text, "messageAppendedText": more, "messageNumber": number }]);
    (status, Json(error)).into_response()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn guard(State(standin): State<StandIn>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let token = header(headers, "authorization").strip_prefix("AR-JWT ").unwrap_or_default();
    if token.is_empty() || token != standin.held().token {
        return refused(401, 623, "Authentication failed", "firstline");
    }
    if request.method() != Method::GET && header(headers, "x-requested-by").is_empty() {
        return refused(403, 9099, "A header that protects against forgery is missing", "X-Requested-By");
    }
    next.run(request).await
}

/// The token is a bare text.
async fn sign_in(State(standin): State<StandIn>, headers: HeaderMap, body: String) -> Response {
    if header(&headers, "content-type") != "application/x-www-form-urlencoded"
        || body != format!("username=firstline&password={PASSWORD}")
    {
        return refused(401, 623, "Authentication failed", "firstline");
    }
    let mut held = standin.held();
    held.sign_ins += 1;
    held.token = format!("jwt.{}", held.sign_ins);
    format!("{}\n", held.token).into_response()
}

async fn sign_out(State(standin): State<StandIn>, headers: HeaderMap) -> Response {
    let mut held = standin.held();
    if header(&headers, "authorization") != format!("AR-JWT {}", held.token) {
        return refused(401, 623, "Authentication failed", "firstline");
    }
    held.token.clear();
    StatusCode::NO_CONTENT.into_response()
}

/// A qualification of terms that are all joined with OR.
fn fits(values: &Value, query: &str) -> Option<bool> {
    let mut any = query.is_empty();
    for term in query.split(" OR ").filter(|term| !term.is_empty()) {
        let (field, wanted) = term.strip_prefix('\'')?.strip_suffix('"')?.split_once("'=\"")?;
        any |= values[field] == wanted.replace("\"\"", "\"");
    }
    Some(any)
}

async fn list(
    State(standin): State<StandIn>,
    Path(form): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut held = standin.held();
    let Some(entries) = held.form(&form) else { return refused(404, 303, "Form does not exist on server", &form) };
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let number = |name: &str, usual: usize| word(name).parse().unwrap_or(usual);
    let Some(fields) = word("fields").strip_prefix("values(").and_then(|fields| fields.strip_suffix(')')) else {
        return refused(400, 9500, "Bad fields", word("fields"));
    };
    let mut found = Vec::new();
    // Newest first, as it was asked for.
    for (id, values) in entries.iter().rev() {
        match fits(values, word("q")) {
            None => return refused(400, 1587, "Error in qualification", word("q")),
            Some(false) => {}
            Some(true) => {
                let some: serde_json::Map<String, Value> =
                    fields.split(',').map(|field| (field.to_owned(), values[field].clone())).collect();
                let href = format!("https://itsm/api/arsys/v1/entry/{form}/{}", id.replace('|', "%7C"));
                found.push(json!({ "values": some, "_links": { "self": [{ "href": href }] } }));
            }
        }
    }
    let page: Vec<Value> = found.into_iter().skip(number("offset", 0)).take(number("limit", 100)).collect();
    Json(json!({ "entries": page, "numMatches": null, "_links": { "self": [] } })).into_response()
}

async fn make(State(standin): State<StandIn>, Path(form): Path<String>, request: Request) -> Response {
    let typed = header(request.headers(), "content-type").to_owned();
    let (values, files) = if typed.starts_with("multipart/form-data") {
        match parts(request).await {
            Some(parts) => parts,
            None => return refused(400, 9130, "Error in parsing the multipart request", ""),
        }
    } else {
        match Json::<Value>::from_request(request, &()).await {
            Ok(Json(body)) => (body["values"].clone(), Vec::new()),
            Err(_) => return refused(400, 9131, "Error in parsing the request", ""),
        }
    };
    let mut held = standin.held();
    let there = |held: &Held| {
        held.forms["HPD:IncidentInterface"].iter().any(|(_, one)| one["Incident Number"] == values["Incident Number"])
    };
    match form.as_str() {
        "HPD:IncidentInterface_Create" => {
            let needed = [
                "z1D_Action",
                "First_Name",
                "Last_Name",
                "Login_ID",
                "Description",
                "Impact",
                "Urgency",
                "Status",
                "Reported Source",
                "Service_Type",
            ];
            if let Some(missing) = needed.iter().find(|field| values[**field].as_str().is_none_or(str::is_empty)) {
                return refused(400, 10000, "Required fields cannot be blank", missing);
            }
            let number = held.open(&values);
            (StatusCode::CREATED, Json(json!({ "values": { "Incident Number": number }, "_links": {} })))
                .into_response()
        }
        "HPD:WorkLog" if there(&held) => {
            if values["Description"].as_str().is_some_and(|summary| summary.chars().count() > 100) {
                return refused(400, 559, "The maximum length is exceeded", "Description");
            }
            let id = format!("WLG{:012}", held.forms["HPD:WorkLog"].len() + 77);
            let mut values = values.clone();
            for (slot, name, bytes) in files {
                if name.contains(".exe") {
                    return refused(400, 9410, "Attachment with this extension is not allowed", &name);
                }
                values[slot.as_str()] = json!({ "name": name, "sizeBytes": bytes.len() });
                held.files.insert((id.clone(), slot), bytes);
            }
            held.form("HPD:WorkLog").expect("a form").push((id.clone(), values));
            (StatusCode::CREATED, [("location", format!("https://itsm/api/arsys/v1/entry/HPD:WorkLog/{id}"))])
                .into_response()
        }
        _ => refused(404, 302, "Entry does not exist in database", ""),
    }
}

/// The values and files of a form; none when its parts are not as they must be.
async fn parts(request: Request) -> Option<(Value, Vec<(String, String, Vec<u8>)>)> {
    let mut form = Multipart::from_request(request, &()).await.ok()?;
    let (mut values, mut files) = (Value::Null, Vec::new());
    while let Some(field) = form.next_field().await.ok()? {
        let name = field.name()?.to_owned();
        if name == "entry" && field.content_type() == Some("application/json") {
            values = serde_json::from_str::<Value>(&field.text().await.ok()?).ok()?["values"].clone();
        } else {
            let slot = name.strip_prefix("attach-").filter(|slot| SLOTS.contains(slot))?.to_owned();
            let file = field.file_name()?.to_owned();
            if values[slot.as_str()] != file.as_str() {
                return None;
            }
            files.push((slot, file, field.bytes().await.ok()?.to_vec()));
        }
    }
    Some((values, files))
}

async fn update(
    State(standin): State<StandIn>,
    Path((form, id)): Path<(String, String)>,
    Json(order): Json<Value>,
) -> Response {
    let mut held = standin.held();
    let resets = held.resets;
    let entry = held.form(&form).and_then(|entries| entries.iter_mut().find(|(one, _)| *one == id));
    let Some((_, entry)) = entry else { return refused(404, 302, "Entry does not exist in database", &id) };
    let wanted = &order["values"];
    if wanted["Status"] == "Resolved" && (wanted["Status_Reason"].is_null() || wanted["Resolution"].is_null()) {
        return refused(400, 44858, "Required fields cannot be blank", "Status_Reason, Resolution");
    }
    if resets {
        entry["Detailed Decription"] = Value::Null;
    }
    for (field, value) in wanted.as_object().into_iter().flatten() {
        entry[field] = value.clone();
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn content(State(standin): State<StandIn>, Path((_, id, slot)): Path<(String, String, String)>) -> Response {
    match standin.held().files.get(&(id, slot)) {
        Some(bytes) => bytes.clone().into_response(),
        None => refused(404, 302, "Entry does not exist in database", ""),
    }
}
