//! The account of what changed before a finding, and since.

use std::collections::BTreeMap;
use std::time::Duration;

use super::onset::{self, Walk};
use super::record::{Known, known};
use super::relevance::Scoring;
use super::tables::Tables;
use crate::document::{
    Change, ChangeRecord, ChangesResult, Diagnosis, Evidence, Finding, Snapshot, SnapshotSeries, WhatChanged,
};
use crate::estimate;
use crate::order::Arrange as _;
use crate::registry::{Registry, SignalKind};
use crate::texts;
use crate::vocabulary::{Attributes, Event, Mark, Timestamp};

/// Steps in which numbers are held against each other: the finest that a day's history has.
const STEP_MS: i64 = 300_000;

/// What a machine was, and what happened to it.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// Changes of states.
    pub changes: &'a [Change],
    /// Events; those that tell of changes count.
    pub events: &'a [Event],
    /// Restarts among them.
    pub marks: &'a [(Timestamp, Mark)],
    /// Numbers, among them those of the finding's main signal.
    pub series: &'a [SnapshotSeries],
    /// Since when it is known what the machine is.
    pub known_since: Option<Timestamp>,
    /// When it began, as the person says.
    pub stated: Option<Timestamp>,
    /// How much oftener machines with the same change have the finding; none where too few are comparable.
    pub lift: &'a (dyn Fn(&ChangeRecord) -> Option<f64> + Sync),
}

impl<'a> Past<'a> {
    /// What a snapshot tells of the time before.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let marks = snapshot.marks.iter().map(|(at, _)| *at);
        let changes = snapshot.changes.iter().map(|change| change.at);
        let series = snapshot.series.iter().map(|series| series.start);
        Self {
            changes: &snapshot.changes,
            events: &snapshot.events,
            marks: &snapshot.marks,
            series: &snapshot.series,
            known_since: marks.chain(changes).chain(series).min(),
            stated: None,
            lift: &|_| None,
        }
    }
}

/// What changed before the finding began that is the answer, and since; none when there is no such finding.
pub fn account(diagnosis: &Diagnosis, past: &Past<'_>) -> Option<WhatChanged> {
    let finding = diagnosis.answer()?;
    let stated = past.stated.or_else(|| diagnosis.around.as_ref().map(|around| around.at));
    let past = &Past { stated, ..*past };
    let scoring = &Tables::builtin().scoring;
    let onset = onset_of(finding, past, scoring);
    let said = |result, words: String| WhatChanged { result, words, onset, related: Vec::new(), after: Vec::new() };
    if past.known_since.is_none_or(|since| diagnosis.at.since(since) < scoring.earlier) {
        let words = format!(
            "There is no earlier snapshot to compare with: this machine is not known for {} yet.",
            texts::duration(scoring.earlier.as_secs_f64())
        );
        return Some(said(ChangesResult::NoEarlierSnapshot, words));
    }
    let (known, _) = known(past.changes, past.events, past.marks, &finding.instance, diagnosis.at);
    let (after, before): (Vec<_>, Vec<_>) =
        known.into_iter().filter(|known| !known.is_waiting).partition(|known| known.record.at > onset + scoring.grace);
    let related = related(before, finding, onset, past, scoring);
    let (result, words) = match related.len() {
        0 => (ChangesResult::NothingRelevant, "Nothing relevant changed before it started.".to_owned()),
        1 => (ChangesResult::MayBeRelated, "One thing changed before it started; it may be related.".to_owned()),
        count => {
            (ChangesResult::MayBeRelated, format!("{count} things changed before it started; they may be related."))
        }
    };
    Some(WhatChanged { related, after: since(after, finding, scoring), ..said(result, words) })
}

/// The best of what changed before, as people read it.
fn related(
    before: Vec<Known>,
    finding: &Finding,
    onset: Timestamp,
    past: &Past<'_>,
    scoring: &Scoring,
) -> Vec<ChangeRecord> {
    let scored = |mut known: Known| {
        let relevance = scoring.relevance(finding, &known);
        let seconds = onset.seconds_since(known.record.at);
        let score = scoring.score(relevance, &known, seconds, (past.lift)(&known.record));
        let is_shown = seconds <= scoring.reach.as_secs_f64() && score >= scoring.show_from;
        known.record.words = format!("{}; {}, may be related", known.record.words, ago(seconds));
        // Three digits are more than anybody can know.
        known.record.score = Some((score * 1000.0).round() / 1000.0);
        is_shown.then_some(known.record)
    };
    let mut related: Vec<ChangeRecord> = before.into_iter().filter_map(scored).collect();
    let score = |record: &ChangeRecord| record.score.unwrap_or_default();
    related.arrange_by(|one, other| {
        let newer = || (other.at, &one.reference).cmp(&(one.at, &other.reference));
        score(other).total_cmp(&score(one)).then_with(newer)
    });
    related.truncate(scoring.shown);
    related
}

/// What changed since that could have been meant to help.
fn since(after: Vec<Known>, finding: &Finding, scoring: &Scoring) -> Vec<ChangeRecord> {
    let plausible = after.into_iter().filter(|known| scoring.is_plausible(scoring.relevance(finding, known)));
    let mut after: Vec<ChangeRecord> = plausible.map(|known| known.record).collect();
    after.arrange_by(|one, other| (other.at, &one.reference).cmp(&(one.at, &other.reference)));
    after.truncate(scoring.after_shown);
    after
}

/// `changed 5 h before it started`.
fn ago(seconds: f64) -> String {
    const HOUR: f64 = 3600.0;
    match seconds {
        seconds if seconds < 60.0 => "changed as it started".to_owned(),
        seconds if seconds < HOUR => format!("changed {:.0} min before it started", seconds / 60.0),
        seconds if seconds < 72.0 * HOUR => format!("changed {:.0} h before it started", seconds / HOUR),
        seconds => format!("changed {:.0} days before it started", seconds / HOUR / 24.0),
    }
}

/// The earliest that anything tells of: the number that moved, the finding, the person.
fn onset_of(finding: &Finding, past: &Past<'_>, scoring: &Scoring) -> Timestamp {
    // How the numbers are now says nothing of what is over.
    let lasting = main_signal(finding).filter(|_| finding.until.is_none());
    let moved = lasting.and_then(|(signal, attributes)| {
        let numbers = numbers(past.series, signal, attributes);
        let size = numbers.last().map_or(0.0, |(_, number)| number.abs());
        let resolution = Registry::builtin().get(signal).and_then(|spec| spec.resolution).unwrap_or_default();
        // A hundredth of what it is now is no difference either.
        let resolution = resolution.max(size / 100.0).max(f64::MIN_POSITIVE);
        let walk = Walk { k: scoring.cusum_k, h: scoring.cusum_h, block: scoring.cusum_block, resolution };
        onset::change_point(&numbers, finding.onset, walk)
    });
    [moved, past.stated].into_iter().flatten().fold(finding.onset, Timestamp::min)
}

/// The signal that a finding rests on first, and of which instance: the first number that held.
pub fn main_signal(finding: &Finding) -> Option<(&str, &Attributes)> {
    let is_number = |evidence: &&Evidence| {
        let spec = Registry::builtin().get(&evidence.signal);
        evidence.held == Some(true) && spec.is_some_and(|spec| spec.kind != SignalKind::Event && !spec.is_state())
    };
    let evidence = finding.evidence.iter().find(is_number)?;
    Some((&evidence.signal, &evidence.attrs))
}

/// The numbers of a signal, a median for each step, oldest first.
fn numbers(series: &[SnapshotSeries], signal: &str, attributes: &Attributes) -> Vec<(Timestamp, f64)> {
    let is_it = |one: &&SnapshotSeries| {
        one.signal == signal && attributes.iter().all(|(name, value)| one.attrs.get(name) == Some(value))
    };
    let Some(first) = series.iter().find(is_it) else { return Vec::new() };
    let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for one in series.iter().filter(is_it).filter(|one| one.attrs == first.attrs) {
        let step = Duration::from_secs(u64::from(one.step_seconds));
        let mut at = one.start;
        for value in &one.values {
            at = at + step;
            if let Some(value) = value.filter(|value| value.is_finite()) {
                steps.entry(at.unix_ms().div_euclid(STEP_MS)).or_default().push(f64::from(value));
            }
        }
    }
    let moment = |(step, numbers): (i64, Vec<f64>)| Some((Timestamp(step * STEP_MS), estimate::median(&numbers)?));
    steps.into_iter().filter_map(moment).collect()
}
