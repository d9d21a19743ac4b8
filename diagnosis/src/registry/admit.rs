use std::collections::BTreeMap;

use thiserror::Error;

use super::{Registry, SignalKind, SignalSpec, ValueType};
use crate::vocabulary::{Attributes, Event, Reading, Series, Value};

/// Why something may not enter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// No such signal.
    #[error("signal {0} is not declared")]
    Signal(String),
    /// The signal has no such attribute.
    #[error("signal {signal} has no attribute {attribute}")]
    Attribute {
        /// The signal.
        signal: String,
        /// What it carried.
        attribute: String,
    },
    /// The event has no such field.
    #[error("event {signal} has no field {field}")]
    Field {
        /// The event's signal.
        signal: String,
        /// What it carried.
        field: String,
    },
    /// The value is of another type.
    #[error("signal {signal} is a {expected}")]
    Type {
        /// The signal.
        signal: String,
        /// What it is declared as.
        expected: &'static str,
    },
}

/// What the registry can admit: [`Reading`], [`Event`], [`Series`].
pub trait Admit {
    /// Checks `self` against the declarations.
    ///
    /// # Errors
    /// The first thing that is not declared.
    fn admitted_by(&self, registry: &Registry) -> Result<(), Refused>;
}

impl Admit for Series {
    fn admitted_by(&self, registry: &Registry) -> Result<(), Refused> {
        let spec = declared(registry, &self.signal)?;
        attributes(spec, &self.attributes)
    }
}

impl Admit for Reading {
    fn admitted_by(&self, registry: &Registry) -> Result<(), Refused> {
        let spec = declared(registry, &self.series.signal)?;
        if spec.kind == SignalKind::Event {
            return Err(Refused::Type { signal: spec.name.clone(), expected: "event, not a reading" });
        }
        attributes(spec, &self.series.attributes)?;
        self.outcome.as_ref().map_or(Ok(()), |value| value_type(spec, value))
    }
}

impl Admit for Event {
    fn admitted_by(&self, registry: &Registry) -> Result<(), Refused> {
        let spec = declared(registry, &self.series.signal)?;
        if spec.kind != SignalKind::Event {
            return Err(Refused::Type { signal: spec.name.clone(), expected: "reading, not an event" });
        }
        attributes(spec, &self.series.attributes)?;
        fields(spec, &self.fields)
    }
}

fn declared<'a>(registry: &'a Registry, signal: &str) -> Result<&'a SignalSpec, Refused> {
    registry.get(signal).ok_or_else(|| Refused::Signal(signal.to_owned()))
}

fn attributes(spec: &SignalSpec, attributes: &Attributes) -> Result<(), Refused> {
    match attributes.iter().find(|(name, _)| !spec.attributes.iter().any(|declared| declared == name)) {
        Some((name, _)) => Err(Refused::Attribute { signal: spec.name.clone(), attribute: name.to_owned() }),
        None => Ok(()),
    }
}

fn fields(spec: &SignalSpec, fields: &BTreeMap<String, Value>) -> Result<(), Refused> {
    match fields.keys().find(|field| !spec.fields.contains(field)) {
        Some(field) => Err(Refused::Field { signal: spec.name.clone(), field: field.clone() }),
        None => Ok(()),
    }
}

fn value_type(spec: &SignalSpec, value: &Value) -> Result<(), Refused> {
    let expected = match (spec.value, value) {
        (ValueType::Number, Value::Number(_))
        | (ValueType::Flag, Value::Flag(_))
        | (ValueType::Text, Value::Text(_)) => {
            return Ok(());
        }
        (ValueType::Number, _) => "number",
        (ValueType::Flag, _) => "flag",
        (ValueType::Text, _) => "text",
    };
    Err(Refused::Type { signal: spec.name.clone(), expected })
}
