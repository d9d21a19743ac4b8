//! What outputs are told, as a document: `docs/outputs.md` is its contract.
//!
//! Names are those of Prometheus' Alertmanager where it has one (`status`, `labels`, `annotations`, `startsAt`, `endsAt`,
//! `fingerprint`). Fields are added, never renamed or removed, as long as [`SCHEMA`] stays.

use std::collections::BTreeMap;

use firstline_diagnosis::document::{Diagnosis, Finding, Role};
use firstline_diagnosis::vocabulary::{Priority, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertEndpoint, AlertState};
use crate::ticket::Ticket;

/// The version of the document.
const SCHEMA: &str = "firstline.event/1";

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// `firstline.event/1`.
    pub(crate) schema: String,
    /// When it happened.
    pub(crate) timestamp: Timestamp,
    /// What, in `type` and `data`.
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum What {
    /// People are told of an alert.
    #[serde(rename = "alert.raised")]
    Raised(AlertEvent),
    /// An alert that people were told of is otherwise.
    #[serde(rename = "alert.changed")]
    Changed(AlertEvent),
    /// An alert that people were told of is over.
    #[serde(rename = "alert.resolved")]
    Resolved(AlertEvent),
    /// A diagnosis is on a ticket.
    #[serde(rename = "diagnosis.attached")]
    Attached(Box<DiagnosisEvent>),
    /// Somebody tries the output out.
    #[serde(rename = "test")]
    Test {
        /// For people.
        message: String,
    },
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertEvent {
    /// `firing` or `resolved`.
    pub(crate) status: String,
    /// What names it: `alertname` (the check), `severity`, `category`, `endpoint` (its id), `host` (its name), and `instance`
    /// where the check has several.
    pub(crate) labels: BTreeMap<String, String>,
    /// What is said of it: `title`, `summary` for the technician, `description` for the user, `runbook` in lines.
    pub(crate) annotations: BTreeMap<String, String>,
    /// When the trouble began.
    pub(crate) starts_at: Timestamp,
    /// When it was over; absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ends_at: Option<Timestamp>,
    /// The same trouble has the same for ever.
    pub(crate) fingerprint: String,
    /// The alert's identity.
    pub(crate) id: String,
    /// `firing`, `acknowledged`, `silenced` or `resolved`.
    pub(crate) state: AlertState,
    /// How bad.
    pub(crate) severity: Severity,
    /// How soon.
    pub(crate) priority: Priority,
    /// How often it fired.
    pub(crate) times_fired: u32,
    /// Who looks at it; absent when nobody said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) acknowledged_by: Option<String>,
    /// The incident that it is the alert of; absent where it is of an endpoint.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) incident: Option<String>,
}

/// A diagnosis on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiagnosisEvent {
    /// The ticket.
    pub(crate) ticket: EventTicket,
    /// The endpoint that it is about.
    pub(crate) endpoint: AlertEndpoint,
    /// The snapshot's identity.
    pub(crate) snapshot: String,
    /// When that was taken, by the endpoint's clock.
    pub(crate) taken_at: Timestamp,
    /// The answer in one sentence.
    pub(crate) summary: String,
    /// What was found, the answer first.
    pub(crate) findings: Vec<EventFinding>,
}

/// A ticket by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventTicket {
    /// Here, `FL-1042`.
    pub(crate) number: String,
    /// Its desk.
    pub(crate) desk: String,
    /// What people type at that desk; absent at the built-in one, and until it is opened there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) number_there: Option<String>,
    /// Where people look at it there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) url: Option<String>,
    /// When it was opened here.
    pub(crate) opened_at: Timestamp,
}

/// A finding in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventFinding {
    /// The check.
    pub(crate) check: String,
    /// Its title.
    pub(crate) title: String,
    /// Which instance; empty when the check has only one.
    pub(crate) instance: String,
    /// Its part in the answer.
    pub(crate) role: Role,
    /// How bad.
    pub(crate) severity: Severity,
    /// How sure, 0 to 0.95.
    pub(crate) confidence: f64,
    /// One sentence with the numbers.
    pub(crate) summary: String,
}

impl Event {
    /// What happened at a moment.
    pub(crate) fn new(what: What, timestamp: Timestamp) -> Self {
        Self { schema: SCHEMA.to_owned(), timestamp, what }
    }

    /// What it is about: events of one thread arrive in order.
    pub(crate) fn thread(&self) -> &str {
        match &self.what {
            What::Raised(alert) | What::Changed(alert) | What::Resolved(alert) => &alert.fingerprint,
            What::Attached(diagnosis) => &diagnosis.ticket.number,
            What::Test { .. } => "test",
        }
    }

    /// In a few words, for people.
    pub(crate) fn words(&self) -> String {
        let alert = |what: &str, alert: &AlertEvent| {
            let text = |all: &BTreeMap<String, String>, name: &str| all.get(name).cloned().unwrap_or_default();
            format!("alert {what}: {} ({})", text(&alert.annotations, "title"), text(&alert.labels, "host"))
        };
        match &self.what {
            What::Raised(event) => alert("raised", event),
            What::Changed(event) => alert("changed", event),
            What::Resolved(event) => alert("resolved", event),
            What::Attached(event) => format!("diagnosis of {} on {}", event.endpoint.name, event.ticket.number),
            What::Test { .. } => "a test".to_owned(),
        }
    }
}

impl From<&Alert> for AlertEvent {
    fn from(alert: &Alert) -> Self {
        let finding = &alert.finding;
        let labels = [
            ("alertname", alert.check.clone()),
            ("severity", alert.severity.name().to_owned()),
            ("category", finding.category.clone()),
            ("endpoint", alert.endpoint.id.clone()),
            ("host", alert.endpoint.name.clone()),
            ("instance", alert.instance.clone()),
        ];
        let annotations = [
            ("title", alert.title.clone()),
            ("summary", alert.summary.clone()),
            ("description", finding.texts.user.clone()),
            ("runbook", finding.runbook.join("\n")),
        ];
        Self {
            status: if alert.resolved_at.is_some() { "resolved" } else { "firing" }.to_owned(),
            labels: said(labels),
            annotations: said(annotations),
            starts_at: alert.started_at,
            ends_at: alert.resolved_at,
            fingerprint: alert.fingerprint.clone(),
            id: alert.id.clone(),
            state: alert.state,
            severity: alert.severity,
            priority: alert.priority,
            times_fired: alert.times_fired,
            acknowledged_by: alert.acknowledgement.as_ref().map(|said| said.by.clone()),
            incident: alert.incident.clone(),
        }
    }
}

/// A label without a text is none.
fn said<const N: usize>(all: [(&str, String); N]) -> BTreeMap<String, String> {
    let said = all.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(name, text)| (name.to_owned(), text)).collect()
}

impl From<&Ticket> for EventTicket {
    fn from(ticket: &Ticket) -> Self {
        let there = ticket.outside.as_ref().filter(|outside| !outside.number.is_empty());
        Self {
            number: ticket.number.clone(),
            desk: ticket.desk.clone(),
            number_there: there.map(|outside| outside.number.clone()),
            url: there.map(|outside| outside.url.clone()).filter(|url| !url.is_empty()),
            opened_at: ticket.opened_at,
        }
    }
}

impl EventFinding {
    /// What a diagnosis found, the answer first.
    pub(crate) fn all(diagnosis: &Diagnosis) -> Vec<Self> {
        diagnosis.findings.iter().map(Self::from).collect()
    }
}

impl From<&Finding> for EventFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            check: finding.id.clone(),
            title: finding.title.clone(),
            instance: finding.instance.clone(),
            role: finding.role,
            severity: finding.severity,
            confidence: finding.confidence,
            summary: finding.texts.tech.clone(),
        }
    }
}
