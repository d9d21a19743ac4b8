use std::collections::BTreeMap;

use crate::registry::SignalKind;
use crate::window::{Point, Track};

use super::super::expression::{Expression, Fold, OnOf, Window};
use super::super::reason::Reason;
use super::{Cell, Found, Scope};

/// Share of a window that must have been measured.
const COVERAGE_MIN: f64 = 0.7;

/// The rows of a window, put together as they come.
struct Rows {
    fold: Fold,
    count: usize,
    covered_ms: i64,
    /// When the newest was read.
    at: Option<i64>,
    last: f64,
    /// So far, by the fold: a sum, a weighted sum, an extreme, a count.
    value: f64,
    weights: f64,
    /// All values with their weights, for percentiles.
    all: Vec<(f64, f64)>,
}

/// A day of the calendar, by UTC: whole days since 1970.
const DAY_MS: i64 = 86_400_000;

impl<'a> Scope<'a> {
    pub(super) fn fold(&self, window: &Window) -> Found {
        if matches!(window.fold, Fold::Events | Fold::Calm | Fold::Days | Fold::Alike | Fold::Kinds) {
            return self.events(window);
        }
        if window.stands {
            return self.standing(window);
        }
        let Some((input, driver)) = self.driver(&window.rows_of, window.span_ms, window.settles) else {
            return Found::unknown(
                self.input(window.rows_of[0], None).reason().unwrap_or(Reason::NoData(window.rows_of[0])),
            );
        };
        let end = self.window_end(input, driver, window.settles);
        let start = self.start_of(window, end);
        let rows = self.rows(window, input, driver, start, end);
        let share = (rows.covered_ms as f64 / window.span_ms as f64).min(1.0);
        let (at, is_empty) = (rows.at, rows.count == 0);
        let value = rows.folded();
        let at_least = window.fold == Fold::Increase && value.is_some();
        if share < COVERAGE_MIN {
            if let (true, Some(why)) = (is_empty, driver.absence()) {
                return Found::unknown(Reason::Absent(input, why.clone()));
            }
            if window.settles && self.store.awake.settling_until(self.now.0).is_some() {
                return Found::unknown(Reason::Settling(None));
            }
            return Found {
                cell: Cell::Unknown(Reason::Coverage { share, span_ms: window.span_ms, so_far: value, at_least }),
                at,
            };
        }
        Found { cell: value.map_or(Cell::Unknown(Reason::NoData(input)), Cell::number), at }
    }

    /// Where a window that ends at `end` begins.
    fn start_of(&self, window: &Window, end: i64) -> i64 {
        if window.by_calendar {
            return end - window.span_ms;
        }
        self.store.awake.window_start(end, window.span_ms, window.settles)
    }

    /// A window over states: each row is a change, and stands until the next one.
    fn standing(&self, window: &Window) -> Found {
        if let Some(reason) = window.rows_of.iter().find_map(|input| self.input(*input, None).reason()) {
            return Found::unknown(reason);
        }
        let now = self.now.0;
        let start = self.start_of(window, now);
        let tracks: Vec<Track> = window.rows_of.iter().filter_map(|input| self.track(*input)).collect();
        // What was before the first that is known, nobody knows.
        let known_from = tracks.iter().filter_map(|track| track.points(i64::MIN, now).next()).map(|first| first.at);
        let from = known_from.max().unwrap_or(now).max(start);
        let mut moments: Vec<i64> = tracks.iter().flat_map(|track| track.points(from, now)).map(|one| one.at).collect();
        moments.push(from);
        moments.sort_unstable();
        moments.dedup();
        let mut rows = Rows::new(window.fold);
        for (index, at) in moments.iter().enumerate() {
            let until = moments.get(index + 1).copied().unwrap_or(now);
            if let Some(value) = self.row(*at).find(&window.body).cell.as_number() {
                rows.stand(*at, until - at, value);
            }
        }
        let share = (rows.covered_ms as f64 / window.span_ms as f64).min(1.0);
        let at_least = matches!(window.fold, Fold::Increase | Fold::Changes) && rows.count > 0;
        let (at, so_far) = (rows.at, rows.folded());
        let cell = match so_far {
            Some(value) if share >= COVERAGE_MIN => Cell::number(value),
            _ => Cell::Unknown(Reason::Coverage { share, span_ms: window.span_ms, so_far, at_least }),
        };
        Found { cell, at }
    }

    /// The series that gives the rows: of all that fit, the first that has most readings in the window.
    fn driver(&self, rows_of: &[usize], span_ms: i64, settles: bool) -> Option<(usize, Track<'a>)> {
        let mut tracks = rows_of.iter().flat_map(|input| self.tracks(*input).map(|track| (*input, track)));
        let first = tracks.next()?;
        let Some(second) = tracks.next() else { return Some(first) };
        let start = self.store.awake.window_start(self.now.0, span_ms, settles);
        let readings = |(_, track): &(usize, Track)| track.points(start, self.now.0).count();
        let (mut best, mut most) = (first, readings(&first));
        for one in std::iter::once(second).chain(tracks) {
            let count = readings(&one);
            if count > most {
                (best, most) = (one, count);
            }
        }
        Some(best)
    }

    /// A window ends at the newest reading while the next one is still on its way, else now.
    fn window_end(&self, input: usize, driver: Track, settles: bool) -> i64 {
        let (awake, now) = (&self.store.awake, self.now.0);
        let counts = |point: &Point| !awake.leaves_out(point.at, i64::from(point.step_ms), settles);
        let newest = driver.points_back(now).find(counts);
        match newest {
            Some(point) => {
                let patience_ms = 2 * i64::from(point.step_ms).max(self.cadence_ms(input));
                if awake.awake_ms(point.at, now) <= patience_ms { point.at } else { now }
            }
            None => now,
        }
    }

    fn rows(&self, window: &Window, input: usize, driver: Track, start: i64, end: i64) -> Rows {
        let mut rows = Rows::new(window.fold);
        let mut covered_to = start;
        // What is read once a day stands for the day, slept or not.
        let least_ms = if window.by_calendar { self.cadence_ms(input) } else { 0 };
        for point in driver.points(start, end) {
            let step_ms = i64::from(point.step_ms);
            if !window.by_calendar && self.store.awake.leaves_out(point.at, step_ms, window.settles) {
                continue;
            }
            let Some(value) = self.row_value(&window.body, window.fold, input, &point) else { continue };
            let cover_ms = point.at - (point.at - step_ms.max(least_ms)).max(covered_to);
            covered_to = point.at;
            rows.add(point.at, cover_ms.max(0), value);
        }
        rows
    }

    fn row_value(&self, body: &Expression, fold: Fold, input: usize, point: &Point) -> Option<f64> {
        match (fold, body) {
            (Fold::Increase | Fold::Rate, _) => Some(f64::from(point.value)),
            (_, Expression::Input(direct)) if *direct == input => self.point(input, point).as_number(),
            _ => self.row(point.at).find(body).cell.as_number(),
        }
    }

    /// This scope at a row of a window.
    fn row(&self, at: i64) -> Self {
        Self { row: Some(at), ..self.clone() }
    }

    /// Events stand for no time: what counts is for how long the endpoint was heard.
    fn events(&self, window: &Window) -> Found {
        let (input, awake, now) = (window.rows_of[0], &self.store.awake, self.now.0);
        let silent = self.tracks(input).find_map(Track::absence);
        if let Some(why) = self.store.absence(self.inputs[input].source).or(silent) {
            return Found::unknown(Reason::Absent(input, why.clone()));
        }
        if let Some(reason) = self.not_offered(input) {
            return Found::unknown(reason);
        }
        let start = self.start_of(window, now);
        let heard_ms = awake.first_heard().map_or(0, |first| match first.0.max(start) {
            from if window.by_calendar => (now - from).max(0),
            from => awake.awake_ms(from, now),
        });
        let share = (heard_ms as f64 / window.span_ms as f64).min(1.0);
        let (mut count, mut at, mut days) = (0.0, None, Vec::new());
        for point in self.tracks(input).flat_map(|track| track.points(start, now)) {
            if window.fold == Fold::Calm && awake.is_turn(point.at) {
                continue;
            }
            count += f64::from(point.value);
            at = at.max(Some(point.at));
            days.push(point.at.div_euclid(DAY_MS));
        }
        match (window.fold, &window.body) {
            (Fold::Days, _) => {
                days.sort_unstable();
                days.dedup();
                count = days.len() as f64;
            }
            (fold @ (Fold::Alike | Fold::Kinds), Expression::Attribute(_, field)) => {
                count = self.told_apart(input, field, fold, start);
            }
            _ => {}
        }
        if share < COVERAGE_MIN {
            let reason = Reason::Coverage { share, span_ms: window.span_ms, so_far: Some(count), at_least: true };
            return Found { cell: Cell::Unknown(reason), at };
        }
        Found { cell: Cell::number(count), at }
    }

    /// Of the events since `start` that say something in a field, the most that say the same, or how many different things
    /// are said. They are filed by that field.
    fn told_apart(&self, input: usize, field: &str, fold: Fold, start: i64) -> f64 {
        let mut told: BTreeMap<&str, f64> = BTreeMap::new();
        for track in self.tracks(input) {
            let count: f64 = track.points(start, self.now.0).map(|point| f64::from(point.value)).sum();
            if let Some(says) = track.series().attributes.get(field).filter(|_| count > 0.0) {
                *told.entry(says).or_default() += count;
            }
        }
        if fold == Fold::Kinds { told.len() as f64 } else { told.into_values().fold(0.0, f64::max) }
    }

    pub(super) fn on_of(&self, on_of: &OnOf) -> Found {
        let Some((input, driver)) = self.driver(&on_of.rows_of, on_of.span_ms, on_of.settles) else {
            return Found::unknown(
                self.input(on_of.rows_of[0], None).reason().unwrap_or(Reason::NoData(on_of.rows_of[0])),
            );
        };
        if let Some(reason) = self.input(input, None).reason() {
            return Found::unknown(reason);
        }
        let awake = &self.store.awake;
        let is_state = self.inputs[input].spec.signal.kind == SignalKind::Inventory;
        let counts = |point: &Point| is_state || !awake.leaves_out(point.at, i64::from(point.step_ms), on_of.settles);
        let rows = driver.points_back(self.now.0).filter(counts);
        let (mut held, mut failed, mut at) = (0, 0, None);
        for point in rows.take(on_of.of) {
            at = at.max(Some(point.at));
            match self.row(point.at).find(&on_of.body).cell {
                Cell::Flag(true) => held += 1,
                Cell::Flag(false) => failed += 1,
                _ => {}
            }
        }
        let decided = held >= on_of.held || failed > on_of.of - on_of.held;
        let cell = if decided {
            Cell::Number(held as f64)
        } else {
            Cell::Unknown(Reason::Rows { found: held + failed, wanted: on_of.of })
        };
        Found { cell, at }
    }
}

impl Found {
    fn reason(self) -> Option<Reason> {
        match self.cell {
            Cell::Unknown(reason) => Some(reason),
            _ => None,
        }
    }
}

impl Rows {
    fn new(fold: Fold) -> Self {
        let value = match fold {
            Fold::Min => f64::INFINITY,
            Fold::Max => f64::NEG_INFINITY,
            _ => 0.0,
        };
        Self { fold, count: 0, covered_ms: 0, at: None, last: f64::NAN, value, weights: 0.0, all: Vec::new() }
    }

    /// A row that stands for `cover_ms` from `at` on.
    fn stand(&mut self, at: i64, cover_ms: i64, value: f64) {
        if self.fold != Fold::Increase {
            return self.add(at, cover_ms, value);
        }
        // A fall is another disk, or a count that began anew.
        let rise = if self.count > 0 { (value - self.last).max(0.0) } else { 0.0 };
        self.add(at, cover_ms, rise);
        self.last = value;
    }

    fn add(&mut self, at: i64, cover_ms: i64, value: f64) {
        // A row that another one covers wholly still counts, if only just.
        let weight = cover_ms.max(1) as f64;
        match self.fold {
            Fold::Mean | Fold::Share => self.value += value * weight,
            Fold::Min => self.value = self.value.min(value),
            Fold::Max => self.value = self.value.max(value),
            Fold::Sum | Fold::Increase | Fold::Rate => self.value += value,
            // Events have windows of their own.
            Fold::Events | Fold::Calm | Fold::Days | Fold::Alike | Fold::Kinds => {}
            Fold::Percentile(_) => self.all.push((value, weight)),
            Fold::Changes => self.value += f64::from(u8::from(self.count > 0 && self.last != value)),
        }
        (self.at, self.last) = (Some(at), value);
        self.count += 1;
        self.weights += weight;
        self.covered_ms += cover_ms;
    }

    fn folded(mut self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        Some(match self.fold {
            Fold::Mean | Fold::Share => self.value / self.weights,
            Fold::Rate => self.value * 1000.0 / self.weights,
            Fold::Percentile(rank) => {
                self.all.sort_by(|one, two| one.0.total_cmp(&two.0));
                let target = f64::from(rank) / 100.0 * self.weights;
                let mut below = 0.0;
                let found = self.all.iter().find(|(_, weight)| {
                    below += weight;
                    below >= target * (1.0 - 1e-9)
                });
                found.or(self.all.last())?.0
            }
            // The rest is what came together; events have windows of their own.
            _ => self.value,
        })
    }
}
