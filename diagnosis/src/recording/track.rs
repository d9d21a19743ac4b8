//! What of an endpoint's recording matters to those who look at many of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::line::Told;
use crate::document::Finding;
use crate::vocabulary::{Event, Mark, Reading, Timestamp};

/// Signs of life that lie closer are one stretch of time.
pub const CLOSE: Duration = Duration::from_secs(75);

/// One endpoint's past, as others may have it in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Track {
    /// `linux`, `windows`, `darwin`; empty when it is not known.
    pub os: String,
    /// Its name, for people; its id when it has none.
    pub name: String,
    /// Its tags.
    pub attrs: BTreeMap<String, String>,
    /// When it was heard, as stretches without a gap of more than [`CLOSE`], in order.
    pub heard: Vec<(Timestamp, Timestamp)>,
    /// What happened, in order of time.
    pub steps: Vec<(Timestamp, Step)>,
}

/// Something that others may have in common.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A turn in its day.
    Mark(Mark),
    /// A state of which somebody asked.
    State(Reading),
    /// An event of which somebody asked.
    Event(Event),
    /// A finding as it stands from here on.
    Finding(Box<Finding>),
}

impl Track {
    pub(super) fn new(endpoint: &str, os: &str, name: &str, attrs: BTreeMap<String, String>) -> Self {
        let name = if name.is_empty() { endpoint } else { name };
        Self { os: os.to_owned(), name: name.to_owned(), attrs, ..Self::default() }
    }

    /// It was heard. What comes late moves nothing.
    pub(super) fn heard(&mut self, at: Timestamp) {
        match self.heard.last_mut() {
            Some((_, last)) if at.since(*last) <= CLOSE => *last = at.max(*last),
            _ => self.heard.push((at, at)),
        }
    }

    pub(super) fn step(&mut self, at: Timestamp, step: Step) {
        self.steps.push((at, step));
    }

    /// When it was heard last, up to a moment.
    pub fn last_heard(&self, now: Timestamp) -> Option<Timestamp> {
        let begun = self.heard.partition_point(|(from, _)| *from <= now);
        begun.checked_sub(1).map(|place| self.heard[place].1.min(now))
    }

    /// Whether it was heard between two moments, both included.
    pub fn was_heard(&self, from: Timestamp, to: Timestamp) -> bool {
        let ended = self.heard.partition_point(|(_, last)| *last < from);
        self.heard.get(ended).is_some_and(|(first, _)| *first <= to)
    }

    /// The last moment of which it tells.
    pub fn last(&self) -> Option<Timestamp> {
        let step = self.steps.last().map(|(at, _)| *at);
        self.heard.last().map(|(_, to)| *to).max(step)
    }

    /// In order of time; stable, so that what came first at a moment stays first.
    pub(super) fn settle(&mut self) {
        self.steps.sort_by_key(|(at, _)| *at);
    }
}

/// What of a line is kept, when somebody asked for these signals.
pub(super) fn wanted(signals: &BTreeSet<String>, told: &Told) -> bool {
    signals.contains(&told.signal)
}
