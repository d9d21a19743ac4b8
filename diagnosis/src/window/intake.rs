//! What an endpoint sends, put into its place.

use std::sync::Arc;

use crate::registry::SignalKind;
use crate::vocabulary::{Event, Layout, Mark, Reading, Sample, Series, Timestamp, Unknown, Value};

use super::known::Known;
use super::{Point, Store, Track};

/// Layouts remembered for one endpoint; a stream changes its layout rarely.
const LAYOUTS_MAX: usize = 2;
/// In the columns of a layout, a series that no check reads.
const NOBODY: u16 = u16::MAX;

impl Store {
    /// Takes the numbers of a step.
    pub(crate) fn sample(&mut self, layout: &Layout, sample: &Sample) {
        let step_ms = step_ms(i64::from(sample.step_seconds) * 1000);
        self.awake.heard(sample.at, i64::from(step_ms));
        let columns = self.layout(layout);
        if columns.iter().any(|column| *column != NOBODY) {
            self.step(&columns, sample, step_ms);
        }
        self.layouts.insert(0, (layout.fingerprint(), columns));
        self.layouts.truncate(LAYOUTS_MAX);
    }

    fn step(&mut self, columns: &[u16], sample: &Sample, step_ms: i32) {
        let step = self.grid.step(sample.at.0, step_ms);
        for (column, value) in columns.iter().zip(&sample.values).filter(|(_, value)| value.is_finite()) {
            if *column != NOBODY {
                self.put(*column, step, Point { at: sample.at.0, step_ms, value: *value });
            }
        }
        for (position, why) in &sample.absences {
            match columns.get(*position as usize) {
                None | Some(&NOBODY) => {}
                Some(column) => self.gives_no_value(*column, &(*why).into(), sample.at),
            }
        }
        self.trim();
    }

    /// The columns of a layout, taken out of the memory; the caller puts them back in front.
    fn layout(&mut self, layout: &Layout) -> Box<[u16]> {
        let remembered = self.layouts.iter().position(|(fingerprint, _)| *fingerprint == layout.fingerprint());
        if let Some(index) = remembered {
            return self.layouts.remove(index).1;
        }
        let known: Vec<Option<Arc<Known>>> = layout.series().iter().map(|series| self.sources.know(series)).collect();
        if known.iter().flatten().any(|known| self.plan.column(known).is_none()) {
            self.grow(known.iter().flatten().cloned().collect());
        }
        let column = |known: &Option<Arc<Known>>| known.as_ref().and_then(|known| self.plan.column(known));
        known.iter().map(|known| column(known).unwrap_or(NOBODY)).collect()
    }

    /// The column of a series; nothing when no check reads it.
    fn column(&mut self, series: &Series) -> Option<u16> {
        let known = self.sources.know(series)?;
        if self.plan.column(&known).is_none() {
            self.grow(vec![Arc::clone(&known)]);
        }
        self.plan.column(&known)
    }

    /// Takes a number of one series over a step, outside of a layout.
    pub(crate) fn number(&mut self, series: &Series, at: Timestamp, step_ms: i64, value: f32) {
        self.awake.heard(at, step_ms);
        if let Some(column) = self.column(series) {
            let step_ms = self::step_ms(step_ms);
            let step = self.grid.step(at.0, step_ms);
            self.put(column, step, Point { at: at.0, step_ms, value });
            self.trim();
        }
    }

    /// Puts a number of a step into its place.
    fn put(&mut self, column: u16, step: Option<usize>, point: Point) {
        self.touch(column);
        let known = self.plan.known(column);
        let is_sampled = known.is_sampled;
        if known.is_state {
            return self.settle_on(column, Value::Number(f64::from(point.value)), Timestamp(point.at));
        }
        // Increments say more than totals: what was made of those goes.
        if known.kind == SignalKind::Counter && self.totals.of(column).is_some() {
            self.totals.remove(column);
            self.loose.forget(column, i64::MAX);
        }
        if !is_sampled || !step.is_some_and(|step| self.grid.put(step, column, point.value)) {
            self.put_loose(column, point);
        }
    }

    fn put_loose(&mut self, column: u16, point: Point) {
        self.loose.insert(column, point);
        self.trim_loose(column);
    }

    /// Takes a state, a fresh value, or why there is none.
    pub(crate) fn reading(&mut self, reading: &Reading) {
        self.awake.heard(reading.at, 0);
        self.derived(reading);
    }

    /// The same of what was made here of what the endpoint told: it says nothing about when it was heard.
    pub(crate) fn derived(&mut self, reading: &Reading) {
        match &reading.outcome {
            Ok(value) => self.value(&reading.series, value, reading.at),
            Err(why) => self.missing(&reading.series, why, reading.at),
        }
    }

    fn value(&mut self, series: &Series, value: &Value, at: Timestamp) {
        self.absent.retain(|(signal, _)| *signal != series.signal);
        let Some(column) = self.column(series) else { return };
        self.touch(column);
        let known = self.plan.known(column);
        let number = value.number().filter(|number| number.is_finite());
        match (known.kind, number) {
            _ if known.is_state => self.settle_on(column, value.clone(), at),
            (SignalKind::Counter, Some(total)) => self.total(column, total, at),
            (_, Some(number)) => {
                let step_ms = step_ms(self.awake.since_sleep_ms(at.0, known.cadence_ms));
                self.put_loose(column, Point { at: at.0, step_ms, value: number as f32 });
            }
            (_, None) => {}
        }
    }

    /// Takes the raw total of a counter. A total below the last one is a reset: counting starts there. Once there are
    /// samples of increments, totals are left alone.
    fn total(&mut self, column: u16, total: f64, at: Timestamp) {
        let longest_ms = 5 * self.plan.known(column).cadence_ms;
        match self.totals.of(column).copied() {
            Some((_, last)) if at <= last => return,
            Some((before, last)) if total >= before && at.0.saturating_sub(last.0) <= longest_ms => {
                let point = Point { at: at.0, step_ms: step_ms(at.0 - last.0), value: (total - before) as f32 };
                self.put_loose(column, point);
            }
            None if Track::new(self, column).newest().is_some() => return,
            _ => {}
        }
        self.totals.set(column, (total, at));
    }

    /// Takes a state; an older one than what is known is history and is left alone.
    fn settle_on(&mut self, column: u16, value: Value, at: Timestamp) {
        if self.plan.known(column).span_ms > 0
            && let Some(number) = value.number().filter(|number| number.is_finite())
        {
            self.changed(column, number as f32, at.0);
        }
        if self.states.of(column).is_none_or(|(_, known)| at >= *known) {
            self.states.set(column, (value, at));
        }
    }

    /// Keeps when a state changed, for windows over it. The same value again is no change.
    fn changed(&mut self, column: u16, value: f32, at: i64) {
        let before = Track::new(self, column).points_back(at).next();
        if before.is_none_or(|before| before.value != value) {
            self.loose.insert(column, Point { at, step_ms: 0, value });
            self.trim_stood(column);
        }
    }

    /// A reason without attributes speaks of the signal as a whole.
    fn missing(&mut self, series: &Series, why: &Unknown, at: Timestamp) {
        if series.attributes.is_empty() && self.sources.has_instances(&series.signal) {
            self.absent.retain(|(signal, _)| *signal != series.signal);
            self.absent.push((Arc::clone(&series.signal), why.clone()));
            self.touch_all();
        } else if let Some(column) = self.column(series) {
            self.gives_no_value(column, why, at);
        }
    }

    fn gives_no_value(&mut self, column: u16, why: &Unknown, at: Timestamp) {
        self.touch(column);
        if self.reasons.of(column).is_none_or(|(_, known)| at >= *known) {
            self.reasons.set(column, (why.clone(), at));
        }
    }

    /// Takes something that happened. Events stand for no time.
    pub(crate) fn event(&mut self, event: &Event) {
        self.awake.heard(event.at, 0);
        self.absent.retain(|(signal, _)| *signal != event.series.signal);
        let series = self.sources.filed(event);
        let Some(column) = self.column(&series) else { return };
        self.touch(column);
        self.put_loose(column, Point { at: event.at.0, step_ms: 0, value: event.count as f32 });
        if !event.fields.is_empty() && self.fields.of(column).is_none_or(|(_, known)| event.at >= *known) {
            self.fields.set(column, (event.fields.clone(), event.at));
        }
    }

    /// Takes a turn in the endpoint's day.
    pub(crate) fn mark(&mut self, at: Timestamp, mark: Mark) {
        self.awake.mark(at, mark);
        self.touch_all();
    }
}

fn step_ms(step_ms: i64) -> i32 {
    i32::try_from(step_ms).unwrap_or(i32::MAX)
}
