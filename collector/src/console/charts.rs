use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::registry::{Registry, SignalKind};
use firstline_diagnosis::vocabulary::{Attributes, Timestamp};
use serde::Serialize;

use super::finding::instance_words;
use super::span::SpanQuery;
use crate::api::extract::Search;
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::history::Stretch;

/// Lines in one chart; those that move most are kept.
const LINES_MAX: usize = 6;

/// Finest step of a chart.
const STEP_SECONDS_MIN: u32 = 60;

/// A chart of the endpoint's page.
struct Chart {
    name: &'static str,
    title: &'static str,
    signal: &'static str,
    /// Only instances with one of these values of an attribute.
    only: Option<(&'static str, &'static [&'static str])>,
    /// The top of the scale, when it is fixed.
    ceiling: Option<f64>,
    /// The lowest that the top may be, so that noise does not fill the chart.
    top_at_least: f64,
}

const CHARTS: [Chart; 8] = [
    Chart {
        name: "cpu",
        title: "Processor time in use",
        signal: "system.cpu.utilization",
        only: Some(("cpu.mode", &["user", "system", "iowait", "steal"])),
        ceiling: Some(1.0),
        top_at_least: 1.0,
    },
    Chart {
        name: "pressure",
        title: "Share of time work waits for memory",
        signal: "endpoint.pressure.memory.some",
        only: Some(("window", &["avg60"])),
        ceiling: None,
        top_at_least: 0.1,
    },
    Chart {
        name: "memory",
        title: "Memory available",
        signal: "endpoint.memory.available",
        only: None,
        ceiling: None,
        top_at_least: 1024.0 * 1024.0 * 1024.0,
    },
    Chart {
        name: "disk",
        title: "Free space",
        signal: "system.filesystem.usage",
        only: Some(("state", &["free"])),
        ceiling: None,
        top_at_least: 1024.0 * 1024.0 * 1024.0,
    },
    Chart {
        name: "io",
        title: "Disk transfer",
        signal: "system.disk.io",
        only: None,
        ceiling: None,
        top_at_least: 1e6,
    },
    Chart {
        name: "network",
        title: "Network transfer",
        signal: "system.network.io",
        only: None,
        ceiling: None,
        top_at_least: 1e5,
    },
    Chart {
        name: "gateway",
        title: "Answer time of the gateway",
        signal: "endpoint.gateway.rtt",
        only: None,
        ceiling: None,
        top_at_least: 0.01,
    },
    Chart {
        name: "dns",
        title: "Name lookups",
        signal: "dns.lookup.duration",
        only: None,
        ceiling: None,
        top_at_least: 0.1,
    },
];

/// A chart's frame on the page.
pub(super) struct ChartView {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
}

/// The charts of an endpoint's page.
pub(super) fn views() -> Vec<ChartView> {
    CHARTS.iter().map(|chart| ChartView { name: chart.name, title: chart.title }).collect()
}

/// What the script draws.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    unit: String,
    ceiling: Option<f64>,
    floor_of_ceiling: f64,
    empty: String,
    /// The span that is shown, whatever was measured in it. Unix seconds.
    from: i64,
    to: i64,
    /// Unix seconds.
    times: Vec<i64>,
    lines: Vec<Drawn>,
}

#[derive(Debug, Serialize)]
struct Drawn {
    label: String,
    values: Vec<Option<f64>>,
    /// Between which it moved in each step; empty where that is not told apart.
    low: Vec<Option<f64>>,
    high: Vec<Option<f64>>,
}

/// The steps of a chart.
struct Grid {
    /// When they start, Unix seconds.
    times: Vec<i64>,
    step: u32,
    /// When the chart ends: the last step may not be over.
    end: i64,
}

/// `GET /endpoints/{id}/charts/{chart}`. The page that holds the chart is what the audit log knows of.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path((id, name)): Path<(String, String)>,
    Search(query): Search<SpanQuery>,
) -> Result<Json<Drawing>, Fault> {
    let chart = CHARTS.iter().find(|chart| chart.name == name).ok_or_else(|| Problem::not_found("such chart"))?;
    let endpoint = app.fleet.find(&id).await?;
    let to = app.clock.now();
    let from = to - query.span.length();
    let series = app.history.series(&endpoint.id, chart.signal, (from, to), to).await?;
    let empty = format!("Nothing was measured in the {}.", query.span.words());
    Ok(Json(Drawing { empty, ..draw(chart, series, (from, to)) }))
}

fn draw(chart: &Chart, series: Vec<Stretch>, (from, to): (Timestamp, Timestamp)) -> Drawing {
    let spec = Registry::builtin().get(chart.signal);
    let counter = spec.is_some_and(|spec| spec.kind == SignalKind::Counter);
    let unit = spec.map(|spec| spec.unit.clone()).unwrap_or_default();
    let mut stretches: Vec<Stretch> = series.into_iter().filter(|one| chart.keeps(&one.series)).collect();
    stretches.sort_by(|one, other| most(&other.series).total_cmp(&most(&one.series)));
    stretches.truncate(LINES_MAX);
    stretches.sort_by(|one, other| one.series.attrs.cmp(&other.series.attrs));
    let kept: Vec<SnapshotSeries> = stretches.iter().map(|one| one.series.clone()).collect();
    // Endpoints tell a value a minute: on a finer grid every value would stand alone, and no line would be drawn.
    let step = kept.iter().map(|one| one.step_seconds).max().unwrap_or(STEP_SECONDS_MIN).max(STEP_SECONDS_MIN);
    let grid = Grid { times: times(&kept, step), step, end: to.unix_ms() / 1000 };
    let bound = |one: &Stretch, values: &[Option<f32>]| match values {
        [] => Vec::new(),
        values => grid.place(&SnapshotSeries { values: values.to_vec(), ..one.series.clone() }, false),
    };
    let line = |one: &Stretch| Drawn {
        label: label(chart, &one.series, &kept),
        values: grid.place(&one.series, counter),
        low: bound(one, &one.low),
        high: bound(one, &one.high),
    };
    let lines = stretches.iter().map(line).collect();
    Drawing {
        unit: if counter { format!("{unit}/s") } else { unit },
        ceiling: chart.ceiling,
        floor_of_ceiling: chart.top_at_least,
        empty: String::new(),
        from: from.unix_ms() / 1000,
        to: to.unix_ms() / 1000,
        lines,
        times: grid.times,
    }
}

impl Chart {
    fn keeps(&self, series: &SnapshotSeries) -> bool {
        let fits =
            self.only.is_none_or(|(name, values)| series.attrs.get(name).is_some_and(|value| values.contains(&value)));
        fits && series.values.iter().any(Option::is_some)
    }
}

/// What tells this line from the others: the values of the attributes that differ. A line that is alone is told by what
/// the chart's title does not say; that may be nothing.
fn label(chart: &Chart, series: &SnapshotSeries, all: &[SnapshotSeries]) -> String {
    let differs = |name: &str| all.iter().any(|other| other.attrs.get(name) != series.attrs.get(name));
    let telling: Attributes = series.attrs.iter().filter(|(name, _)| differs(name)).collect();
    if !telling.is_empty() {
        return instance_words(&telling);
    }
    let known = |name: &str| chart.only.is_some_and(|(only, _)| only == name);
    instance_words(&series.attrs.iter().filter(|(name, _)| !known(name)).collect())
}

fn most(series: &SnapshotSeries) -> f64 {
    series.values.iter().flatten().copied().fold(0.0, f32::max).into()
}

/// Steps from the first to the last value, in Unix seconds.
fn times(series: &[SnapshotSeries], step: u32) -> Vec<i64> {
    let end =
        |one: &SnapshotSeries| one.start + Duration::from_secs(u64::from(one.step_seconds) * one.values.len() as u64);
    let first = series.iter().map(|one| one.start).min().unwrap_or(Timestamp(0)).unix_ms() / 1000;
    let last = series.iter().map(end).max().unwrap_or(Timestamp(0)).unix_ms() / 1000;
    let step = i64::from(step);
    let first = first - first.rem_euclid(step);
    let steps = (last - first).max(0).div_euclid(step) + 1;
    (0..steps).map(|index| first + index * step).filter(|time| *time < last).collect()
}

impl Grid {
    /// The values in the steps: gauges as the mean of a step, counters per second.
    fn place(&self, series: &SnapshotSeries, counter: bool) -> Vec<Option<f64>> {
        let Some(first) = self.times.first() else { return Vec::new() };
        let mut sums = vec![(0.0, 0_u32); self.times.len()];
        for (index, value) in series.values.iter().enumerate() {
            let at = series.start.unix_ms() / 1000 + i64::from(series.step_seconds) * index as i64;
            let place = usize::try_from((at - first) / i64::from(self.step)).ok();
            if let (Some((sum, count)), Some(value)) = (place.and_then(|place| sums.get_mut(place)), value) {
                *sum += f64::from(*value);
                *count += 1;
            }
        }
        let value = |(time, (sum, count)): (&i64, (f64, u32))| {
            let seconds = (self.end - time).clamp(i64::from(STEP_SECONDS_MIN), i64::from(self.step));
            let parts = if counter { seconds as f64 } else { f64::from(count) };
            (count > 0).then(|| sum / parts)
        };
        self.times.iter().zip(sums).map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(device: &str, start: i64, values: &[Option<f32>]) -> Stretch {
        let series = SnapshotSeries {
            signal: "system.disk.io".into(),
            attrs: Attributes::from([("system.device", device)]),
            start: Timestamp::from_unix_seconds(start),
            step_seconds: 60,
            values: values.to_vec(),
        };
        Stretch { series, low: Vec::new(), high: Vec::new() }
    }

    const DAY: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(86_400_000));

    #[test]
    fn counters_become_rates_on_one_grid_and_gaps_stay_gaps() {
        let chart = CHARTS.iter().find(|chart| chart.name == "io").expect("is there");
        let drawing =
            draw(chart, vec![series("sda", 600, &[Some(60.0), None]), series("sdb", 660, &[Some(120.0)])], DAY);
        assert_eq!(drawing.unit, "By/s");
        assert_eq!(drawing.times, [600, 660]);
        assert_eq!(drawing.lines[0].values, [Some(1.0), None]);
        assert_eq!(drawing.lines[1].values, [None, Some(2.0)]);
    }

    #[test]
    fn a_value_a_minute_on_a_finer_grid_still_makes_a_line() {
        let chart = CHARTS.iter().find(|chart| chart.name == "io").expect("is there");
        let sparse: Vec<Option<f32>> = (0..12).map(|index| (index % 4 == 1).then_some(600.0)).collect();
        let mut fine = series("sda", 600, &sparse);
        fine.series.step_seconds = 15;
        let drawing = draw(chart, vec![fine], DAY);
        assert_eq!(drawing.lines[0].values, [Some(10.0); 3]);
    }

    #[test]
    fn the_first_minute_of_a_machine_is_shown_at_the_end_of_a_whole_day() {
        let chart = CHARTS.iter().find(|chart| chart.name == "io").expect("is there");
        let drawing = draw(chart, vec![series("sda", 86_340, &[Some(60.0)])], DAY);
        assert_eq!((drawing.from, drawing.to, drawing.times), (0, 86_400, vec![86_340]));
        assert_eq!(drawing.lines[0].label, "sda", "the only disk is named all the same");
    }

    #[test]
    fn an_hour_that_is_not_over_is_told_by_what_there_is_of_it() {
        let chart = CHARTS.iter().find(|chart| chart.name == "io").expect("is there");
        let mut hours = series("sda", 79_200, &[Some(7200.0), Some(1200.0)]);
        hours.series.step_seconds = 3600;
        let drawing = draw(chart, vec![hours], (Timestamp(0), Timestamp(83_400_000)));
        assert_eq!(drawing.lines[0].values, [Some(2.0), Some(2.0)]);
    }

    #[test]
    fn every_chart_draws_a_registered_signal() {
        for chart in &CHARTS {
            assert!(Registry::builtin().get(chart.signal).is_some(), "{}", chart.signal);
        }
    }
}
