//! What a series shows in a stretch of the day, with noise that is the same in every run.
//!
//! A number is written `A`, or `A .. B` when it goes from one to the other while the stretch lasts; then `~ S`: it wanders
//! about by so much (one standard deviation, each minute much like the one before); then `^ H`: now and then a minute goes
//! up to as much as that. A flag is written as itself, or `true ! 1 %`: it is the contrary in so many minutes.

use firstline_diagnosis::registry::{SignalSpec, ValueType};
use firstline_diagnosis::vocabulary::{Value, Why};

use super::corpus::quantity::quantity;
use super::corpus::written::Shown;

/// How often a peak comes: once in so many minutes.
const PEAK_EVERY: f64 = 40.0;
/// How much of a minute's deviation is the one of the minute before.
const MEMORY: f64 = 0.7;

/// What is shown, understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Level {
    Number {
        from: f64,
        to: f64,
        spread: f64,
        peak: Option<f64>,
    },
    Flag {
        usual: bool,
        contrary: f64,
    },
    Text(String),
    Absent(Why),
    /// The series is not there.
    Gone,
}

impl Shown {
    /// What it means for a signal.
    pub(crate) fn level(&self, spec: &SignalSpec) -> Level {
        let text = match self {
            Self::Flag(flag) => return Level::Flag { usual: *flag, contrary: 0.0 },
            Self::Number(number) => return steady(*number),
            Self::Text(text) => text.as_str(),
        };
        match (text.strip_prefix("absent "), spec.value) {
            _ if text == "gone" => Level::Gone,
            (Some(why), _) => Level::Absent(why_of(why)),
            (None, ValueType::Number) => number(text),
            (None, ValueType::Flag) => flag(text),
            (None, _) => Level::Text(text.to_owned()),
        }
    }
}

fn why_of(name: &str) -> Why {
    Why::ALL.into_iter().find(|why| why.name() == name).unwrap_or_else(|| panic!("{name:?} is no reason"))
}

fn steady(number: f64) -> Level {
    Level::Number { from: number, to: number, spread: 0.0, peak: None }
}

fn number(text: &str) -> Level {
    let (text, peak) = split(text, " ^ ");
    let (text, spread) = split(text, " ~ ");
    let (from, to) = split(text, " .. ");
    let from = quantity(from);
    let to = to.map_or(from, quantity);
    Level::Number { from, to, spread: spread.map_or(0.0, quantity), peak: peak.map(quantity) }
}

fn flag(text: &str) -> Level {
    let (usual, contrary) = split(text, " ! ");
    let usual = usual.trim().parse().unwrap_or_else(|_| panic!("{text:?} is no flag"));
    Level::Flag { usual, contrary: contrary.map_or(0.0, quantity) }
}

fn split<'a>(text: &'a str, at: &str) -> (&'a str, Option<&'a str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Noise of one series, minute by minute.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    state: u64,
    wander: f64,
}

impl Noise {
    pub(crate) fn of(seed: u64, series: &str) -> Self {
        // FNV-1a: the same on every machine and in every version.
        let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let state =
            series.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self { state, wander: 0.0 }
    }

    /// Evenly from 0 to 1.
    pub(crate) fn even(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The minute's deviation, of variance one: near to a normal distribution's.
    fn next(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.even()).sum();
        let fresh = (sum - 2.0) * 3.0_f64.sqrt();
        self.wander = MEMORY * self.wander + (1.0 - MEMORY * MEMORY).sqrt() * fresh;
        self.wander
    }

    /// What is shown when `done` of the stretch is over; nothing where the series is not there.
    pub(crate) fn shows(&mut self, level: &Level, spec: &SignalSpec, done: f64) -> Option<Result<Value, Why>> {
        Some(match level {
            Level::Number { from, to, spread, peak } => {
                let mean = from + (to - from) * done;
                Ok(Value::from(self.number(mean, *spread, *peak, spec)))
            }
            Level::Flag { usual, contrary } => Ok(Value::from(*usual != (*contrary > 0.0 && self.even() < *contrary))),
            Level::Text(text) => Ok(Value::from(text.as_str())),
            Level::Absent(why) => Err(*why),
            Level::Gone => return None,
        })
    }

    fn number(&mut self, mean: f64, spread: f64, peak: Option<f64>, spec: &SignalSpec) -> f64 {
        let mut number = if spread > 0.0 { mean + spread * self.next() } else { mean };
        if let Some(peak) = peak.filter(|_| self.even() < 1.0 / PEAK_EVERY) {
            number += (peak - number) * self.even();
        }
        // What cannot be negative is not; and nothing takes no time at all.
        let least =
            if mean < 0.0 { f64::NEG_INFINITY } else { 0.0_f64.max(if spec.unit == "s" { mean / 4.0 } else { 0.0 }) };
        number = number.max(least);
        match &*spec.unit {
            "1" if mean <= 1.0 => number.min(1.0),
            unit if unit.starts_with('{') && spread > 0.0 && mean >= 2.0 => number.round(),
            _ => number,
        }
    }
}
