use crate::window::{Point, Track};

use super::super::expression::{Expression, Fold, OnOf, Window};
use super::super::reason::Reason;
use super::{Cell, Found, Scope};

/// Share of a window that must have been measured.
const COVERAGE_MIN: f64 = 0.7;

/// A row of a window: when, the time it stands for, and what it says.
struct Row {
    at: i64,
    cover_ms: i64,
    value: f64,
}

impl Scope<'_> {
    pub(super) fn fold(&self, window: &Window) -> Found {
        if window.fold == Fold::Events {
            return self.events(window);
        }
        let Some((input, driver)) = self.driver(&window.rows_of) else {
            return Found::unknown(
                self.input(window.rows_of[0], None).reason().unwrap_or(Reason::NoData(window.rows_of[0])),
            );
        };
        let end = self.window_end(input, driver, window.settles);
        let start = self.store.awake.window_start(end, window.span_ms, window.settles);
        let rows = self.rows(window, input, driver, start, end);
        let covered_ms: i64 = rows.iter().map(|row| row.cover_ms).sum();
        let share = (covered_ms as f64 / window.span_ms as f64).min(1.0);
        let at = rows.last().map(|row| row.at);
        let value = folded(window.fold, &rows);
        if share < COVERAGE_MIN {
            if let (true, Some(why)) = (rows.is_empty(), driver.absence()) {
                return Found::unknown(Reason::Absent(input, why.clone()));
            }
            if window.settles && self.store.awake.settling_until(self.now.0).is_some() {
                return Found::unknown(Reason::Settling(None));
            }
            return Found {
                cell: Cell::Unknown(Reason::Coverage { share, span_ms: window.span_ms, so_far: value }),
                at,
            };
        }
        Found { cell: value.map_or(Cell::Unknown(Reason::NoData(input)), Cell::number), at }
    }

    /// The series that gives the rows: of all that fit, the one with most readings.
    fn driver(&self, rows_of: &[usize]) -> Option<(usize, &Track)> {
        let mut best: Option<(usize, &Track, usize)> = None;
        for input in rows_of {
            for track in self.tracks(*input) {
                let readings = track.points.len();
                if best.is_none_or(|(_, _, most)| readings > most) {
                    best = Some((*input, track, readings));
                }
            }
        }
        best.map(|(input, track, _)| (input, track))
    }

    /// A window ends at the newest reading while the next one is still on its way, else now.
    fn window_end(&self, input: usize, driver: &Track, settles: bool) -> i64 {
        let (awake, now) = (&self.store.awake, self.now.0);
        let newest = driver
            .points
            .iter()
            .rev()
            .find(|point| point.at <= now && !awake.leaves_out(point.at, i64::from(point.step_ms), settles));
        match newest {
            Some(point) => {
                let patience_ms = 2 * i64::from(point.step_ms).max(self.cadence_ms(input));
                if awake.awake_ms(point.at, now) <= patience_ms { point.at } else { now }
            }
            None => now,
        }
    }

    fn rows(&self, window: &Window, input: usize, driver: &Track, start: i64, end: i64) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut covered_to = start;
        for point in points_between(driver, start, end) {
            if self.store.awake.leaves_out(point.at, i64::from(point.step_ms), window.settles) {
                continue;
            }
            let Some(value) = self.row_value(&window.body, window.fold, input, point) else { continue };
            let cover_ms = point.at - (point.at - i64::from(point.step_ms)).max(covered_to);
            covered_to = point.at;
            rows.push(Row { at: point.at, cover_ms: cover_ms.max(0), value });
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
        if let Some(why) = self.store.absence(self.inputs[input].source) {
            return Found::unknown(Reason::Absent(input, why.clone()));
        }
        let start = awake.window_start(now, window.span_ms, window.settles);
        let heard_ms = awake.first_heard().map_or(0, |first| awake.awake_ms(first.0.max(start), now));
        let share = (heard_ms as f64 / window.span_ms as f64).min(1.0);
        let (mut count, mut at) = (0.0, None);
        for track in self.tracks(input) {
            for point in points_between(track, start, now) {
                count += f64::from(point.value);
                at = at.max(Some(point.at));
            }
        }
        if share < COVERAGE_MIN {
            let reason = Reason::Coverage { share, span_ms: window.span_ms, so_far: Some(count) };
            return Found { cell: Cell::Unknown(reason), at };
        }
        Found { cell: Cell::number(count), at }
    }

    pub(super) fn on_of(&self, on_of: &OnOf) -> Found {
        let Some((input, driver)) = self.driver(&on_of.rows_of) else {
            return Found::unknown(
                self.input(on_of.rows_of[0], None).reason().unwrap_or(Reason::NoData(on_of.rows_of[0])),
            );
        };
        if let Some(reason) = self.input(input, None).reason() {
            return Found::unknown(reason);
        }
        let awake = &self.store.awake;
        let rows = driver.points.iter().rev().filter(|point| {
            point.at <= self.now.0 && !awake.leaves_out(point.at, i64::from(point.step_ms), on_of.settles)
        });
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

fn points_between(track: &Track, start: i64, end: i64) -> impl Iterator<Item = &Point> {
    let from = track.points.partition_point(|point| point.at <= start);
    track.points.range(from..).take_while(move |point| point.at <= end)
}

fn folded(fold: Fold, rows: &[Row]) -> Option<f64> {
    let values = || rows.iter().map(|row| row.value);
    // A row that another one covers wholly still counts, if only just.
    let weight = |row: &Row| row.cover_ms.max(1) as f64;
    let weights: f64 = rows.iter().map(weight).sum();
    if rows.is_empty() {
        return None;
    }
    Some(match fold {
        Fold::Mean | Fold::Share => rows.iter().map(|row| row.value * weight(row)).sum::<f64>() / weights,
        Fold::Min => values().fold(f64::INFINITY, f64::min),
        Fold::Max => values().fold(f64::NEG_INFINITY, f64::max),
        Fold::Sum | Fold::Increase | Fold::Events => values().sum(),
        Fold::Rate => values().sum::<f64>() * 1000.0 / weights,
        Fold::Percentile(rank) => {
            let mut sorted: Vec<f64> = values().collect();
            sorted.sort_by(f64::total_cmp);
            let index = (f64::from(rank) / 100.0 * sorted.len() as f64).ceil() as usize;
            sorted[index.clamp(1, sorted.len()) - 1]
        }
        Fold::Changes => rows.windows(2).filter(|pair| pair[0].value != pair[1].value).count() as f64,
    })
}
