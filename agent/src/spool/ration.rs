//! What goes when space or time runs out.

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Dropped;

use super::frame::{Class, Frame};
use super::{Limits, Spool};

impl Spool {
    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Drops what is too old, then what does not fit.
    pub(super) fn ration(&mut self, now: Timestamp) {
        let Limits { bytes, age } = self.limits;
        while self.segments.len() > 1 && self.segments.front().is_some_and(|oldest| now.since(oldest.newest) > age) {
            self.drop_oldest_segment();
        }
        while self.bytes() > bytes {
            let before = self.bytes();
            self.make_room();
            if self.bytes() >= before {
                break;
            }
        }
    }

    /// The oldest samples go first, but not those of the oldest segment, which hold the start of the outage; then
    /// those; then the oldest of everything. The newest segment is being written and stays.
    fn make_room(&mut self) {
        let sealed = self.segments.len().saturating_sub(1);
        let with_samples = |index: &usize| self.segments[*index].samples > 0;
        let Some(index) = (1..sealed).find(with_samples).or_else(|| (0..sealed.min(1)).find(with_samples)) else {
            if sealed > 0 {
                self.drop_oldest_segment();
            }
            return;
        };
        match self.segments[index].drop_samples() {
            Ok(Some(dropped)) => self.note_dropped(dropped),
            Ok(None) => {}
            Err(source) => {
                tracing::warn!("Taking samples out of the spool failed, the oldest segment goes: {source}");
                self.drop_oldest_segment();
            }
        }
        if self.segments[index].records == 0 {
            let segment = self.segments.remove(index).expect("the index was found above");
            segment.remove();
        }
    }

    fn drop_oldest_segment(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            if segment.last > self.acknowledged {
                self.note_dropped(segment.as_dropped());
            }
            segment.remove();
        }
    }

    /// Counts a loss; the next record tells it.
    pub(super) fn note_dropped(&mut self, dropped: Dropped) {
        self.dropped_records += dropped.samples + dropped.others;
        self.untold = Some(merge(self.untold, dropped));
    }
}

/// One range over both.
pub(super) fn merge(one: Option<Dropped>, other: Dropped) -> Dropped {
    one.map_or(other, |one| Dropped {
        first_sequence: one.first_sequence.min(other.first_sequence),
        last_sequence: one.last_sequence.max(other.last_sequence),
        samples: one.samples + other.samples,
        others: one.others + other.others,
    })
}

/// The loss of one record.
pub(super) fn one_dropped(frame: &Frame) -> Dropped {
    let samples = u64::from(frame.class == Class::Sample);
    Dropped { first_sequence: frame.sequence, last_sequence: frame.sequence, samples, others: 1 - samples }
}
