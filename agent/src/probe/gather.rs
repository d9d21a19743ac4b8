use firstline_diagnosis::vocabulary::{Attributes, Reading, Timestamp, Unknown, Value};

use super::{Context, ProbeError};

/// Readings being made by one run of a probe, all of the same moment.
pub(crate) struct Gather {
    at: Timestamp,
    readings: Vec<Reading>,
}

impl Gather {
    /// Nothing yet, now.
    pub(crate) fn new(cx: &Context) -> Self {
        Self { at: cx.clock.now(), readings: Vec::new() }
    }

    /// Adds a value.
    pub(crate) fn value(&mut self, signal: &str, attributes: impl Into<Attributes>, value: impl Into<Value>) {
        self.readings.push(Reading::value(signal, attributes, value, self.at));
    }

    /// Adds the value of a signal with one instance.
    pub(crate) fn single(&mut self, signal: &str, value: impl Into<Value>) {
        self.value(signal, Attributes::none(), value);
    }

    /// Adds a reason.
    pub(crate) fn unknown(&mut self, signal: &str, attributes: impl Into<Attributes>, why: impl Into<Unknown>) {
        self.readings.push(Reading::unknown(signal, attributes, why, self.at));
    }

    /// Adds a value or the reason why there is none.
    pub(crate) fn outcome<V: Into<Value>>(
        &mut self,
        signal: &str,
        attributes: impl Into<Attributes>,
        outcome: Result<V, ProbeError>,
    ) {
        match outcome {
            Ok(value) => self.value(signal, attributes, value),
            Err(why) => self.unknown(signal, attributes, why),
        }
    }

    /// The readings.
    pub(crate) fn done(self) -> Vec<Reading> {
        self.readings
    }
}
