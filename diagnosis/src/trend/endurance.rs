//! When a disk's flash is worn out, by its own account of how much of its life is used.

use crate::estimate;
use crate::vocabulary::Timestamp;

use super::words::{self, FAR_SECONDS};
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "endurance",
    version: 1,
    roles: &[Role { name: "used", needed: true, span: "window", step: "" }],
    parameters: &[("window", "s"), ("days", "{count}"), ("rise", "1")],
    outputs: &[
        Output { name: "share", label: "Share of the disk's life that is used", unit: OutputUnit::Unit("1") },
        Output { name: "eta", label: "Time until the disk's life is used", unit: OutputUnit::Unit("s") },
        Output { name: "yearly", label: "Share of the disk's life that a year takes", unit: OutputUnit::Unit("1") },
        Output { name: "words", label: "When the disk's life is used", unit: OutputUnit::Text },
    ],
    assess,
};

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let states = ask.states("used");
    let values: Vec<(Timestamp, f64)> = states.iter().filter_map(|(at, value)| Some((*at, value.number()?))).collect();
    let (Some((first, lowest)), Some((_, share))) = (values.first(), values.last()) else {
        return Err(Doubt::needs("readings", "none"));
    };
    let window = ask.read("used").map_or(ask.now, |read| ask.now - read.span);
    let days = blocks::daily(&values, window, ask.now, first.0);
    let wanted = ask.parameter("days");
    if (days.len() as f64) < wanted {
        return Err(Doubt::needs(words::counted(wanted, "day") + " of history", days.len()));
    }
    let of = Assessment::of(days.len()).with("share", *share);
    let line = estimate::line(&days).filter(|line| line.slope > 0.0 && share - lowest >= ask.parameter("rise") - 1e-9);
    // What does not rise wears nothing out that can be foreseen.
    let Some(line) = line else { return Ok(of.with("eta", FAR_SECONDS).saying("not at this pace".to_owned())) };
    let until = |slope: f64| if slope > 0.0 { ((1.0 - share).max(0.0) / slope).min(FAR_SECONDS) } else { FAR_SECONDS };
    let (soonest, eta, latest) = (until(line.high), until(line.slope), until(line.low));
    Ok(of
        .estimating("s", eta, Some((soonest, latest)))
        .with("eta", eta)
        .with("yearly", line.slope * 365.25 * 86_400.0)
        .saying(words::ahead(soonest, latest))
        .weighing(*share))
}
