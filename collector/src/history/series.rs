use std::collections::BTreeMap;
use std::sync::Arc;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::registry::{Aggregate, Registry, SignalKind};
use firstline_diagnosis::vocabulary::{Attributes, Layout, Sample, Timestamp};

/// The most points of a series; more than a chart can show.
const POINTS_MAX: usize = 1500;

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

/// The series of `signal` in samples that are in order of time.
pub(super) fn of(samples: &[(Arc<Layout>, Sample)], signal: &str) -> Vec<SnapshotSeries> {
    let Some((_, first)) = samples.first() else { return Vec::new() };
    let step_seconds = first.step_seconds;
    let step_ms = i64::from(step_seconds) * 1000;
    let start = Timestamp(first.at.unix_ms() - step_ms);
    // A sample belongs to the place that its own step began nearest to, since steps do not start on whole minutes.
    let place =
        |at: Timestamp| usize::try_from((at.unix_ms() - step_ms - start.unix_ms() + step_ms / 2) / step_ms).ok();
    let count = samples.last().and_then(|(_, last)| place(last.at)).map_or(0, |last| last + 1);
    let mut found: BTreeMap<Attributes, Vec<Option<f32>>> = BTreeMap::new();
    for (layout, sample) in samples {
        let Some(place) = place(sample.at) else { continue };
        for (series, value) in layout.series().iter().zip(&sample.values) {
            if &*series.signal == signal {
                let values = found.entry(series.attributes.clone()).or_insert_with(|| vec![None; count]);
                values[place] = Some(*value).filter(|value| value.is_finite()).or(values[place]);
            }
        }
    }
    let factor = count.div_ceil(POINTS_MAX).max(1);
    let thin = Thin::for_signal(signal);
    let finish = |(attrs, values): (Attributes, Vec<Option<f32>>)| SnapshotSeries {
        signal: signal.to_owned(),
        attrs,
        start,
        step_seconds: step_seconds * u32::try_from(factor).unwrap_or(1),
        values: values.chunks(factor).map(|points| thin.one(points)).collect(),
    };
    found.into_iter().map(finish).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstline_diagnosis::vocabulary::Series;

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

    #[test]
    fn leaves_holes_where_there_is_no_number() {
        let series = of(&samples(&[(10, 1.0), (11, f32::NAN), (14, 4.0)], "x"), "x");
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].values, [Some(1.0), None, None, None, Some(4.0)]);
        assert_eq!(series[0].start, Timestamp(9 * MINUTE_MS + 7));
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
