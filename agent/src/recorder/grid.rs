use std::collections::BTreeMap;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::vocabulary::{Series, Timestamp};

/// Rows of any columns, gathered into even steps.
#[derive(Debug)]
pub(super) struct Grid {
    start: Timestamp,
    step_ms: i64,
    steps: usize,
    /// Where the cells of each series are; they come with the first value.
    places: BTreeMap<Series, usize>,
    cells: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    sum: f64,
    count: u32,
}

impl Grid {
    /// Steps of `step_seconds` that cover `from` to `until`; the last one ends at `until`.
    pub(super) fn new(from: Timestamp, until: Timestamp, step_seconds: u32) -> Self {
        let step_ms = i64::from(step_seconds.max(1)) * 1000;
        let steps = (until.unix_ms() - from.unix_ms()).max(0) / step_ms;
        let start = Timestamp(until.unix_ms() - steps * step_ms);
        Self { start, step_ms, steps: steps as usize, places: BTreeMap::new(), cells: Vec::new() }
    }

    /// Where the cells of `series` are.
    pub(super) fn place(&mut self, series: &Series) -> usize {
        if let Some(place) = self.places.get(series) {
            return *place;
        }
        self.cells.push(Vec::new());
        self.places.insert(series.clone(), self.cells.len() - 1);
        self.cells.len() - 1
    }

    /// The step of each row that ends at one of `times`, for those that belong to one.
    pub(super) fn steps(&self, times: impl Iterator<Item = Timestamp>) -> Vec<Option<usize>> {
        times.map(|at| step(self.start, self.step_ms, at).filter(|step| *step < self.steps)).collect()
    }

    /// Adds the values of the series at `place`, each to its step.
    pub(super) fn add(&mut self, place: usize, steps: &[Option<usize>], values: impl Iterator<Item = f32>) {
        let cells = &mut self.cells[place];
        for (step, value) in steps.iter().zip(values) {
            let Some(step) = step.filter(|_| value.is_finite()) else { continue };
            if cells.is_empty() {
                cells.resize(self.steps, Cell::default());
            }
            cells[step].sum += f64::from(value);
            cells[step].count += 1;
        }
    }

    /// The series that have a value, in their order.
    pub(super) fn finish(mut self, is_counter: impl Fn(&str) -> bool) -> Vec<SnapshotSeries> {
        let step_seconds = u32::try_from(self.step_ms / 1000).unwrap_or(u32::MAX);
        let all = self.places.into_iter().map(|(series, place)| (series, std::mem::take(&mut self.cells[place])));
        all.filter(|(_, cells)| !cells.is_empty())
            .map(|(series, cells)| {
                let counter = is_counter(&series.signal);
                SnapshotSeries {
                    signal: series.signal.to_string(),
                    attrs: series.attributes,
                    start: self.start,
                    step_seconds,
                    values: cells.iter().map(|cell| cell.value(counter)).collect(),
                }
            })
            .collect()
    }
}

/// The step in which a row that ends at `at` belongs.
fn step(start: Timestamp, step_ms: i64, at: Timestamp) -> Option<usize> {
    // A row stands for the time before it, so one that ends on a boundary belongs to the step before.
    let after = at.unix_ms() - start.unix_ms() - 1;
    usize::try_from(after.div_euclid(step_ms)).ok()
}

impl Cell {
    fn value(self, counter: bool) -> Option<f32> {
        let divisor = if counter { 1.0 } else { f64::from(self.count) };
        (self.count > 0).then(|| five_digits(self.sum / divisor))
    }
}

/// Five significant digits are more than any source means, and keep documents short.
fn five_digits(value: f64) -> f32 {
    if value == 0.0 || !value.is_finite() {
        return value as f32;
    }
    let scale = 10f64.powi(4 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded as f32 } else { value as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_five_digits() {
        assert_eq!(five_digits(0.123_456_7), 0.123_46);
        assert_eq!(five_digits(-98_765_432.0), -98_765_000.0);
        assert_eq!(five_digits(0.0), 0.0);
        assert_eq!(five_digits(1e-300), 0.0);
    }
}
