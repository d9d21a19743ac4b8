use std::collections::BTreeMap;
use std::time::Duration;

use crate::registry::{SignalKind, SignalSpec, ValueType};
use crate::vocabulary::{Series, Value};

use super::{
    Ask, Doubt, battery_runtime, battery_wear, context_shift, disk_fill, disk_watch, duration_rise, endurance,
    event_rate, leak, thermal_drift,
};

/// Every method, by name.
pub(crate) const METHODS: &[&Method] = &[
    &battery_runtime::METHOD,
    &battery_wear::METHOD,
    &context_shift::METHOD,
    &disk_fill::METHOD,
    &disk_watch::METHOD,
    &duration_rise::METHOD,
    &endurance::METHOD,
    &event_rate::METHOD,
    &leak::METHOD,
    &thermal_drift::METHOD,
];

/// A function from the past to numbers, and what it asks for.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// Grows whenever the same numbers would give another estimate.
    pub(crate) version: u32,
    pub(crate) roles: &'static [Role],
    /// Names and units; a check gives all of them.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    pub(crate) outputs: &'static [Output],
    pub(crate) assess: fn(&Ask) -> Result<Assessment, Doubt>,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl Method {
    /// The method of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().copied().find(|method| method.name == name)
    }
}

/// What a series is to a method.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    /// A check may leave out what is not needed.
    pub(crate) needed: bool,
    /// The parameter that says how far back it is read.
    pub(crate) span: &'static str,
    /// The parameter that says in steps of which length; empty for what is told when it changes.
    pub(crate) step: &'static str,
}

/// A number that a method gives.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) unit: OutputUnit,
}

/// What a method's number is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputUnit {
    /// UCUM.
    Unit(&'static str),
    /// As its first role.
    Same,
    /// Yes or no.
    Flag,
    /// Words.
    Text,
}

impl OutputUnit {
    pub(crate) fn value_type(self) -> ValueType {
        match self {
            Self::Flag => ValueType::Flag,
            Self::Text => ValueType::Text,
            _ => ValueType::Number,
        }
    }

    /// UCUM, where the first role is counted in `first`.
    pub(crate) fn text(self, first: &str) -> String {
        match self {
            Self::Unit(unit) => unit.to_owned(),
            Self::Same => first.to_owned(),
            Self::Flag | Self::Text => String::new(),
        }
    }
}

/// What a method says of one instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assessment {
    /// By the name of the output; what is left out cannot be told.
    pub(crate) values: Vec<(&'static str, Value)>,
    pub(crate) estimate: Option<f64>,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) unit: &'static str,
    pub(crate) points: usize,
    pub(crate) words: String,
    /// Which of several instances are worth keeping: the greatest first, and from 1 on several.
    pub(crate) weight: f64,
}

/// How a number enters an [`Assessment`]: what is not finite is left out.
pub(crate) trait Number {
    fn into_value(self) -> Option<Value>;
}

impl Number for f64 {
    fn into_value(self) -> Option<Value> {
        // No negative zero: it is as much zero as the other.
        self.is_finite().then_some(Value::Number(self + 0.0))
    }
}

impl Number for bool {
    fn into_value(self) -> Option<Value> {
        Some(Value::Flag(self))
    }
}

impl Number for String {
    fn into_value(self) -> Option<Value> {
        Some(Value::Text(self))
    }
}

impl<T: Number> Number for Option<T> {
    fn into_value(self) -> Option<Value> {
        self.and_then(Number::into_value)
    }
}

impl Assessment {
    /// One with nothing in it yet, of so many points.
    pub(crate) fn of(points: usize) -> Self {
        let words = String::new();
        Self { values: Vec::new(), estimate: None, range: None, unit: "1", points, words, weight: 0.0 }
    }

    /// With a number more.
    pub(crate) fn with(mut self, name: &'static str, value: impl Number) -> Self {
        self.values.extend(value.into_value().map(|value| (name, value)));
        self
    }

    /// With what is told first of all, and its range.
    pub(crate) fn estimating(mut self, unit: &'static str, estimate: f64, range: Option<(f64, f64)>) -> Self {
        (self.unit, self.estimate, self.range) = (unit, Some(estimate), range);
        self
    }

    /// With words, which are an output as well.
    pub(crate) fn saying(self, words: String) -> Self {
        Self { words: words.clone(), ..self.with("words", words) }
    }

    /// With so much weight.
    pub(crate) fn weighing(self, weight: f64) -> Self {
        Self { weight: if weight.is_finite() { weight } else { 0.0 }, ..self }
    }
}

/// A method in a check: with which series, and with which numbers.
#[derive(Debug, Clone)]
pub struct Use {
    pub(crate) method: &'static Method,
    /// How often it is asked.
    pub every: Duration,
    /// What it reads.
    pub reads: Vec<Read>,
    /// Its parameters by name, in the units that the method declares.
    pub parameters: BTreeMap<String, f64>,
    /// The numbers that the check names; of the others nothing is kept.
    pub(crate) named: Vec<&'static str>,
}

impl Use {
    /// The method's name and version.
    pub fn method(&self) -> (&'static str, u32) {
        (self.method.name, self.method.version)
    }

    /// The unit of what is read first.
    pub(crate) fn unit(&self) -> String {
        self.reads.first().map_or_else(|| "1".to_owned(), |read| read.signal.unit.clone())
    }
}

/// A series that a method reads, how far back and how finely.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The method's name for it.
    pub role: &'static str,
    /// The signal's declaration.
    pub signal: SignalSpec,
    /// Attributes that the selector fixes.
    pub fixed: Vec<(String, String)>,
    /// How far back.
    pub span: Duration,
    /// In steps of at most this; zero where there are no steps.
    pub step: Duration,
}

/// In which form something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Numbers over steps.
    Steps,
    /// Told when it changes.
    States,
    /// Things that happened.
    Events,
}

impl Read {
    /// In which form its past is kept.
    pub fn form(&self) -> Form {
        if self.signal.kind == SignalKind::Event {
            Form::Events
        } else if self.signal.is_sampled() {
            Form::Steps
        } else {
            Form::States
        }
    }

    /// Whether it speaks of a series.
    pub(crate) fn selects(&self, series: &Series) -> bool {
        *self.signal.name == *series.signal
            && self.fixed.iter().all(|(name, value)| series.attributes.get(name) == Some(value))
    }
}
