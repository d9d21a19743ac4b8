use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::{Attributes, Event, Reading, Series, Timestamp, Unknown, Value};

use serde::Serialize;

use super::{Context, ProbeError};
use crate::bookmarks::Bookmark;

/// Bookmarks made in this run of the agent.
static TURN: AtomicU64 = AtomicU64::new(0);

/// What one run of a probe yields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// Values, and reasons where there is none.
    pub readings: Vec<Reading>,
    /// What happened since the run before, oldest first.
    pub events: Vec<Event>,
    /// Where the next run of the agent goes on, once these events are in the spool.
    pub bookmarks: Vec<Bookmark>,
}

impl From<Vec<Reading>> for Collected {
    fn from(readings: Vec<Reading>) -> Self {
        Self { readings, ..Self::default() }
    }
}

/// What one run of a probe finds; its readings are all of the same moment.
pub(crate) struct Gather {
    at: Timestamp,
    collected: Collected,
}

impl Gather {
    /// Nothing yet, now.
    pub(crate) fn new(cx: &Context) -> Self {
        Self { at: cx.clock.now(), collected: Collected::default() }
    }

    /// Adds a value.
    pub(crate) fn value(&mut self, signal: &str, attributes: impl Into<Attributes>, value: impl Into<Value>) {
        self.collected.readings.push(Reading::value(signal, attributes, value, self.at));
    }

    /// Adds the value of a signal with one instance.
    pub(crate) fn single(&mut self, signal: &str, value: impl Into<Value>) {
        self.value(signal, Attributes::none(), value);
    }

    /// Adds a reason.
    pub(crate) fn unknown(&mut self, signal: &str, attributes: impl Into<Attributes>, why: impl Into<Unknown>) {
        self.collected.readings.push(Reading::unknown(signal, attributes, why, self.at));
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

    /// Adds something that happened at `at`, with allow-listed fields.
    pub(crate) fn event<const N: usize>(
        &mut self,
        signal: &str,
        attributes: impl Into<Attributes>,
        at: Timestamp,
        fields: [(&str, Value); N],
    ) {
        let fields = order::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self.collected.events.push(Event { series: Series::new(signal, attributes), at, fields, count: 1 });
    }

    /// Adds something that happened `count` times, the last time at `at`.
    pub(crate) fn happened(
        &mut self,
        signal: &str,
        attributes: Attributes,
        at: Timestamp,
        fields: BTreeMap<String, Value>,
        count: u32,
    ) {
        self.collected.events.push(Event { series: Series::new(signal, attributes), at, fields, count });
    }

    /// Goes on at `place` when the agent starts again, once the events so far are in the spool.
    pub(crate) fn bookmark<T: Serialize>(&mut self, name: &'static str, place: &T) {
        let place = serde_json::to_value(place).expect("a place has texts for keys");
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        self.collected.bookmarks.push(Bookmark { name, place, turn });
    }

    /// Everything.
    pub(crate) fn done(self) -> Collected {
        self.collected
    }
}
