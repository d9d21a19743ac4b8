//! Turns readings into the rows of samples.
//!
//! Numbers of the fast and minute tiers become columns of rows: one row each fast step for the recorder, one each minute
//! for the collector. Everything else (states, slow numbers, things that were never there) is told as a value when it
//! differs. A column exists once its series had a value; from then on a missing value is an absence with its reason.
//! Counters become increments; a decrease is a reset and costs one step. The minute's numbers are as fine as the registry
//! declares them, those of fast rows as they were read.

mod precision;
mod step;
#[cfg(test)]
mod tests;
mod told;

use std::collections::HashMap;

use firstline_diagnosis::registry::{Aggregate, Registry, SignalKind, SignalSpec, Tier};
use firstline_diagnosis::vocabulary::{Layout, Reading, Sample, Series, Timestamp};

use step::Step;
use told::Told;
pub use told::{Changed, Known};

/// Totals that are not read for so long are forgotten.
const COUNTER_IDLE_MAX_MS: u64 = 3_600_000;

/// A closed step: its layout, and a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the values stand for.
    pub layout: Layout,
    /// One for each series.
    pub sample: Sample,
}

/// Where readings become rows and news.
#[derive(Debug)]
pub struct Sampler {
    registry: &'static Registry,
    fast: Step,
    minute: Step,
    /// Totals, and when they were read, in milliseconds since boot.
    counters: HashMap<Series, (f64, u64)>,
    told: Told,
}

/// What becomes of one reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taken {
    /// It must be told now.
    pub tell: Option<Reading>,
    /// It is a state that was different before.
    pub changed: Option<Changed>,
}

impl Sampler {
    /// A sampler that knows the states in `known` from an earlier run.
    pub fn new(known: Known) -> Self {
        Self {
            registry: Registry::builtin(),
            fast: Step::fine(),
            minute: Step::rounded(),
            counters: HashMap::new(),
            told: Told::new(known),
        }
    }

    /// Takes a reading that passed the privacy gate, at a moment that is counted since boot: the machine's clock may jump.
    pub fn take(&mut self, reading: &Reading, now_boot_ms: u64) -> Taken {
        let Some(spec) = self.registry.get(&reading.series.signal) else { return Taken::default() };
        if spec.for_tickets {
            return Taken::default();
        }
        if !spec.is_sampled() {
            return self.told.state(spec, reading);
        }
        if reading.outcome.is_err() && !self.minute.has(&reading.series) {
            return self.told.state(spec, reading);
        }
        let value = reading.number().map(|number| self.number(spec, reading, number, now_boot_ms));
        let why = reading.outcome.as_ref().err().map(|unknown| unknown.why);
        if spec.tier == Tier::Fast {
            self.fast.take(&reading.series, spec, value.flatten(), why);
        }
        self.minute.take(&reading.series, spec, value.flatten(), why);
        let tell = self.told.urgent(spec, reading).then(|| reading.clone());
        Taken { tell, changed: None }
    }

    /// The number that counts in rows: as it is, or for counters the increment since the reading before.
    fn number(&mut self, spec: &SignalSpec, reading: &Reading, number: f64, now_boot_ms: u64) -> Option<f64> {
        if spec.kind != SignalKind::Counter {
            return Some(number);
        }
        let before = self.counters.insert(reading.series.clone(), (number, now_boot_ms));
        let (last, before_ms) = before?;
        let period = spec.cadence_seconds().unwrap_or(60.0);
        let elapsed = now_boot_ms.checked_sub(before_ms)? as f64 / 1000.0;
        // After a decrease, or a gap such as a sleep, the increment would not belong to this step.
        (number >= last && elapsed > 0.0 && elapsed <= 3.0 * period).then_some(number - last)
    }

    /// Closes the fast step; nothing when no series has a value yet.
    pub fn close_fast(&mut self, at: Timestamp, step_seconds: u32) -> Option<Row> {
        self.fast.close(at, step_seconds)
    }

    /// Closes the minute; nothing when no series has a value yet.
    pub fn close_minute(&mut self, at: Timestamp, step_seconds: u32) -> Option<Row> {
        let row = self.minute.close(at, step_seconds)?;
        self.told.sampled(row.layout.series(), &row.sample.values);
        let newest = self.counters.values().map(|(_, seen)| *seen).max().unwrap_or(0);
        self.counters.retain(|_, (_, seen)| newest - *seen < COUNTER_IDLE_MAX_MS);
        Some(row)
    }

    /// The part of a minute's row that is not already in fast rows, for the minute recorder.
    pub fn slow_part(&self, row: &Row) -> (Layout, Vec<f32>) {
        let slow = |series: &Series| self.registry.get(&series.signal).is_some_and(|spec| spec.tier == Tier::Minute);
        let pairs = row.layout.series().iter().zip(&row.sample.values).filter(|(series, _)| slow(series));
        let (series, values): (Vec<_>, Vec<_>) = pairs.map(|(series, value)| (series.clone(), *value)).unzip();
        (Layout::new(series), values)
    }

    /// The states as last read, for the next run; nothing when they are as they were at the last call.
    pub fn take_known_if_changed(&mut self) -> Option<Known> {
        self.told.take_known_if_changed()
    }
}

/// Whether rows of `signal` are increments.
pub fn is_counter(signal: &str) -> bool {
    Registry::builtin().get(signal).is_some_and(|spec| spec.kind == SignalKind::Counter)
}

/// How a step's values become one.
fn combine(aggregate: Aggregate, counter: bool) -> fn(&step::Cell) -> f64 {
    match aggregate {
        _ if counter => |cell| cell.sum,
        Aggregate::Mean => |cell| cell.sum / f64::from(cell.count),
        Aggregate::Max => |cell| cell.max,
        Aggregate::Min => |cell| cell.min,
        Aggregate::Last => |cell| cell.last,
    }
}
