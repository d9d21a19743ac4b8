//! One look at the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::Finding;
use firstline_diagnosis::fleet::Cause;
use firstline_diagnosis::fleet::common_cause::{self, Explanation, Judged, Question, Round};
use firstline_diagnosis::fleet::rate_burst::burst;
use firstline_diagnosis::fleet::shared_service::{Failure, Side, unreachable};
use firstline_diagnosis::fleet::silent_group::{Presence, silent};
use firstline_diagnosis::vocabulary::{Severity, Timestamp, Urgency};

use super::facts::{self, Hosts};
use super::reconcile::{Rates, Seen, listed, unseen};
use super::standing::{self, Standing};
use super::{
    Incident, IncidentEndpoint, IncidentKind, IncidentNumbers, IncidentState, Incidents, THRESHOLDS, rows, words,
};
use crate::alert::AlertError;
use crate::alert::incident as alerts;
use crate::store::sql;

/// The name under which silence is told.
const SILENT: &str = "silent-group";

/// Checks that say that a host's way out fails.
const CUT_OFF: [&str; 2] = ["gateway-unreachable", "no-internet-upstream"];

/// How sure what passed the tests is.
const SURE: f64 = 0.9;

const FALLEN_SILENT: &str = "SELECT COUNT(*) FROM endpoints WHERE revoked_at_ms IS NULL AND merged_into IS NULL
    AND left_at_ms IS NULL AND paused = 0 AND state <> 'online' AND last_seen_ms >= $1";

const FIRED: &str = "SELECT c.at_ms FROM alert_changes c JOIN alerts a ON a.id = c.alert_id
    WHERE a.check_id = $1 AND c.change IN ('fired', 'fired_again') AND c.at_ms >= $2 AND a.endpoint_id <> ''";

const FINDING: &str = "SELECT document FROM findings WHERE check_id = $1 AND endpoint_id = $2 AND instance = $3";

impl Incidents {
    /// Looks at the fleet: opens, refreshes and closes incidents. Called every minute by one collector.
    ///
    /// # Errors
    /// When the store failed; the next look tries again.
    pub async fn round(&self) -> Result<(), AlertError> {
        let (now, reads) = (self.clock.now(), self.store.reads());
        let open = rows::open(reads).await?;
        let watched: Vec<String> = open.iter().map(|incident| incident.check.clone()).collect();
        let standings = standing::of(reads, &watched).await?;
        let (fallen,): (i64,) =
            sql::query_as(FALLEN_SILENT).bind((now - Duration::from_mins(20)).unix_ms()).fetch_one(reads).await?;
        if open.is_empty() && standings.is_empty() && fallen < 2 {
            return Ok(());
        }
        let hosts = facts::of(reads, &THRESHOLDS, now).await?;
        let catalogue = self.catalogues.current();
        let look = Look { hosts: &hosts, standings: &standings, catalogue: &catalogue, now };
        let mut seen = look.seen();
        seen.extend(self.bursts(&look, &seen).await?);
        self.reconcile(&look, open, seen).await
    }

    /// Findings that many got within a quarter of an hour, and that nothing else explains.
    async fn bursts(&self, look: &Look<'_>, seen: &[Seen]) -> Result<Vec<Seen>, AlertError> {
        let thresholds = &THRESHOLDS.rate_burst;
        let slot = Duration::from_secs(u64::from(thresholds.slot_minutes) * 60);
        let week = Duration::from_hours(7 * 24);
        let mut bursts = Vec::new();
        for (check, standing) in look.standings {
            let new: Vec<usize> = look.affected(standing, |onset| look.now.since(onset) <= slot);
            let explained = seen.iter().any(|one| one.check == *check);
            let testable = look.judged(check, standing).len() >= THRESHOLDS.common_cause.eligible_least;
            if explained || !testable || new.len() < thresholds.least as usize {
                continue;
            }
            let since = look.now - week * thresholds.weeks - slot;
            let rows: Vec<(i64,)> =
                sql::query_as(FIRED).bind(check).bind(since.unix_ms()).fetch_all(self.store.reads()).await?;
            let count = |weeks: u32| {
                let end = look.now - week * weeks;
                let within = |at: &Timestamp| *at <= end && end.since(*at) <= slot;
                u32::try_from(rows.iter().map(|(at,)| Timestamp(*at)).filter(within).count()).unwrap_or(u32::MAX)
            };
            let weeks: Vec<u32> = (1..=thresholds.weeks).map(count).collect();
            if let Some(found) = burst(u32::try_from(new.len()).unwrap_or(u32::MAX), &weeks, thresholds) {
                bursts.push(look.burst(check, standing, &new, found.p));
            }
        }
        Ok(bursts)
    }

    async fn reconcile(&self, look: &Look<'_>, mut open: Vec<Incident>, seen: Vec<Seen>) -> Result<(), AlertError> {
        let common = &THRESHOLDS.common_cause;
        for one in seen {
            let mut known = None;
            for (place, incident) in open.iter().enumerate() {
                let members = rows::members(self.store.reads(), &incident.id).await?;
                if one.is(incident, &members.iter().map(|member| member.id.as_str()).collect()) {
                    known = Some((place, members));
                    break;
                }
            }
            let (before, after) = match known {
                Some((place, members)) => {
                    let before = open.remove(place);
                    let after = one.refreshed(&before, members, common, look.now);
                    (Some(before), after)
                }
                None => (None, one.opened(common, look.now)),
            };
            let affected = one.affected.into_iter().map(|(id, _)| id).collect();
            self.keep(look, before, after, affected).await?;
        }
        for before in open {
            let members = rows::members(self.store.reads(), &before.id).await?;
            let (rates, endpoints) = look.rates(&before, members);
            let after = unseen(&before, rates, endpoints, common, look.now);
            self.keep(look, Some(before), after, Vec::new()).await?;
        }
        Ok(())
    }

    /// Stores an incident as it is now, with those who joined, and what that means for alerts.
    async fn keep(
        &self,
        look: &Look<'_>,
        before: Option<Incident>,
        after: Incident,
        joined: Vec<String>,
    ) -> Result<(), AlertError> {
        let changed = before.as_ref() != Some(&after);
        let (now, worst) = (look.now, self.worst(look, &after).await?);
        let whole = alerts::Whole {
            incident: after.id.clone(),
            words: after.words.clone(),
            count: after.endpoints.len(),
            finding: words::finding(&after, worst),
        };
        let (kept, policy) = (after.clone(), Arc::clone(&self.policy));
        let write = self.store.write(move |tx| {
            Box::pin(async move {
                if changed {
                    rows::save(tx, &kept).await?;
                }
                rows::join(tx, &kept.id, &joined, now).await?;
                match kept.state {
                    IncidentState::Open => Box::pin(alerts::tell(tx, &whole, &policy, now)).await,
                    IncidentState::Closed => Box::pin(alerts::end(tx, &whole, &policy, now)).await,
                }
            })
        });
        let told = write.await?;
        self.tell(told, if changed { vec![after] } else { Vec::new() });
        Ok(())
    }

    /// The worst of an incident's findings.
    async fn worst(&self, look: &Look<'_>, incident: &Incident) -> Result<Option<Finding>, AlertError> {
        let worst = look.standings.get(&incident.check).and_then(|standing| standing.worst.as_ref());
        let Some((_, endpoint, instance)) = worst else { return Ok(None) };
        let row: Option<(String,)> = sql::query_as(FINDING)
            .bind(&incident.check)
            .bind(endpoint)
            .bind(instance)
            .fetch_optional(self.store.reads())
            .await?;
        Ok(row.and_then(|(document,)| serde_json::from_str(&document).ok()))
    }
}

/// What a round looks at.
struct Look<'a> {
    hosts: &'a Hosts,
    standings: &'a BTreeMap<String, Standing>,
    catalogue: &'a Catalogue,
    now: Timestamp,
}

impl Look<'_> {
    /// Everything that is no coincidence.
    fn seen(&self) -> Vec<Seen> {
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
            numbers: IncidentNumbers {
                affected: one.affected.len(),
                sharing: one.sharing,
                all_affected: one.all_affected,
                all: one.all,
                p: one.p,
                q: one.q,
                lift: one.lift,
                baseline: one.baseline,
            },
            ..self.of_check(&one.finding, standing, IncidentKind::CommonCause, &one.affected)
        }
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
            is_usual: false,
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
    fn rates(&self, incident: &Incident, members: Vec<IncidentEndpoint>) -> (Rates, Vec<IncidentEndpoint>) {
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
