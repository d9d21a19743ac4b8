use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::condition::{Compiled, Input};
use crate::document::Escalation;
use crate::registry::{Registry, Source};
use crate::texts::Template;
use crate::trend::Use;
use crate::vocabulary::{Attributes, Impact, Severity, Urgency};

use super::raw::Effect;

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
    /// Systems on which its inputs exist: `linux`, `windows`, `macos`.
    pub os: Vec<String>,
    /// Attributes that make an instance; empty: one verdict for each endpoint.
    pub each: Vec<String>,
    /// The condition as it is written.
    pub when: String,
    /// How long its condition must hold.
    pub hold: Duration,
    /// The clear condition as it is written; empty: the condition no longer holds.
    pub clear: String,
    /// How long its clear condition must hold.
    pub clear_hold: Duration,
    /// Whether it may alert without a ticket.
    pub proactive: bool,
    /// Signals that it reads.
    pub signals: Vec<String>,
    /// The method that its condition asks, where it asks one.
    pub method: Option<Use>,
    /// When to hand over.
    pub escalation: Escalation,
    pub(crate) runbook: BTreeMap<&'static str, Vec<String>>,
    pub(crate) rule: Rule,
}

impl Check {
    /// What to do on `os_type`, in order.
    pub fn runbook(&self, os_type: &str) -> &[String] {
        let os = system(os_type).unwrap_or("all");
        self.runbook.get(os).map_or(&[], Vec::as_slice)
    }

    /// What may excuse it, by name.
    pub fn guards(&self) -> impl Iterator<Item = &str> {
        self.rule.guards.iter().map(|guard| guard.name.as_str())
    }

    /// Whether it speaks of a series with these attributes.
    pub(crate) fn admits(&self, attributes: &Attributes) -> bool {
        let admits = |(name, values): &(String, Vec<String>)| {
            attributes.get(name).is_none_or(|found| values.iter().any(|value| value == found))
        };
        self.rule.only.iter().all(admits)
    }

    /// How much of what it reads is declared to exist on `os_type`.
    pub fn coverage(&self, os_type: &str) -> Coverage {
        let has_source = |name: &&String| {
            let source = Registry::builtin().get(name).and_then(|spec| spec.source.on(os_type));
            matches!(source, Some(Source::Api(_)))
        };
        match self.signals.iter().filter(has_source).count() {
            count if count == self.signals.len() && self.runs_on(os_type) => Coverage::Whole,
            count if count > 0 && self.runs_on(os_type) => Coverage::Part,
            _ => Coverage::None,
        }
    }

    /// Whether its inputs exist on `os_type`. A system that is not known yet is not held against it.
    pub fn runs_on(&self, os_type: &str) -> bool {
        match system(os_type) {
            Some(os) => self.os.iter().any(|known| known == os),
            None => true,
        }
    }
}

/// How much of what a check reads exists on a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// All of it.
    Whole,
    /// Some of it; where the rest decides, the verdict is unknown.
    Part,
    /// Nothing: the verdict is unknown.
    None,
}

impl Coverage {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "yes",
            Self::Part => "in part",
            Self::None => "unknown",
        }
    }
}

/// The catalogue's word for an OpenTelemetry `os.type`.
fn system(os_type: &str) -> Option<&'static str> {
    match os_type {
        "linux" => Some("linux"),
        "windows" => Some("windows"),
        "darwin" | "macos" => Some("macos"),
        _ => None,
    }
}

/// The parts of a check that are evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) inputs: Vec<Input>,
    /// Inputs whose series make instances.
    pub(crate) instance_inputs: Vec<usize>,
    pub(crate) only: Vec<(String, Vec<String>)>,
    pub(crate) when: Compiled,
    pub(crate) clear: Option<Compiled>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) supports: Vec<Compiled>,
    pub(crate) variants: Vec<Variant>,
    /// What placeholders stand for.
    pub(crate) values: BTreeMap<String, Compiled>,
    pub(crate) user: Template,
    pub(crate) tech: Template,
    /// What to say when it does not hold: the first whose condition holds and whose numbers are all known.
    pub(crate) fine: Vec<(Option<Compiled>, Template)>,
}

/// Something that could excuse the finding.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) name: String,
    pub(crate) when: Compiled,
    pub(crate) effect: Effect,
}

/// Another wording or weight under a condition.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) when: Compiled,
    pub(crate) severity: Option<Severity>,
    pub(crate) confidence: Option<f64>,
    pub(crate) impact: Option<Impact>,
    pub(crate) urgency: Option<Urgency>,
    pub(crate) user: Option<Template>,
    pub(crate) tech: Option<Template>,
}
