//! How a battery's capacity goes: slowly, week by week, and at once.
//!
//! Health is the full capacity as a share of the designed one. A battery that is measured anew (calibrated, or replaced) says
//! more than before: what was before such a rise does not count.

use crate::estimate::{self, Line};
use crate::vocabulary::{Timestamp, Value};

use super::words::{self, FAR_SECONDS};
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, PastPoint, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "battery-wear",
    version: 1,
    roles: &[
        Role { name: "full", needed: true, span: "window", step: "" },
        Role { name: "design", needed: true, span: "window", step: "" },
        Role { name: "charge", needed: false, span: "recent", step: "step" },
    ],
    parameters: &[
        ("window", "s"),
        ("recent", "s"),
        ("step", "s"),
        ("weeks", "{count}"),
        ("calibrated", "1"),
        ("first_mark", "1"),
        ("second_mark", "1"),
        ("before_weeks", "{count}"),
        ("depth", "1"),
        ("lost", "1"),
    ],
    outputs: &[
        Output { name: "health", label: "Capacity as a share of the design", unit: OutputUnit::Unit("1") },
        Output { name: "eta_first", label: "Time until the first mark", unit: OutputUnit::Unit("s") },
        Output { name: "eta_second", label: "Time until the second mark", unit: OutputUnit::Unit("s") },
        Output { name: "monthly", label: "Capacity lost in a month", unit: OutputUnit::Unit("1") },
        Output { name: "drop", label: "Capacity lost against the weeks before", unit: OutputUnit::Unit("1") },
        Output { name: "cycles_since", label: "Deep discharges since it was lost", unit: OutputUnit::Unit("{cycle}") },
        Output { name: "words", label: "When the next mark is reached", unit: OutputUnit::Text },
    ],
    assess,
};

const WEEK_MS: i64 = 7 * blocks::DAY_MS;

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let healths = healths(ask);
    let (Some((first, _)), Some((_, health))) = (healths.first(), healths.last()) else {
        return Err(Doubt::needs("the battery's capacity and design", "not both"));
    };
    let window = ask.read("full").map_or(ask.now, |read| ask.now - read.span);
    let days = blocks::daily(&healths, window, ask.now, first.0);
    let times: Vec<(i64, f64)> = days.iter().map(|(at, health)| (first.0 + (at * 1000.0) as i64, *health)).collect();
    let weekly = blocks::medians(&times, WEEK_MS, first.0);
    let weekly = since_calibration(&weekly, ask.parameter("calibrated"));
    let (drop, cycles) = dropped(ask, &times);
    let (needed, weeks) = (ask.parameter("weeks"), weekly.len());
    let of = Assessment::of(weeks).with("health", *health).with("drop", drop).with("cycles_since", cycles);
    let Some(line) = estimate::line(weekly).filter(|_| weeks as f64 >= needed) else {
        // A capacity that is lost at once can be told long before a slow one.
        return if drop.is_some_and(|drop| drop >= ask.parameter("lost")) {
            Ok(of.estimating("1", *health, None))
        } else {
            Err(Doubt::needs(words::counted(needed, "week") + " of history", weeks))
        };
    };
    let marks = (ask.parameter("first_mark"), ask.parameter("second_mark"));
    let next = if *health > marks.0 { marks.0 } else { marks.1 };
    let (soonest, latest) = (until(*health, next, line.low), until(*health, next, line.high));
    Ok(of
        .estimating("s", until(*health, next, line.slope), Some((soonest, latest)))
        .with("eta_first", (*health > marks.0).then(|| until(*health, marks.0, line.slope)))
        .with("eta_second", (*health > marks.1).then(|| until(*health, marks.1, line.slope)))
        .with("monthly", monthly(&line))
        .saying(words::ahead(soonest, latest))
        .weighing(1.0 - health))
}

/// Capacity by design over time.
fn healths(ask: &Ask) -> Vec<(Timestamp, f64)> {
    let design =
        |at: Timestamp| ask.state_at("design", at).or_else(|| ask.states("design").first().map(|(_, value)| *value));
    let full = ask.states("full");
    let health = |(at, full): &(Timestamp, &Value)| {
        let design = design(*at)?.number().filter(|design| *design > 0.0)?;
        Some((*at, full.number()? / design))
    };
    full.iter().filter_map(health).collect()
}

/// Without the weeks before the last rise that no battery makes by itself.
fn since_calibration(weekly: &[(f64, f64)], rise: f64) -> &[(f64, f64)] {
    let risen = weekly.windows(2).rposition(|pair| pair[1].1 - pair[0].1 > rise);
    &weekly[risen.map_or(0, |place| place + 1)..]
}

fn until(health: f64, mark: f64, slope: f64) -> f64 {
    if slope < 0.0 { ((health - mark).max(0.0) / -slope).min(FAR_SECONDS) } else { FAR_SECONDS }
}

fn monthly(line: &Line) -> f64 {
    -line.slope * 30.44 * 86_400.0
}

/// How much less there is than the median of some weeks before, and how many deep discharges have confirmed it.
fn dropped(ask: &Ask, daily: &[(i64, f64)]) -> (Option<f64>, Option<f64>) {
    let Some((last_at, health)) = daily.last() else { return (None, None) };
    // The day of the loss: the last one with more than half of what is missing now.
    let reach = last_at - (ask.parameter("before_weeks") as i64) * WEEK_MS;
    let before: Vec<f64> =
        daily.iter().filter(|(at, _)| *at >= reach && at < last_at).map(|(_, health)| *health).collect();
    let Some(usual) = estimate::median(&before).filter(|_| before.len() >= 7) else { return (None, None) };
    let middle = (usual + health) / 2.0;
    let lost_at = daily.iter().rev().find(|(_, health)| *health > middle).map_or(reach, |(at, _)| *at);
    let swings = swings(&ask.points("charge"), lost_at, ask.parameter("depth") as f32);
    (Some(usual - health), Some(swings))
}

/// How often the charge fell by `depth` after a moment.
fn swings(charge: &[PastPoint], since_ms: i64, depth: f32) -> f64 {
    let (mut top, mut swings) = (f32::NEG_INFINITY, 0.0);
    for point in charge.iter().filter(|point| point.at.0 > since_ms) {
        top = top.max(point.high);
        if top - point.low >= depth {
            swings += 1.0;
            top = point.low;
        }
    }
    swings
}
