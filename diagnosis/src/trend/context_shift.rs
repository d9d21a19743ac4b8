//! Whether a number is worse than this machine has it in the same place.
//!
//! The same place is the same network, with or without VPN, on mains or on battery, at working hours or not. The last hour is
//! held against the two weeks before yesterday in the same place. Where the machine was never before there is nothing to
//! hold it against, and no finding. Time in which the finding stood is no measure either: else what is wrong for long enough
//! would be usual.

use crate::estimate::{self, Shift};
use crate::vocabulary::{Timestamp, Value};

use super::words;
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, PastPoint, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "context-shift",
    version: 2,
    roles: &[
        Role { name: "value", needed: true, span: "window", step: "block" },
        Role { name: "per", needed: false, span: "window", step: "block" },
        Role { name: "network", needed: false, span: "window", step: "" },
        Role { name: "vpn", needed: false, span: "window", step: "block" },
        Role { name: "power", needed: false, span: "window", step: "" },
        Role { name: "offset", needed: false, span: "window", step: "" },
    ],
    parameters: &[
        ("window", "s"),
        ("gap", "s"),
        ("current", "s"),
        ("block", "s"),
        ("samples", "{count}"),
        ("samples_now", "{count}"),
        ("blocks", "{count}"),
        ("days", "{count}"),
        ("direction", "1"),
    ],
    outputs: &[
        Output { name: "worse", label: "Worse than usual in the same place", unit: OutputUnit::Same },
        Output { name: "usual", label: "What is usual in the same place", unit: OutputUnit::Same },
        Output { name: "now", label: "What it is now", unit: OutputUnit::Same },
        Output { name: "sigmas", label: "How surely it is worse", unit: OutputUnit::Unit("{sigma}") },
        Output { name: "ratio", label: "As many times as usual", unit: OutputUnit::Unit("{ratio}") },
        Output { name: "words", label: "Since when it is worse", unit: OutputUnit::Text },
    ],
    assess,
};

/// Hours of a weekday at which people work, by the clock on their wall; by UTC where that is not known, wide enough for a
/// continent.
const WORK_HOURS: std::ops::Range<i64> = 7..19;
const WORK_HOURS_UTC: std::ops::Range<i64> = 6..19;

/// Where a machine was: its network, whether over a VPN, its power, and whether people worked.
#[derive(Debug, Clone, PartialEq)]
struct Place<'a> {
    network: Option<&'a Value>,
    over_vpn: bool,
    power: Option<&'a Value>,
    at_work: bool,
}

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let history = History::of(ask);
    let place = history.place(ask.now);
    if ask.read("network").is_some() && place.network.is_none() {
        return Err(Doubt::needs("to know which network this is", "none"));
    }
    let now_from = ask.now.0 - ask.span_ms("current");
    let now: Vec<&PastPoint> =
        history.values.iter().filter(|point| point.at.0 > now_from && history.place(point.at) == place).collect();
    let gap_from = ask.now.0 - ask.span_ms("gap");
    let is_measure = |point: &&PastPoint| point.at.0 <= gap_from && !ask.stood_at(point.at);
    let before: Vec<&PastPoint> =
        history.values.iter().filter(is_measure).filter(|point| history.place(point.at) == place).collect();
    enough(ask, &now, &before)?;
    let sign = ask.parameter("direction").signum();
    let numbers = |points: &[&PastPoint]| points.iter().map(|point| f64::from(point.mean)).collect::<Vec<f64>>();
    let (now_numbers, before_numbers) = (numbers(&now), numbers(&before));
    let (Some(Shift { by, z }), Some(current), Some(usual)) = (
        estimate::shift(&now_numbers, &before_numbers),
        estimate::median(&now_numbers),
        estimate::median(&before_numbers),
    ) else {
        return Err(Doubt::needs("readings", "none"));
    };
    let spread = |share: f64| estimate::quantile(&before_numbers, share).map(|base| sign * (current - base));
    let since = since(&history.values, usual, sign, &before_numbers);
    Ok(Assessment::of(now.len() + before.len())
        .estimating("", sign * by, spread(0.75).zip(spread(0.25)))
        .with("worse", sign * by)
        .with("usual", usual)
        .with("now", current)
        .with("sigmas", sign * z)
        .with("ratio", current / usual)
        .saying(since.map_or_else(String::new, |at| format!("since about {}", minute(at))))
        .weighing(sign * z))
}

/// What is needed on both sides.
fn enough(ask: &Ask, now: &[&PastPoint], before: &[&PastPoint]) -> Result<(), Doubt> {
    let samples = |points: &[&PastPoint]| points.iter().map(|point| f64::from(point.count)).sum::<f64>();
    let blocks = ask.parameter("blocks");
    let days = blocks::days(before.iter().map(|point| point.at.0)) as f64;
    if days < ask.parameter("days") || samples(before) < ask.parameter("samples") || (before.len() as f64) < blocks {
        let wanted = words::counted(ask.parameter("days"), "day") + " of history in this network and at such an hour";
        return Err(Doubt::needs(wanted, format!("{days:.0}")));
    }
    if samples(now) < ask.parameter("samples_now") || (now.len() as f64) < blocks {
        let wanted = format!("{:.0} readings of the last hour", ask.parameter("samples_now"));
        return Err(Doubt::needs(wanted, format!("{:.0}", samples(now))));
    }
    Ok(())
}

/// Since when it is worse, among the blocks of the last day.
fn since(values: &[PastPoint], usual: f64, sign: f64, before: &[f64]) -> Option<Timestamp> {
    let sigma = estimate::sigma(before, 0.0).filter(|sigma| *sigma > 0.0)?;
    let lately = &values[values.len().saturating_sub(288)..];
    let higher: Vec<f64> = lately.iter().map(|point| sign * (f64::from(point.mean) - usual) / sigma).collect();
    estimate::onset(&higher, 0.0, 1.0, 8.0).map(|place| lately[place].at)
}

fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16).map_or(text.clone(), |minute| minute.replace('T', " ") + " UTC")
}

/// The values of an instance, and what is needed to know where the machine was.
struct History<'a> {
    values: Vec<PastPoint>,
    networks: Vec<(Timestamp, &'a Value)>,
    powers: Vec<(Timestamp, &'a Value)>,
    vpn: Vec<PastPoint>,
    /// How far local time was ahead of UTC, in seconds.
    offsets: Vec<(Timestamp, &'a Value)>,
}

impl<'a> History<'a> {
    fn of(ask: &Ask<'a>) -> Self {
        let mut values = ask.points("value");
        if ask.read("per").is_some() {
            values = per(&values, &ask.points("per"));
        }
        let [networks, powers, offsets] = ["network", "power", "offset"].map(|role| ask.states(role));
        Self { values, networks, powers, vpn: ask.points("vpn"), offsets }
    }

    fn place(&self, at: Timestamp) -> Place<'a> {
        let state = |states: &[(Timestamp, &'a Value)]| {
            states.partition_point(|(since, _)| *since <= at).checked_sub(1).map(|place| states[place].1)
        };
        let vpn = self.vpn.partition_point(|point| point.at <= at).checked_sub(1).map(|place| self.vpn[place].mean);
        // What was not told yet was mostly the same.
        let first = self.offsets.first().map(|(_, offset)| *offset);
        Place {
            network: state(&self.networks),
            over_vpn: vpn.is_some_and(|up| up >= 0.5),
            power: state(&self.powers),
            at_work: at_work(at, state(&self.offsets).or(first).and_then(Value::number)),
        }
    }
}

/// Whether people work at a moment, where local time is so many seconds ahead of UTC.
fn at_work(at: Timestamp, offset_seconds: Option<f64>) -> bool {
    let (ahead_ms, hours) = match offset_seconds {
        Some(seconds) => ((seconds * 1000.0) as i64, WORK_HOURS),
        None => (0, WORK_HOURS_UTC),
    };
    let local_ms = at.0.saturating_add(ahead_ms);
    let (hour, day) = (local_ms.div_euclid(3_600_000), local_ms.div_euclid(blocks::DAY_MS));
    // The first of January 1970 was a Thursday.
    (day + 3).rem_euclid(7) < 5 && hours.contains(&hour.rem_euclid(24))
}

/// One counter by another, step by step.
fn per(values: &[PastPoint], by: &[PastPoint]) -> Vec<PastPoint> {
    let quotient = |point: &PastPoint| {
        let place = by.binary_search_by_key(&point.at, |other| other.at).ok()?;
        let count = by[place].mean * by[place].count;
        (count > 0.0).then(|| {
            let mean = point.mean * point.count / count;
            PastPoint { mean, low: mean, high: mean, last: mean, ..*point }
        })
    };
    values.iter().filter_map(quotient).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_work_by_the_clock_on_their_wall() {
        // A Monday, 04:00 UTC: noon in Singapore, ten in the evening of Sunday in Chicago.
        // The fifth of January 1970.
        let four = Timestamp(4 * blocks::DAY_MS + 4 * 3_600_000);
        assert!(at_work(four, Some(8.0 * 3600.0)));
        assert!(!at_work(four, Some(-6.0 * 3600.0)));
        assert!(!at_work(four, None));
    }
}
