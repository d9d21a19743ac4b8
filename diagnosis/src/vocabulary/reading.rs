use serde::{Deserialize, Serialize};

use super::{Attributes, Series, Timestamp, Unknown};

/// What a signal was found to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A finite number in the signal's unit.
    Number(f64),
    /// A word or short text, already redacted.
    Text(String),
}

impl Value {
    /// The value as a number: flags are 1 and 0, texts have none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(_) => None,
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// One value of one signal for one instance, or the reason why there is none.
///
/// Counters carry the raw cumulative value here; increments are made where readings become samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Signal and instance.
    pub series: Series,
    /// The value, or why there is none.
    pub outcome: Result<Value, Unknown>,
    /// When it was read.
    pub at: Timestamp,
}

impl Reading {
    /// A reading that has a value. A number that is not finite becomes `failed`, never a value.
    pub fn value(signal: &str, attributes: impl Into<Attributes>, value: impl Into<Value>, at: Timestamp) -> Self {
        let outcome = match value.into() {
            Value::Number(number) if !number.is_finite() => {
                Err(Unknown::new(super::Why::Failed, "the source gave a number that is not finite"))
            }
            value => Ok(value),
        };
        Self { series: Series::new(signal, attributes), outcome, at }
    }

    /// A reading that has none.
    pub fn unknown(signal: &str, attributes: impl Into<Attributes>, why: impl Into<Unknown>, at: Timestamp) -> Self {
        Self { series: Series::new(signal, attributes), outcome: Err(why.into()), at }
    }

    /// The value as a number, if there is one.
    pub fn number(&self) -> Option<f64> {
        self.outcome.as_ref().ok().and_then(Value::number)
    }
}
