use std::collections::VecDeque;

use super::frame::{Class, Frame};

/// The records that are not in a segment yet, oldest first, and since when each has been waiting.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    frames: VecDeque<Frame>,
    since_boot_ms: VecDeque<u64>,
    bytes: usize,
    events: usize,
}

impl Waiting {
    /// Takes over `frames` from an earlier run: they have waited long enough.
    pub(super) fn from_before(frames: VecDeque<Frame>) -> Self {
        let mut waiting = Self::default();
        for frame in frames {
            waiting.push(frame, 0);
        }
        waiting
    }

    pub(super) fn frames(&self) -> &VecDeque<Frame> {
        &self.frames
    }

    /// Bytes of the records.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest came.
    pub(super) fn since_boot_ms(&self) -> Option<u64> {
        self.since_boot_ms.front().copied()
    }

    pub(super) fn has_events(&self) -> bool {
        self.events > 0
    }

    pub(super) fn push(&mut self, frame: Frame, now_boot_ms: u64) {
        self.bytes += frame.payload.len();
        self.events += usize::from(frame.class == Class::Event);
        self.frames.push_back(frame);
        self.since_boot_ms.push_back(now_boot_ms);
    }

    /// Takes one out of the row.
    pub(super) fn remove(&mut self, index: usize) -> Option<Frame> {
        let frame = self.frames.remove(index)?;
        self.since_boot_ms.remove(index);
        self.bytes = self.bytes.saturating_sub(frame.payload.len());
        self.events -= usize::from(frame.class == Class::Event);
        Some(frame)
    }

    /// Takes the oldest `count` away.
    pub(super) fn forget(&mut self, count: usize) {
        for _ in 0..count {
            self.remove(0);
        }
    }
}
