use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::Quality;
use crate::vocabulary::{Attributes, Event, Mark, Reading, Series, Timestamp, Unknown, Value, Why};

/// A line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// An endpoint that tells something later on.
    Endpoint {
        /// What later lines call it.
        endpoint: String,
        /// `linux`, `windows`, `darwin` (`macos`); empty when it is not known.
        #[serde(default)]
        os: String,
        /// Its name, for people.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// Since when it is watched: what happened to it since then would be known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// Its tags and what else tells it from others.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attrs: BTreeMap<String, String>,
    },
    /// A number, or the reason why there is none.
    Sample(Told),
    /// A state, which holds until another one is told.
    Inventory(Told),
    /// Something that happened.
    Event(Told),
    /// A sign of life, with or without a turn in the endpoint's day.
    Beat(Told),
}

/// What an endpoint told at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Who.
    pub endpoint: String,
    /// When, by the endpoint's clock.
    pub t: Timestamp,
    /// Seconds since boot, which no setting of a clock moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_mono: Option<f64>,
    /// The kernel's name for the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The network context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx: Option<String>,
    /// Signal name; none for a beat.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signal: String,
    /// Instance.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attrs: Attributes,
    /// The value; absent or null when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// How long the step is that the number stands for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_seconds: Option<u32>,
    /// How far the value can be trusted; `ok` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What was attempted, when there is no value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Fields of an event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// How often an event happened; once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The turn of a beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

impl Told {
    /// Nothing but a sign of life.
    fn at(endpoint: &str, t: Timestamp) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            t,
            t_mono: None,
            boot_id: None,
            ctx: None,
            signal: String::new(),
            attrs: Attributes::none(),
            value: None,
            step_seconds: None,
            quality: None,
            why: None,
            detail: String::new(),
            fields: BTreeMap::new(),
            count: None,
            mark: None,
        }
    }

    fn of(endpoint: &str, t: Timestamp, series: &Series) -> Self {
        let (signal, attrs) = (series.signal.to_string(), series.attributes.clone());
        Self { signal, attrs, ..Self::at(endpoint, t) }
    }

    /// Signal and instance.
    pub(super) fn series(&self) -> Series {
        Series::new(&self.signal, self.attrs.clone())
    }

    /// The value, or why there is none; nothing when the line says neither.
    pub(super) fn outcome(&self) -> Option<Result<Value, Unknown>> {
        match (&self.value, self.quality) {
            (Some(value), None | Some(Quality::Ok | Quality::Partial)) => Some(Ok(value.clone())),
            (_, Some(Quality::Unknown)) => {
                Some(Err(Unknown::new(self.why.unwrap_or(Why::Failed), self.detail.clone())))
            }
            (None, _) => self.why.map(|why| Err(Unknown::new(why, self.detail.clone()))),
        }
    }
}

impl Line {
    /// A number over a step.
    pub fn number(endpoint: &str, at: Timestamp, series: &Series, step_seconds: u32, number: f32) -> Self {
        // As it is written in decimals, so that a recording shows 0.1 and not what a float makes of it.
        let value = number.to_string().parse().unwrap_or(f64::from(number));
        let told = Told::of(endpoint, at, series);
        Self::Sample(Told { value: Some(Value::Number(value)), step_seconds: Some(step_seconds), ..told })
    }

    /// The reason why a series has no number.
    pub fn absence(endpoint: &str, at: Timestamp, series: &Series, why: Why) -> Self {
        let told = Told::of(endpoint, at, series);
        Self::Sample(Told { quality: Some(Quality::Unknown), why: Some(why), ..told })
    }

    /// A state, or why it is not known.
    pub fn inventory(endpoint: &str, reading: &Reading) -> Self {
        let told = Told::of(endpoint, reading.at, &reading.series);
        Self::Inventory(match &reading.outcome {
            Ok(value) => Told { value: Some(value.clone()), ..told },
            Err(unknown) => {
                let (why, detail) = (Some(unknown.why), unknown.detail.clone());
                Told { quality: Some(Quality::Unknown), why, detail, ..told }
            }
        })
    }

    /// Something that happened.
    pub fn event(endpoint: &str, event: &Event) -> Self {
        let told = Told::of(endpoint, event.at, &event.series);
        Self::Event(Told { fields: event.fields.clone(), count: Some(event.count), ..told })
    }

    /// A turn in the endpoint's day.
    pub fn mark(endpoint: &str, at: Timestamp, mark: Mark) -> Self {
        Self::Beat(Told { mark: Some(mark), ..Told::at(endpoint, at) })
    }
}
