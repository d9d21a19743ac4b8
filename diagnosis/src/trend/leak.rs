//! Whether a program takes more and more of something and gives nothing back.
//!
//! Within one life of the program only: it ends where the machine starts, sleeps or wakes, where nothing was heard of the
//! program, and where it gave back half of what it had (it began anew). Growth that a restart ends is no leak. Growth of a
//! group of processes is one only when each of them grows; else it is more tabs.

use crate::estimate::{self, Line};

use super::words::{self, FAR_SECONDS};
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, PastPoint, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "leak",
    version: 1,
    roles: &[
        Role { name: "used", needed: true, span: "window", step: "step" },
        Role { name: "processes", needed: false, span: "window", step: "step" },
        Role { name: "available", needed: false, span: "window", step: "step" },
    ],
    parameters: &[
        ("window", "s"),
        ("step", "s"),
        ("silence", "s"),
        ("skip", "s"),
        ("block", "s"),
        ("blocks", "{count}"),
        ("life", "s"),
    ],
    outputs: &[
        Output { name: "growth", label: "Growth since it runs", unit: OutputUnit::Same },
        Output { name: "rate", label: "Growth in an hour", unit: OutputUnit::Same },
        Output { name: "rising", label: "It grows for sure", unit: OutputUnit::Flag },
        Output { name: "fit", label: "How steadily it grows (1 is always)", unit: OutputUnit::Unit("{tau}") },
        Output {
            name: "lately",
            label: "Growth of the last third, as a share of all growth",
            unit: OutputUnit::Unit("1"),
        },
        Output {
            name: "each_fit",
            label: "How steadily each of its processes grows (1 is always)",
            unit: OutputUnit::Unit("{tau}"),
        },
        Output { name: "eta", label: "Time until nothing is left", unit: OutputUnit::Unit("s") },
        Output { name: "runs", label: "Time that was looked at", unit: OutputUnit::Unit("s") },
        Output { name: "words", label: "When nothing is left", unit: OutputUnit::Text },
    ],
    assess,
};

/// What a program gives back when it begins anew, as a share of what it had.
const BEGAN_ANEW: f32 = 0.5;

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let all = ask.points("used");
    let (life, has_begun) = life(ask, &all);
    let skipped = life.first().map_or(0, |point| point.at.0) + ask.span_ms("skip");
    let used: Vec<(i64, f64)> =
        life.iter().filter(|point| point.at.0 > skipped).map(|point| (point.at.0, f64::from(point.mean))).collect();
    let origin = used.first().map_or(0, |(at, _)| *at);
    let medians = blocks::medians(&used, ask.span_ms("block"), origin);
    let runs = medians.last().map_or(0.0, |(at, _)| *at) + ask.parameter("block");
    if runs < ask.parameter("life") || (medians.len() as f64) < ask.parameter("blocks") {
        let wanted = format!("{} of one run", words::span(ask.parameter("life")));
        let has = if used.is_empty() { "none".to_owned() } else { words::span(runs) };
        // A program that was seen to begin anew has given back what it had.
        return Err(match Doubt::needs(wanted, has) {
            Doubt::Needs(why) if has_begun => Doubt::Over(format!("it began anew; {why}")),
            doubt => doubt,
        });
    }
    let Some(line) = estimate::line(&medians) else { return Err(Doubt::needs("3 blocks", medians.len())) };
    let each = each_process(ask, &used, origin);
    let available = ask.points("available").last().map(|point| f64::from(point.mean));
    let until =
        |slope: f64| available.map(|left| if slope > 0.0 { (left / slope).min(FAR_SECONDS) } else { FAR_SECONDS });
    let (eta, range) = (until(line.slope), until(line.high).zip(until(line.low)));
    let growth = medians[medians.len() - 1].1 - medians[0].1;
    let said = range.map_or_else(String::new, |(soonest, latest)| words::ahead(soonest, latest));
    let estimating = Assessment::of(medians.len()).estimating("s", eta.unwrap_or(f64::NAN), range);
    Ok(estimating
        .with("growth", growth)
        .with("rate", line.slope * 3600.0)
        .with("rising", line.low > 0.0)
        .with("fit", line.tau)
        .with("lately", lately(&medians, &line))
        .with("each_fit", each.map_or(line.tau, |line| if line.slope > 0.0 { line.tau } else { line.tau.min(0.0) }))
        .with("eta", eta)
        .with("runs", runs)
        .saying(said)
        .weighing(if line.low > 0.0 && line.tau > 0.5 {
            growth / medians[0].1.max(1.0) * 4.0
        } else {
            line.tau / 10.0
        }))
}

/// The points since the program runs as it runs now, and whether its beginning was seen.
fn life<'a>(ask: &Ask, points: &'a [PastPoint]) -> (&'a [PastPoint], bool) {
    let silence = ask.span_ms("silence");
    let turned = ask.last_break().map(|at| points.partition_point(|point| point.at.0 - point.step_ms < at.0));
    let is_cut = |pair: &[PastPoint]| {
        let gap = pair[1].at.0 - pair[1].step_ms - pair[0].at.0;
        gap > silence.max(2 * pair[1].step_ms) || pair[1].mean < BEGAN_ANEW * pair[0].mean
    };
    let cut = points.windows(2).rposition(is_cut).map(|place| place + 1);
    let from = turned.max(cut).unwrap_or(0).min(points.len());
    // Of what ended long ago nothing goes on.
    let goes_on = points.last().is_some_and(|last| ask.now.0 - last.at.0 <= silence.max(2 * last.step_ms));
    (if goes_on { &points[from..] } else { &[] }, from > 0 || !goes_on)
}

/// Growth of one process, where it is known how many there are.
fn each_process(ask: &Ask, used: &[(i64, f64)], origin: i64) -> Option<Line> {
    let processes = ask.points("processes");
    let share = |(at, used): &(i64, f64)| {
        let place = processes.partition_point(|point| point.at.0 < *at).min(processes.len().checked_sub(1)?);
        Some((*at, used / f64::from(processes[place].mean.max(1.0))))
    };
    let shares: Vec<(i64, f64)> = used.iter().filter_map(share).collect();
    estimate::line(&blocks::medians(&shares, ask.span_ms("block"), origin))
}

/// The slope of the last third as a share of the whole slope: near nothing when a limit is reached.
fn lately(medians: &[(f64, f64)], line: &Line) -> Option<f64> {
    let last = estimate::line(&medians[medians.len() - medians.len() / 3..])?;
    (line.slope > 0.0).then(|| last.slope / line.slope)
}
