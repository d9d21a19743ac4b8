//! A past of its own, for a detector that goes through a recording: methods are asked over what was told so far.
//!
//! Of what was told only what methods read is kept; what is older than two days in five minutes, than ten days in hours, as
//! a collector keeps it.

use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::registry::{SignalKind, ValueType};
use crate::trend::{Form, Outlook, Past, PastPoint, PastSeries, PastStates, Read, joined, outlook};
use crate::vocabulary::{Event, Layout, Mark, Reading, Sample, Series, Timestamp, Value};

/// Points of a series from which on older ones are put together.
const POINTS_MANY: usize = 6000;
/// The ages from which on steps are longer, and how long they are.
const LONGER: [(Duration, i64); 2] = [(Duration::from_hours(50), 300_000), (Duration::from_hours(10 * 24), 3_600_000)];
/// Events and turns that are kept.
const EVENTS_MAX: usize = 20_000;

/// What was told, as far as methods read it.
#[derive(Debug, Default)]
pub(super) struct Diary {
    past: Past,
    /// When the method of each check was last asked.
    asked: Vec<(String, Timestamp)>,
}

impl Diary {
    pub(super) fn sample(&mut self, catalogue: &Catalogue, layout: &Layout, sample: &Sample) {
        let step_ms = i64::from(sample.step_seconds.max(1)) * 1000;
        for (series, value) in layout.series().iter().zip(&sample.values) {
            self.number(catalogue, series, sample.at, step_ms, *value);
        }
    }

    pub(super) fn number(&mut self, catalogue: &Catalogue, series: &Series, at: Timestamp, step_ms: i64, value: f32) {
        self.heard(at);
        let Some(read) = wanted(catalogue, series).filter(|_| value.is_finite()) else { return };
        if read.form() != Form::Steps {
            return self.state(series, at, number_of(read, f64::from(value)));
        }
        let position = self.past.series.iter().position(|known| known.series == *series);
        let position = position.unwrap_or_else(|| {
            self.past.series.push(PastSeries { series: series.clone(), points: Vec::new() });
            self.past.series.len() - 1
        });
        let points = &mut self.past.series[position].points;
        let place = points.partition_point(|point| point.at <= at);
        points.insert(place, PastPoint::of(at, step_ms, value));
        if points.len() >= POINTS_MANY {
            shorten(points);
        }
    }

    pub(super) fn reading(&mut self, catalogue: &Catalogue, reading: &Reading) {
        self.heard(reading.at);
        let (Some(read), Ok(value)) = (wanted(catalogue, &reading.series), &reading.outcome) else { return };
        match (read.form(), value.number()) {
            (Form::States, _) => self.state(&reading.series, reading.at, value.clone()),
            // A total is no increment.
            (Form::Steps, Some(number)) if read.signal.kind != SignalKind::Counter => {
                let step_ms = read.signal.tier.cadence().map_or(60_000, |cadence| cadence.as_millis() as i64);
                self.number(catalogue, &reading.series, reading.at, step_ms, number as f32);
            }
            _ => {}
        }
    }

    fn state(&mut self, series: &Series, at: Timestamp, value: Value) {
        let position = self.past.states.iter().position(|known| known.series == *series);
        let position = position.unwrap_or_else(|| {
            self.past.states.push(PastStates { series: series.clone(), values: Vec::new() });
            self.past.states.len() - 1
        });
        let values = &mut self.past.states[position].values;
        let place = values.partition_point(|(since, _)| *since <= at);
        if place.checked_sub(1).is_none_or(|before| values[before].1 != value) {
            values.insert(place, (at, value));
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.heard(event.at);
        let place = self.past.events.partition_point(|known| known.at <= event.at);
        self.past.events.insert(place, event.clone());
        let many = self.past.events.len().saturating_sub(EVENTS_MAX);
        self.past.events.drain(..many);
    }

    pub(super) fn mark(&mut self, at: Timestamp, mark: Mark) {
        let place = self.past.marks.partition_point(|(known, _)| *known <= at);
        self.past.marks.insert(place, (at, mark));
        let many = self.past.marks.len().saturating_sub(EVENTS_MAX);
        self.past.marks.drain(..many);
    }

    fn heard(&mut self, at: Timestamp) {
        self.past.since = Some(self.past.since.map_or(at, |since| since.min(at)));
        self.past.events_since = self.past.since;
    }

    /// What the methods say that are due at `now`.
    pub(super) fn due(&mut self, catalogue: &Catalogue, os_type: &str, now: Timestamp) -> Vec<Outlook> {
        let mut outlooks = Vec::new();
        for check in catalogue.checks().iter().filter(|check| check.runs_on(os_type)) {
            let Some(method) = &check.method else { continue };
            let asked = self.asked.iter_mut().find(|(id, _)| *id == check.id);
            match asked {
                Some((_, at)) if now.since(*at) < method.every => continue,
                Some((_, at)) => *at = now,
                None => self.asked.push((check.id.clone(), now)),
            }
            outlooks.extend(outlook(check, &self.past, now));
        }
        outlooks
    }
}

/// The first read of a series by any method.
fn wanted<'a>(catalogue: &'a Catalogue, series: &Series) -> Option<&'a Read> {
    let methods = catalogue.checks().iter().filter_map(|check| check.method.as_ref());
    methods.flat_map(|method| &method.reads).find(|read| read.selects(series))
}

/// Flags travel as numbers.
fn number_of(read: &Read, number: f64) -> Value {
    if read.signal.value == ValueType::Flag { Value::Flag(number != 0.0) } else { Value::Number(number) }
}

/// Puts together what is old.
fn shorten(points: &mut Vec<PastPoint>) {
    let Some(newest) = points.last().map(|point| point.at) else { return };
    for (age, step_ms) in LONGER {
        let old = points.partition_point(|point| point.at < newest - age);
        let kept = points.split_off(old);
        *points = joined(points, step_ms);
        points.extend(kept);
    }
}
