//! An alert as people and scripts receive it.

use std::collections::BTreeMap;

use firstline_diagnosis::document::Finding;
use firstline_diagnosis::vocabulary::{Priority, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::Announcement;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Somebody must look.
    Firing,
    /// Somebody looks.
    Acknowledged,
    /// True, but nobody wants to hear of it now.
    Silenced,
    /// No longer true.
    Resolved,
}

impl AlertState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Firing, Self::Acknowledged, Self::Silenced, Self::Resolved];

    /// The word in documents, tables and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Silenced => "silenced",
            Self::Resolved => "resolved",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A finding that people are told about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Identity (UUID version 7).
    pub id: String,
    /// Names check, endpoint and instance: the same trouble has the same fingerprint for ever.
    pub fingerprint: String,
    /// The check that holds.
    pub check: String,
    /// The check's title: what is wrong, in a few words.
    pub title: String,
    /// Where.
    pub endpoint: AlertEndpoint,
    /// Which instance (`/home`); empty when the check has only one.
    pub instance: String,
    /// Where it stands.
    pub state: AlertState,
    /// How bad.
    pub severity: Severity,
    /// Proposed priority.
    pub priority: Priority,
    /// One sentence with the numbers, for the technician.
    pub summary: String,
    /// When the trouble began.
    pub started_at: Timestamp,
    /// When people were told, the last time it fired.
    pub fired_at: Timestamp,
    /// When this document last changed.
    pub updated_at: Timestamp,
    /// When it stopped being true; absent while it is.
    pub resolved_at: Option<Timestamp>,
    /// How often it fired; more than once when it came back within a day.
    pub times_fired: u32,
    /// Who looks at it; absent when nobody said so.
    pub acknowledgement: Option<Acknowledgement>,
    /// The silence that keeps it quiet; absent when none does.
    pub silenced_by: Option<SilencedBy>,
    /// The check that explains it, and is told in its place; absent when none does.
    pub inhibited_by: Option<String>,
    /// The incident that this is the alert of; absent where it is of an endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Whether people are told of it without asking; absent while that is not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// Alerts with the same group key are one line in a feed.
    pub group: String,
    /// Why people are told, or not.
    pub decision: Decision,
    /// The finding with its evidence, as last seen.
    pub finding: Finding,
}

impl Alert {
    /// Whether it is quiet since the quota of its day was spent.
    pub fn is_rolled_up(&self) -> bool {
        self.announcement.as_ref().is_some_and(|announcement| !announcement.announced)
    }

    /// Whether people are told of it now; with `beyond_quota`, also when nothing but the day's quota keeps it quiet.
    pub(crate) fn is_told(&self, beyond_quota: bool) -> bool {
        match self.state {
            AlertState::Firing | AlertState::Acknowledged => true,
            AlertState::Silenced => {
                beyond_quota && self.is_rolled_up() && self.silenced_by.is_none() && self.inhibited_by.is_none()
            }
            AlertState::Resolved => false,
        }
    }

    /// Where it stands, which follows from everything else that is known about it.
    pub(super) fn standing(&self) -> AlertState {
        if self.resolved_at.is_some() {
            AlertState::Resolved
        } else if self.silenced_by.is_some() || self.inhibited_by.is_some() {
            AlertState::Silenced
        } else if self.acknowledgement.is_some() {
            AlertState::Acknowledged
        } else if self.is_rolled_up() {
            AlertState::Silenced
        } else {
            AlertState::Firing
        }
    }
}

/// The endpoint of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEndpoint {
    /// Identity.
    pub id: String,
    /// Name when the alert last changed.
    pub name: String,
}

/// Somebody looks at an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they said; may be empty.
    pub note: String,
}

/// The silence that keeps an alert quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilencedBy {
    /// The silence.
    pub id: String,
    /// Who made it.
    pub by: String,
    /// Its last moment.
    pub until: Timestamp,
    /// Why.
    pub comment: String,
}

/// What a stage decided about a finding, by name, so that everybody can read why there is an alert or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The stage that spoke the last word: `qualify`, `inhibit`, `silence`, `dedup` or `quota`.
    pub stage: String,
    /// The reason's name, `severity_too_low`.
    pub reason: String,
    /// The reason in plain words.
    pub words: String,
    /// When.
    pub at: Timestamp,
}

/// A decision about a finding, whether or not it became an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Names check, endpoint and instance.
    pub fingerprint: String,
    /// The check.
    pub check: String,
    /// The endpoint's identity.
    pub endpoint: String,
    /// The instance.
    pub instance: String,
    /// Whether people are told.
    pub told: bool,
    /// Why.
    #[serde(flatten)]
    pub decision: Decision,
}

/// One step in an alert's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertChange {
    /// When.
    pub at: Timestamp,
    /// `fired`, `fired_again`, `acknowledged`, `silenced`, `unsilenced`, `resolved`, `severity_changed`.
    pub change: String,
    /// Who; empty when it was the collector.
    pub by: String,
    /// What they said, or the numbers; may be empty.
    pub note: String,
}

/// An alert with its life so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertDetail {
    /// The alert.
    #[serde(flatten)]
    pub alert: Alert,
    /// The tickets that it opened or was told on, the newest first.
    #[serde(default)]
    pub tickets: Vec<String>,
    /// Its life, oldest first.
    pub changes: Vec<AlertChange>,
}

/// Which alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertQuery {
    /// Only in this state; absent: all.
    pub state: Option<AlertState>,
    /// Only alerts that are not resolved.
    pub open: bool,
    /// Only this bad or worse.
    pub severity: Option<Severity>,
    /// Only of this endpoint (identity).
    pub endpoint: Option<String>,
    /// Only of this check.
    pub check: Option<String>,
    /// What [`AlertList::next`] said.
    pub after: Option<String>,
    /// How many, 1 to 500; absent: 100.
    pub limit: Option<u32>,
}

/// A page of alerts: what fired last comes first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertList {
    /// The alerts of this page.
    pub alerts: Vec<Alert>,
    /// The newest ticket of the same trouble, by the identity of the alert; nothing for alerts without one.
    #[serde(default)]
    pub tickets: BTreeMap<String, String>,
    /// What to pass as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// Which alerts a silence keeps quiet: those that match everything that is said here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matchers {
    /// Only of this check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Only of this endpoint (identity).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Only of endpoints with this tag, `site=berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// The order for a silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    /// Which alerts; at least one matcher.
    pub matchers: Matchers,
    /// Its last moment; at most 90 days away.
    pub until: Timestamp,
    /// Why.
    pub comment: String,
}

/// A stretch of time in which nobody is told about some alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Identity.
    pub id: String,
    /// Which alerts.
    pub matchers: Matchers,
    /// Who made it.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its last moment.
    pub until: Timestamp,
}
