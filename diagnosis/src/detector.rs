//! What one endpoint's signals mean: windows, conditions, states.
//!
//! A detector takes what an endpoint sends in any order, and judges when it is told what time it is. It has no clock.
//! The same inputs and the same times of evaluation give the same states, findings and texts.
//!
//! Memory: rings hold what the longest window of some check needs; a series that no check names costs nothing. A check
//! is judged again when one of its inputs was touched, when its state depends on time, or once a minute.

mod answer;
mod board;
mod clearing;
mod diary;
mod explain;
mod foresight;
mod judge;
mod names;
mod pace;
mod ranking;
mod ruled_out;
mod standing;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::catalogue::{Catalogue, Check};
use crate::document::{Compared, Diagnosis, Finding, FindingState, Forecast};
use crate::vocabulary::{Event, Layout, Mark, Reading, Sample, Series, Timestamp};
use crate::window::Store;

use board::{Board, Name};
use diary::Diary;
use judge::Judge;
pub(crate) use judge::is_told_by_events;
pub(crate) use names::Names;
pub use pace::{Pace, TICK};
use standing::{Patience, Standing};

/// A check is judged at least this often.
const REJUDGE_MS: i64 = 60_000;

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

/// How much a detector keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Series that checks read.
    pub series: usize,
    /// Numbers of these series.
    pub numbers: usize,
    /// Bytes of these numbers and their times: the state of the windows, without whose they are and how checks stand.
    pub bytes: usize,
    /// Numbers that the longest windows over these series hold, at one a minute.
    pub needed: usize,
}

/// The windows and states of one endpoint.
#[derive(Debug)]
pub struct Detector {
    catalogue: Arc<Catalogue>,
    host: Host,
    store: Store,
    /// For each check of the catalogue, where its instances stand.
    board: Board,
    /// What the methods of checks said of instances.
    forecasts: Vec<(usize, Told)>,
    /// The store's generation when instances were last looked for.
    generation: Option<u64>,
    /// What methods read, where nobody else keeps it.
    diary: Option<Box<Diary>>,
}

/// What a method said of instances.
type Told = Vec<(Vec<String>, Forecast)>;

impl Detector {
    /// A detector that has seen nothing yet.
    pub fn new(catalogue: Arc<Catalogue>, host: Host) -> Self {
        let store = Store::new(Arc::clone(&catalogue.sources));
        let board = Board::new(catalogue.checks().len());
        Self { catalogue, host, store, board, forecasts: Vec::new(), generation: None, diary: None }
    }

    /// Keeps what methods read of what it is told from now on, so that they can be asked ([`Self::foresee_itself`]).
    pub fn keep_diary(&mut self) {
        self.diary = Some(Box::default());
    }

    /// Asks the methods that are due at `now` over its own diary; nothing without one.
    pub fn foresee_itself(&mut self, now: Timestamp) {
        let Some(diary) = &mut self.diary else { return };
        for outlook in diary.due(&self.catalogue, &self.host.os_type, now) {
            self.foresee(&outlook);
        }
    }

    /// Takes the numbers of a step.
    pub fn sample(&mut self, layout: &Layout, sample: &Sample) {
        if let Some(diary) = &mut self.diary {
            diary.sample(&self.catalogue, layout, sample);
        }
        self.store.sample(layout, sample);
    }

    /// Takes a state, or one fresh value, or the reason why there is none. Counters are raw totals here.
    pub fn reading(&mut self, reading: &Reading) {
        if let Some(diary) = &mut self.diary {
            diary.reading(&self.catalogue, reading);
        }
        self.store.reading(reading);
    }

    /// Takes something that happened.
    pub fn event(&mut self, event: &Event) {
        if let Some(diary) = &mut self.diary {
            diary.event(event);
        }
        self.store.event(event);
    }

    /// Takes a boot, a sleep, a wake or a change of network.
    pub fn mark(&mut self, at: Timestamp, mark: Mark) {
        if let Some(diary) = &mut self.diary {
            diary.mark(at, mark);
        }
        self.store.mark(at, mark);
    }

    /// Tells that the endpoint has been watched since then: what happened since would be known, though it may not be told
    /// here that nothing did.
    pub fn watched_since(&mut self, at: Timestamp) {
        self.store.awake.known_since(at);
    }

    /// Takes the number of one series over a step.
    pub(crate) fn number(&mut self, series: &Series, at: Timestamp, step_ms: i64, value: f32) {
        if let Some(diary) = &mut self.diary {
            diary.number(&self.catalogue, series, at, step_ms, value);
        }
        self.store.number(series, at, step_ms, value);
    }

    /// Judges the checks at `now` and moves the states. Gives the moves that touch a finding; ok to unknown and back is
    /// not told.
    pub fn evaluate(&mut self, now: Timestamp) -> Vec<Transition> {
        self.store.forget_ended(now);
        let catalogue = Arc::clone(&self.catalogue);
        let mut moves = Vec::new();
        let look_for_instances = self.generation != Some(self.store.generation);
        for (index, check) in catalogue.checks().iter().enumerate() {
            if check.runs_on(&self.host.os_type) {
                if look_for_instances {
                    self.find_instances(index, check, now);
                }
                self.judge(index, check, now, &mut moves);
            }
        }
        self.generation = Some(self.store.generation);
        self.store.judged();
        if moves.is_empty() {
            return Vec::new();
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

    fn judge(&mut self, index: usize, check: &Check, now: Timestamp, moves: &mut Vec<(usize, Name, FindingState)>) {
        if !self.is_due(index, check, now) {
            return;
        }
        let Self { store, host, board, .. } = self;
        let patience = Patience { hold_ms: ms(check.hold), clear_ms: ms(check.clear_hold) };
        let verdict = |values: &[String], raised| {
            let binding = binding(check, values);
            Judge { check, store, os_type: &host.os_type, binding: &binding, now }.verdict(raised)
        };
        board.judge(index, now.0, &store.awake, patience, verdict, |name, from, to| {
            if is_told(from) || is_told(to) {
                moves.push((index, Arc::clone(name), from));
            }
        });
    }

    fn is_due(&self, index: usize, check: &Check, now: Timestamp) -> bool {
        let judged_at = self.board.judged_at(index);
        now.0.saturating_sub(judged_at) >= REJUDGE_MS
            || now.0 < judged_at
            || check.rule.inputs.iter().any(|input| self.store.is_touched(input.source))
            || self.board.standings(index).any(|(_, standing)| standing.holds())
    }

    fn find_instances(&mut self, index: usize, check: &Check, now: Timestamp) {
        let found = match check.each.as_slice() {
            [] => vec![Vec::new()],
            _ => self.judge_of(check, &[], now).instances(),
        };
        let names = found.into_iter().map(|values| self.catalogue.names.share(values)).collect();
        self.board.find(index, names, |names| self.catalogue.names.share_list(names));
    }

    fn judge_of<'a>(&'a self, check: &'a Check, binding: &'a [(&'a str, &'a str)], now: Timestamp) -> Judge<'a> {
        Judge { check, store: &self.store, os_type: &self.host.os_type, binding, now }
    }

    fn finding(&self, index: usize, values: &[String], now: Timestamp) -> Finding {
        let check = &self.catalogue.checks()[index];
        let binding = binding(check, values);
        let standing = self.board.standing(index, values);
        let finding = self.judge_of(check, &binding, now).finding(&standing);
        Finding { forecast: self.forecast(index, values), ..finding }
    }

    /// Everything that holds, if only since a moment ago, or whose inputs went missing; ranked without a symptom.
    /// What another finding explains has that finding's id in `consequence_of`, for half an hour also after it cleared.
    pub fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let holding = self.holding(now);
        if holding.is_empty() {
            return holding;
        }
        ranking::rank(holding, None, &self.roots(now, explain::OUTLIVES_MS)).0
    }

    /// The answer to `symptom`: free words of a ticket, or a symptom's id.
    pub fn diagnose(&self, symptom: Option<&str>, now: Timestamp) -> Diagnosis {
        self.answer(symptom, now)
    }

    /// The same, with what became of the findings of an earlier answer.
    pub fn diagnose_again(&self, symptom: Option<&str>, before: &Diagnosis, now: Timestamp) -> Diagnosis {
        let mut answer = self.diagnose(symptom, now);
        answer.compared = Some(Compared::of(before, &answer, |id, instance| self.accounted(id, instance, now)));
        answer
    }

    /// What became of findings that were gone when `mended` was said: whether they still are.
    pub fn retest(&self, mended: &Compared, now: Timestamp) -> Compared {
        mended.once_more(&self.answer(None, now), |id, instance| self.accounted(id, instance, now))
    }

    /// Recalls a finding that was raised before anything that this detector was told: what it is told decides whether it
    /// still holds.
    pub fn recall(&mut self, finding: &Finding) {
        let Some(index) = self.catalogue.checks().iter().position(|check| check.id == finding.id) else { return };
        if let Some(values) = instance_values(&self.catalogue.checks()[index], &finding.instance) {
            let name = self.catalogue.names.share(values);
            let standing = Standing::raised_since(finding.state, finding.onset.0, finding.is_older);
            self.board.recall(index, name, standing, |names| self.catalogue.names.share_list(names));
        }
    }

    /// The rules that it judges by.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The operating system; empty when it is not known yet.
    pub fn os_type(&self) -> &str {
        &self.host.os_type
    }

    /// How much is kept.
    pub fn kept(&self) -> Kept {
        self.store.kept()
    }

    /// Takes another catalogue; states of checks that are in both stay.
    pub fn adopt(&mut self, catalogue: Arc<Catalogue>) {
        let before = std::mem::replace(&mut self.catalogue, catalogue);
        let known = |check: &Check| {
            let index = before.checks().iter().position(|old| old.id == check.id)?;
            (before.checks()[index].each == check.each).then_some(index)
        };
        let of: Vec<Option<usize>> = self.catalogue.checks().iter().map(known).collect();
        let board = std::mem::replace(&mut self.board, Board::new(0));
        self.board = board.adopted(&of, |names| self.catalogue.names.share_list(names));
        self.forecasts.clear();
        self.generation = None;
        self.store.adopt(Arc::clone(&self.catalogue.sources));
    }

    /// Findings of all instances that hold, in order of check and instance.
    fn holding(&self, now: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        for index in 0..self.catalogue.checks().len() {
            for (values, _) in self.board.standings(index).filter(|(_, standing)| standing.holds()) {
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

fn binding<'a>(check: &'a Check, values: &'a [String]) -> Vec<(&'a str, &'a str)> {
    check.each.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect()
}

/// The attributes' values of the instance of a check, from its name; nothing when they are not as many.
fn instance_values(check: &Check, instance: &str) -> Option<Vec<String>> {
    let values: Vec<String> = match check.each.len() {
        0 => Vec::new(),
        1 => vec![instance.to_owned()],
        _ => instance.split(", ").map(str::to_owned).collect(),
    };
    (values.len() == check.each.len()).then_some(values)
}

fn ms(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
