use std::io;
use std::path::{Path, PathBuf};

use crate::state;

/// Numbers reserved at once.
const BLOCK: u64 = 1024;

/// Gives out sequence numbers, none twice.
///
/// On disk stands a number that was never given out. Before it would be, a higher one is written. After a crash the
/// numbers between the last one used and the one on disk are skipped.
#[derive(Debug)]
pub(super) struct Sequence {
    path: PathBuf,
    next: u64,
    reserved: u64,
}

impl Sequence {
    /// Goes on after `last`, the highest number found in the spool, or after what was reserved.
    pub(super) fn open(path: &Path, last: u64) -> io::Result<Self> {
        let reserved = match std::fs::read_to_string(path) {
            Ok(text) => text.trim().parse().unwrap_or(last.saturating_add(BLOCK)),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => 1,
            Err(other) => return Err(other),
        };
        Ok(Self { path: path.to_owned(), next: reserved.max(last.saturating_add(1)), reserved: 0 })
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn take(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        if self.next > self.reserved {
            self.reserve();
        }
        number
    }

    /// Skips to `number` when the collector has seen higher ones than this spool remembers.
    pub(super) fn at_least(&mut self, number: u64) {
        self.next = self.next.max(number);
    }

    /// Goes on at `number`, even when that is lower.
    pub(super) fn restart(&mut self, number: u64) -> io::Result<()> {
        (self.next, self.reserved) = (number, 0);
        self.release()
    }

    /// A disk that is full must not stop the agent: the collector's own count, told at each connection, is the second
    /// line of defence against a number that is used twice.
    fn reserve(&mut self) {
        let upto = self.next.saturating_add(BLOCK);
        match state::replace(&self.path, upto.to_string().as_bytes()) {
            Ok(()) => self.reserved = upto,
            Err(source) => tracing::warn!("Reserving sequence numbers in {} failed: {source}", self.path.display()),
        }
    }

    /// Notes exactly where a clean stop left off.
    pub(super) fn release(&mut self) -> io::Result<()> {
        state::replace(&self.path, self.next.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_skips_numbers_and_a_clean_stop_does_not() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("sequence");
        let mut first = Sequence::open(&path, 0).expect("new");
        assert_eq!([first.take(), first.take()], [1, 2]);
        drop(first);
        let mut after_crash = Sequence::open(&path, 0).expect("again, with the spool's tail lost");
        let number = after_crash.take();
        assert!(number > 2, "{number} was given out before");
        after_crash.release().expect("clean stop");
        assert_eq!(Sequence::open(&path, 0).expect("again").take(), number + 1);
    }

    #[test]
    fn an_unreadable_reservation_skips_a_block() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("sequence");
        std::fs::write(&path, "rubbish").expect("written");
        assert!(Sequence::open(&path, 500).expect("open").take() > 1500);
    }
}
