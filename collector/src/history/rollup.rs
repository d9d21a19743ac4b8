//! Roll-ups: what samples say of five minutes, or of an hour.
//!
//! A step begins at a whole multiple of its length, in Unix time; a sample belongs to the step in which its middle lies.
//! Of each series and step is kept how many numbers there were, and
//! - of a counter their sum, since a sample holds an increment,
//! - of a gauge their mean, the least and the greatest, and the newest where the registry says that this is what counts.
//!
//! So two roll-ups of one step can be put together, in any order, as if they had been one: what is told late makes a
//! roll-up of its own, and who reads adds it. Means and sums are kept with 12 bits behind the first, like the numbers that
//! they are of. A series is named in full, so that a roll-up outlives the layouts of its samples.
//!
//! Layout, in the words of [`super::columns`]: length of a step, how many steps, the numbers of the steps, how many series;
//! then each series: its name, its kind, and its columns.

use std::collections::{BTreeMap, BTreeSet};

use firstline_diagnosis::registry::{Aggregate, Registry, SignalKind};
use firstline_diagnosis::vocabulary::{Layout, Sample, Series, Timestamp};

use super::columns::{Damaged, Opened, Sealer};

/// What is kept of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sums.
    Counter = 0,
    /// Means, least and greatest.
    Gauge = 1,
    /// And the newest.
    State = 2,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Counter, Self::Gauge, Self::State];

    fn of(series: &Series) -> Self {
        match Registry::builtin().get(&series.signal) {
            Some(spec) if spec.kind == SignalKind::Counter => Self::Counter,
            Some(spec) if spec.aggregate == Aggregate::Last => Self::State,
            _ => Self::Gauge,
        }
    }
}

/// What is known of a series in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// How many numbers there were.
    pub(super) count: f64,
    /// Their sum.
    pub(super) sum: f64,
    /// The least.
    pub(super) low: f32,
    /// The greatest.
    pub(super) high: f32,
    /// The newest.
    pub(super) last: f32,
}

impl Cell {
    fn of(number: f32) -> Self {
        Self { count: 1.0, sum: f64::from(number), low: number, high: number, last: number }
    }

    /// Both together; `other` is the newer one.
    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            last: other.last,
        }
    }

    /// Their mean.
    pub(super) fn mean(&self) -> f32 {
        (self.sum / self.count) as f32
    }
}

/// A series in steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rolled {
    pub(super) kind: Kind,
    /// By the number of the step: Unix time divided by its length.
    pub(super) cells: BTreeMap<i64, Cell>,
}

/// Series in steps of one length.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rollup {
    step_ms: i64,
    pub(super) series: BTreeMap<Series, Rolled>,
}

impl Rollup {
    /// Nothing yet, in steps of so many seconds.
    pub(super) fn new(step_seconds: u32) -> Self {
        Self { step_ms: i64::from(step_seconds) * 1000, series: BTreeMap::new() }
    }

    /// Takes in a sample; of it the series that are `wanted`.
    pub(super) fn add(&mut self, layout: &Layout, sample: &Sample, wanted: impl Fn(&Series) -> bool) {
        let middle = sample.at.unix_ms().saturating_sub(i64::from(sample.step_seconds).saturating_mul(500));
        let step = middle.div_euclid(self.step_ms);
        for (series, &number) in layout.series().iter().zip(&sample.values) {
            if number.is_finite() && wanted(series) {
                self.put(series, Kind::of(series), step, Cell::of(number));
            }
        }
    }

    /// Takes in another roll-up, of the same steps or of shorter ones.
    pub(super) fn merge(&mut self, other: &Self) {
        for (series, rolled) in &other.series {
            for (step, cell) in &rolled.cells {
                self.put(series, rolled.kind, (step.saturating_mul(other.step_ms)).div_euclid(self.step_ms), *cell);
            }
        }
    }

    fn put(&mut self, series: &Series, kind: Kind, step: i64, cell: Cell) {
        if !self.series.contains_key(series) {
            self.series.insert(series.clone(), Rolled { kind, cells: BTreeMap::new() });
        }
        let Some(rolled) = self.series.get_mut(series) else { return };
        rolled.cells.entry(step).and_modify(|before| *before = before.and(cell)).or_insert(cell);
    }

    /// Forgets the steps that end before `from` or begin after `to`.
    pub(super) fn limit(&mut self, from: Timestamp, to: Timestamp) {
        let first = from.unix_ms().div_euclid(self.step_ms);
        let last = to.unix_ms().saturating_sub(1).div_euclid(self.step_ms);
        for rolled in self.series.values_mut() {
            rolled.cells.retain(|step, _| first <= *step && *step <= last);
        }
        self.series.retain(|_, rolled| !rolled.cells.is_empty());
    }

    /// Length of a step.
    pub(super) fn step_ms(&self) -> i64 {
        self.step_ms
    }

    /// From the beginning of its first step to the end of its last one.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.series.values().filter_map(|rolled| rolled.cells.keys().next()).min()?;
        let last = self.series.values().filter_map(|rolled| rolled.cells.keys().next_back()).max()?;
        let at = |step: i64| Timestamp(step.saturating_mul(self.step_ms));
        Some((at(*first), at(last.saturating_add(1))))
    }

    /// In parts of at most so many steps, since what was told late may be from long ago.
    pub(super) fn parts(self, steps: i64) -> Vec<Self> {
        let mut starts: Vec<i64> = Vec::new();
        for step in self.steps() {
            if starts.last().is_none_or(|start| step.saturating_sub(*start) >= steps) {
                starts.push(step);
            }
        }
        let mut parts = vec![Self { step_ms: self.step_ms, series: BTreeMap::new() }; starts.len()];
        for (series, rolled) in &self.series {
            for (step, cell) in &rolled.cells {
                let part = starts.partition_point(|start| start <= step) - 1;
                parts[part].put(series, rolled.kind, *step, *cell);
            }
        }
        parts
    }

    /// The steps of which anything is known, in order.
    fn steps(&self) -> BTreeSet<i64> {
        self.series.values().flat_map(|rolled| rolled.cells.keys().copied()).collect()
    }

    /// As sealed bytes.
    pub(super) fn seal(&self) -> Vec<u8> {
        let steps: Vec<i64> = self.steps().into_iter().collect();
        let mut sealer = Sealer::default();
        sealer.number(self.step_ms.unsigned_abs());
        sealer.number(steps.len() as u64);
        sealer.integers(&steps);
        sealer.number(self.series.len() as u64);
        for (series, rolled) in &self.series {
            sealer.bytes(series.to_string().as_bytes());
            sealer.number(rolled.kind as u64);
            rolled.seal(&mut sealer, &steps);
        }
        sealer.seal()
    }

    /// The series of sealed bytes that are `wanted`, by their printed name.
    ///
    /// # Errors
    /// When the bytes are not what was sealed.
    pub(super) fn open(sealed: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self, Damaged> {
        let mut opened = Opened::new(sealed)?;
        let step_ms =
            i64::try_from(opened.number()?).ok().filter(|step| *step > 0).ok_or(Damaged("a step is empty"))?;
        let count = opened.count()?;
        let steps = opened.integers(count)?;
        let mut rollup = Self { step_ms, series: BTreeMap::new() };
        for _ in 0..opened.count()? {
            let name = std::str::from_utf8(opened.bytes()?).map_err(|_| Damaged("a name is no text"))?;
            let series =
                if wanted(name) { Some(name.parse().map_err(|_| Damaged("a name is no series"))?) } else { None };
            let kind = usize::try_from(opened.number()?).ok().and_then(|kind| Kind::ALL.get(kind).copied());
            let kind = kind.ok_or(Damaged("a series is of an unknown kind"))?;
            match series {
                Some(series) => {
                    rollup.series.insert(series, Rolled::open(&mut opened, kind, &steps)?);
                }
                None => Rolled::skip(&mut opened, kind, count)?,
            }
        }
        Ok(rollup)
    }
}

impl Rolled {
    fn seal(&self, sealer: &mut Sealer, steps: &[i64]) {
        let column = |of: &dyn Fn(&Cell) -> f32| -> Vec<f32> {
            steps.iter().map(|step| self.cells.get(step).map_or(f32::NAN, of)).collect()
        };
        sealer.floats(&column(&|cell| cell.count as f32), None);
        if self.kind == Kind::Counter {
            sealer.floats(&column(&|cell| short(cell.sum as f32)), None);
            return;
        }
        let mean = column(&|cell| short(cell.mean()));
        sealer.floats(&mean, None);
        sealer.floats(&column(&|cell| cell.low), Some(&mean));
        sealer.floats(&column(&|cell| cell.high), Some(&mean));
        if self.kind == Kind::State {
            sealer.floats(&column(&|cell| cell.last), Some(&mean));
        }
    }

    fn open(opened: &mut Opened, kind: Kind, steps: &[i64]) -> Result<Self, Damaged> {
        let counts = opened.floats(steps.len(), None)?;
        let mean = opened.floats(steps.len(), None)?;
        let mut beside = |there: bool| if there { opened.floats(steps.len(), Some(&mean)) } else { Ok(mean.clone()) };
        let low = beside(kind != Kind::Counter)?;
        let high = beside(kind != Kind::Counter)?;
        let last = beside(kind == Kind::State)?;
        let there = (0..steps.len()).filter(|&index| !counts[index].is_nan());
        let cell = |index: usize| {
            let (count, number) = (f64::from(counts[index]), f64::from(mean[index]));
            let sum = if kind == Kind::Counter { number } else { number * count };
            (steps[index], Cell { count, sum, low: low[index], high: high[index], last: last[index] })
        };
        Ok(Self { kind, cells: there.map(cell).collect() })
    }

    fn skip(opened: &mut Opened, kind: Kind, count: usize) -> Result<(), Damaged> {
        let columns = [2, 4, 5][kind as usize];
        (0..columns).try_for_each(|_| opened.skip(count))
    }
}

/// With 12 bits behind the first, as agents tell numbers.
fn short(number: f32) -> f32 {
    const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - 12;
    let bits = number.to_bits();
    let rounded = f32::from_bits(bits.saturating_add(1 << (DROPPED - 1)) >> DROPPED << DROPPED);
    // No negative zero: it is as much zero as the other.
    if rounded.is_finite() { rounded + 0.0 } else { number }
}

#[cfg(test)]
mod tests;
