//! ServiceNow's Event Management, by the endpoint that takes events in bulk (`/api/global/em/jsonv2`).
//!
//! - An alert here is an alert there: `message_key` is the alert's fingerprint, under which events are joined and by which an
//!   event that was sent twice changes nothing. An alert that is over is severity 0.
//! - Events are taken by the hundreds, and the answer says how many were: fewer than were sent is no success, and all of them
//!   are sent again.
//! - Texts are cut to what its columns hold. What it has no column for stands in `additional_info`, a text that is JSON.

use std::path::Path;

use async_trait::async_trait;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::event::{AlertEvent, Event, What};
use super::{Outgoing, Output};
use crate::config::OutputSettings;
use crate::desk::servicenow;
use crate::desk::session::Session;
use crate::desk::trouble::{Trouble, TroubleKind};

/// Events of one request.
const AT_A_TIME: usize = 500;
/// Letters of most columns.
const COLUMN: usize = 100;
/// Letters of the text.
const DESCRIPTION: usize = 4000;

/// The way to a ServiceNow.
#[derive(Debug)]
pub(super) struct ServiceNowEvents {
    way: Session,
}

impl ServiceNowEvents {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub(super) fn new(settings: &OutputSettings, folder: &Path) -> Result<Self, String> {
        Ok(Self { way: servicenow::way(&settings.as_desk(), folder)? })
    }
}

#[async_trait]
impl Output for ServiceNowEvents {
    fn at_a_time(&self) -> usize {
        AT_A_TIME
    }

    /// A diagnosis is no event of a machine.
    fn takes_diagnoses(&self) -> bool {
        false
    }

    async fn send(&self, events: &[Outgoing], _: Timestamp) -> Result<(), Trouble> {
        let records: Vec<Value> = events.iter().filter_map(record).collect();
        if records.is_empty() {
            return Ok(());
        }
        let sent = records.len();
        let body = json!({ "records": records });
        let reply = self.way.write(Method::POST, "/api/global/em/jsonv2", &body).await.map_err(explained)?;
        match inserted(&reply.body) {
            Some(count) if count == sent => Ok(()),
            Some(count) => Err(Trouble::odd(format!("it took {count} of {sent} events")).unclear()),
            None => Err(Trouble::odd(format!("it does not say how many events it took: {}", reply.body)).unclear()),
        }
    }
}

/// A refusal, with what it means there.
fn explained(trouble: Trouble) -> Trouble {
    match trouble.kind {
        TroubleKind::Forbidden => trouble.meaning("needs the role evt_mgmt_integration"),
        TroubleKind::NotFound => trouble.meaning("the instance may be without Event Management"),
        _ => trouble,
    }
}

/// `{"result":{"Default Bulk Endpoint":"3 events were inserted"}}`.
fn inserted(answer: &Value) -> Option<usize> {
    let words = answer["result"].as_object()?.values().find_map(Value::as_str)?;
    words.strip_suffix(" events were inserted")?.parse().ok()
}

fn record(outgoing: &Outgoing) -> Option<Value> {
    let Event { what, timestamp, .. } = &outgoing.event;
    match what {
        What::Raised(alert) | What::Changed(alert) => Some(of_alert(outgoing, alert, severity(alert.severity))),
        What::Resolved(alert) => Some(of_alert(outgoing, alert, "0")),
        What::Attached(_) => None,
        What::Test { message } => Some(json!({
            "source": "Firstline", "event_class": "Firstline", "node": "firstline-test", "resource": "", "metric_name": "test",
            "type": "test", "message_key": "firstline:test", "severity": "0", "description": message, "additional_info": "{}",
            "time_of_event": moment(*timestamp), "resolution_state": "Closing",
        })),
    }
}

fn of_alert(outgoing: &Outgoing, alert: &AlertEvent, severity: &str) -> Value {
    let label = |name: &str| alert.labels.get(name).map(String::as_str).unwrap_or_default();
    let said = |name: &str| alert.annotations.get(name).map(String::as_str).unwrap_or_default();
    let more = json!({
        "firstline_event": outgoing.id, "firstline_alert": alert.id, "state": alert.state, "priority": alert.priority,
        "endpoint": label("endpoint"), "title": said("title"), "description": said("description"), "runbook": said("runbook"),
        "incident": alert.incident,
    });
    json!({
        "source": "Firstline",
        "event_class": "Firstline",
        "node": cut(label("host"), COLUMN),
        "resource": cut(label("instance"), COLUMN),
        "metric_name": cut(label("alertname"), COLUMN),
        "type": cut(label("category"), COLUMN),
        "message_key": format!("firstline:{}", alert.fingerprint),
        "severity": severity,
        "description": cut(said("summary"), DESCRIPTION),
        "additional_info": more.to_string(),
        "time_of_event": moment(outgoing.event.timestamp),
        "resolution_state": if severity == "0" { "Closing" } else { "New" },
    })
}

/// 1 critical, 2 major, 3 minor, 4 warning, 5 for information.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1",
        Severity::High => "2",
        Severity::Medium => "3",
        Severity::Low => "4",
        Severity::Info => "5",
    }
}

/// `2026-01-15 10:20:30`, in GMT.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {}", text.get(..10).unwrap_or(&text), text.get(11..19).unwrap_or_default())
}

fn cut(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}
