//! Whether a machine is warmer under the same load than it was.
//!
//! Only hours with a middling load count, so that more work is not taken for more dust. The first month that is known is held
//! against the last two weeks, and enough time must lie between for dust and too little for another season to be sure.

use crate::estimate;

use super::words;
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, PastPoint, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "thermal-drift",
    version: 1,
    roles: &[
        Role { name: "temperature", needed: true, span: "window", step: "step" },
        Role { name: "load", needed: true, span: "window", step: "step" },
        Role { name: "fan", needed: false, span: "window", step: "step" },
    ],
    parameters: &[
        ("window", "s"),
        ("step", "s"),
        ("first", "s"),
        ("recent", "s"),
        ("load_low", "1"),
        ("load_high", "1"),
        ("hours", "{count}"),
    ],
    outputs: &[
        Output { name: "rise", label: "Warmer than at first under the same load", unit: OutputUnit::Unit("Cel") },
        Output { name: "now", label: "Temperature of late under a middling load", unit: OutputUnit::Unit("Cel") },
        Output { name: "first", label: "Temperature at first under a middling load", unit: OutputUnit::Unit("Cel") },
        Output { name: "fan_rise", label: "Fans turn faster than at first, as a share", unit: OutputUnit::Unit("1") },
        Output { name: "words", label: "Over which time", unit: OutputUnit::Text },
    ],
    assess,
};

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let (load, temperature) = (ask.points("load"), ask.points("temperature"));
    let Some(first_at) = temperature.first().map(|point| point.at) else {
        return Err(Doubt::needs("readings", "none"));
    };
    let (first_to, recent_from) = (first_at.0 + ask.span_ms("first"), ask.now.0 - ask.span_ms("recent"));
    let known_days = (ask.now.0 - first_at.0) / blocks::DAY_MS;
    if first_to > recent_from {
        let days = (ask.span_ms("first") + ask.span_ms("recent")) / blocks::DAY_MS;
        return Err(Doubt::needs(format!("{days} days of history"), known_days));
    }
    let is_middling = |point: &&PastPoint| {
        let place = load.binary_search_by_key(&point.at, |other| other.at);
        let band = ask.parameter("load_low")..=ask.parameter("load_high");
        place.is_ok_and(|place| band.contains(&f64::from(load[place].mean)))
    };
    let early_late = |points: &[PastPoint]| -> (Vec<f64>, Vec<f64>) {
        let number = |point: &PastPoint| f64::from(point.mean);
        let counting = || points.iter().filter(is_middling);
        (
            counting().filter(|point| point.at.0 <= first_to).map(number).collect(),
            counting().filter(|point| point.at.0 > recent_from).map(number).collect(),
        )
    };
    let (early, late) = early_late(&temperature);
    let hours = ask.parameter("hours");
    if (early.len().min(late.len()) as f64) < hours {
        let wanted = format!("{hours:.0} hours under a middling load at both ends");
        return Err(Doubt::needs(wanted, early.len().min(late.len())));
    }
    let (first, now) = (estimate::median(&early).unwrap_or(0.0), estimate::median(&late).unwrap_or(0.0));
    let (fan_early, fan_late) = early_late(&ask.points("fan"));
    let fans = estimate::median(&fan_early).filter(|speed| *speed > 0.0).zip(estimate::median(&fan_late));
    let low = estimate::quantile(&late, 0.25).zip(estimate::quantile(&late, 0.75));
    Ok(Assessment::of(early.len() + late.len())
        .estimating("Cel", now - first, low.map(|(low, high)| (low - first, high - first)))
        .with("rise", now - first)
        .with("now", now)
        .with("first", first)
        .with("fan_rise", fans.map(|(early, late)| late / early - 1.0))
        .saying(format!("over {}", words::span((ask.now.0 - first_at.0) as f64 / 1000.0)))
        .weighing((now - first) / 10.0))
}
