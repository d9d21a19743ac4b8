//! What recordings say of rollouts, for the comparison that live detection makes of the store ([`crate::incident::rollouts`]).

use std::collections::{BTreeMap, HashMap};

use firstline_diagnosis::fleet::Cause;
use firstline_diagnosis::vocabulary::{Event, Timestamp};

use super::super::THRESHOLDS;
use super::super::presence::{Awake, SLOT_MS, bits, slot_of};
use super::super::reconcile::Seen;
use super::super::rollouts::{COMPARED_EVERY, Known, Machine, SYMPTOMS, WINDOW};
use super::Endpoint;

/// What endpoints obtained and what happened to them, in order of time; a key is an endpoint's place.
#[derive(Default)]
pub(super) struct Rollouts {
    obtained: Vec<(usize, String, i64, Timestamp)>,
    /// By the place of a symptom.
    happened: Vec<(usize, i64, Timestamp, f64)>,
    compared: Option<(Timestamp, Vec<Seen>)>,
}

impl Rollouts {
    /// An endpoint has a value of an attribute since then.
    pub(super) fn obtained(&mut self, attribute: usize, value: String, key: i64, at: Timestamp) {
        if THRESHOLDS.attributes[attribute].cause == Cause::Defect {
            self.obtained.push((attribute, value, key, at));
        }
    }

    /// Something happened to an endpoint.
    pub(super) fn happened(&mut self, key: i64, event: &Event) {
        if let Some(symptom) = SYMPTOMS.iter().position(|symptom| *symptom.signal == *event.series.signal) {
            self.happened.push((symptom, key, event.at, f64::from(event.count)));
        }
    }

    /// What was rolled out and made things worse, looked at once an hour.
    pub(super) fn seen(&mut self, endpoints: &[Endpoint<'_>], now: Timestamp) -> Vec<Seen> {
        if let Some((_, seen)) = self.compared.as_ref().filter(|(at, _)| now.since(*at) < COMPARED_EVERY) {
            return seen.clone();
        }
        let known = self.known(endpoints, now);
        let seen = if known.changes.is_empty() { Vec::new() } else { known.seen(now) };
        self.compared = Some((now, seen.clone()));
        seen
    }

    fn known(&self, endpoints: &[Endpoint<'_>], now: Timestamp) -> Known {
        let reach = THRESHOLDS.bad_rollout.reach_days * 24 * 3600;
        let since = Timestamp(now.0 - i64::from(reach) * 1000);
        let mut changes: BTreeMap<(usize, String), HashMap<i64, Timestamp>> = BTreeMap::new();
        for (attribute, value, key, at) in self.obtained.iter().filter(|(.., at)| *at >= since) {
            changes.entry((*attribute, value.clone())).or_default().entry(*key).or_insert(*at);
        }
        let mut known = Known { changes, ..Known::default() };
        known.keep_the_largest();
        if known.changes.is_empty() {
            return known;
        }
        let since = since - WINDOW.1;
        known.happened = vec![HashMap::new(); SYMPTOMS.len()];
        for (symptom, key, at, count) in self.happened.iter().filter(|(_, _, at, _)| *at >= since) {
            known.happened[*symptom].entry(*key).or_default().push((*at, *count));
        }
        let keyed = || (0_i64..).zip(endpoints);
        let machine = |(key, endpoint): (i64, &Endpoint<'_>)| {
            let (id, name, os) = (endpoint.id.to_owned(), endpoint.track.name.clone(), endpoint.track.os.clone());
            Machine { key, id, name, os }
        };
        known.machines = keyed().map(machine).collect();
        let keys: Vec<i64> = keyed().map(|(key, _)| key).collect();
        let (first, last) = (slot_of(since), slot_of(now));
        let heard = (first..last).map(|slot| {
            let (from, to) = (Timestamp(slot * SLOT_MS), Timestamp((slot + 1) * SLOT_MS - 1));
            (slot, bits(keyed().filter(|(_, endpoint)| endpoint.track.was_heard(from, to)).map(|(key, _)| key)))
        });
        known.awake = Awake::new(&keys, (first, last), heard);
        known
    }
}
