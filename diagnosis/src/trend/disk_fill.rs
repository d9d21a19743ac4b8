//! When a volume will be full.
//!
//! What fills a disk is the worst moment of each step, so the least free space counts. A step that stands out among the others
//! (an installation, a clean-up, an image of a machine) is an event and no trend: it is taken out, and what is left is
//! added up again. Through the medians of its blocks goes the line.

use crate::estimate::{self, Line};
use crate::vocabulary::Timestamp;

use super::words::{self, FAR_SECONDS};
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, PastPoint, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "disk-fill",
    version: 1,
    roles: &[Role { name: "free", needed: true, span: "window", step: "step" }],
    parameters: &[
        ("window", "s"),
        ("step", "s"),
        ("block", "s"),
        ("points", "{count}"),
        ("days", "{count}"),
        ("jump", "By"),
        ("jump_sigmas", "1"),
        ("reserve", "By"),
    ],
    outputs: &[
        Output { name: "eta", label: "Time until the volume is full", unit: OutputUnit::Unit("s") },
        Output {
            name: "soonest",
            label: "Time until the volume is full, at the earliest",
            unit: OutputUnit::Unit("s"),
        },
        Output { name: "latest", label: "Time until the volume is full, at the latest", unit: OutputUnit::Unit("s") },
        Output { name: "rate", label: "Space that goes every day", unit: OutputUnit::Unit("By") },
        Output { name: "falling", label: "Free space falls for sure", unit: OutputUnit::Flag },
        Output { name: "fit", label: "How steadily free space falls (-1 is always)", unit: OutputUnit::Unit("{tau}") },
        Output { name: "fall", label: "Space that went, without single large steps", unit: OutputUnit::Same },
        Output { name: "days_down", label: "Share of days on which space went", unit: OutputUnit::Unit("1") },
        Output {
            name: "saw_tooth",
            label: "This week's least free space is not below last week's",
            unit: OutputUnit::Flag,
        },
        Output { name: "freed", label: "Space that became free since the lowest point", unit: OutputUnit::Same },
        Output { name: "known_for", label: "Time since this machine is known", unit: OutputUnit::Unit("s") },
        Output { name: "words", label: "When the volume is full", unit: OutputUnit::Text },
    ],
    assess,
};

const WEEK_MS: i64 = 7 * blocks::DAY_MS;

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let points = ask.points("free");
    let (wanted, days_wanted) = (ask.parameter("points"), ask.parameter("days"));
    let days = blocks::days(points.iter().map(|point| point.at.0));
    if (days as f64) < days_wanted {
        return Err(Doubt::needs(words::counted(days_wanted, "day") + " of history", days));
    }
    if (points.len() as f64) < wanted {
        return Err(Doubt::needs(format!("{wanted} readings"), points.len()));
    }
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(Doubt::needs("readings", "none"));
    };
    let trend = without_jumps(&points, ask.parameter("jump"), ask.parameter("jump_sigmas"));
    let blocks = blocks::medians(&trend, ask.span_ms("block"), first.at.0);
    let Some(line) = estimate::line(&blocks) else {
        return Err(Doubt::needs("3 blocks of readings", blocks.len()));
    };
    let room = (f64::from(last.low) - ask.parameter("reserve")).max(0.0);
    let (soonest, eta, latest) = (until(room, line.low), until(room, line.slope), until(room, line.high));
    let fall = blocks[0].1 - blocks[blocks.len() - 1].1;
    let lowest = points.iter().map(|point| point.low).fold(f32::INFINITY, f32::min);
    let known_since = ask.past.since.unwrap_or(first.at).min(first.at);
    Ok(Assessment::of(blocks.len())
        .estimating("s", eta, Some((soonest, latest)))
        .with("eta", eta)
        .with("soonest", soonest)
        .with("latest", latest)
        .with("rate", -line.slope * 86_400.0)
        .with("falling", line.high < 0.0)
        .with("fit", line.tau)
        .with("fall", fall)
        .with("days_down", days_down(&trend))
        .with("saw_tooth", saw_tooth(&points, ask.now))
        .with("freed", f64::from(last.low - lowest))
        .with("known_for", ask.now.seconds_since(known_since))
        .saying(said(&line, soonest, latest))
        .weighing(weight(&line, eta)))
}

/// Free space without its single large steps, from where it began.
fn without_jumps(points: &[PastPoint], jump: f64, sigmas: f64) -> Vec<(i64, f64)> {
    let steps: Vec<f64> = points.windows(2).map(|pair| f64::from(pair[1].low) - f64::from(pair[0].low)).collect();
    let usual = estimate::median(&steps).unwrap_or(0.0);
    let limit = jump.max(sigmas * estimate::sigma(&steps, 0.0).unwrap_or(0.0));
    let mut level = points.first().map_or(0.0, |point| f64::from(point.low));
    // Distances from the usual step count: what goes fast and steadily is a trend.
    let levels = steps.iter().zip(&points[1.min(points.len())..]).map(|(step, point)| {
        level += if (step - usual).abs() > limit { 0.0 } else { *step };
        (point.at.0, level)
    });
    points.first().map(|point| (point.at.0, f64::from(point.low))).into_iter().chain(levels).collect()
}

fn until(room: f64, slope: f64) -> f64 {
    if slope < 0.0 { (room / -slope).min(FAR_SECONDS) } else { FAR_SECONDS }
}

/// The share of days at whose end there was less than at their beginning.
fn days_down(trend: &[(i64, f64)]) -> Option<f64> {
    let day = |at: i64| (at - 1).div_euclid(blocks::DAY_MS);
    let mut before = None;
    let (mut down, mut all) = (0.0, 0.0);
    for of_day in trend.chunk_by(|(one, _), (other, _)| day(*one) == day(*other)) {
        let (Some((_, first)), Some((_, last))) = (of_day.first(), of_day.last()) else { continue };
        let began = before.replace(*last).unwrap_or(*first);
        all += 1.0;
        down += if *last < began { 1.0 } else { 0.0 };
    }
    (all > 0.0).then_some(down / all)
}

/// Whether the last seven days never came below the seven before; nothing when these are not known.
fn saw_tooth(points: &[PastPoint], now: Timestamp) -> Option<bool> {
    let least = |from: i64, to: i64| {
        let within = points.iter().filter(|point| from < point.at.0 && point.at.0 <= to);
        within.map(|point| point.low).reduce(f32::min)
    };
    let (this, last) = (least(now.0 - WEEK_MS, now.0)?, least(now.0 - 2 * WEEK_MS, now.0 - WEEK_MS)?);
    Some(this >= last)
}

fn said(line: &Line, soonest: f64, latest: f64) -> String {
    if line.slope >= 0.0 { "not at this pace".to_owned() } else { words::ahead(soonest, latest) }
}

/// What will be full within a month is worth keeping beside what is full first.
fn weight(line: &Line, eta: f64) -> f64 {
    if line.slope < 0.0 { 30.0 * 86_400.0 / eta.max(60.0) } else { 0.0 }
}
