//! Whether starts (of the machine, of a session) take longer than they took.
//!
//! Each start is one number; it stands until the next. The last three are held against those before. Starts at which the
//! system itself changed are left out, and a new version begins a new past.

use crate::estimate;
use crate::order::Arrange as _;
use crate::vocabulary::{Series, Timestamp, Value};

use super::words;
use super::{Ask, Assessment, Doubt, Form, Method, Output, OutputUnit, PastPoint, Role};

pub(super) const METHOD: Method = Method {
    name: "duration-rise",
    version: 1,
    roles: &[
        Role { name: "took", needed: true, span: "window", step: "step" },
        Role { name: "phases", needed: false, span: "window", step: "" },
        Role { name: "build", needed: false, span: "window", step: "" },
        Role { name: "version", needed: false, span: "window", step: "" },
    ],
    parameters: &[
        ("window", "s"),
        ("step", "s"),
        ("recent", "{count}"),
        ("least", "{count}"),
        ("most", "{count}"),
        ("resolution", "s"),
        ("around_update", "s"),
    ],
    outputs: &[
        Output { name: "now", label: "Time that the last starts took", unit: OutputUnit::Unit("s") },
        Output { name: "usual", label: "Time that starts took before", unit: OutputUnit::Unit("s") },
        Output { name: "rise", label: "Longer than before", unit: OutputUnit::Unit("s") },
        Output { name: "sigmas", label: "Longer than before, in spreads of before", unit: OutputUnit::Unit("{sigma}") },
        Output { name: "ratio", label: "As many times as long as before", unit: OutputUnit::Unit("{ratio}") },
        Output { name: "words", label: "What takes longer", unit: OutputUnit::Text },
    ],
    assess,
};

/// A start and how long it took.
type Start = (Timestamp, f64);

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let (recent, least) = (ask.parameter("recent") as usize, ask.parameter("least") as usize);
    let all = starts(ask);
    let from = all.len().saturating_sub(recent + ask.parameter("most") as usize);
    let all = &all[from..];
    if all.len() < recent + least {
        return Err(Doubt::needs(format!("{} starts", recent + least), all.len()));
    }
    let (before, last) = all.split_at(all.len() - recent);
    let took = |starts: &[Start]| starts.iter().map(|(_, took)| *took).collect::<Vec<f64>>();
    let (before_took, resolution) = (took(before), ask.parameter("resolution"));
    let (Some(now), Some(usual), Some(sigma)) =
        (estimate::median(&took(last)), estimate::median(&before_took), estimate::sigma(&before_took, resolution))
    else {
        return Err(Doubt::needs("starts", "none"));
    };
    let rise = now - usual;
    let spread = (estimate::quantile(&before_took, 0.25), estimate::quantile(&before_took, 0.75));
    let range = spread.0.zip(spread.1).map(|(low, high)| (now - high, now - low));
    Ok(Assessment::of(all.len())
        .estimating("s", rise, range)
        .with("now", now)
        .with("usual", usual)
        .with("rise", rise)
        .with("sigmas", rise / sigma.max(resolution))
        .with("ratio", now / usual.max(resolution))
        .saying(culprit(ask, before, last).unwrap_or_else(|| "no single part stands out".to_owned()))
        .weighing(rise / 20.0))
}

/// Every start that counts, in order.
fn starts(ask: &Ask) -> Vec<Start> {
    let numbers = |values: Vec<(Timestamp, &Value)>| -> Vec<Start> {
        values.into_iter().filter_map(|(at, value)| Some((at, value.number()?))).collect()
    };
    let mut starts = match ask.read("took").map(super::Read::form) {
        Some(Form::Steps) => told_again(&ask.points("took")),
        _ => numbers(ask.states("took")),
    };
    let changed = |role: &str| ask.states(role).into_iter().skip(1).map(|(at, _)| at).collect::<Vec<Timestamp>>();
    let around_ms = ask.span_ms("around_update");
    let builds = changed("build");
    starts.retain(|(at, _)| builds.iter().all(|build| (at.0 - build.0).abs() > around_ms));
    if let Some(upgraded) = changed("version").last() {
        starts.retain(|(at, _)| at > upgraded);
    }
    starts
}

/// A duration is told again and again until the next start: each new number is one.
fn told_again(points: &[PastPoint]) -> Vec<Start> {
    let mut starts: Vec<Start> = Vec::new();
    for point in points {
        let took = f64::from(point.last);
        if starts.last().is_none_or(|(_, last)| (last - took).abs() > 1e-6) {
            starts.push((point.at, took));
        }
    }
    starts
}

/// The phase that grew most, in words.
fn culprit<'a>(ask: &Ask<'a>, before: &[Start], last: &[Start]) -> Option<String> {
    let (border, now) = (last.first()?.0, ask.now);
    let earliest = before.first()?.0;
    let grown = |(series, values): (&'a Series, Vec<(Timestamp, &'a Value)>)| {
        let of = |from: Timestamp, to: Timestamp| {
            let within = values.iter().filter(|(at, _)| from <= *at && *at < to);
            estimate::median(&within.filter_map(|(_, value)| value.number()).collect::<Vec<f64>>())
        };
        let phase = series.attributes.get("phase").filter(|phase| *phase != "total")?;
        Some((of(border, Timestamp(now.0 + 1))? - of(earliest, border)?, phase))
    };
    let mut phases: Vec<(f64, &str)> = ask.each_states("phases").into_iter().filter_map(grown).collect();
    phases.arrange_by(|one, other| other.0.total_cmp(&one.0));
    let (rise, phase) = phases.first().filter(|(rise, _)| *rise >= 1.0)?;
    Some(format!("mostly the phase \"{phase}\", by {}", words::counted(rise.round(), "second")))
}
