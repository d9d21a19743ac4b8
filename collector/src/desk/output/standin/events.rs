//! An Event Management that insists on what the real one insists on, as far as its interface is documented, and on what its
//! columns hold.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::serve;
use crate::config::{OutputKind, OutputSettings};
use crate::desk::conformance::Shared;

/// Columns that a record has, and the letters that each holds.
const COLUMNS: [(&str, usize); 12] = [
    ("source", 100),
    ("event_class", 100),
    ("node", 100),
    ("resource", 100),
    ("metric_name", 100),
    ("type", 100),
    ("message_key", 1024),
    ("severity", 1),
    ("description", 4000),
    ("additional_info", 100_000),
    ("time_of_event", 19),
    ("resolution_state", 10),
];

/// What it holds.
#[derive(Debug, Default)]
pub(in crate::desk) struct Held {
    /// Alerts by their key: how bad, and how many events made each.
    pub(in crate::desk) alerts: BTreeMap<String, (String, usize)>,
    /// How many records each request had.
    pub(in crate::desk) requests: Vec<usize>,
    /// A node whose events it refuses.
    pub(in crate::desk) refused_node: String,
    /// So many records of the next request are left out.
    pub(in crate::desk) leaves_out: usize,
}

/// The stand-in. Copies are the same.
pub(in crate::desk) type Events = Shared<Held>;

impl Events {
    /// Serves it; what leads there.
    pub(in crate::desk) async fn serve(&self) -> OutputSettings {
        let routes = Router::new().route("/api/global/em/jsonv2", post(take)).with_state(self.clone());
        let settings = serve(routes, &self.faults, OutputKind::ServiceNowEvents, "").await;
        OutputSettings { user: "firstline".to_owned(), ..settings }
    }
}

async fn take(State(standin): State<Events>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // firstline, with the secret.
    if header("authorization") != format!("Basic {}", base64("firstline:whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")) {
        return refused(401, "User Not Authenticated");
    }
    if header("content-type") != "application/json" || header("accept") != "application/json" {
        return refused(415, "Unsupported media type");
    }
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let Some(records) = body["records"].as_array() else { return refused(400, "No records") };
    let mut held = standin.held();
    if let Some(why) = records.iter().find_map(|record| wrong(record, &held.refused_node)) {
        return refused(400, &why);
    }
    held.requests.push(records.len());
    let taken = records.len() - std::mem::take(&mut held.leaves_out).min(records.len());
    for record in &records[..taken] {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let alert = held.alerts.entry(text("message_key")).or_default();
        *alert = (text("severity"), alert.1 + 1);
    }
    let words = format!("{taken} events were inserted");
    Json(json!({ "result": { "Default Bulk Endpoint": words } })).into_response()
}

/// What is wrong with a record.
fn wrong(record: &Value, refused_node: &str) -> Option<String> {
    let fields = record.as_object()?;
    let odd = fields.iter().find(|(name, value)| {
        let most = COLUMNS.iter().find(|(column, _)| column == name).map(|(_, most)| *most);
        value.as_str().is_none_or(|text| most.is_none_or(|most| text.chars().count() > most))
    });
    if let Some((name, value)) = odd {
        return Some(format!("{name} cannot be {value}"));
    }
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let time = text("time_of_event");
    let good = [
        ("message_key", !text("message_key").is_empty()),
        ("severity", ["0", "1", "2", "3", "4", "5"].contains(&text("severity"))),
        ("resolution_state", ["New", "Closing"].contains(&text("resolution_state"))),
        ("additional_info", serde_json::from_str::<Value>(text("additional_info")).is_ok_and(|more| more.is_object())),
        (
            "time_of_event",
            time.len() == 19 && format!("{}Z", time.replace(' ', "T")).parse::<jiff::Timestamp>().is_ok(),
        ),
        ("node", refused_node.is_empty() || text("node") != refused_node),
    ];
    good.iter().find(|(_, good)| !good).map(|(name, _)| format!("{name} is refused"))
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text)
}

fn refused(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "error": { "message": message, "detail": "" }, "status": "failure" }))).into_response()
}
