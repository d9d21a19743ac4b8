//! A Jira that insists on what the real one insists on, as far as its interfaces are documented.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::extract::{Multipart, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::words::said;
use crate::config::{DeskKind, DeskSettings};
use crate::desk::conformance::{Fault, Faults, Refusals, Seen, Shared, Side, guarded, header, number};
use crate::desk::http::basic;

/// Whose token opens it, and the token.
pub(super) const USER: &str = "firstline@desk.example";
pub(super) const TOKEN: &str = "ATATT-x";
/// The longest file that it takes.
pub(super) const FILE_BYTES: usize = 100_000;

type Asked = Query<BTreeMap<String, String>>;

/// What it holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) issues: Vec<Value>,
    /// Issues that the index has.
    pub(super) indexed: usize,
    /// Old keys and the new ones.
    pub(super) moved: BTreeMap<String, String>,
    /// Comments, each with `issue` and `files`.
    pub(super) comments: Vec<Value>,
    /// Names and bytes by temporary id.
    temporary: BTreeMap<String, (String, Vec<u8>)>,
    /// Bytes by name and comment.
    files: BTreeMap<(String, String), Vec<u8>>,
}

/// The stand-in.
pub(super) type StandIn = Shared<Held>;

impl Side for StandIn {
    fn routes(&self) -> Router {
        let platform = Router::new()
            .route("/myself", get(async || Json(json!({ "accountId": "acc-0", "displayName": "Firstline" }))))
            .route("/serverInfo", get(async || Json(json!({ "baseUrl": "https://acme.atlassian.net" }))))
            .route("/user/search", get(people))
            .route("/search/jql", get(search))
            .route("/issue/{key}", get(issue).put(edit))
            .route("/issue/{key}/editmeta", get(fields))
            .route("/issue/{key}/comment", get(comments).post(comment))
            .route("/issue/{key}/transitions", get(ways).post(walk));
        let desks = Router::new()
            .route("/servicedesk", get(service_desks))
            .route("/servicedesk/{id}/requesttype", get(request_types))
            .route("/servicedesk/{id}/attachTemporaryFile", post(upload))
            .route("/request", post(open))
            .route("/request/{key}", get(request))
            .route("/request/{key}/sla", get(agreements))
            .route("/request/{key}/attachment", post(attach))
            .route("/request/{key}/comment/{id}/attachment", get(attachments));
        let routes = Router::new().nest("/rest/api/3", platform).nest("/rest/servicedeskapi", desks);
        guarded(routes, stopped).with_state(self.clone())
    }

    fn secret(&self) -> &'static str {
        TOKEN
    }

    fn settings(&self, _: &FilePath) -> DeskSettings {
        DeskSettings {
            kind: DeskKind::JiraServiceManagement,
            user: USER.to_owned(),
            queues: vec!["ITSM".to_owned()],
            ticket_type: "Report a problem".to_owned(),
            device_field: "customfield_10040".to_owned(),
            category_field: "customfield_10050".to_owned(),
            ..DeskSettings::default()
        }
    }

    /// What a person opens is in the index; what a program opens is not, for a while.
    fn opens(&self, subject: &str, text: &str) -> String {
        let mut held = self.held();
        let key = held.open(subject, text);
        held.indexed = held.issues.len();
        key
    }

    fn notes(&self, number: &str) -> Vec<Seen> {
        let held = self.held();
        let file = |comment: &Value, name: &Value| {
            let name = name["filename"].as_str()?.to_owned();
            let bytes = held.files.get(&(comment["id"].as_str()?.to_owned(), name.clone()))?;
            Some((name, bytes.clone()))
        };
        let seen = |one: &Value| Seen {
            text: said(&one["body"]),
            public: one["jsdPublic"] == true,
            files: one["files"].as_array().into_iter().flatten().filter_map(|name| file(one, name)).collect(),
        };
        held.comments.iter().filter(|one| one["issue"] == number).map(seen).collect()
    }

    fn tickets(&self) -> usize {
        self.held().issues.len()
    }

    fn state(&self, number: &str) -> String {
        let mut held = self.held();
        held.find(number).and_then(|one| one["fields"]["status"]["name"].as_str()).unwrap_or_default().to_owned()
    }

    fn ends(&self, number: &str, code: Option<&str>) {
        let mut held = self.held();
        let fields = &mut held.find(number).expect("an issue")["fields"];
        let (name, category) =
            if code.is_some() { ("Resolved", "done") } else { ("Waiting for support", "indeterminate") };
        fields["status"] = status(name, category);
        fields["resolution"] = code.map_or(Value::Null, |name| json!({ "name": name }));
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn refusals(&self) -> Refusals {
        let limited = vec![
            ("retry-after", "17"),
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "2026-01-15T10:21Z"),
            ("ratelimit-reason", "jira-per-issue-on-write"),
        ];
        Refusals {
            expired: Fault::Refused(
                401,
                vec![("x-seraph-loginreason", "AUTHENTICATED_FAILED")],
                "Client must be authenticated to access this resource.",
            ),
            renews: false,
            denied: Fault::Refused(
                403,
                vec![],
                r#"{"errorMessages":["You do not have the permission to comment on this issue."],"errors":{}}"#,
            ),
            limited: Fault::Refused(429, limited, r#"{"errorMessages":["Rate limit exceeded."],"errors":{}}"#),
            too_long: Fault::Refused(
                413,
                vec![],
                r#"{"errorMessages":["The file exceeds its maximum permitted size"],"errors":{}}"#,
            ),
            down: Fault::Refused(502, vec![], "<html><h1>Bad Gateway</h1></html>"),
        }
    }
}

impl Held {
    fn open(&mut self, subject: &str, text: &str) -> String {
        let number = self.issues.len() + 1;
        let text = json!([{ "type": "paragraph", "content": [{ "type": "text", "text": text }] }]);
        self.issues.push(json!({
            "id": format!("{}", 10_030 + number), "key": format!("ITSM-{number}"),
            "fields": {
                "summary": subject, "project": { "key": "ITSM" },
                "description": { "type": "doc", "version": 1, "content": text },
                "status": status("Waiting for support", "indeterminate"), "priority": { "id": "3", "name": "Medium" },
                "reporter": { "accountId": "acc-7", "displayName": "Ana Silva", "emailAddress": "ana@corp.example" },
                "customfield_10040": [{ "value": "PC-17" }], "customfield_10050": null,
            },
        }));
        format!("ITSM-{number}")
    }

    fn find(&mut self, key: &str) -> Option<&mut Value> {
        let key = self.moved.get(key).map_or(key, String::as_str).to_owned();
        self.issues.iter_mut().find(|one| one["key"] == key || one["id"] == key)
    }

    fn comment(&mut self, key: &str, body: &Value, public: bool, files: Vec<Value>) -> Option<Value> {
        let issue = self.find(key)?["key"].clone();
        let id = (1_000 + self.comments.len()).to_string();
        let comment = json!({ "id": id, "issue": issue, "body": body, "jsdPublic": public, "files": files });
        self.comments.push(comment.clone());
        Some(comment)
    }
}

fn status(name: &str, category: &str) -> Value {
    json!({ "name": name, "statusCategory": { "key": category } })
}

fn refused(status: u16, messages: &[&str], errors: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "errorMessages": messages, "errors": errors }))).into_response()
}

fn missing() -> Response {
    refused(404, &["Issue does not exist or you do not have permission to see it."], json!({}))
}

/// What is wrong with a request, whatever it asks for.
fn stopped(request: &Request) -> Option<Response> {
    let header = |name: &str| header(request, name);
    if header("authorization") != basic(USER, TOKEN).1 {
        let words = "Client must be authenticated to access this resource.";
        return Some((StatusCode::UNAUTHORIZED, [("www-authenticate", "OAuth realm=\"x\"")], words).into_response());
    }
    let form = header("content-type").starts_with("multipart/form-data;");
    let writes = request.method() != Method::GET;
    if writes && (header("user-agent").contains("Mozilla") || form && header("x-atlassian-token") != "no-check") {
        return Some((StatusCode::FORBIDDEN, "XSRF check failed").into_response());
    }
    if writes && !form && header("content-type") != "application/json" {
        return Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let experimental = request.uri().path().ends_with("/attachTemporaryFile");
    if experimental && header("x-experimentalapi") != "opt-in" {
        return Some(StatusCode::PRECONDITION_FAILED.into_response());
    }
    None
}

/// Addresses are told apart by no letter's size.
async fn people(Query(asked): Asked) -> Json<Value> {
    let known = json!({ "accountId": "acc-7", "displayName": "Ana Silva", "emailAddress": "ana@corp.example" });
    let found = asked.get("query").is_some_and(|query| known["emailAddress"] == query.to_lowercase());
    Json(if found { json!([known]) } else { json!([]) })
}

/// Knows one project, from its newest issue on, and tells of an issue only the fields that are asked for.
async fn search(State(standin): State<StandIn>, Query(asked): Asked) -> Response {
    if asked.get("jql").is_none_or(|jql| jql != "project = \"ITSM\" ORDER BY key DESC") {
        return refused(400, &["Unbounded JQL queries are not allowed here."], json!({}));
    }
    let held = standin.held();
    let count = asked.get("maxResults").and_then(|count| count.parse().ok()).unwrap_or(50);
    let told = |issue: &Value| match asked.get("fields") {
        Some(fields) => only(issue, fields),
        None => json!({ "id": issue["id"] }),
    };
    let found = held.issues.iter().take(held.indexed).filter(|issue| issue["fields"]["project"]["key"] == "ITSM");
    let issues: Vec<Value> = found.rev().take(count).map(told).collect();
    Json(json!({ "issues": issues, "isLast": true })).into_response()
}

fn only(issue: &Value, fields: &str) -> Value {
    let mut issue = issue.clone();
    if let Some(all) = issue["fields"].as_object_mut() {
        all.retain(|name, _| fields.split(',').any(|field| field == name));
    }
    issue
}

async fn issue(State(standin): State<StandIn>, Path(key): Path<String>, Query(asked): Asked) -> Response {
    let mut held = standin.held();
    let Some(found) = held.find(&key) else { return missing() };
    Json(asked.get("fields").map_or_else(|| found.clone(), |fields| only(found, fields))).into_response()
}

async fn fields() -> Json<Value> {
    Json(json!({ "fields": { "customfield_10050": { "schema": { "type": "option" } } } }))
}

async fn edit(State(standin): State<StandIn>, Path(key): Path<String>, Json(order): Json<Value>) -> Response {
    let mut held = standin.held();
    let Some(found) = held.find(&key) else { return missing() };
    for (name, value) in order["fields"].as_object().into_iter().flatten() {
        let good = match name.as_str() {
            "priority" => ["Highest", "High", "Medium", "Low", "Lowest"].iter().any(|one| value["name"] == *one),
            "customfield_10050" => value["value"].is_string(),
            _ => false,
        };
        if !good {
            let words = format!("Field '{name}' cannot be set. It is not on the appropriate screen, or unknown.");
            return refused(400, &[], json!({ name: words }));
        }
        found["fields"][name] = value.clone();
    }
    StatusCode::NO_CONTENT.into_response()
}

/// Whether a document is one: with nodes that it may have, none of them empty where it must not be.
fn is_document(node: &Value) -> bool {
    let known = "doc heading paragraph bulletList orderedList listItem codeBlock table tableRow tableHeader tableCell \
                 hardBreak text";
    let kind = node["type"].as_str().unwrap_or_default();
    let good = kind != "text" || node["text"].as_str().is_some_and(|text| !text.is_empty());
    let inner = node["content"].as_array().into_iter().flatten();
    known.split_whitespace().any(|one| one == kind) && good && inner.into_iter().all(is_document)
}

async fn comment(State(standin): State<StandIn>, Path(key): Path<String>, Json(order): Json<Value>) -> Response {
    if order["body"]["type"] != "doc" || order["body"]["version"] != 1 || !is_document(&order["body"]) {
        return refused(400, &[], json!({ "comment": "Comment body is not valid!" }));
    }
    let properties = order["properties"].as_array().into_iter().flatten();
    let internal = |one: &Value| one["key"] == "sd.public.comment" && one["value"]["internal"] == true;
    let public = !properties.into_iter().any(internal);
    match standin.held().comment(&key, &order["body"], public, Vec::new()) {
        Some(made) => (StatusCode::CREATED, Json(made)).into_response(),
        None => missing(),
    }
}

async fn comments(State(standin): State<StandIn>, Path(key): Path<String>, Query(asked): Asked) -> Response {
    let mut held = standin.held();
    let Some(issue) = held.find(&key).map(|issue| issue["key"].clone()) else { return missing() };
    let number = |name: &str, usual: usize| number(&asked, name, usual);
    let own = held.comments.iter().filter(|one| one["issue"] == issue);
    let page: Vec<Value> = own.skip(number("startAt", 0)).take(number("maxResults", 50)).cloned().collect();
    Json(json!({ "comments": page, "startAt": number("startAt", 0) })).into_response()
}

/// From every state the same: with a resolution where it ends.
fn all_ways() -> Value {
    let resolution =
        json!({ "resolution": { "required": true, "allowedValues": [{ "name": "Won't do" }, { "name": "Done" }] } });
    json!([
        { "id": "11", "name": "Respond to customer", "to": status("Waiting for customer", "indeterminate"), "fields": {} },
        { "id": "21", "name": "Cancel request", "to": status("Canceled", "done"), "fields": {} },
        { "id": "5", "name": "Resolve this issue", "to": status("Resolved", "done"), "fields": resolution },
    ])
}

async fn ways() -> Json<Value> {
    Json(json!({ "transitions": all_ways() }))
}

async fn walk(State(standin): State<StandIn>, Path(key): Path<String>, Json(order): Json<Value>) -> Response {
    let mut held = standin.held();
    let Some(found) = held.find(&key) else { return missing() };
    let ways = all_ways();
    let way = ways.as_array().into_iter().flatten().find(|way| way["id"] == order["transition"]["id"]);
    let Some(way) = way else {
        return refused(400, &["It seems that you have tried to perform a workflow operation"], json!({}));
    };
    let resolution = &order["fields"]["resolution"]["name"];
    if way["fields"]["resolution"]["required"] == true && resolution.is_null() {
        return refused(400, &[], json!({ "resolution": "Resolution is required." }));
    }
    found["fields"]["status"] = way["to"].clone();
    found["fields"]["resolution"] = json!({ "name": resolution });
    StatusCode::NO_CONTENT.into_response()
}

fn listed(values: Value) -> Json<Value> {
    Json(json!({ "start": 0, "limit": 50, "isLastPage": true, "values": values }))
}

async fn service_desks() -> Json<Value> {
    listed(json!([{ "id": "9", "projectKey": "HR" }, { "id": "10", "projectKey": "ITSM" }]))
}

async fn request_types() -> Json<Value> {
    listed(json!([{ "id": "24", "name": "Ask a question" }, { "id": "25", "name": "Report a problem" }]))
}

fn desk_says(status: u16, words: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "errorMessage": words, "i18nErrorMessage": { "i18nKey": "sd.error" } }))).into_response()
}

async fn upload(State(standin): State<StandIn>, Path(desk): Path<String>, mut form: Multipart) -> Response {
    if desk != "10" {
        return desk_says(404, "Service Desk not found");
    }
    let field = form.next_field().await.expect("a form").filter(|field| field.name() == Some("file"));
    let Some(field) = field else { return desk_says(400, "No file was given") };
    let name = field.file_name().unwrap_or_default().to_owned();
    let bytes = field.bytes().await.expect("bytes").to_vec();
    if bytes.len() > FILE_BYTES {
        return desk_says(413, "The file is larger than the limit");
    }
    let mut held = standin.held();
    let id = format!("temp{}", held.files.len() + held.temporary.len());
    held.temporary.insert(id.clone(), (name.clone(), bytes));
    let made = json!({ "temporaryAttachments": [{ "temporaryAttachmentId": id, "fileName": name }] });
    (StatusCode::CREATED, Json(made)).into_response()
}

async fn open(State(standin): State<StandIn>, Json(order): Json<Value>) -> Response {
    let known = ["serviceDeskId", "requestTypeId", "requestFieldValues", "raiseOnBehalfOf"];
    let odd = order.as_object().is_none_or(|order| order.keys().any(|key| !known.contains(&key.as_str())));
    if odd || order["serviceDeskId"] != "10" || order["requestTypeId"] != "25" {
        return desk_says(400, "Request type not found");
    }
    let text = |name: &str| order["requestFieldValues"][name].as_str().unwrap_or_default().to_owned();
    if text("summary").is_empty() {
        return desk_says(400, "Please provide a valid value for field 'Summary'");
    }
    if !matches!(order["raiseOnBehalfOf"].as_str(), None | Some("acc-7")) {
        return desk_says(400, "The user does not exist");
    }
    let mut held = standin.held();
    let key = held.open(&text("summary"), &text("description"));
    if let Some(made) = held.find(&key).filter(|_| order["raiseOnBehalfOf"].is_null()) {
        made["fields"]["reporter"] = json!({ "accountId": "acc-0", "displayName": "Firstline" });
    }
    let made = held.find(&key).cloned().unwrap_or_default();
    let made = json!({ "issueId": made["id"], "issueKey": made["key"], "serviceDeskId": "10" });
    (StatusCode::CREATED, Json(made)).into_response()
}

async fn request(State(standin): State<StandIn>, Path(key): Path<String>) -> Response {
    let mut held = standin.held();
    match held.find(&key).filter(|issue| issue["fields"]["issuetype"]["name"] != "Task") {
        Some(found) => {
            Json(json!({ "issueId": found["id"], "issueKey": found["key"], "serviceDeskId": "10" })).into_response()
        }
        None => desk_says(404, "The request does not exist"),
    }
}

/// Clocks of a request: one that stands, one that ran out, and two that run.
async fn agreements(State(standin): State<StandIn>, Path(key): Path<String>) -> Response {
    let mut held = standin.held();
    if held.find(&key).is_none_or(|issue| issue["fields"]["issuetype"]["name"] == "Task") {
        return desk_says(404, "The request does not exist");
    }
    let cycle = |at: i64, paused: bool| json!({ "breachTime": { "epochMillis": at }, "paused": paused });
    listed(json!([
        { "id": "1", "name": "Time to first response", "completedCycles": [cycle(1_000, false)] },
        { "id": "2", "name": "Time to approve", "ongoingCycle": cycle(2_000, true) },
        { "id": "3", "name": "Time to resolution", "ongoingCycle": cycle(1_768_500_000_000, false) },
        { "id": "4", "name": "Time to close", "ongoingCycle": cycle(1_768_900_000_000, false) },
    ]))
    .into_response()
}

async fn attach(State(standin): State<StandIn>, Path(key): Path<String>, Json(order): Json<Value>) -> Response {
    let mut held = standin.held();
    let ids = order["temporaryAttachmentIds"].as_array().cloned().unwrap_or_default();
    let files: Option<Vec<_>> = ids.iter().map(|id| held.temporary.remove(id.as_str()?)).collect();
    let Some(files) = files.filter(|files| !files.is_empty()) else {
        return desk_says(400, "Temporary attachment not found");
    };
    let told: Vec<Value> = files.iter().map(|(name, bytes)| json!({ "filename": name, "size": bytes.len() })).collect();
    let words = order["additionalComment"]["body"].as_str().unwrap_or_default();
    let body = json!({ "type": "doc", "content": [{ "type": "text", "text": words }] });
    let Some(made) = held.comment(&key, &body, order["public"] != false, told.clone()) else { return missing() };
    let id = made["id"].as_str().unwrap_or_default();
    held.files.extend(files.into_iter().map(|(name, bytes)| ((id.to_owned(), name), bytes)));
    (StatusCode::CREATED, Json(json!({ "comment": { "id": id }, "attachments": { "values": told } }))).into_response()
}

async fn attachments(State(standin): State<StandIn>, Path((_, id)): Path<(String, String)>) -> Json<Value> {
    let held = standin.held();
    let comment = held.comments.iter().find(|one| one["id"] == id).cloned().unwrap_or_default();
    listed(json!(comment["files"].as_array().cloned().unwrap_or_default()))
}
