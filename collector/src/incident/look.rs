//! What is no coincidence on a fleet: no clock, no store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::fleet::Cause;
use firstline_diagnosis::fleet::common_cause::{self, Explanation, Judged, Question, Round};
use firstline_diagnosis::fleet::rate_burst::burst;
use firstline_diagnosis::fleet::shared_service::{Failure, Side, unreachable};
use firstline_diagnosis::fleet::silent_group::{Presence, silent};
use firstline_diagnosis::vocabulary::{Severity, Timestamp, Urgency};

use super::facts::Hosts;
use super::reconcile::{Rates, Seen, listed};
use super::standing::Standing;
use super::{Incident, IncidentEndpoint, IncidentKind, IncidentNumbers, THRESHOLDS, words};

/// The name under which silence is told.
const SILENT: &str = "silent-group";

/// Checks that say that a host's way out fails.
const CUT_OFF: [&str; 2] = ["gateway-unreachable", "no-internet-upstream"];

/// How sure what passed the tests is.
const SURE: f64 = 0.9;

/// A week, of which the same quarter of an hour is compared.
pub(super) const WEEK: Duration = Duration::from_hours(7 * 24);

/// A finding that many got within a quarter of an hour, and that nothing else explains.
#[derive(Debug)]
pub(super) struct MaybeBurst {
    pub(super) check: String,
    new: Vec<usize>,
}

/// How long a slot of bursts is.
pub(super) fn slot() -> Duration {
    Duration::from_secs(u64::from(THRESHOLDS.rate_burst.slot_minutes) * 60)
}

/// What a round looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) standings: &'a BTreeMap<String, Standing>,
    pub(super) catalogue: &'a Catalogue,
    pub(super) now: Timestamp,
}

impl Look<'_> {
    /// Everything that is no coincidence.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let questions: Vec<Question> = self
            .standings
            .iter()
            .map(|(check, standing)| Question { finding: check.clone(), judged: self.judged(check, standing) })
            .collect();
        let Round { explanations, .. } = common_cause::explain(&self.hosts.list, &questions, &THRESHOLDS);
        let mut seen: Vec<Seen> = explanations.iter().map(|one| self.common(one)).collect();
        for service in self.services() {
            if !seen.iter().any(|one| one.check == service.check) {
                seen.push(service);
            }
        }
        seen.extend(self.silent());
        seen
    }

    /// The hosts of which a finding can be told, and when it began on those that have it.
    fn judged(&self, check: &str, standing: &Standing) -> Vec<Judged> {
        let systems = self.catalogue.check(check).map(|check| check.os.as_slice());
        let untold: BTreeSet<&str> = standing.untold.iter().map(String::as_str).collect();
        let can_be_told = |place: &usize| {
            let is_for = systems.is_none_or(|systems| systems.contains(&self.hosts.systems[*place]));
            self.hosts.reports[*place] && is_for && !untold.contains(self.hosts.list[*place].id.as_str())
        };
        let judged = |host: usize| Judged { host, onset: standing.affected.get(&self.hosts.list[host].id).copied() };
        (0..self.hosts.list.len()).filter(can_be_told).map(judged).collect()
    }

    /// Places of the hosts that have a finding since a moment that `is_meant`.
    fn affected(&self, standing: &Standing, is_meant: impl Fn(Timestamp) -> bool) -> Vec<usize> {
        let meant = standing.affected.iter().filter(|(_, onset)| is_meant(**onset));
        meant.filter_map(|(id, _)| self.hosts.place(id)).collect()
    }

    fn named(&self, places: &[usize]) -> Vec<(String, String)> {
        places.iter().map(|place| (self.hosts.list[*place].id.clone(), self.hosts.names[*place].clone())).collect()
    }

    /// What the check says of itself.
    fn of_check(&self, check: &str, standing: &Standing, kind: IncidentKind, affected: &[usize]) -> Seen {
        let known = self.catalogue.check(check);
        Seen {
            kind,
            check: check.to_owned(),
            title: known.map_or_else(|| check.to_owned(), |check| check.title.clone()),
            user: String::new(),
            shared: Vec::new(),
            severity: standing.severity(),
            urgency: known.map_or(Urgency::U2, |check| check.urgency),
            confidence: SURE,
            onset: standing.affected.values().copied().min().unwrap_or(self.now),
            numbers: IncidentNumbers {
                affected: affected.len(),
                sharing: affected.len(),
                all_affected: standing.affected.len(),
                all: self.judged(check, standing).len(),
                ..IncidentNumbers::default()
            },
            affected: self.named(affected),
        }
    }

    fn common(&self, one: &Explanation) -> Seen {
        let standing = &self.standings[&one.finding];
        Seen {
            shared: words::shared_by(&THRESHOLDS.attributes, &one.shared),
            onset: one.onset,
            numbers: one.numbers,
            ..self.of_check(&one.finding, standing, IncidentKind::CommonCause, &one.affected)
        }
    }

    /// What may be a burst, when other weeks had fewer.
    pub(super) fn maybe_bursts(&self, seen: &[Seen]) -> Vec<MaybeBurst> {
        let least = (THRESHOLDS.common_cause.eligible_least, THRESHOLDS.rate_burst.least as usize);
        let maybe = |(check, standing): (&String, &Standing)| {
            let new: Vec<usize> = self.affected(standing, |onset| self.now.since(onset) <= slot());
            let explained = seen.iter().any(|one| one.check == *check);
            let testable = self.judged(check, standing).len() >= least.0;
            (!explained && testable && new.len() >= least.1).then(|| MaybeBurst { check: check.clone(), new })
        };
        self.standings.iter().filter_map(maybe).collect()
    }

    /// A burst, when it is one against the moments at which people were told of the same in earlier weeks.
    pub(super) fn burst_of(&self, maybe: &MaybeBurst, told: &[Timestamp]) -> Option<Seen> {
        let count = |weeks: u32| {
            let end = self.now - WEEK * weeks;
            let within = |at: &&Timestamp| **at <= end && end.since(**at) <= slot();
            u32::try_from(told.iter().filter(within).count()).unwrap_or(u32::MAX)
        };
        let weeks: Vec<u32> = (1..=THRESHOLDS.rate_burst.weeks).map(count).collect();
        let found = burst(u32::try_from(maybe.new.len()).unwrap_or(u32::MAX), &weeks, &THRESHOLDS.rate_burst)?;
        Some(self.burst(&maybe.check, &self.standings[&maybe.check], &maybe.new, found.p))
    }

    fn burst(&self, check: &str, standing: &Standing, affected: &[usize], p: f64) -> Seen {
        let seen = self.of_check(check, standing, IncidentKind::RateBurst, affected);
        Seen { numbers: IncidentNumbers { p, ..seen.numbers }, ..seen }
    }

    /// Services that cannot be reached from several networks.
    fn services(&self) -> Vec<Seen> {
        let network = THRESHOLDS.attributes.iter().position(|attribute| attribute.id == "network");
        let mut seen = Vec::new();
        for (check, standing) in self.standings.iter().filter(|(check, _)| THRESHOLDS.is_service(check)) {
            let failure = |(target, endpoint): &(String, String)| {
                let host = self.hosts.place(endpoint)?;
                let facts = &self.hosts.list[host].facts;
                let network = facts.iter().find(|fact| Some(fact.attribute) == network)?.value.clone();
                Some(Failure { target: target.clone(), host, network })
            };
            let failures: Vec<Failure> = standing.instances.iter().filter_map(failure).collect();
            for one in unreachable(&failures, &THRESHOLDS.shared_service) {
                if one.side == Side::Service {
                    let told = self.of_check(check, standing, IncidentKind::SharedService, &one.hosts);
                    let words = format!("on several networks: {}", one.target);
                    let shared = super::SharedBy { attribute: "service".to_owned(), value: one.target.clone(), words };
                    seen.push(Seen { shared: vec![shared], ..told });
                }
            }
        }
        seen
    }

    /// Those who share something and have fallen silent.
    fn silent(&self) -> Option<Seen> {
        let places: Vec<usize> = (0..THRESHOLDS.attributes.len())
            .filter(|place| {
                let attribute = &THRESHOLDS.attributes[*place];
                attribute.cause == Cause::Outage && ["site", "network", "subnet"].contains(&attribute.id.as_str())
            })
            .collect();
        let cut_off: BTreeSet<&str> = CUT_OFF
            .iter()
            .filter_map(|check| self.standings.get(*check))
            .flat_map(|standing| standing.affected.keys().map(String::as_str))
            .collect();
        let presence = |(place, host): (usize, &firstline_diagnosis::fleet::eligible::Host)| Presence {
            is_pausing: self.hosts.pausing[place],
            is_usual: self.hosts.usual[place],
            is_cut_off: cut_off.contains(host.id.as_str()),
        };
        let presences: Vec<Presence> = self.hosts.list.iter().enumerate().map(presence).collect();
        let found = silent(&self.hosts.list, &presences, &places, self.now, &THRESHOLDS.silent_group);
        let one = found.into_iter().next()?;
        let first = one.missing.iter().map(|place| self.hosts.list[*place].heard).min()?;
        Some(Seen {
            kind: IncidentKind::SilentGroup,
            check: SILENT.to_owned(),
            title: "Endpoints have fallen silent".to_owned(),
            user: String::new(),
            shared: words::shared_by(&THRESHOLDS.attributes, std::slice::from_ref(&one.shared)),
            severity: Severity::High,
            urgency: Urgency::U1,
            confidence: one.confidence,
            onset: first,
            numbers: IncidentNumbers {
                affected: one.missing.len(),
                sharing: one.expected,
                all_affected: one.missing.len(),
                all: self.hosts.list.len(),
                ..IncidentNumbers::default()
            },
            affected: self.named(&one.missing),
        })
    }

    /// How it stands with an incident that was not seen again, and with its endpoints.
    pub(super) fn rates(&self, incident: &Incident, members: Vec<IncidentEndpoint>) -> (Rates, Vec<IncidentEndpoint>) {
        let none = Standing::default();
        let standing = self.standings.get(&incident.check).unwrap_or(&none);
        let is_member: BTreeSet<&str> = members.iter().map(|member| member.id.as_str()).collect();
        let affected: BTreeSet<&str> = match incident.kind {
            // Who has not been heard since is silent still.
            IncidentKind::SilentGroup => {
                let heard = |id: &str| self.hosts.place(id).is_some_and(|place| self.hosts.reports[place]);
                is_member.iter().copied().filter(|id| !heard(id)).collect()
            }
            _ => standing.affected.keys().map(String::as_str).collect(),
        };
        let sharing = self.sharing(incident, &is_member);
        let within = |id: &&str| sharing.contains(*id);
        let (inside, outside): (Vec<&str>, Vec<&str>) = affected.iter().copied().partition(within);
        let rates = Rates {
            affected: inside.len(),
            sharing: sharing.len(),
            elsewhere_affected: outside.len(),
            elsewhere: self.hosts.list.len().saturating_sub(sharing.len()),
        };
        let endpoints = listed(members.clone().into_iter(), &affected);
        (rates, endpoints)
    }

    /// Who shares the cause of an incident now, and who is one of it.
    fn sharing<'s>(&'s self, incident: &Incident, members: &BTreeSet<&'s str>) -> BTreeSet<&'s str> {
        let shared = incident.shared.first();
        let attribute = shared
            .and_then(|shared| THRESHOLDS.attributes.iter().position(|attribute| attribute.id == shared.attribute));
        let mut sharing = members.clone();
        if let (Some(shared), Some(attribute)) = (shared, attribute) {
            let places = self.hosts.sharing(attribute, &shared.value);
            sharing.extend(places.map(|place| self.hosts.list[place].id.as_str()));
        }
        sharing
    }
}
