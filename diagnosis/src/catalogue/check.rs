use std::collections::BTreeMap;
use std::time::Duration;

use crate::document::Escalation;
use crate::vocabulary::{Impact, Severity, Urgency};

/// A rule: when something is wrong, what to tell people, and what to do about it.
#[derive(Debug, Clone)]
pub struct Check {
    /// Stable name.
    pub id: String,
    /// A few words for lists.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// How sure, before corroboration.
    pub confidence: f64,
    /// Proposed ticket category.
    pub category: String,
    /// Proposed impact.
    pub impact: Impact,
    /// Proposed urgency.
    pub urgency: Urgency,
    /// Where the numbers come from: V vendor, S study, O open monitoring projects, P practice.
    pub basis: Vec<String>,
    /// Systems on which its inputs exist.
    pub os: Vec<String>,
    /// Attributes that make an instance; empty: one verdict for each endpoint.
    pub each: Vec<String>,
    /// How long its condition must hold.
    pub hold: Duration,
    /// How long its clear condition must hold.
    pub clear_hold: Duration,
    /// Whether it may alert without a ticket.
    pub proactive: bool,
    /// What to do on each system, `all` last.
    pub runbook: BTreeMap<String, Vec<String>>,
    /// When to hand over.
    pub escalation: Escalation,
}
