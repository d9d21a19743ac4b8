//! Words that note and report share.

use std::fmt::Write as _;

use firstline_diagnosis::change::normalise;
use firstline_diagnosis::document::{ChangeRecord, Evidence, Finding, Outcome, RuledOutResult};
use firstline_diagnosis::texts::{event_words, moment, quantity};

use super::Facts;

/// Most changes that are shown.
const CHANGES: usize = 5;

/// Most events that are shown.
const EVENTS: usize = 12;

/// A line of evidence: what, found, limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) found: String,
    pub(super) limit: String,
}

/// The comparisons that made a finding: those that held first; those that could not be told are not numbers.
pub(super) fn evidence(finding: &Finding) -> Vec<Row> {
    let held = finding.evidence.iter().filter(|one| one.held == Some(true));
    held.filter_map(row).collect()
}

fn row(evidence: &Evidence) -> Option<Row> {
    Some(Row { what: evidence.what(), found: evidence.found()?, limit: evidence.limit() })
}

/// A finding that was held against an earlier answer: its title, and where.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let title = if outcome.title.is_empty() { &outcome.id } else { &outcome.title };
    if outcome.instance.is_empty() { title.clone() } else { format!("{title} ({})", outcome.instance) }
}

/// Title and reason of each candidate that was ruled out, or that could not be checked.
pub(super) fn ruled_out<'a>(facts: &'a Facts<'a>, result: RuledOutResult) -> Vec<(&'a str, &'a str)> {
    let candidates = facts.diagnosis.ruled_out.iter().filter(move |one| one.result == result);
    candidates.map(|one| (facts.title(&one.id), one.why.as_str())).collect()
}

/// What may be related to the finding, in lines under a heading; nothing when nobody looked.
pub(super) fn changed_before(facts: &Facts<'_>) -> Vec<(String, Vec<String>)> {
    let Some(changed) = &facts.diagnosis.changes else { return Vec::new() };
    let lines = |records: &[ChangeRecord]| -> Vec<String> {
        records.iter().map(|record| format!("{}: {}", moment(record.at), record.words)).collect()
    };
    let before = if changed.related.is_empty() { vec![changed.words.clone()] } else { lines(&changed.related) };
    let mut lists = vec![("What changed before it started".to_owned(), before)];
    if !changed.after.is_empty() {
        lists.push(("Changed since, perhaps to fix it".to_owned(), lines(&changed.after)));
    }
    lists
}

/// What changed lately, newest first: when, and what. What is told as perhaps related is not told again.
pub(super) fn changes(facts: &Facts<'_>) -> Vec<(String, String)> {
    let (snapshot, told) = (facts.snapshot, facts.diagnosis.changes.as_ref());
    let is_told = |record: &ChangeRecord| {
        let told = told.iter().flat_map(|told| told.related.iter().chain(&told.after));
        told.into_iter().any(|other| other.reference == record.reference)
    };
    let changes = normalise(&snapshot.changes, &snapshot.events, &snapshot.marks, snapshot.taken_at).records;
    let others = changes.into_iter().filter(|record| !is_told(record));
    others.take(CHANGES).map(|record| (moment(record.at), record.words)).collect()
}

/// What happened lately, newest first: when, and what.
pub(super) fn happened(facts: &Facts<'_>) -> Vec<(String, String)> {
    let mut events: Vec<_> = facts.snapshot.events.iter().collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.into_iter().take(EVENTS).map(|event| (moment(event.at), event_words(event))).collect()
}

/// Who the computer is, in one line.
pub(super) fn machine(facts: &Facts<'_>) -> String {
    let endpoint = &facts.snapshot.endpoint;
    let os = [endpoint.os.name.as_str(), endpoint.os.version.as_str()];
    let os = os.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let up = quantity(endpoint.uptime_seconds as f64, "s");
    let mut parts = vec![endpoint.name.clone(), os, format!("up {up}")];
    if !endpoint.users.is_empty() {
        parts.push(format!("signed in: {}", endpoint.users.join(", ")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// Whence the answer comes, in one line.
pub(super) fn origin(facts: &Facts<'_>) -> String {
    let (taken, snapshot) = (moment(facts.snapshot.taken_at), &facts.snapshot.id);
    let (agent, catalogue) = (&facts.snapshot.agent.version, &facts.diagnosis.catalogue);
    let asked = match facts.requested_by {
        "" => String::new(),
        who => format!(", asked for by {who}"),
    };
    let why = facts.ticket.and_then(|ticket| ticket.outside.as_ref()).map_or("", |outside| outside.why.as_str());
    let why = if why.is_empty() { String::new() } else { format!(" Why this computer: {why}") };
    format!("Taken {taken}{asked}. Snapshot {snapshot}, agent {agent}, catalogue {catalogue}.{why}")
}

/// To whom to hand over, when, and with what; nothing when the check does not say.
pub(super) fn escalation(finding: &Finding) -> Option<String> {
    let escalation = &finding.escalation;
    if escalation.queue.is_empty() {
        return None;
    }
    let mut text = format!("To {}", escalation.queue);
    if !escalation.when.is_empty() {
        let _ = write!(text, ": {}", escalation.when);
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    if !escalation.bring.is_empty() {
        let _ = write!(text, " Bring: {}", escalation.bring);
    }
    Some(text)
}

/// A severity with what it asks of people.
pub(super) fn severity(finding: &Finding) -> &'static str {
    use firstline_diagnosis::vocabulary::Severity;
    match finding.severity {
        Severity::Info => "Info: context",
        Severity::Low => "Low: fix this week",
        Severity::Medium => "Medium: fix today",
        Severity::High => "High: the user is blocked, or data is at risk",
        Severity::Critical => "Critical: act now",
    }
}
