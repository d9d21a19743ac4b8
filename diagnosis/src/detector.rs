//! What one endpoint's signals mean: windows, conditions, states.
//!
//! A detector takes what an endpoint sends in any order, and judges when it is told what time it is. It has no clock.
//! The same inputs and the same times of evaluation give the same states, findings and texts.
//!
//! Memory: rings hold what the longest window of some check needs; a series that no check names costs nothing. A check
//! is judged again when one of its inputs was touched, when its state depends on time, or once a minute.

mod answer;
mod explain;
mod judge;
mod ranking;
mod ruled_out;
mod standing;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::catalogue::{Catalogue, Check};
use crate::document::{Diagnosis, Finding, FindingState};
use crate::vocabulary::{Event, Layout, Mark, Reading, Sample, Series, Timestamp};
use crate::window::Store;

use judge::{Instances, Judge};
use standing::{Patience, Standing};

/// A check is judged at least this often.
const REJUDGE_MS: i64 = 60_000;
/// Instances of one check on one endpoint.
const INSTANCES_MAX: usize = 256;

/// What checks and texts may know about an endpoint beside its signals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// `linux`, `windows` or `darwin`; empty when it is not known yet.
    pub os_type: String,
}

/// A check moved from one state to another on one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The check's id.
    pub check: String,
    /// The instance; empty when the check has only one.
    pub instance: String,
    /// Where it stood.
    pub from: FindingState,
    /// Where it stands.
    pub to: FindingState,
    /// When it moved.
    pub at: Timestamp,
    /// The finding with its evidence at that moment.
    pub finding: Finding,
}

/// The windows and states of one endpoint.
#[derive(Debug)]
pub struct Detector {
    catalogue: Arc<Catalogue>,
    host: Host,
    store: Store,
    /// For each check of the catalogue, its instances.
    judged: Vec<Judged>,
}

#[derive(Debug, Default)]
struct Judged {
    instances: Instances,
    /// The store's generation when instances were last looked for.
    generation: Option<u64>,
    /// The store's count when it was last judged.
    taken: u64,
    last_at: Option<i64>,
}

impl Detector {
    /// A detector that has seen nothing yet.
    pub fn new(catalogue: Arc<Catalogue>, host: Host) -> Self {
        let store = Store::new(Arc::clone(&catalogue.sources));
        let judged = catalogue.checks().iter().map(|_| Judged::default()).collect();
        Self { catalogue, host, store, judged }
    }

    /// Takes the numbers of a step.
    pub fn sample(&mut self, layout: &Layout, sample: &Sample) {
        self.store.sample(layout, sample);
    }

    /// Takes a state, or one fresh value, or the reason why there is none. Counters are raw totals here.
    pub fn reading(&mut self, reading: &Reading) {
        self.store.reading(reading);
    }

    /// Takes something that happened.
    pub fn event(&mut self, event: &Event) {
        self.store.event(event);
    }

    /// Takes a boot, a sleep, a wake or a change of network.
    pub fn mark(&mut self, at: Timestamp, mark: Mark) {
        self.store.mark(at, mark);
    }

    /// Takes the number of one series over a step.
    pub(crate) fn number(&mut self, series: &Series, at: Timestamp, step_ms: i64, value: f32) {
        self.store.number(series, at, step_ms, value);
    }

    /// Judges the checks at `now` and moves the states. Gives the moves that touch a finding; ok to unknown and back is
    /// not told.
    pub fn evaluate(&mut self, now: Timestamp) -> Vec<Transition> {
        self.store.forget_ended(now);
        let catalogue = Arc::clone(&self.catalogue);
        let mut moves = Vec::new();
        for (index, check) in catalogue.checks().iter().enumerate() {
            if check.runs_on(&self.host.os_type) {
                self.judge(index, check, now, &mut moves);
            }
        }
        let mut transitions = Vec::new();
        for (index, values, from) in moves {
            let finding = self.finding(index, &values, now);
            let (check, instance, to) = (finding.id.clone(), finding.instance.clone(), finding.state);
            transitions.push(Transition { check, instance, from, to, at: now, finding });
        }
        let roots = self.roots(now, explain::OUTLIVES_MS);
        for transition in &mut transitions {
            roots.mark(&mut transition.finding);
        }
        transitions
    }

    fn judge(
        &mut self,
        index: usize,
        check: &Check,
        now: Timestamp,
        moves: &mut Vec<(usize, Vec<String>, FindingState)>,
    ) {
        let mut judged = std::mem::take(&mut self.judged[index]);
        if judged.generation != Some(self.store.generation) {
            self.find_instances(check, now, &mut judged.instances);
            judged.generation = Some(self.store.generation);
        }
        if self.is_due(check, &judged, now) {
            for (values, standing) in &mut judged.instances {
                let binding = binding(check, values);
                let verdict = self.judge_of(check, &binding, now).verdict(standing.is_raised());
                let patience = Patience { hold_ms: ms(check.hold), clear_ms: ms(check.clear_hold) };
                if let Some(from) = standing.step(now.0, &self.store.awake, verdict, patience)
                    && (is_told(from) || is_told(standing.state))
                {
                    moves.push((index, values.clone(), from));
                }
            }
            judged.last_at = Some(now.0);
            judged.taken = self.store.taken;
        }
        self.judged[index] = judged;
    }

    fn is_due(&self, check: &Check, judged: &Judged, now: Timestamp) -> bool {
        judged.last_at.is_none_or(|at| now.0 - at >= REJUDGE_MS || now.0 < at)
            || judged.instances.values().any(Standing::holds)
            || check.rule.inputs.iter().any(|input| self.store.is_touched(input.source, judged.taken))
    }

    /// Adds instances whose series have appeared; takes out those that are neither there nor worth remembering.
    fn find_instances(&self, check: &Check, now: Timestamp, instances: &mut Instances) {
        if check.each.is_empty() {
            instances.entry(Vec::new()).or_default();
            return;
        }
        let judge = self.judge_of(check, &[], now);
        let found = judge.instances();
        instances
            .retain(|values, standing| standing.holds() || standing.cleared_at.is_some() || found.contains(values));
        for values in found {
            if instances.len() < INSTANCES_MAX {
                instances.entry(values).or_default();
            }
        }
    }

    fn judge_of<'a>(&'a self, check: &'a Check, binding: &'a [(String, String)], now: Timestamp) -> Judge<'a> {
        Judge { check, store: &self.store, os_type: &self.host.os_type, binding, now }
    }

    fn finding(&self, index: usize, values: &[String], now: Timestamp) -> Finding {
        let check = &self.catalogue.checks()[index];
        let binding = binding(check, values);
        let standing = &self.judged[index].instances[values];
        self.judge_of(check, &binding, now).finding(standing)
    }

    /// Everything that holds, if only since a moment ago, or whose inputs went missing; ranked without a symptom.
    /// What another finding explains has that finding's id in `consequence_of`, for half an hour also after it cleared.
    pub fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let roots = self.roots(now, explain::OUTLIVES_MS);
        ranking::rank(self.holding(now), None, &roots).0
    }

    /// The answer to `symptom`: free words of a ticket, or a symptom's id.
    pub fn diagnose(&self, symptom: Option<&str>, now: Timestamp) -> Diagnosis {
        self.answer(symptom, now)
    }

    /// Takes another catalogue; states of checks that are in both stay.
    pub fn adopt(&mut self, catalogue: Arc<Catalogue>) {
        let before = std::mem::replace(&mut self.catalogue, catalogue);
        let mut old: Vec<(&str, Judged)> =
            before.checks().iter().map(|check| check.id.as_str()).zip(std::mem::take(&mut self.judged)).collect();
        self.judged = self
            .catalogue
            .checks()
            .iter()
            .map(|check| {
                let same_each = before.check(&check.id).is_some_and(|old| old.each == check.each);
                let known = old.iter_mut().find(|(id, _)| same_each && *id == check.id);
                let instances = known.map_or_else(Instances::new, |(_, judged)| std::mem::take(&mut judged.instances));
                Judged { instances, ..Judged::default() }
            })
            .collect();
        self.store.adopt(Arc::clone(&self.catalogue.sources));
    }

    /// Findings of all instances that hold, in order of check and instance.
    fn holding(&self, now: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, judged) in self.judged.iter().enumerate() {
            for (values, _) in judged.instances.iter().filter(|(_, standing)| standing.holds()) {
                findings.push(self.finding(index, values, now));
            }
        }
        findings
    }
}

/// Whether a state is worth telling people.
fn is_told(state: FindingState) -> bool {
    !matches!(state, FindingState::Ok | FindingState::Unknown)
}

fn binding(check: &Check, values: &[String]) -> Vec<(String, String)> {
    check.each.iter().cloned().zip(values.iter().cloned()).collect()
}

fn ms(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
