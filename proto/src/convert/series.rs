use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::{Attributes, Series};

use super::BadField;
use super::bounds::{at_most, at_most_chars, some_chars};
use crate::v1;

impl From<Series> for v1::Series {
    fn from(series: Series) -> Self {
        let attributes = series.attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { signal: series.signal.to_string(), attributes: attributes.collect() }
    }
}

impl TryFrom<v1::Series> for Series {
    type Error = BadField;

    fn try_from(series: v1::Series) -> Result<Self, BadField> {
        some_chars("signal", &series.signal, 128)?;
        let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"._-".contains(&letter);
        if !series.signal.bytes().all(plain) {
            return Err(BadField::new("signal", "holds more than lower-case letters, digits, dots and underscores"));
        }
        at_most("attributes", series.attributes.len(), 8)?;
        for (name, value) in &series.attributes {
            some_chars("attributes", name, 256)?;
            at_most_chars("attributes", value, 256)?;
        }
        Ok(Self { signal: series.signal.into(), attributes: Attributes::from(order::map(series.attributes)) })
    }
}
