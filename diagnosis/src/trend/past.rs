use std::time::Duration;

use crate::document::{Snapshot, SnapshotSeries};
use crate::order::Arrange as _;
use crate::vocabulary::{Event, Mark, Series, Timestamp, Unknown, Value, Why};

/// What a document tells of times before this is left out.
const REACH: Duration = Duration::from_hours(400 * 24);

/// What is known of an endpoint's past. Whoever makes one puts in what checks ask for ([`super::Read`]), and may put in more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// Since when the endpoint is known at all; absent when that is not known.
    pub since: Option<Timestamp>,
    /// Since when its events are known; absent when that is not known.
    pub events_since: Option<Timestamp>,
    /// Numbers over steps.
    pub series: Vec<PastSeries>,
    /// What is told when it changes: inventory, and what is read seldom.
    pub states: Vec<PastStates>,
    /// What happened, in order of time.
    pub events: Vec<Event>,
    /// Boots, sleeps, wakes and changes of network, in order of time.
    pub marks: Vec<(Timestamp, Mark)>,
    /// Signals of which there is nothing, and why.
    pub absent: Vec<(String, Unknown)>,
    /// When something was wrong: what was then is no measure of how things should be.
    pub stood: Vec<PastFinding>,
}

/// A stretch in which a finding stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFinding {
    /// The check's id.
    pub check: String,
    /// Its instance as people read it; empty when there is only one.
    pub instance: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when; absent while it stands.
    pub to: Option<Timestamp>,
}

/// Numbers of a series, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct PastSeries {
    /// Whose.
    pub series: Series,
    /// They may be of steps of different length, and need not be complete.
    pub points: Vec<PastPoint>,
}

/// What is known of a series over one step. Of counters the mean times the count is the increment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastPoint {
    /// The end of the step.
    pub at: Timestamp,
    /// Its length in milliseconds.
    pub step_ms: i64,
    /// How many numbers there were.
    pub count: f32,
    /// Their mean.
    pub mean: f32,
    /// The least.
    pub low: f32,
    /// The greatest.
    pub high: f32,
    /// The newest.
    pub last: f32,
}

/// The values of something that is told when it changes, in order of time; each stands until the next.
#[derive(Debug, Clone, PartialEq)]
pub struct PastStates {
    /// Whose.
    pub series: Series,
    /// Values and since when.
    pub values: Vec<(Timestamp, Value)>,
}

impl PastPoint {
    /// One number over a step.
    pub fn of(at: Timestamp, step_ms: i64, value: f32) -> Self {
        Self { at, step_ms, count: 1.0, mean: value, low: value, high: value, last: value }
    }
}

impl Past {
    /// The past that a snapshot holds: its series, its changes, its events.
    pub fn of_snapshot(snapshot: &Snapshot) -> Self {
        let mut series: Vec<PastSeries> = Vec::new();
        let within = |at: Timestamp| snapshot.taken_at - REACH <= at && at <= snapshot.taken_at;
        for stretch in &snapshot.series {
            let name = Series::new(&stretch.signal, stretch.attrs.clone());
            let points = points(stretch).filter(|point| within(point.at));
            match series.iter_mut().find(|known| known.series == name) {
                Some(known) => known.points.extend(points),
                None => series.push(PastSeries { series: name, points: points.collect() }),
            }
        }
        for known in &mut series {
            known.points.arrange_by_key(|point| point.at);
        }
        let mut events = snapshot.events.clone();
        events.retain(|event| within(event.at));
        events.arrange_by_key(|event| event.at);
        let mut marks = snapshot.marks.clone();
        marks.retain(|(at, _)| within(*at));
        marks.arrange_by_key(|(at, _)| *at);
        let since = series.iter().filter_map(|known| known.points.first()).map(|point| point.at).min();
        let mut states = states(snapshot, since);
        for known in &mut states {
            known.values.retain(|(at, _)| within(*at));
        }
        Self { since, events_since: since, series, states, events, marks, absent: absent(snapshot), stood: Vec::new() }
    }
}

fn points(stretch: &SnapshotSeries) -> impl Iterator<Item = PastPoint> {
    let step_ms = i64::from(stretch.step_seconds.max(1)) * 1000;
    let start = stretch.start.0;
    let numbers = (1..).zip(&stretch.values).filter_map(|(place, value)| Some((place, (*value)?)));
    numbers.filter(|(_, value)| value.is_finite()).map(move |(place, value)| {
        PastPoint::of(Timestamp(start.saturating_add(step_ms.saturating_mul(place))), step_ms, value)
    })
}

/// The changes of a snapshot and its readings, by series. What a change came from stood since the beginning.
fn states(snapshot: &Snapshot, since: Option<Timestamp>) -> Vec<PastStates> {
    let mut known: Vec<PastStates> = Vec::new();
    let mut add =
        |series: Series, at: Timestamp, value: Value| match known.iter_mut().find(|states| states.series == series) {
            Some(states) => states.values.push((at, value)),
            None => known.push(PastStates { series, values: vec![(at, value)] }),
        };
    for reading in &snapshot.readings {
        if let Some(value) = &reading.value {
            let series = Series::new(&reading.signal, reading.attrs.clone());
            add(series, reading.at.min(snapshot.taken_at), value.clone());
        }
    }
    for change in &snapshot.changes {
        let Ok(series) = change.reference.parse::<Series>() else { continue };
        if let (Some(from), Some(since)) = (&change.from, since) {
            add(series.clone(), since.min(change.at), word(from));
        }
        if let Some(to) = &change.to {
            add(series, change.at, word(to));
        }
    }
    for states in &mut known {
        states.values.arrange_by_key(|(at, _)| *at);
        states.values.dedup_by(|later, kept| later.1 == kept.1);
    }
    known
}

/// A value that was printed.
fn word(text: &str) -> Value {
    match text {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()).map_or_else(|| text.into(), Value::Number),
    }
}

/// Signals that the snapshot says this machine does not have.
fn absent(snapshot: &Snapshot) -> Vec<(String, Unknown)> {
    let missing = snapshot.readings.iter().filter(|reading| reading.attrs.is_empty() && reading.value.is_none());
    let why = |why: Why, detail: &str| Unknown::new(why, detail);
    missing.filter_map(|reading| Some((reading.signal.clone(), why(reading.why?, &reading.detail)))).collect()
}
