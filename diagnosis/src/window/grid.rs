//! Numbers of many series over the same steps: one list of times, and for each band of columns rows of numbers.
//!
//! A band holds the newest steps only, as many as its columns need. NaN is where a series has no number.

use super::cells::Cells;
use super::coverage::Coverage;
use super::plan::Plan;
use super::steps::Steps;
use super::times::Times;
use super::{Awake, Point};

/// Steps, and numbers, that one endpoint may fill.
const STEPS_MAX: usize = 8192;
const CELLS_MAX: usize = 512 * 1024;
/// Rows that every band keeps: of most series the newest numbers, which need no other place then.
const ROWS_MIN: usize = 3;

/// The steps of an endpoint, in order of time, each moment once.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    ats: Times,
    steps: Steps,
    bands: Vec<Band>,
}

/// Columns that are kept equally long.
#[derive(Debug, Clone)]
struct Band {
    retain_ms: i64,
    first: u16,
    /// Row by row; the last row is the newest step.
    cells: Cells,
}

impl Band {
    fn has(&self, column: u16) -> bool {
        usize::from(column - self.first) < self.cells.width()
    }

    /// The numbers of a column, oldest first.
    fn column(&self, column: u16) -> impl DoubleEndedIterator<Item = f32> + ExactSizeIterator {
        let column = usize::from(column - self.first);
        (0..self.cells.rows()).map(move |row| self.cells.get(row, column))
    }
}

/// A number that must leave the grid, but is among the newest of its series.
pub(super) type Parked = (u16, Point);

impl Grid {
    /// The empty grid of a plan.
    pub(super) fn new(plan: &Plan) -> Self {
        let band = |(retain_ms, first, width): (i64, u16, u16)| {
            let cells = Cells::new(usize::from(width));
            Band { retain_ms, first, cells }
        };
        Self { bands: plan.bands().map(band).collect(), ..Self::default() }
    }

    /// The same steps for another plan; `moved` says which column each of its columns was.
    pub(super) fn moved(&self, plan: &Plan, moved: &[Option<u16>]) -> Self {
        let mut grid = Self { ats: self.ats.clone(), steps: self.steps.clone(), ..Self::new(plan) };
        for band in &mut grid.bands {
            let first = usize::from(band.first);
            let columns = &moved[first..first + band.cells.width()];
            let rows = columns.iter().flatten().map(|column| self.band(*column).cells.rows()).max().unwrap_or(0);
            (0..rows).for_each(|row| band.cells.insert_row(row));
            for (index, column) in columns.iter().enumerate() {
                let Some(column) = column else { continue };
                let old = self.band(*column).column(*column);
                let skip = rows - old.len();
                (skip..).zip(old).for_each(|(row, number)| band.cells.set(row, index, number));
            }
        }
        grid
    }

    /// The place of a step; a new one is put where it belongs. Nothing when the moment is taken by another step.
    pub(super) fn step(&mut self, at: i64, step_ms: i32) -> Option<usize> {
        let index = self.ats.until(at);
        if let Some(known) = index.checked_sub(1).filter(|known| self.ats.get(*known) == at) {
            return (self.steps.get(known) == step_ms).then_some(known);
        }
        let before = self.ats.len();
        self.ats.insert(index, at);
        self.steps.insert(index, step_ms);
        for band in &mut self.bands {
            let start = before - band.cells.rows();
            if let Some(row) = index.checked_sub(start) {
                band.cells.insert_row(row);
            }
        }
        Some(index)
    }

    /// Puts a number; false when the column no longer reaches back to that step.
    pub(super) fn put(&mut self, index: usize, column: u16, value: f32) -> bool {
        let before = self.ats.len();
        let Some(band) = self.bands.iter_mut().find(|band| band.has(column)) else { return false };
        let Some(row) = index.checked_sub(before - band.cells.rows()) else { return false };
        let column = usize::from(column - band.first);
        let known = band.cells.get(row, column);
        // The same moment twice: any fixed choice will do.
        if known.is_nan() || Point::ordered(value) > Point::ordered(known) {
            band.cells.set(row, column, value);
        }
        true
    }

    /// How many numbers there is room for.
    pub(super) fn cells(&self) -> usize {
        self.bands.iter().map(|band| band.cells.len()).sum()
    }

    /// Bytes beside its own: numbers, and their times.
    pub(super) fn bytes(&self) -> usize {
        let numbers: usize = self.bands.iter().map(|band| size_of::<Band>() + band.cells.bytes()).sum();
        numbers + self.ats.bytes() + self.steps.bytes()
    }

    fn band(&self, column: u16) -> &Band {
        self.bands.iter().find(|band| band.has(column)).expect("every column of the plan is in a band")
    }

    /// The numbers of a column after one moment and up to another, oldest first.
    pub(super) fn points(&self, column: u16, after: i64, to: i64) -> impl DoubleEndedIterator<Item = Point> {
        let band = self.band(column);
        let start = self.ats.len() - band.cells.rows();
        let from = if after == i64::MIN { start } else { self.ats.until(after).max(start) };
        let end = if to == i64::MAX { self.ats.len() } else { self.ats.until(to) };
        let offset = usize::from(column - band.first);
        (from..end.max(from)).filter_map(move |row| {
            let value = band.cells.get(row - start, offset);
            let point = || Point { at: self.ats.get(row), step_ms: self.steps.get(row), value };
            (!value.is_nan()).then(point)
        })
    }

    /// Forgets what no window reaches any more; gives what must be kept all the same.
    pub(super) fn trim(&mut self, awake: &Awake, plan: &Plan) -> Vec<Parked> {
        let mut parked = Vec::new();
        let kept = self.kept(awake);
        for (index, keep) in kept.iter().enumerate() {
            if self.bands[index].cells.rows() > *keep {
                self.leave(index, *keep, plan, &mut parked);
            }
        }
        let rows = self.bands.iter().map(|band| band.cells.rows()).max().unwrap_or(0);
        let gone = self.ats.len() - rows;
        self.ats.drop_oldest(gone);
        self.steps.drop_oldest(gone);
        parked
    }

    /// How many rows each band keeps.
    fn kept(&self, awake: &Awake) -> Vec<usize> {
        let widths: usize = self.bands.iter().map(|band| band.cells.width()).sum();
        let most = STEPS_MAX.min(CELLS_MAX / widths.max(1)).max(ROWS_MIN);
        let (mut coverage, mut counted) = (Coverage::default(), 0);
        // Bands come in order of how long they are kept.
        let mut keep = |band: &Band| {
            while counted < ROWS_MIN || (counted < most && !coverage.is_enough(band.retain_ms)) {
                let Some(index) = self.ats.len().checked_sub(counted + 1) else { break };
                let (at, step_ms) = (self.ats.get(index), self.steps.get(index));
                coverage.add(at, step_ms, awake.leaves_out(at, i64::from(step_ms), true));
                counted += 1;
            }
            counted
        };
        self.bands.iter().map(&mut keep).collect()
    }

    /// Takes the oldest rows of a band out, but for the newest numbers of each column.
    fn leave(&mut self, index: usize, keep: usize, plan: &Plan, parked: &mut Vec<Parked>) {
        let before = self.ats.len();
        let band = &mut self.bands[index];
        let (rows, width) = (band.cells.rows(), band.cells.width());
        let leaving = rows - keep;
        for offset in 0..width {
            let column = band.first + offset as u16;
            let newest = plan.known(column).newest;
            let mut newer = band.column(column).skip(leaving).filter(|value| !value.is_nan()).take(newest).count();
            for row in (0..leaving).rev() {
                let value = band.cells.get(row, offset);
                if newer >= newest {
                    break;
                }
                if !value.is_nan() {
                    let place = before - rows + row;
                    parked.push((column, Point { at: self.ats.get(place), step_ms: self.steps.get(place), value }));
                    newer += 1;
                }
            }
        }
        band.cells.drop_rows(leaving);
    }
}
