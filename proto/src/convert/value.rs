use firstline_diagnosis::vocabulary::Value;

use super::BadField;
use super::bounds::{at_most_chars, present};
use crate::v1;
use crate::v1::value::Kind;

/// The most characters of a text.
pub(crate) const TEXT_CHARS_MAX: usize = 1024;

impl From<Value> for v1::Value {
    fn from(value: Value) -> Self {
        let kind = match value {
            Value::Number(number) => Kind::Number(number),
            Value::Flag(flag) => Kind::Flag(flag),
            Value::Text(text) => Kind::Text(text),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<v1::Value> for Value {
    type Error = BadField;

    fn try_from(value: v1::Value) -> Result<Self, BadField> {
        match present("kind", value.kind)? {
            Kind::Number(number) if number.is_finite() => Ok(Self::Number(number)),
            Kind::Number(_) => Err(BadField::new("number", "is not finite")),
            Kind::Flag(flag) => Ok(Self::Flag(flag)),
            Kind::Text(text) => {
                at_most_chars("text", &text, TEXT_CHARS_MAX)?;
                Ok(Self::Text(text))
            }
        }
    }
}
