//! Words that note and report share.

use std::fmt::Write as _;

use firstline_diagnosis::document::{Evidence, Finding, Outcome, RuledOutResult};
use firstline_diagnosis::texts::{event_words, quantity};
use firstline_diagnosis::vocabulary::Timestamp;

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

/// What changed lately, the likeliest related first: when, and what.
pub(super) fn changes(facts: &Facts<'_>) -> Vec<(String, String)> {
    let mut changes: Vec<_> = facts.snapshot.changes.iter().collect();
    changes.sort_by(|one, other| {
        let score = |change: &&firstline_diagnosis::document::Change| change.score.unwrap_or(0.0);
        score(other).total_cmp(&score(one)).then(other.at.cmp(&one.at))
    });
    let words = |from: &Option<String>, to: &Option<String>| match (from, to) {
        (Some(from), Some(to)) => format!("{from} became {to}"),
        (None, Some(to)) => format!("{to} is new"),
        (Some(from), None) => format!("{from} is gone"),
        (None, None) => "changed".to_owned(),
    };
    let line = |change: &&firstline_diagnosis::document::Change| {
        (moment(change.at), format!("{}: {}", change.kind, words(&change.from, &change.to)))
    };
    changes.iter().take(CHANGES).map(line).collect()
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
    format!("Taken {taken}{asked}. Snapshot {snapshot}, agent {agent}, catalogue {catalogue}.")
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

/// How sure, in percent.
pub(super) fn confidence(finding: &Finding) -> String {
    format!("{:.0} % sure", finding.confidence * 100.0)
}

/// `2026-01-21 12:55 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(..16).filter(|_| text.as_bytes().get(10) == Some(&b'T')) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => text,
    }
}
