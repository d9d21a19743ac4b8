use std::collections::HashMap;

use firstline_diagnosis::registry::{Aggregate, SignalKind, SignalSpec};
use firstline_diagnosis::vocabulary::{Layout, Sample, Series, Timestamp, Why};

use super::{Row, combine, precision};

/// The most series of a layout.
const SERIES_MAX: usize = 4096;

/// A series without a value for this long leaves the layout when the layout changes next.
const IDLE_MAX: std::time::Duration = std::time::Duration::from_hours(12);

/// Gathers the values of one step.
#[derive(Debug)]
pub(super) struct Step {
    /// Whether numbers are rounded for the wire.
    rounds: bool,
    layout: Layout,
    columns: Vec<Column>,
    index: HashMap<Series, usize>,
    /// Series that have their first value in this step.
    grown: bool,
}

#[derive(Debug)]
struct Column {
    series: Series,
    aggregate: Aggregate,
    counter: bool,
    /// What the numbers are rounded to; nothing where they stay as they are.
    grid: Option<f64>,
    /// What the increments that were told left over.
    left: f64,
    cell: Cell,
    why: Option<Why>,
    seen: Option<Timestamp>,
}

/// The values of one series within a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) last: f64,
    pub(super) count: u32,
}

impl Default for Cell {
    fn default() -> Self {
        Self { sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, last: f64::NAN, count: 0 }
    }
}

impl Step {
    /// A step whose numbers stay as they are.
    pub(super) fn fine() -> Self {
        let layout = Layout::new(Vec::new());
        Self { rounds: false, layout, columns: Vec::new(), index: HashMap::new(), grown: false }
    }

    /// A step whose numbers are rounded as the registry says.
    pub(super) fn rounded() -> Self {
        Self { rounds: true, ..Self::fine() }
    }

    pub(super) fn has(&self, series: &Series) -> bool {
        self.index.contains_key(series)
    }

    pub(super) fn take(&mut self, series: &Series, spec: &SignalSpec, value: Option<f64>, why: Option<Why>) {
        let Some(index) = self.index.get(series).copied().or_else(|| self.grow(series, spec)) else { return };
        let column = &mut self.columns[index];
        match value {
            Some(value) => column.cell.add(value),
            None => column.why = why,
        }
    }

    fn grow(&mut self, series: &Series, spec: &SignalSpec) -> Option<usize> {
        if self.columns.len() >= SERIES_MAX {
            return None;
        }
        self.columns.push(Column {
            series: series.clone(),
            aggregate: spec.aggregate,
            counter: spec.kind == SignalKind::Counter,
            grid: self.rounds.then(|| precision::grid(spec.resolution)),
            left: 0.0,
            cell: Cell::default(),
            why: None,
            seen: None,
        });
        self.index.insert(series.clone(), self.columns.len() - 1);
        self.grown = true;
        Some(self.columns.len() - 1)
    }

    /// Ends the step at `at`.
    pub(super) fn close(&mut self, at: Timestamp, step_seconds: u32) -> Option<Row> {
        for column in &mut self.columns {
            if column.cell.count > 0 || column.seen.is_none() {
                column.seen = Some(at);
            }
        }
        if std::mem::take(&mut self.grown) {
            self.lay_out(at);
        }
        if self.columns.is_empty() {
            return None;
        }
        let mut absences = Vec::new();
        let mut values = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter_mut().enumerate() {
            values.push(column.take_value());
            if let Some(why) = column.why.take().filter(|_| values[index].is_nan()) {
                absences.push((u32::try_from(index).unwrap_or(u32::MAX), why));
            }
        }
        let layout = self.layout.fingerprint();
        Some(Row { layout: self.layout.clone(), sample: Sample { at, step_seconds, layout, values, absences } })
    }

    /// A new layout, without the series that were idle for long.
    fn lay_out(&mut self, at: Timestamp) {
        self.columns.retain(|column| column.seen.is_none_or(|seen| at.since(seen) < IDLE_MAX));
        let series: Vec<Series> = self.columns.iter().map(|column| column.series.clone()).collect();
        self.index = series.iter().cloned().enumerate().map(|(index, series)| (series, index)).collect();
        self.layout = Layout::new(series);
    }
}

impl Cell {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.last = value;
        self.count += 1;
    }
}

impl Column {
    /// The step's number, NaN when there was none; the next step starts empty.
    fn take_value(&mut self) -> f32 {
        let cell = std::mem::take(&mut self.cell);
        if cell.count == 0 {
            return f32::NAN;
        }
        let value = combine(self.aggregate, self.counter)(&cell);
        let value = match self.grid {
            Some(grid) if self.counter => {
                let (value, left) = precision::increment(value, self.left, grid);
                self.left = left;
                value
            }
            Some(grid) => precision::gauge(value, grid),
            None => value as f32,
        };
        if value.is_finite() { value } else { f32::NAN }
    }
}
