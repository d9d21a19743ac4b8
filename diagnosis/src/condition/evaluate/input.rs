use crate::registry::{SignalKind, Source, ValueType};
use crate::vocabulary::{Series, Timestamp, Value, Why};
use crate::window::{Point, Track};

use super::super::expression::Field;
use super::super::reason::Reason;
use super::{Cell, Found, Scope};

/// A state stands as long as the endpoint was heard from within this awake time.
const STATE_SILENCE_MS: i64 = 5 * 60_000;
/// A series that is silent for this long while others of its signal are not, is no longer there.
const GONE_MS: i64 = 30 * 60_000;
/// The newest value is fresh for so many cadences.
const FRESH_CADENCES: i64 = 3;

impl<'a> Scope<'a> {
    /// The series of an input for this instance; with several descriptions of the same one, the newest.
    pub(crate) fn track(&self, input: usize) -> Option<Track<'a>> {
        let mut tracks = self.tracks(input);
        let first = tracks.next()?;
        match tracks.next() {
            None => Some(first),
            Some(second) => [first, second].into_iter().chain(tracks).max_by_key(|track| track.newest()),
        }
    }

    /// All series of an input that fit the instance.
    pub(crate) fn tracks(&self, input: usize) -> impl Iterator<Item = Track<'a>> {
        let (source, store) = (&self.inputs[input], self.store);
        let (fixed, binding, filters) = (&source.spec.fixed, self.binding, self.filters);
        store.members_like(source.source, binding).filter(move |track| {
            let fits = |name: &str, fits: &dyn Fn(&str) -> bool| {
                fixed.iter().any(|(fixed, _)| fixed == name) || track.series().attributes.get(name).is_none_or(fits)
            };
            binding.iter().all(|(name, value)| fits(name, &|found| found == *value))
                && filters.iter().all(|(name, values)| fits(name, &|found| values.iter().any(|value| value == found)))
        })
    }

    /// The cadence of an input.
    pub(super) fn cadence_ms(&self, input: usize) -> i64 {
        (self.inputs[input].spec.signal.cadence_seconds().unwrap_or(60.0) * 1000.0) as i64
    }

    pub(super) fn input(&self, input: usize, within_ms: Option<i64>) -> Found {
        let Some(track) = self.track(input) else { return Found::unknown(self.no_data(input)) };
        match self.row {
            Some(row) if track.state().is_none() => self.in_row(input, track, row),
            Some(row) => match track.points_back(row).next() {
                Some(point) => Found { cell: self.stood(input, &point), at: Some(point.at) },
                // Of its past nothing is kept, or it was not known then.
                None => self.state(input, track),
            },
            _ if self.inputs[input].spec.signal.is_state() => self.state(input, track),
            _ => self.newest(input, track, within_ms),
        }
    }

    /// Why there is nothing at all of an input.
    pub(crate) fn no_data(&self, input: usize) -> Reason {
        match self.store.absence(self.inputs[input].source) {
            Some(why) => Reason::Absent(input, why.clone()),
            None => self.not_offered(input).unwrap_or(Reason::NoData(input)),
        }
    }

    /// The reason of the registry, where nothing tells an input on this system.
    pub(super) fn not_offered(&self, input: usize) -> Option<Reason> {
        match self.inputs[input].spec.signal.source.on(self.os_type) {
            Some(Source::None { none }) => Some(Reason::NotOffered(input, none.clone())),
            _ => None,
        }
    }

    fn state(&self, input: usize, track: Track) -> Found {
        if let Some(why) = track.absence() {
            return Found::unknown(Reason::Absent(input, why.clone()));
        }
        let silent_ms = self.store.awake.last_heard().map_or(0, |heard| self.store.awake.awake_ms(heard.0, self.now.0));
        if silent_ms > STATE_SILENCE_MS {
            return Found::unknown(Reason::Silent(silent_ms));
        }
        match track.state() {
            Some((value, at)) => Found { cell: self.cell(input, value), at: Some(at.0) },
            None => Found::unknown(Reason::NoData(input)),
        }
    }

    /// What a state was.
    fn stood(&self, input: usize, point: &Point) -> Cell {
        match self.inputs[input].spec.signal.value {
            ValueType::Flag => Cell::Flag(point.value >= 0.5),
            _ => Cell::number(f64::from(point.value)),
        }
    }

    fn cell(&self, input: usize, value: &Value) -> Cell {
        match (self.inputs[input].spec.signal.value, value) {
            (ValueType::Text, Value::Text(text)) => Cell::Text(text.clone()),
            (ValueType::Flag, value) => {
                value.number().map_or(Cell::Unknown(Reason::NoData(input)), |number| Cell::Flag(number != 0.0))
            }
            (ValueType::Number, value) => value.number().map_or(Cell::Unknown(Reason::NoData(input)), Cell::number),
            (ValueType::Text, _) => Cell::Unknown(Reason::NoData(input)),
        }
    }

    fn newest(&self, input: usize, track: Track, within_ms: Option<i64>) -> Found {
        if let Some(why) = track.absence() {
            return Found::unknown(Reason::Absent(input, why.clone()));
        }
        let settles = self.inputs[input].spec.signal.settles;
        let (awake, now) = (&self.store.awake, self.now.0);
        if settles && let Some(until) = awake.settling_until(now) {
            return Found::unknown(Reason::Settling(Some(until)));
        }
        let counts = |point: &Point| !awake.leaves_out(point.at, i64::from(point.step_ms), settles);
        let Some(point) = track.points_back(now).find(counts) else {
            let is_empty = track.points_back(i64::MAX).next().is_none();
            return Found::unknown(if is_empty { self.no_data(input) } else { Reason::Settling(None) });
        };
        let limit_ms = within_ms.unwrap_or(FRESH_CADENCES * self.cadence_ms(input).max(i64::from(point.step_ms)));
        let age_ms = awake.awake_ms(point.at, now);
        if age_ms > limit_ms {
            return Found::unknown(Reason::Old(input, age_ms));
        }
        Found { cell: self.point(input, &point), at: Some(point.at) }
    }

    /// What a number of a ring means: a flag, a rate, or itself.
    pub(super) fn point(&self, input: usize, point: &Point) -> Cell {
        let signal = &self.inputs[input].spec.signal;
        let value = f64::from(point.value);
        match (signal.value, signal.kind) {
            (ValueType::Flag, _) => Cell::Flag(value >= 0.5),
            (_, SignalKind::Counter) => Cell::number(value * 1000.0 / f64::from(point.step_ms)),
            _ => Cell::number(value),
        }
    }

    /// The value of an input as it stood at a row: the reading whose step holds the moment, or the one just before.
    fn in_row(&self, input: usize, track: Track, row: i64) -> Found {
        let next = track.points(row - 1, i64::MAX).next();
        let holding = next.filter(|point| point.at - i64::from(point.step_ms) < row);
        let before = || {
            let point = track.points_back(row - 1).next()?;
            (row - point.at <= i64::from(point.step_ms).max(self.cadence_ms(input))).then_some(point)
        };
        match holding.or_else(before) {
            Some(point) => Found { cell: self.point(input, &point), at: Some(point.at) },
            None => Found::unknown(Reason::NoData(input)),
        }
    }

    /// Whether the system has it at all: not where the registry says that there is no source, and not where the probe
    /// said that the system cannot say, or that there is none in this machine.
    pub(super) fn offered(&self, input: usize) -> Found {
        let source = &self.inputs[input];
        let is_readable = !matches!(source.spec.signal.source.on(self.os_type), Some(Source::None { .. }));
        let absence = self.store.absence(source.source).or_else(|| self.tracks(input).find_map(Track::absence));
        let is_missing = absence.is_some_and(|unknown| matches!(unknown.why, Why::Unsupported | Why::NotPresent));
        Found { cell: Cell::Flag(is_readable && !is_missing), at: None }
    }

    /// A field of the newest event.
    pub(super) fn field(&self, field: &Field) -> Found {
        let newest = self.tracks(field.input).max_by_key(|track| track.newest());
        let told = newest.and_then(Track::fields);
        let Some(value) = told.and_then(|(fields, _)| fields.get(&field.name)) else {
            return Found::unknown(if newest.is_some() {
                Reason::NotTold(field.input)
            } else {
                self.no_data(field.input)
            });
        };
        let cell = match (field.is_amount, value) {
            (true, value) => value.number().map_or(Cell::Unknown(Reason::NotTold(field.input)), Cell::number),
            (false, value) => Cell::Text(crate::texts::value_words(value)),
        };
        Found { cell, at: newest.and_then(Track::newest).map(|at| at.0) }
    }

    pub(super) fn age(&self, input: usize) -> Found {
        match self.track(input).and_then(Track::newest) {
            Some(at) => Found { cell: Cell::number(self.now.seconds_since(at)), at: Some(at.0) },
            None => Found::unknown(self.no_data(input)),
        }
    }

    /// Whether a series has ended while others of its signal go on: a process that exited, a volume that was removed.
    pub(crate) fn is_gone(&self, input: usize, track: Track) -> bool {
        if track.absence().is_some_and(|unknown| unknown.why == Why::NotPresent) {
            return true;
        }
        // What happened does not end, and what is told on change is not silent because nothing changes.
        let signal = &self.inputs[input].spec.signal;
        if signal.is_state() || signal.kind == SignalKind::Event {
            return false;
        }
        self.is_long_ago(track.told()) && self.is_heard(input)
    }

    fn is_long_ago(&self, at: Option<Timestamp>) -> bool {
        at.is_none_or(|at| self.store.awake.awake_ms(at.0, self.now.0) > GONE_MS)
    }

    /// Whether any series of an input's signal was heard lately.
    pub(crate) fn is_heard(&self, input: usize) -> bool {
        self.store.members(self.inputs[input].source).any(|track| !self.is_long_ago(track.newest()))
    }

    /// What a series adds to a binding: the attributes that neither the selector fixes nor only describe.
    pub(super) fn bound_by(&self, input: usize, series: &'a Series) -> Vec<(&'a str, &'a str)> {
        let fixed = &self.inputs[input].spec.fixed;
        let mut binding = self.binding.to_vec();
        for (name, value) in series.attributes.iter() {
            let known = binding.iter().any(|(bound, _)| *bound == name) || fixed.iter().any(|(fixed, _)| fixed == name);
            if !known && !crate::registry::is_facet(name) {
                binding.push((name, value));
            }
        }
        binding
    }
}
