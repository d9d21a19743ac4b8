//! What goes when space or time runs out.
//!
//! An outage is understood from how it began, so its start goes last: on disk that is the oldest segment (a 64th of the
//! space, some hours of minutes), in memory the first records after the disk began to refuse. The order is
//!
//! 1. samples, oldest first, but none of the start's;
//! 2. the samples of the start;
//! 3. everything else, oldest first, but nothing of the start;
//! 4. the start.
//!
//! What is written at the moment stays until it is a segment among others.

use std::collections::VecDeque;
use std::io;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{Body, Dropped, Record};

use super::frame::{Class, Frame};
use super::{Limits, Spool};

/// Records that wait in memory when none is on disk: so many of them are the start.
const START_RECORDS: usize = 64;

/// When the clock moves so much more than the time since boot, ages say nothing.
const STEP_MS_MAX: u64 = 24 * 3_600_000;

/// The last look at both clocks.
#[derive(Debug, Default)]
pub(super) struct Ageing {
    last: Option<(Timestamp, u64)>,
    stepped: bool,
}

impl Ageing {
    /// Whether records may be told by their age; not after the clock was set by more than a day while this agent ran.
    fn is_sound(&mut self, now: Timestamp, now_boot_ms: u64) -> bool {
        if let Some((at, boot_ms)) = self.last.replace((now, now_boot_ms)) {
            let passed = i64::try_from(now_boot_ms.saturating_sub(boot_ms)).unwrap_or(i64::MAX);
            let moved = now.unix_ms().saturating_sub(at.unix_ms());
            self.stepped |= moved.saturating_sub(passed).unsigned_abs() > STEP_MS_MAX;
        }
        !self.stepped
    }
}

impl Spool {
    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Drops what is too old, then what does not fit.
    pub(super) fn ration(&mut self, now: Option<Timestamp>, now_boot_ms: u64) {
        let Limits { bytes, age } = self.limits;
        if let Some(now) = now.filter(|now| self.ageing.is_sound(*now, now_boot_ms)) {
            while self.segments.front().is_some_and(|oldest| now.since(oldest.newest) > age) {
                self.drop_segment(0);
            }
        }
        while self.bytes() > bytes {
            let before = self.bytes();
            self.make_room();
            if self.bytes() >= before {
                break;
            }
        }
    }

    fn make_room(&mut self) {
        let sealed = self.segments.len().saturating_sub(1);
        let with_samples = |index: &usize| self.segments[*index].samples > 0;
        if let Some(index) = (1..sealed).find(with_samples).or_else(|| (0..sealed.min(1)).find(with_samples)) {
            self.drop_samples(index);
        } else if sealed > 0 {
            self.drop_segment(1.min(sealed - 1));
        }
    }

    fn drop_samples(&mut self, index: usize) {
        match self.segments[index].take_samples_out(self.acknowledged) {
            Ok(dropped) => {
                if let Some(dropped) = dropped {
                    self.note_dropped(dropped);
                }
                if self.segments[index].records == 0 {
                    self.drop_segment(index);
                }
            }
            // Without room for what stays, nothing was dropped; nothing is added either as long as that is so.
            Err(full) if full.kind() == io::ErrorKind::StorageFull => {}
            Err(source) => {
                tracing::warn!("Taking samples out of the spool failed, their segment goes: {source}");
                self.drop_segment(index);
            }
        }
    }

    /// Deletes a segment; what of it was not acknowledged is counted.
    pub(super) fn drop_segment(&mut self, index: usize) {
        let Some(segment) = self.segments.remove(index) else { return };
        let unread = segment.last > self.acknowledged && segment.records > 0;
        if let Some(dropped) = unread.then(|| segment.as_dropped(self.acknowledged)).flatten() {
            self.note_dropped(dropped);
        }
        segment.remove();
    }

    /// Drops from memory what the disk does not take.
    pub(super) fn ration_memory(&mut self, bytes_max: usize) {
        if self.waiting.bytes() <= bytes_max {
            return;
        }
        let start = if self.segments.is_empty() { START_RECORDS } else { 0 };
        // Some more than needed, so that the tail is not written anew for each record.
        while self.waiting.bytes() > bytes_max / 8 * 7 {
            let Some(frame) = self.waiting.remove(least_needed(self.waiting.frames(), start)) else { break };
            self.note_dropped(one_dropped(&frame));
        }
        let _ = self.tail.hold(self.waiting.frames(), &self.layouts);
    }

    /// Counts a loss; the next record tells it.
    pub(super) fn note_dropped(&mut self, dropped: Dropped) {
        self.dropped_records += dropped.samples + dropped.others;
        self.untold = Some(merge(self.untold, dropped));
    }
}

/// The record that goes first; `start` records at the front are the start of the outage.
fn least_needed(waiting: &VecDeque<Frame>, start: usize) -> usize {
    let sample = |(_, frame): &(usize, &Frame)| frame.class == Class::Sample;
    let late_sample = waiting.iter().enumerate().skip(start).find(sample);
    let any_sample = || waiting.iter().enumerate().find(sample);
    let found = late_sample.or_else(any_sample).map(|(index, _)| index);
    found.unwrap_or(if start < waiting.len() { start } else { 0 })
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

/// The loss of one record; with one that tells of losses, those are untold again.
pub(super) fn one_dropped(frame: &Frame) -> Dropped {
    let samples = u64::from(frame.class == Class::Sample);
    let itself =
        Dropped { first_sequence: frame.sequence, last_sequence: frame.sequence, samples, others: 1 - samples };
    let record = frame.record().ok().filter(|_| frame.class == Class::Event);
    match record.and_then(|record| Record::try_from(record).ok()).map(|record| record.body) {
        Some(Body::Dropped(told)) => merge(Some(told), itself),
        _ => itself,
    }
}
