use std::collections::BTreeMap;

use firstline_diagnosis::registry::{Registry, SignalSpec};
use firstline_diagnosis::vocabulary::{Event, Series, Timestamp, Value};
use serde::Deserialize;

use super::quantity::span_ms;
use super::told::Told;

/// A value as people write it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Shown {
    Flag(bool),
    Number(f64),
    Text(String),
}

/// Something that happens, once or again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Happens {
    pub(crate) event: String,
    pub(crate) at: String,
    pub(crate) every: Option<String>,
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// How often it happened at each of these moments.
    #[serde(default = "once")]
    pub(crate) count: u32,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Shown>,
}

fn once() -> u32 {
    1
}

impl Shown {
    /// As it stands.
    pub(crate) fn plain(&self) -> Value {
        match self {
            Self::Flag(flag) => Value::from(*flag),
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }
}

impl Happens {
    /// What is told of it when it happens at `first` for the first time.
    pub(crate) fn told(&self, first: Timestamp) -> Vec<(Timestamp, Told)> {
        let fields = self.fields.iter().map(|(name, shown)| (name.clone(), shown.plain())).collect();
        let event = Event { series: parsed(&self.event), at: first, fields, count: self.count };
        let every_ms = self.every.as_deref().map_or(0, span_ms);
        let at = |index: u32| Timestamp(first.0 + i64::from(index) * every_ms);
        (0..self.times).map(|index| (at(index), Told::Event(Event { at: at(index), ..event.clone() }))).collect()
    }
}

pub(crate) fn parsed(series: &str) -> Series {
    series.parse().unwrap_or_else(|error| panic!("{series}: {error}"))
}

pub(crate) fn spec(series: &Series) -> &'static SignalSpec {
    Registry::builtin().get(&series.signal).unwrap_or_else(|| panic!("{series} is not declared"))
}
