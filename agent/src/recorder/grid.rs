use std::collections::BTreeMap;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::vocabulary::{Series, Timestamp};

/// Rows of any layouts, gathered into even steps.
#[derive(Debug)]
pub(super) struct Grid {
    start: Timestamp,
    step_ms: i64,
    steps: usize,
    cells: BTreeMap<Series, Vec<Cell>>,
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
        Self { start, step_ms, steps: steps as usize, cells: BTreeMap::new() }
    }

    /// Adds the values of one series at the ends of their steps.
    pub(super) fn add(&mut self, series: &Series, times: &[Timestamp], values: impl Iterator<Item = f32>) {
        if !self.cells.contains_key(series) {
            self.cells.insert(series.clone(), vec![Cell::default(); self.steps]);
        }
        let Some(cells) = self.cells.get_mut(series) else { return };
        let (start, step_ms) = (self.start, self.step_ms);
        for (at, value) in times.iter().zip(values).filter(|(_, value)| value.is_finite()) {
            if let Some(cell) = step(start, step_ms, *at).and_then(|step| cells.get_mut(step)) {
                cell.sum += f64::from(value);
                cell.count += 1;
            }
        }
    }

    pub(super) fn finish(self, is_counter: impl Fn(&str) -> bool) -> Vec<SnapshotSeries> {
        let step_seconds = u32::try_from(self.step_ms / 1000).unwrap_or(u32::MAX);
        let filled = self.cells.into_iter().filter(|(_, cells)| cells.iter().any(|cell| cell.count > 0));
        filled
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
