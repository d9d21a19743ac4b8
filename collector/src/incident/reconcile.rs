//! What a round saw against what is known: no clock, no store. Live detection and a replay both come through [`turns`].

use std::collections::BTreeSet;
use std::time::Duration;

use firstline_diagnosis::fleet::CommonCause;
use firstline_diagnosis::vocabulary::{Impact, Priority, Severity, Timestamp, Urgency};

use super::look::Look;
use super::{
    Incident, IncidentEndpoint, IncidentKind, IncidentNumbers, IncidentState, SharedBy, THRESHOLDS, rows, words,
};

/// What a round made of one incident.
#[derive(Debug)]
pub(super) struct Turn {
    /// As it was; nothing when it is new.
    pub(super) before: Option<Incident>,
    /// As it is.
    pub(super) after: Incident,
    /// Endpoints (ids) that are of it now, new or known.
    pub(super) joined: Vec<String>,
}

/// What becomes of the open incidents, each with all its endpoints, and of what a round saw.
pub(super) fn turns(
    look: &Look<'_>,
    mut open: Vec<(Incident, Vec<IncidentEndpoint>)>,
    seen: Vec<Seen>,
    mut new_id: impl FnMut() -> String,
) -> Vec<Turn> {
    let common = &THRESHOLDS.common_cause;
    let mut turns = Vec::new();
    for one in seen {
        let is_it = |(incident, members): &(Incident, Vec<IncidentEndpoint>)| {
            one.is(incident, &members.iter().map(|member| member.id.as_str()).collect())
        };
        let (before, after) = match open.iter().position(is_it) {
            Some(place) => {
                let (before, members) = open.remove(place);
                let after = one.refreshed(&before, members, common, look.now);
                (Some(before), after)
            }
            None => (None, one.opened(new_id(), common, look.now)),
        };
        turns.push(Turn { before, after, joined: one.affected.into_iter().map(|(id, _)| id).collect() });
    }
    for (before, members) in open {
        let (rates, endpoints) = look.rates(&before, members);
        let after = unseen(&before, rates, endpoints, common, look.now);
        turns.push(Turn { before: Some(before), after, joined: Vec::new() });
    }
    turns
}

/// Something that a round saw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) kind: IncidentKind,
    pub(super) check: String,
    pub(super) title: String,
    /// What the check tells one person.
    pub(super) user: String,
    pub(super) shared: Vec<SharedBy>,
    pub(super) severity: Severity,
    pub(super) urgency: Urgency,
    pub(super) confidence: f64,
    pub(super) onset: Timestamp,
    pub(super) numbers: IncidentNumbers,
    /// Affected endpoints: id and name.
    pub(super) affected: Vec<(String, String)>,
}

impl Seen {
    /// Whether it is what `incident` is: the same finding, and the same cause or mostly the same endpoints.
    fn is(&self, incident: &Incident, members: &BTreeSet<&str>) -> bool {
        let same = |one: &SharedBy| {
            self.shared.iter().any(|other| one.attribute == other.attribute && one.value == other.value)
        };
        let known = self.affected.iter().filter(|(id, _)| members.contains(id.as_str())).count();
        self.check == incident.check && (incident.shared.iter().any(same) || 2 * known > self.affected.len())
    }

    fn impact(&self, common: &CommonCause) -> Impact {
        let is_site = self.shared.iter().any(|one| one.attribute == "site");
        if self.affected.len() >= common.many || is_site { Impact::I1 } else { Impact::I2 }
    }

    /// A new incident.
    fn opened(&self, id: String, common: &CommonCause, now: Timestamp) -> Incident {
        let impact = self.impact(common);
        let incident = Incident {
            id,
            kind: self.kind,
            check: self.check.clone(),
            title: self.title.clone(),
            words: String::new(),
            user: words::to_users(&self.user),
            shared: self.shared.clone(),
            state: IncidentState::Open,
            severity: self.severity,
            impact,
            urgency: self.urgency,
            priority: Priority::of(impact, self.urgency),
            confidence: self.confidence,
            onset: self.onset,
            opened_at: now,
            updated_at: now,
            calm_since: None,
            closed_at: None,
            numbers: self.numbers,
            endpoints: self.joined(Vec::new(), now),
            asks: false,
            confirmation: None,
            ticket: None,
            tickets: Vec::new(),
        };
        Incident { words: words::sentence(&incident), ..incident }
    }

    /// The incident as it is now. Its severity and impact only grow.
    fn refreshed(
        &self,
        before: &Incident,
        members: Vec<IncidentEndpoint>,
        common: &CommonCause,
        now: Timestamp,
    ) -> Incident {
        let impact = self.impact(common).min(before.impact);
        let incident = Incident {
            shared: self.shared.clone(),
            severity: self.severity.max(before.severity),
            impact,
            priority: Priority::of(impact, before.urgency),
            confidence: self.confidence.max(before.confidence),
            onset: self.onset.min(before.onset),
            calm_since: None,
            numbers: self.numbers,
            endpoints: self.joined(members, now),
            ..before.clone()
        };
        touched(before, Incident { words: words::sentence(&incident), ..incident }, now)
    }

    /// The endpoints with those that are affected now, who come first.
    fn joined(&self, members: Vec<IncidentEndpoint>, now: Timestamp) -> Vec<IncidentEndpoint> {
        let affected: BTreeSet<&str> = self.affected.iter().map(|(id, _)| id.as_str()).collect();
        let known: BTreeSet<String> = members.iter().map(|member| member.id.clone()).collect();
        let new = self.affected.iter().filter(|(id, _)| !known.contains(id)).map(|(id, name)| IncidentEndpoint {
            id: id.clone(),
            name: name.clone(),
            joined_at: now,
            is_affected: true,
        });
        listed(members.into_iter().chain(new), &affected)
    }
}

/// Endpoints in the order of the document.
pub(super) fn listed(
    endpoints: impl Iterator<Item = IncidentEndpoint>,
    affected: &BTreeSet<&str>,
) -> Vec<IncidentEndpoint> {
    let mut endpoints: Vec<IncidentEndpoint> = endpoints
        .map(|endpoint| IncidentEndpoint { is_affected: affected.contains(endpoint.id.as_str()), ..endpoint })
        .collect();
    endpoints.sort_by(|one, other| {
        (!one.is_affected, &one.name, &one.id).cmp(&(!other.is_affected, &other.name, &other.id))
    });
    endpoints.truncate(rows::NAMED);
    endpoints
}

/// How it stands with an incident that was not seen again: so many affected of those who share its cause, and elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rates {
    pub(super) affected: usize,
    pub(super) sharing: usize,
    pub(super) elsewhere_affected: usize,
    pub(super) elsewhere: usize,
}

impl Rates {
    fn is_calm(self, common: &CommonCause) -> bool {
        let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        self.affected == 0
            || share(self.affected, self.sharing) < common.close_factor * share(self.elsewhere_affected, self.elsewhere)
    }
}

/// An incident that was not seen again: as it is now, or over when it has been calm for long enough.
fn unseen(
    before: &Incident,
    rates: Rates,
    endpoints: Vec<IncidentEndpoint>,
    common: &CommonCause,
    now: Timestamp,
) -> Incident {
    let calm_since = rates.is_calm(common).then(|| before.calm_since.unwrap_or(now));
    let long = Duration::from_secs(u64::from(common.close_minutes) * 60);
    let is_over = calm_since.is_some_and(|since| now.since(since) >= long);
    let incident = Incident {
        calm_since,
        closed_at: is_over.then_some(now),
        state: if is_over { IncidentState::Closed } else { before.state },
        endpoints,
        ..before.clone()
    };
    touched(before, incident, now)
}

/// With the moment of the change, when there is one.
fn touched(before: &Incident, after: Incident, now: Timestamp) -> Incident {
    if *before == after { after } else { Incident { updated_at: now, ..after } }
}
