use std::collections::BTreeMap;
use std::sync::Arc;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::registry::{Aggregate, Registry, SignalKind};
use firstline_diagnosis::vocabulary::{Attributes, Layout, Sample, Series, Timestamp};
use serde::Serialize;

use super::rollup::{Cell, Kind, Rolled, Rollup};

/// The most points of a series; more than a chart can show.
const POINTS_MAX: usize = 1500;

/// A series over a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stretch {
    /// Its points, by the meaning of the signal.
    #[serde(flatten)]
    pub series: SnapshotSeries,
    /// The least number of each step; empty for counters, and where minutes are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub low: Vec<Option<f32>>,
    /// The greatest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub high: Vec<Option<f32>>,
}

/// How the points of a longer step come from those of a shorter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thin {
    Sum,
    Mean,
    Max,
    Min,
    Last,
}

impl Thin {
    fn for_signal(signal: &str) -> Self {
        let Some(spec) = Registry::builtin().get(signal) else { return Self::Mean };
        match (spec.kind, spec.aggregate) {
            (SignalKind::Counter, _) => Self::Sum,
            (_, Aggregate::Mean) => Self::Mean,
            (_, Aggregate::Max) => Self::Max,
            (_, Aggregate::Min) => Self::Min,
            (_, Aggregate::Last) => Self::Last,
        }
    }

    /// The point of a step that is rolled up.
    fn of(self, cell: &Cell) -> f32 {
        match self {
            Self::Sum => cell.sum as f32,
            Self::Mean => cell.mean(),
            Self::Max => cell.high,
            Self::Min => cell.low,
            Self::Last => cell.last,
        }
    }

    /// One point of several; none when none of them is there.
    fn one(self, points: &[Option<f32>]) -> Option<f32> {
        let there = points.iter().flatten().copied();
        let count = there.clone().count();
        match self {
            Self::Sum => (count > 0).then(|| there.sum()),
            Self::Mean => (count > 0).then(|| there.sum::<f32>() / count as f32),
            Self::Max => there.reduce(f32::max),
            Self::Min => there.reduce(f32::min),
            Self::Last => there.last(),
        }
    }
}

/// An even grid over samples.
struct Grid {
    start: Timestamp,
    step_seconds: u32,
    places: usize,
}

impl Grid {
    /// The step is that of most samples, since the first sample of an agent that has just started is shorter.
    fn over(samples: &[(Arc<Layout>, Sample)]) -> Option<Self> {
        let mut steps: BTreeMap<u32, usize> = BTreeMap::new();
        for (_, sample) in samples {
            *steps.entry(sample.step_seconds.max(1)).or_default() += 1;
        }
        let (&step_seconds, _) = steps.iter().max_by_key(|&(&step, &count)| (count, step))?;
        let first = samples.first()?.1.at;
        let start = Timestamp(first.unix_ms() - i64::from(step_seconds) * 1000);
        let grid = Self { start, step_seconds, places: 0 };
        let places = grid.place(samples.last()?.1.at)? + 1;
        Some(Self { places, ..grid })
    }

    /// The place whose end is nearest to the end of a sample, since samples do not end on whole minutes.
    fn place(&self, at: Timestamp) -> Option<usize> {
        let step_ms = i64::from(self.step_seconds) * 1000;
        usize::try_from((at.unix_ms() - step_ms - self.start.unix_ms() + step_ms / 2) / step_ms).ok()
    }
}

/// The series of `signal` in samples that are in order of time. Counters are increments of a step.
pub(super) fn of(samples: &[(Arc<Layout>, Sample)], signal: &str) -> Vec<Stretch> {
    let Some(grid) = Grid::over(samples) else { return Vec::new() };
    let thin = Thin::for_signal(signal);
    let mut found: BTreeMap<Attributes, Vec<Option<f32>>> = BTreeMap::new();
    for (layout, sample) in samples {
        let Some(place) = grid.place(sample.at) else { continue };
        for (series, value) in layout.series().iter().zip(&sample.values) {
            if &*series.signal == signal {
                let values = found.entry(series.attributes.clone()).or_insert_with(|| vec![None; grid.places]);
                // Two samples share a place when one of them is short.
                values[place] = thin.one(&[values[place], Some(*value).filter(|value| value.is_finite())]);
            }
        }
    }
    let factor = grid.places.div_ceil(POINTS_MAX).max(1);
    let finish = |(attrs, values): (Attributes, Vec<Option<f32>>)| {
        let series = SnapshotSeries {
            signal: signal.to_owned(),
            attrs,
            start: grid.start,
            step_seconds: grid.step_seconds * u32::try_from(factor).unwrap_or(1),
            values: values.chunks(factor).map(|points| thin.one(points)).collect(),
        };
        Stretch { series, low: Vec::new(), high: Vec::new() }
    };
    found.into_iter().map(finish).collect()
}

/// The series of a roll-up of `signal`.
pub(super) fn rolled(rollup: Rollup, signal: &str) -> Vec<Stretch> {
    let Some((from, to)) = rollup.span() else { return Vec::new() };
    let step_ms = rollup.step_ms();
    let first = from.unix_ms().div_euclid(step_ms);
    let places = usize::try_from((to.unix_ms() - from.unix_ms()) / step_ms).unwrap_or(0);
    let factor = places.div_ceil(POINTS_MAX).max(1);
    let points = |rolled: &Rolled, thin: Thin| -> Vec<Option<f32>> {
        let point = |place: usize| rolled.cells.get(&(first + place as i64)).map(|cell| thin.of(cell));
        let all: Vec<Option<f32>> = (0..places).map(point).collect();
        all.chunks(factor).map(|points| thin.one(points)).collect()
    };
    let thin = Thin::for_signal(signal);
    let stretch = |(name, rolled): (Series, Rolled)| {
        let is_gauge = rolled.kind != Kind::Counter;
        let bound = |thin: Thin| if is_gauge { points(&rolled, thin) } else { Vec::new() };
        let series = SnapshotSeries {
            signal: signal.to_owned(),
            attrs: name.attributes,
            start: from,
            step_seconds: u32::try_from(step_ms / 1000 * factor as i64).unwrap_or(u32::MAX),
            values: points(&rolled, thin),
        };
        Stretch { series, low: bound(Thin::Min), high: bound(Thin::Max) }
    };
    rollup.series.into_iter().map(stretch).collect()
}

/// A roll-up as samples of its steps. A step in which a series has no number holds none.
pub(super) fn samples(rollup: &Rollup) -> Vec<(Arc<Layout>, Sample)> {
    let names: Vec<Series> = rollup.series.keys().cloned().collect();
    let layout = Arc::new(Layout::new(names));
    let mut rows: BTreeMap<i64, Vec<f32>> = BTreeMap::new();
    for (index, (series, rolled)) in rollup.series.iter().enumerate() {
        let thin = Thin::for_signal(&series.signal);
        for (step, cell) in &rolled.cells {
            let row = rows.entry(*step).or_insert_with(|| vec![f32::NAN; rollup.series.len()]);
            row[index] = thin.of(cell);
        }
    }
    let step_seconds = u32::try_from(rollup.step_ms() / 1000).unwrap_or(u32::MAX);
    let sample = |(step, values): (i64, Vec<f32>)| {
        let at = Timestamp(step.saturating_add(1).saturating_mul(rollup.step_ms()));
        let sample = Sample { at, step_seconds, layout: layout.fingerprint(), values, absences: Vec::new() };
        (Arc::clone(&layout), sample)
    };
    rows.into_iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn samples(minutes: &[(i64, f32)], signal: &str) -> Vec<(Arc<Layout>, Sample)> {
        let layout =
            Arc::new(Layout::new(vec![Series::new("other", Attributes::none()), Series::new(signal, [("a", "b")])]));
        let sample = |&(minute, value)| {
            let at = Timestamp(minute * MINUTE_MS + 7);
            Sample { at, step_seconds: 60, layout: layout.fingerprint(), values: vec![9.0, value], absences: vec![] }
        };
        minutes.iter().map(|one| (Arc::clone(&layout), sample(one))).collect()
    }

    fn of(samples: &[(Arc<Layout>, Sample)], signal: &str) -> Vec<SnapshotSeries> {
        super::of(samples, signal).into_iter().map(|stretch| stretch.series).collect()
    }

    #[test]
    fn leaves_holes_where_there_is_no_number() {
        let series = of(&samples(&[(10, 1.0), (11, f32::NAN), (14, 4.0)], "x"), "x");
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].values, [Some(1.0), None, None, None, Some(4.0)]);
        assert_eq!(series[0].start, Timestamp(9 * MINUTE_MS + 7));
    }

    #[test]
    fn the_short_first_sample_of_an_agent_does_not_make_the_grid_finer() {
        let minutes: Vec<(i64, f32)> = (10..14).map(|minute| (minute, 600.0)).collect();
        let mut samples = samples(&minutes, "system.disk.io");
        samples[0].1.step_seconds = 15;
        let series = &of(&samples, "system.disk.io")[0];
        assert_eq!((series.step_seconds, series.start), (60, Timestamp(9 * MINUTE_MS + 7)));
        assert_eq!(series.values, [Some(600.0); 4]);
    }

    #[test]
    fn increments_of_samples_that_share_a_place_are_added() {
        let mut samples = samples(&[(10, 1.0), (11, 2.0), (12, 4.0)], "system.disk.io");
        let mut short = samples[1].clone();
        (short.1.at, short.1.step_seconds) = (Timestamp(11 * MINUTE_MS + 15_000), 15);
        samples.insert(2, short);
        assert_eq!(of(&samples, "system.disk.io")[0].values, [Some(1.0), Some(4.0), Some(4.0)]);
    }

    #[test]
    fn thins_long_series_by_the_meaning_of_the_signal() {
        let minutes: Vec<(i64, f32)> = (0..2880).map(|minute| (minute, 1.0)).collect();
        let increments = &of(&samples(&minutes, "system.disk.io"), "system.disk.io")[0];
        assert_eq!((increments.step_seconds, increments.values.len()), (120, 1440));
        assert!(increments.values.iter().all(|value| *value == Some(2.0)));
        let gauge = &of(&samples(&minutes, "system.cpu.utilization"), "system.cpu.utilization")[0];
        assert!(gauge.values.iter().all(|value| *value == Some(1.0)));
    }
}
