use serde::{Deserialize, Serialize};

use super::{Around, Compared, Forecast, WhatChanged};
use crate::texts;
use crate::vocabulary::{Attributes, Impact, Priority, Severity, Timestamp, Urgency};

/// What is wrong with an endpoint, why we think so, what to do, and what was ruled out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The symptom this answers, as matched in the symptom map; absent when nobody named one.
    pub symptom: Option<String>,
    /// The id of the primary finding; absent when nothing was found.
    pub primary: Option<String>,
    /// Findings, the primary first, then contributing, then what was also found, then consequences.
    pub findings: Vec<Finding>,
    /// Candidates of the symptom that do not hold, or that could not be checked.
    pub ruled_out: Vec<RuledOut>,
    /// Notes on the data: coverage, age, permissions. Empty when there is nothing to say.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What became of the findings of an earlier answer on the same ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
    /// Candidates of the symptom that this catalogue has no check for yet.
    #[serde(default)]
    pub not_checked: Vec<String>,
    /// What changed before the primary finding began; absent when there is none, or nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<WhatChanged>,
    /// How it was around the moment that the ticket names; absent when it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Around>,
    /// Version of the catalogue that gave this answer.
    pub catalogue: String,
    /// The moment it speaks of.
    pub at: Timestamp,
}

impl Diagnosis {
    /// The finding that is the answer: what is wrong now, else what was when the ticket says, and is over.
    pub fn answer(&self) -> Option<&Finding> {
        let now = self.findings.iter().find(|finding| finding.role == Role::Primary);
        now.or_else(|| self.around.as_ref()?.explains())
    }

    /// The title of what explains a finding, when something does.
    pub fn cause<'a>(&'a self, finding: &'a Finding) -> Option<&'a str> {
        let root = finding.consequence_of.as_ref()?;
        let known = self.findings.iter().find(|one| one.id == *root && !one.title.is_empty());
        Some(known.map_or(root.as_str(), |one| one.title.as_str()))
    }

    /// What became of the other candidates, for people: titles that share their words, and the words. In order.
    pub fn candidates(&self, result: RuledOutResult) -> Vec<(Vec<&str>, &str)> {
        let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
        for one in self.ruled_out.iter().filter(|one| one.result == result) {
            let title = if one.title.is_empty() { &one.id } else { &one.title };
            match groups.iter_mut().find(|(_, why)| *why == one.why) {
                Some((titles, _)) => titles.push(title),
                None => groups.push((vec![title], &one.why)),
            }
        }
        groups
    }

    /// The sentence of an answer without findings. What could not be checked does not count as healthy.
    pub fn nothing_found(&self) -> String {
        let unknown = self.ruled_out.iter().filter(|one| one.result == RuledOutResult::Unknown).count();
        match (unknown, self.ruled_out.len()) {
            (0, _) => "Nothing wrong was found.".to_owned(),
            (unknown, all) => format!("Nothing found so far: {unknown} of {all} checks could not be made."),
        }
    }
}

/// What part a finding plays in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The answer.
    Primary,
    /// It adds to the trouble (at most three).
    Contributing,
    /// True, but not what the ticket is about.
    Also,
    /// Follows from another finding.
    Consequence,
}

/// Where a check stands on an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Does not hold.
    Ok,
    /// Holds, but not yet for long enough.
    Pending,
    /// Holds.
    Active,
    /// Its clear condition holds, but not yet for long enough.
    Recovering,
    /// Was active when its inputs went missing more than half an hour ago.
    Stale,
    /// Cannot be told.
    Unknown,
}

impl FindingState {
    /// The word in documents and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Recovering => "recovering",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it holds, or held until a moment ago, and for as long as the check asks.
    pub fn is_raised(self) -> bool {
        matches!(self, Self::Active | Self::Recovering | Self::Stale)
    }

    /// What people must be told of it beside the finding; empty where it simply holds.
    pub fn caveat(self) -> &'static str {
        match self {
            Self::Pending => "holds, but not for long enough yet",
            Self::Recovering => "clearing",
            Self::Stale => "its data stopped coming; this is what was last known",
            Self::Unknown => "cannot be told",
            Self::Ok | Self::Active => "",
        }
    }
}

/// A check that holds on an endpoint, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's id.
    pub id: String,
    /// What it is called among people: `The disk is nearly full`.
    #[serde(default)]
    pub title: String,
    /// Which instance (`/home`, `eth0`, an application); empty when the check has only one.
    pub instance: String,
    /// Its part in the answer.
    pub role: Role,
    /// The finding this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequence_of: Option<String>,
    /// Where it stands.
    pub state: FindingState,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 0.95.
    pub confidence: f64,
    /// When it began, as far as anybody looked.
    pub onset: Timestamp,
    /// Whether it held already when somebody first looked, at `onset`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_older: bool,
    /// When it was over; absent while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What to tell people.
    pub texts: Texts,
    /// The numbers behind it.
    pub evidence: Vec<Evidence>,
    /// What was considered that could have excused it.
    pub guards: Vec<Guard>,
    /// What to do, in order, for this endpoint's operating system.
    pub runbook: Vec<String>,
    /// When to stop and hand over.
    pub escalation: Escalation,
    /// Proposed ticket category, `Storage/Capacity`.
    pub category: String,
    /// Proposed impact.
    pub impact: Impact,
    /// Proposed urgency.
    pub urgency: Urgency,
    /// Priority that follows from the two.
    pub priority: Priority,
    /// The estimate behind it, where a method made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
}

impl Finding {
    /// Since when it is so, in words that follow `since`: `2026-01-21 12:55 UTC`, `before 2026-01-21 12:55 UTC`; and
    /// until when, where it is over.
    pub fn since(&self) -> String {
        let before = if self.is_older { "before " } else { "" };
        let until = self.until.map_or_else(String::new, |until| format!(", over since {}", texts::moment(until)));
        format!("{before}{}{until}", texts::moment(self.onset))
    }

    /// How sure it is, in words: `85 % sure`, and what must be said of its state.
    pub fn how_sure(&self) -> String {
        let sure = format!("{:.0} % sure", self.confidence * 100.0);
        match self.state.caveat() {
            "" => sure,
            caveat => format!("{sure}; {caveat}"),
        }
    }
}

/// One finding in two languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// One sentence that the person at the machine understands.
    pub user: String,
    /// The numbers, for the technician.
    pub tech: String,
}

/// How a value was held against its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// Less than.
    #[serde(rename = "<")]
    Less,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// Greater than.
    #[serde(rename = ">")]
    Greater,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// Equal.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
}

/// A comparison that was made, whether it held or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was compared, as the check writes it: a signal, or an expression over signals.
    pub signal: String,
    /// The same in plain words.
    #[serde(default)]
    pub label: String,
    /// Instance of the signal.
    pub attrs: Attributes,
    /// Window as the check writes it (`5m`); empty for the last value.
    pub window: String,
    /// The value found; absent when it could not be told.
    pub value: Option<f64>,
    /// What it was held against.
    pub threshold: f64,
    /// How.
    pub comparison: Comparison,
    /// Whether it held; absent when it could not be told.
    pub held: Option<bool>,
    /// UCUM unit of both numbers.
    pub unit: String,
    /// When the newest number was read.
    pub at: Option<Timestamp>,
    /// Seconds from `at` to the moment of the verdict.
    pub age_seconds: Option<f64>,
    /// Where the number comes from on this operating system, from the registry.
    pub source: String,
    /// The reason when there is no value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Evidence {
    /// What was compared, in plain words, with the time it stands for: `Processor time of the agent over the last 15 min`.
    pub fn what(&self) -> String {
        let label = if self.label.is_empty() { &self.signal } else { &self.label };
        match self.window.as_str() {
            "" => label.clone(),
            window => format!("{label} over {}", texts::span_words(window)),
        }
    }

    /// The value as people read it; absent when it could not be told.
    pub fn found(&self) -> Option<String> {
        let value = self.value?;
        Some(match self.words() {
            Some((found, _)) => found.replace('_', " "),
            None if self.unit.is_empty() => yes_no(value).to_owned(),
            None => texts::quantity(value, &self.unit),
        })
    }

    /// From where on it counts: `below 2 GiB`, `yes`.
    pub fn limit(&self) -> String {
        let limit = match self.words() {
            Some((_, limit)) => limit.replace('_', " "),
            None if self.unit.is_empty() => yes_no(self.threshold).to_owned(),
            None => return texts::limit_words(self.comparison, &texts::quantity(self.threshold, &self.unit)),
        };
        if self.comparison == Comparison::NotEqual { format!("not {limit}") } else { limit }
    }

    /// The two texts that were compared, when it was texts.
    fn words(&self) -> Option<(&str, &str)> {
        let (found, limit) = self.why.split_once(", held against ")?;
        Some((found.trim_matches('"'), limit.trim_matches('"')))
    }
}

fn yes_no(value: f64) -> &'static str {
    if value == 0.0 { "no" } else { "yes" }
}

/// Something that could have excused a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The guard's name in the check.
    pub name: String,
    /// `passed` (no excuse), `partly`, `blocked` or `unknown`.
    pub result: String,
}

/// When to stop, to whom to hand over, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Escalation {
    /// Queue, `L2-Desktop`.
    pub queue: String,
    /// When.
    pub when: String,
    /// What to bring.
    pub bring: String,
}

/// What became of a candidate that is not among the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuledOutResult {
    /// Checked, and it does not hold, does not apply, or is excused.
    NotFound,
    /// Could not be checked. Never counts as healthy.
    Unknown,
}

/// A candidate that does not hold, and by how much, or that could not be checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuledOut {
    /// The check's id.
    pub id: String,
    /// What it is called among people: `The disk is nearly full`.
    #[serde(default)]
    pub title: String,
    /// What became of it.
    pub result: RuledOutResult,
    /// What follows the title and a colon, in plain words: the number that clears it, or why it could not be told.
    pub why: String,
    /// The comparison that came nearest to holding.
    pub nearest: Option<Evidence>,
    /// Distance from the threshold as a share of it: 0.4 is 40 % away. Absent when unknown.
    pub margin: Option<f64>,
}
