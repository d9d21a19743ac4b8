//! Whether people are told of an alert without asking, as people and scripts receive it.

use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::AlertEndpoint;

/// Whether people are told of an alert without asking, and why. Decided once, when it would first be heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Whether they are; when not, the alert is quiet and part of the day's roll-up.
    pub announced: bool,
    /// Whether the user of the endpoint may be told, too.
    pub to_user: bool,
    /// The reason's name: `within_quota`, `always_told`, `quota_spent`, `told_before`.
    pub reason: String,
    /// The reason in plain words.
    pub words: String,
    /// The day (UTC) whose quota it counts in, `2026-01-21`.
    pub day: String,
    /// When it was decided.
    pub at: Timestamp,
}

/// How much of a day's quota is spent, and what was rolled up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBudget {
    /// The day (UTC), `2026-01-21`.
    pub day: String,
    /// Endpoints of the fleet, of which the quota follows.
    pub endpoints: u64,
    /// Alerts that may be announced that day.
    pub allowed: u64,
    /// Alerts that were.
    pub announced: u64,
    /// Messages that users may have got.
    pub user_messages: u64,
    /// What was beyond the quota, as one entry.
    pub rolled_up: RollUp,
    /// Which checks made the noise, the loudest first.
    pub checks: Vec<CheckNoise>,
}

/// What was beyond a day's quota.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RollUp {
    /// Alerts.
    pub alerts: u64,
    /// Those of them that are true still.
    pub open: u64,
    /// Endpoints that have them.
    pub endpoints: u64,
    /// All of it in one sentence; empty when there is nothing.
    pub words: String,
}

/// What one check did to a day's quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckNoise {
    /// The check.
    pub check: String,
    /// Alerts of it that were announced.
    pub announced: u64,
    /// Alerts of it that were rolled up.
    pub rolled_up: u64,
}

/// Which findings that nobody was told of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldBackQuery {
    /// Only of this endpoint (identity).
    pub endpoint: Option<String>,
    /// Only of this check.
    pub check: Option<String>,
    /// Only for this reason, `severity_too_low`.
    pub reason: Option<String>,
    /// How many, 1 to 500; absent: 100.
    pub limit: Option<u32>,
}

/// Findings that hold and of which nobody was told, what was decided last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldBackList {
    /// The findings.
    pub held_back: Vec<HeldBack>,
    /// How many there are for each reason, of the whole fleet.
    pub reasons: Vec<ReasonCount>,
}

/// How many findings were held back for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The reason's name.
    pub reason: String,
    /// How many.
    pub findings: u64,
}

/// A finding that holds and of which nobody was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The check.
    pub check: String,
    /// Its title.
    pub title: String,
    /// Where.
    pub endpoint: AlertEndpoint,
    /// Which instance; empty when there is only one.
    pub instance: String,
    /// How bad.
    pub severity: Severity,
    /// The stage that spoke the last word.
    pub stage: String,
    /// The reason's name.
    pub reason: String,
    /// The reason in plain words.
    pub words: String,
    /// When it was decided.
    pub at: Timestamp,
}
