//! An incident in words, and as a finding that people can be told of.

use firstline_diagnosis::document::{Escalation, Finding, FindingState, Role, Texts};
use firstline_diagnosis::fleet::Attribute;
use firstline_diagnosis::fleet::common_cause::Shared;
use firstline_diagnosis::vocabulary::Priority;

use super::{Incident, IncidentKind, SharedBy};

/// What endpoints share, in words.
pub(super) fn shared_by(attributes: &[Attribute], shared: &[Shared]) -> Vec<SharedBy> {
    let words = |one: &Shared| {
        let attribute = attributes.get(one.attribute)?;
        Some(SharedBy {
            attribute: attribute.id.clone(),
            value: one.value.clone(),
            words: attribute.words.replace("{value}", &one.value),
        })
    };
    shared.iter().filter_map(words).collect()
}

/// The sentence for technicians.
pub(super) fn sentence(incident: &Incident) -> String {
    let (numbers, title) = (&incident.numbers, incident.title.trim_end_matches('.'));
    let shared: Vec<&str> = incident.shared.iter().map(|one| one.words.as_str()).collect();
    let place = shared.join(" (the very same are ");
    let place = format!("{place}{}", ")".repeat(shared.len().saturating_sub(1)));
    match incident.kind {
        IncidentKind::CommonCause => format!(
            "{title}: {} of {} endpoints {place}, and {} of {} elsewhere.",
            numbers.affected,
            numbers.sharing,
            numbers.all_affected.saturating_sub(numbers.affected),
            numbers.all.saturating_sub(numbers.sharing)
        ),
        IncidentKind::SilentGroup => {
            format!("{} of {} endpoints {place} have fallen silent.", numbers.affected, numbers.sharing)
        }
        IncidentKind::RateBurst => format!(
            "{title}: it began on {} of {} endpoints within a quarter of an hour, and they have nothing in common.",
            numbers.affected, numbers.all
        ),
        IncidentKind::BadRollout => format!(
            "{title}: on {} of {} endpoints {place}, {:.1} times as often as before, and on {:.0} % of those without it.",
            numbers.affected,
            numbers.sharing,
            numbers.lift,
            numbers.baseline * 100.0
        ),
        IncidentKind::SharedService => {
            format!(
                "{title}: {} endpoints cannot reach it {place}, so that it is the service itself.",
                numbers.affected
            )
        }
    }
}

/// The sentence for everybody who is affected.
pub(super) fn to_users(own: &str) -> String {
    let told = "Several people have this at the same time, and it is being looked into; nothing on your computer has to be \
                changed.";
    if own.is_empty() { told.to_owned() } else { format!("{} {told}", own.trim_end()) }
}

/// What people are told of the incident: the worst of its findings, in the incident's words.
pub(super) fn finding(incident: &Incident, worst: Option<Finding>) -> Finding {
    let of_all = bare(incident);
    let Some(own) = worst else { return of_all };
    let Finding { id, evidence, guards, runbook, escalation, category, .. } = own;
    Finding { id, evidence, guards, runbook, escalation, category, ..of_all }
}

/// A finding that no endpoint has.
fn bare(incident: &Incident) -> Finding {
    let (runbook, escalation) = own_steps(incident.kind);
    let is_rollout = incident.kind == IncidentKind::BadRollout;
    let category = if is_rollout { "Software/Rollout" } else { "Network/Connectivity" };
    Finding {
        id: incident.check.clone(),
        title: incident.title.clone(),
        instance: String::new(),
        role: Role::Primary,
        consequence_of: None,
        state: FindingState::Active,
        severity: incident.severity,
        confidence: incident.confidence,
        onset: incident.onset,
        is_older: false,
        until: None,
        texts: Texts { user: incident.user.clone(), tech: incident.words.clone() },
        evidence: Vec::new(),
        guards: Vec::new(),
        runbook,
        escalation,
        category: category.to_owned(),
        impact: incident.impact,
        urgency: incident.urgency,
        priority: Priority::of(incident.impact, incident.urgency),
        forecast: None,
    }
}

/// What to do about an incident of which no check tells, and whom to hand it over to.
pub(crate) fn own_steps(kind: IncidentKind) -> (Vec<String>, Escalation) {
    if kind == IncidentKind::BadRollout { rollout_steps() } else { place_steps() }
}

/// What to do about a place that fell silent, and whom to hand it over to.
fn place_steps() -> (Vec<String>, Escalation) {
    let step = "Look whether the place that they share has power and network: call somebody who is there.";
    let escalation = Escalation {
        queue: "L2-Network".to_owned(),
        when: "Nobody there can be reached, or the network is down.".to_owned(),
        bring: "The endpoints of the incident, and since when.".to_owned(),
    };
    (vec![step.to_owned()], escalation)
}

/// What to do about something that was rolled out, and whom to hand it over to.
fn rollout_steps() -> (Vec<String>, Escalation) {
    let step = "Pause the rollout until it is known whether it is the cause; nothing is rolled back by itself.";
    let escalation = Escalation {
        queue: "L3-Endpoint".to_owned(),
        when: "At once.".to_owned(),
        bring: "What was rolled out, the endpoints of the incident, and since when.".to_owned(),
    };
    (vec![step.to_owned()], escalation)
}
