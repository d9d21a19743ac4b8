use firstline_diagnosis::detector::Detector;
use firstline_diagnosis::vocabulary::{Event, Layout, Mark, Reading, Sample, Timestamp};

/// Something that is told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Mark(Mark),
    Sample(Layout, Sample),
    Reading(Reading),
    Event(Event),
}

impl Told {
    /// Tells it to detection, as what arrives does.
    pub(crate) fn to(&self, detector: &mut Detector, at: Timestamp) {
        match self {
            Self::Mark(mark) => detector.mark(at, *mark),
            Self::Sample(layout, sample) => detector.sample(layout, sample),
            Self::Reading(reading) => detector.reading(reading),
            Self::Event(event) => detector.event(event),
        }
    }
}

/// Puts what is told in order of time. Marks first, since they say how to read the rest.
pub(crate) fn in_order(told: &mut [(Timestamp, Told)]) {
    told.sort_by_key(|(at, told)| (*at, !matches!(told, Told::Mark(_))));
}
