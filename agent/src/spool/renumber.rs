//! Other numbers for what was recorded: when the collector has these from somebody else, and when this machine became
//! an endpoint of its own.

use std::io;

use firstline_proto::Message;

use super::waiting::Waiting;
use super::{Frame, MEMORY_BYTES_MAX, Spool};

/// Records that are taken over at most, bytes; of more the newest.
const TAKEN_BYTES_MAX: usize = 16 * 1024 * 1024;

impl Spool {
    /// The highest number that waits; 0 when nothing does.
    pub fn last_sequence(&self) -> u64 {
        let waiting = self.waiting.frames().back().map(|frame| frame.sequence);
        waiting.unwrap_or_else(|| self.segments.iter().map(|segment| segment.last).max().unwrap_or(0))
    }

    /// Gives the records from number `from` on new numbers, starting at `first`, and lets go of all others. Says how many
    /// records were taken over. The new ones are on disk before the old ones go.
    pub fn renumber(&mut self, from: u64, first: u64) -> io::Result<u64> {
        let taken = self.take_from(from);
        let old = std::mem::take(&mut self.segments);
        self.waiting = Waiting::default();
        (self.acknowledged, self.unread, self.unnamed) = (first.saturating_sub(1), None, 0);
        self.sequence.restart(first)?;
        let mut count = 0;
        for frame in taken {
            let Ok(mut record) = frame.record() else { continue };
            record.sequence = self.sequence.take();
            let frame = Frame { sequence: record.sequence, payload: record.encode_to_vec(), ..frame };
            self.waiting.push(frame, self.now_boot_ms);
            count += 1;
        }
        self.settle();
        self.ration_memory(MEMORY_BYTES_MAX);
        // What the disk refused stands in the tail at least.
        self.tail.hold(self.waiting.frames(), &self.layouts)?;
        // A new segment may have the name of an old one; then there is nothing left of that to remove.
        let reused = |one: &super::Segment| self.segments.iter().any(|new| new.first == one.first);
        old.into_iter().filter(|one| !reused(one)).for_each(super::Segment::remove);
        Ok(count)
    }

    fn take_from(&mut self, from: u64) -> std::collections::VecDeque<Frame> {
        let (mut taken, mut bytes) = (std::collections::VecDeque::<Frame>::new(), 0);
        let mut after = from.saturating_sub(1);
        loop {
            let frames = self.read_after(after, 1024, 1024 * 1024);
            let Some(last) = frames.last() else { return taken };
            after = last.sequence;
            for frame in frames {
                bytes += frame.payload.len();
                taken.push_back(frame);
            }
            while bytes > TAKEN_BYTES_MAX {
                let Some(oldest) = taken.pop_front() else { break };
                bytes -= oldest.payload.len();
                self.note_dropped(super::ration::one_dropped(&oldest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::{Mark, Timestamp};
    use firstline_proto::convert::Body;

    use super::super::Limits;
    use super::*;
    use crate::state::Scratch;

    fn open(dir: &std::path::Path) -> Spool {
        let scratch = Scratch::on_disk(&dir.join("memory")).expect("made");
        Spool::open(dir, &scratch, Limits::default()).expect("opens")
    }

    fn spool(dir: &std::path::Path, records: i64) -> Spool {
        let mut spool = open(dir);
        for n in 0..records {
            spool.append(Timestamp(n), 0, "boot", Body::Mark(Mark::Booted));
        }
        spool
    }

    fn waiting(spool: &mut Spool) -> Vec<(u64, i64)> {
        let frames = spool.read_after(0, 100, usize::MAX);
        let all = frames.iter().map(|frame| {
            let record = frame.record().expect("reads");
            assert_eq!(record.sequence, frame.sequence);
            (record.sequence, record.at_unix_ms)
        });
        all.collect()
    }

    #[test]
    fn what_is_kept_gets_numbers_above_and_survives_a_restart() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut spool = spool(dir.path(), 10);
        assert_eq!(spool.renumber(8, 501).expect("written"), 3);
        let expected = vec![(501, 7), (502, 8), (503, 9)];
        assert_eq!(waiting(&mut spool), expected);
        assert_eq!((spool.next_sequence(), spool.last_sequence()), (504, 503));
        drop(spool);
        let mut again = open(dir.path());
        assert_eq!(waiting(&mut again), expected);
        assert!(again.next_sequence() >= 504);
    }

    #[test]
    fn a_new_endpoint_starts_at_one_even_over_the_same_names() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut spool = spool(dir.path(), 10);
        assert_eq!(spool.renumber(9, 1).expect("written"), 2);
        assert_eq!(waiting(&mut spool), [(1, 8), (2, 9)]);
        assert_eq!(spool.append(Timestamp(10), 0, "boot", Body::Mark(Mark::Resumed)), 3);
        drop(spool);
        let mut again = open(dir.path());
        assert_eq!(waiting(&mut again), [(1, 8), (2, 9), (3, 10)]);
    }

    #[test]
    fn nothing_to_keep_is_an_empty_spool() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut spool = spool(dir.path(), 10);
        assert_eq!(spool.renumber(11, 1).expect("written"), 0);
        assert_eq!(waiting(&mut spool), []);
        assert_eq!(spool.next_sequence(), 1);
    }
}
