use std::sync::Arc;

use firstline_diagnosis::vocabulary::{Event, Layout, Mark, Reading, Sample, Series, Timestamp};

/// Something that an endpoint told and that is stored, for who evaluates it. Times are corrected to the collector's
/// clock.
#[derive(Debug, Clone)]
pub enum Observation {
    /// Numbers of one step, with the layout they follow.
    Sample(Arc<Layout>, Sample),
    /// A value that is kept as state.
    Reading(Reading),
    /// Something that happened.
    Event(Event),
    /// A turn in the endpoint's day.
    Mark(Timestamp, Mark),
}

impl Observation {
    /// The series of a state or an event.
    pub fn series(&self) -> Option<&Series> {
        match self {
            Self::Reading(reading) => Some(&reading.series),
            Self::Event(event) => Some(&event.series),
            Self::Sample(..) | Self::Mark(..) => None,
        }
    }

    /// Of when it tells.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Sample(_, sample) => sample.at,
            Self::Reading(reading) => reading.at,
            Self::Event(event) => event.at,
            Self::Mark(at, _) => *at,
        }
    }
}
