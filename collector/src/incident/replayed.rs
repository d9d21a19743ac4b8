//! The incidents of recordings, on a virtual clock.
//!
//! The same look and the same turns as live detection takes once a minute ([`super::look`], [`super::reconcile`]), over what
//! the recordings say instead of over the database. What a recording does not say is not known here either: serial numbers,
//! and what people were told of in weeks before it. Ids are numbered, so that the same recordings give the same bytes. Between
//! two moves nothing is looked at as long as no finding stands on several endpoints, nobody is missed, and no rollout broke
//! anything.

mod rollouts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{Finding, FindingState};
use firstline_diagnosis::fleet::Cause;
use firstline_diagnosis::fleet::eligible::Fact;
use firstline_diagnosis::recording::{CLOSE, Step, Track};
use firstline_diagnosis::vocabulary::{Event, Mark, Reading, Timestamp, Value};

use super::facts::{HEARD, Hosts, Known, LAG, OBTAINED, installed_by, value_of};
use super::look::Look;
use super::presence::{SLOT_MS, slot_of, weeks_before};
use super::reconcile::turns;
use super::rollouts::SYMPTOMS;
use super::standing::{SEVERAL, Standing};
use super::{Incident, IncidentEndpoint, IncidentState, THRESHOLDS};
use crate::alert::rank;
use rollouts::Rollouts;

/// How often live detection looks.
const MINUTE_MS: i64 = 60_000;

/// Longest stretch within which nobody would be missed, when somebody is silent.
const MISSED: Duration = Duration::from_mins(20);

/// What recordings say of incidents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replayed {
    /// The incidents, what was opened first comes first, each as it was at the end.
    pub incidents: Vec<Incident>,
    /// What can and cannot be seen in these recordings.
    pub notes: Vec<String>,
}

/// Signals of what endpoints may have in common, and of what rollouts may break, which a recording has to have.
pub fn signals() -> BTreeSet<String> {
    let of = THRESHOLDS.attributes.iter().flat_map(|attribute| [&attribute.signal, &attribute.event]);
    let symptoms = SYMPTOMS.iter().map(|symptom| symptom.signal.to_owned());
    of.flatten().cloned().chain(symptoms).collect()
}

/// The incidents of endpoints whose recordings left these tracks.
pub fn replay(tracks: &BTreeMap<String, Track>, catalogue: &Catalogue) -> Replayed {
    let mut stage = Stage::of(tracks);
    let first = tracks.values().filter_map(|track| track.heard.first()).map(|(from, _)| *from).min();
    let last = tracks.values().filter_map(Track::last).max();
    if let (Some(first), Some(last)) = (first, last) {
        let mut now = Timestamp(first.0 - first.0.rem_euclid(MINUTE_MS));
        while now < last {
            now = Timestamp(now.0 + MINUTE_MS);
            stage.go_on(now);
            stage.round(catalogue, now);
        }
    }
    let mut incidents = stage.over;
    incidents.extend(stage.open.into_iter().map(|(incident, _)| incident));
    incidents.sort_by(|one, other| (one.opened_at, &one.id).cmp(&(other.opened_at, &other.id)));
    Replayed { notes: notes(tracks, stage.shares), incidents }
}

/// What stands on the stage at a moment.
#[derive(Default)]
struct Stage<'a> {
    endpoints: Vec<Endpoint<'a>>,
    /// Where findings stand, by check, then endpoint and instance.
    findings: BTreeMap<String, BTreeMap<(String, String), Finding>>,
    /// When each check was raised, for bursts.
    raised: BTreeMap<String, Vec<Timestamp>>,
    open: Vec<(Incident, Vec<IncidentEndpoint>)>,
    over: Vec<Incident>,
    numbered: usize,
    /// What was rolled out, and what happened to machines.
    rollouts: Rollouts,
    /// Whether anything was told that endpoints can have in common.
    shares: bool,
}

/// An endpoint, as far as its recording has been read.
struct Endpoint<'a> {
    id: &'a str,
    track: &'a Track,
    next: usize,
    is_pausing: bool,
    /// States by their series: what they say of which attribute, and since when, where that changed.
    states: HashMap<(usize, String), (String, Option<Timestamp>)>,
    installed: Vec<(usize, String, Timestamp)>,
}

impl<'a> Stage<'a> {
    fn of(tracks: &'a BTreeMap<String, Track>) -> Self {
        let endpoint = |(id, track): (&'a String, &'a Track)| Endpoint {
            id,
            track,
            next: 0,
            is_pausing: false,
            states: HashMap::new(),
            installed: Vec::new(),
        };
        Self { endpoints: tracks.iter().map(endpoint).collect(), ..Self::default() }
    }

    /// Lets everything happen up to `now`.
    fn go_on(&mut self, now: Timestamp) {
        for (key, endpoint) in (0..).zip(&mut self.endpoints) {
            while let Some((at, step)) = endpoint.track.steps.get(endpoint.next).filter(|(at, _)| *at <= now) {
                endpoint.next += 1;
                match step {
                    Step::Mark(mark) => endpoint.is_pausing = *mark == Mark::Pausing,
                    Step::State(reading) => self.shares |= endpoint.state(key, reading, &mut self.rollouts),
                    Step::Event(event) => self.shares |= endpoint.event(key, event, &mut self.rollouts),
                    Step::Finding(finding) => {
                        if finding.state == FindingState::Active {
                            self.raised.entry(finding.id.clone()).or_default().push(*at);
                        }
                        let key = (endpoint.id.to_owned(), finding.instance.clone());
                        self.findings.entry(finding.id.clone()).or_default().insert(key, (**finding).clone());
                    }
                }
            }
            self.shares |= !endpoint.track.attrs.is_empty();
        }
    }

    /// Looks at the fleet as live detection does.
    fn round(&mut self, catalogue: &Catalogue, now: Timestamp) {
        let standings = self.standings();
        let rolled_out = self.rollouts.seen(&self.endpoints, now);
        if self.open.is_empty() && standings.is_empty() && rolled_out.is_empty() && self.missed(now) < 2 {
            return;
        }
        let hosts = self.hosts(now);
        let look = Look { hosts: &hosts, standings: &standings, catalogue, now };
        let mut seen = look.seen();
        let bursts: Vec<_> = look
            .maybe_bursts(&seen)
            .iter()
            .filter_map(|maybe| {
                let earlier = self.raised.get(&maybe.check).map_or(&[][..], Vec::as_slice);
                look.burst_of(maybe, earlier)
            })
            .collect();
        seen.extend(bursts);
        seen.extend(rolled_out);
        let (open, mut numbered) = (std::mem::take(&mut self.open), self.numbered);
        let members: BTreeMap<String, Vec<IncidentEndpoint>> =
            open.iter().map(|(incident, members)| (incident.id.clone(), members.clone())).collect();
        let turned = turns(&look, open, seen, || {
            numbered += 1;
            format!("incident-{numbered}")
        });
        self.numbered = numbered;
        for turn in turned {
            let mut members = members.get(&turn.after.id).cloned().unwrap_or_default();
            let known: BTreeSet<String> = members.iter().map(|member| member.id.clone()).collect();
            let new = turn.joined.iter().filter(|id| !known.contains(*id));
            members.extend(new.map(|id| IncidentEndpoint {
                id: id.clone(),
                name: hosts.place(id).map_or_else(|| id.clone(), |place| hosts.names[place].clone()),
                joined_at: now,
                is_affected: false,
            }));
            match turn.after.state {
                IncidentState::Closed => self.over.push(turn.after),
                _ => self.open.push((turn.after, members)),
            }
        }
    }

    /// Findings that several endpoints have, and those of open incidents.
    fn standings(&self) -> BTreeMap<String, Standing> {
        let mut standings = BTreeMap::new();
        for (check, rows) in &self.findings {
            let mut standing = Standing::default();
            for ((endpoint, instance), finding) in rows {
                let holds = match finding.state {
                    FindingState::Active | FindingState::Recovering => finding.consequence_of.is_none(),
                    FindingState::Ok => continue,
                    _ => false,
                };
                let severity = rank(finding.severity);
                standing.take(endpoint.clone(), instance.clone(), holds, severity, finding.onset);
            }
            standing.settle();
            let is_watched = self.open.iter().any(|(incident, _)| incident.check == *check);
            if is_watched || standing.affected.len() as i64 >= SEVERAL {
                standings.insert(check.clone(), standing);
            }
        }
        standings
    }

    /// How many are silent without a word: lately, or at an hour at which they are usually there.
    fn missed(&self, now: Timestamp) -> usize {
        let is_missed = |endpoint: &&Endpoint<'_>| {
            let silent = endpoint.track.last_heard(now).map(|last| now.since(last)).filter(|silent| *silent > CLOSE);
            !endpoint.is_pausing && silent.is_some_and(|silent| silent <= MISSED || endpoint.is_usual(now))
        };
        self.endpoints.iter().filter(is_missed).count()
    }

    /// The endpoints that were heard lately, and what they share.
    fn hosts(&self, now: Timestamp) -> Hosts {
        let mut hosts = Hosts::default();
        for endpoint in &self.endpoints {
            let is_usual = endpoint.is_usual(now);
            let is_meant = |last: &Timestamp| is_usual || now.since(*last) <= HEARD + LAG;
            let Some(last) = endpoint.track.last_heard(now).filter(is_meant) else { continue };
            let known = Known {
                id: endpoint.id.to_owned(),
                name: endpoint.track.name.clone(),
                os_type: &endpoint.track.os,
                tags: endpoint.track.attrs.clone(),
                serial: String::new(),
                // Between two lines it is there.
                heard: if now.since(last) <= CLOSE { now } else { last },
                is_pausing: endpoint.is_pausing,
                is_usual,
            };
            hosts.add(known, &THRESHOLDS, now);
            hosts.share(endpoint.facts(now));
        }
        hosts
    }
}

impl Endpoint<'_> {
    /// Whether it was heard in this quarter of an hour on most of the weeks before.
    fn is_usual(&self, now: Timestamp) -> bool {
        let was_heard =
            |slot: &i64| self.track.was_heard(Timestamp(slot * SLOT_MS), Timestamp((slot + 1) * SLOT_MS - 1));
        weeks_before(slot_of(now)).filter(was_heard).count() >= THRESHOLDS.silent_group.usual_least as usize
    }

    /// Takes in a state; whether it says what endpoints can have in common.
    fn state(&mut self, key: i64, reading: &Reading, rollouts: &mut Rollouts) -> bool {
        let own = match &reading.outcome {
            Ok(Value::Text(text)) => Some(text.clone()),
            Ok(other) => serde_json::to_value(other).ok().map(|value| value.to_string()),
            Err(_) => None,
        };
        let mut shares = false;
        for (place, attribute) in THRESHOLDS.attributes.iter().enumerate() {
            if attribute.signal.as_deref() != Some(&*reading.series.signal) {
                continue;
            }
            let known = (place, reading.series.to_string());
            let Some(value) = own.clone().and_then(|own| value_of(attribute, &reading.series, own)) else {
                self.states.remove(&known);
                continue;
            };
            shares = true;
            let before = self.states.get(&known);
            let since = match before {
                Some((same, since)) if *same == value => *since,
                Some(_) if attribute.cause == Cause::Defect => {
                    rollouts.obtained(place, value.clone(), key, reading.at);
                    Some(reading.at)
                }
                _ => None,
            };
            self.states.insert(known, (value, since));
        }
        shares
    }

    fn event(&mut self, key: i64, event: &Event, rollouts: &mut Rollouts) -> bool {
        rollouts.happened(key, event);
        let to = match event.fields.get("to") {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let installed = installed_by(&event.series, to.as_deref());
        let asked = |attribute: &firstline_diagnosis::fleet::Attribute| {
            attribute.event.as_deref() == Some(&*event.series.signal)
        };
        let places = THRESHOLDS.attributes.iter().enumerate().filter(|(_, attribute)| asked(attribute));
        let known: Vec<_> = places.filter_map(|(place, _)| Some((place, installed.clone()?, event.at))).collect();
        for (place, value, at) in &known {
            rollouts.obtained(*place, value.clone(), key, *at);
        }
        let shares = !known.is_empty();
        self.installed.extend(known);
        shares
    }

    /// What it has in common with others at a moment.
    fn facts(&self, now: Timestamp) -> Vec<Fact> {
        let recent = |since: &Timestamp| now.since(*since) <= OBTAINED;
        let states = self.states.iter().map(|((attribute, _), (value, since))| Fact {
            attribute: *attribute,
            value: value.clone(),
            since: since.filter(recent),
        });
        let within = |(attribute, _, at): &&(usize, String, Timestamp)| {
            let days = u64::from(THRESHOLDS.attributes[*attribute].days.unwrap_or(7));
            now.since(*at) <= Duration::from_hours(24 * days)
        };
        let installed = self.installed.iter().filter(within).map(|(attribute, value, at)| Fact {
            attribute: *attribute,
            value: value.clone(),
            since: Some(*at),
        });
        let mut facts: Vec<Fact> = states.chain(installed).collect();
        facts.sort();
        facts
    }
}

/// What can and cannot be seen in these recordings.
fn notes(tracks: &BTreeMap<String, Track>, shares: bool) -> Vec<String> {
    let (count, least) = (tracks.len(), THRESHOLDS.common_cause.eligible_least);
    let mut notes = Vec::new();
    if count == 1 {
        notes.push("One endpoint is recorded, and an incident is one cause seen on several: give the recordings of others, too.".to_owned());
    } else if count > 1 && count < least {
        notes.push(format!(
            "{count} endpoints are recorded: what endpoints have in common is tested from {least} on; of fewer only services \
             that several networks cannot reach, and groups that fall silent, are seen."
        ));
    }
    if count > 1 && !shares {
        notes.push(
            "The recordings do not say what the endpoints share (networks, models, software): record them again."
                .to_owned(),
        );
    }
    notes
}
