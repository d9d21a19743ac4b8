use std::io;
use std::path::{Path, PathBuf};

use crate::state::{self, Scratch};

/// Numbers reserved at once.
const BLOCK: u64 = 1024;

/// Gives out sequence numbers, none twice.
///
/// On disk stands a number that was never given out. Before it would be, a higher one is written. After a crash the
/// numbers between the last one used and the one on disk are skipped. While the disk refuses, the reservation stands in
/// the scratch directory; the collector's own count, told at each connection, is the line of defence behind that.
#[derive(Debug)]
pub(super) struct Sequence {
    path: PathBuf,
    beside: PathBuf,
    next: u64,
    reserved: u64,
    troubled: bool,
}

impl Sequence {
    /// Goes on after `last`, the highest number found in the spool, or after what was reserved.
    pub(super) fn open(dir: &Path, scratch: &Scratch, last: u64) -> io::Result<Self> {
        let (path, beside) = (dir.join("sequence"), scratch.path("sequence"));
        let reserved = read(&path, last)?.max(read(&beside, last)?);
        Ok(Self { path, beside, next: reserved.max(last.saturating_add(1)), reserved: 0, troubled: false })
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

    /// A disk that is full must not stop the agent.
    fn reserve(&mut self) {
        let upto = self.next.saturating_add(BLOCK);
        let done = state::replace(&self.path, upto.to_string().as_bytes());
        if let Err(source) = &done
            && !std::mem::replace(&mut self.troubled, true)
        {
            tracing::warn!("Reserving sequence numbers in {} failed: {source}", self.path.display());
        }
        let done = done.map(|()| self.troubled = false);
        if done.or_else(|_| state::publish(&self.beside, upto.to_string().as_bytes())).is_ok() {
            self.reserved = upto;
        }
    }

    /// Notes exactly where a clean stop left off.
    pub(super) fn release(&mut self) -> io::Result<()> {
        state::replace(&self.path, self.next.to_string().as_bytes())
    }
}

/// What was reserved in the file at `path`; more than that when it does not say.
fn read(path: &Path, last: u64) -> io::Result<u64> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(last.saturating_add(BLOCK))),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(1),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, last: u64) -> Sequence {
        Sequence::open(dir, &Scratch::on_disk(&dir.join("memory")).expect("made"), last).expect("opens")
    }

    #[test]
    fn a_crash_skips_numbers_and_a_clean_stop_does_not() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut first = open(dir.path(), 0);
        assert_eq!([first.take(), first.take()], [1, 2]);
        drop(first);
        let mut after_crash = open(dir.path(), 0);
        let number = after_crash.take();
        assert!(number > 2, "{number} was given out before");
        after_crash.release().expect("clean stop");
        assert_eq!(open(dir.path(), 0).take(), number + 1);
    }

    #[test]
    fn an_unreadable_reservation_skips_a_block() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("sequence"), "rubbish").expect("written");
        assert!(open(dir.path(), 500).take() > 1500);
    }

    #[test]
    fn a_disk_that_refuses_does_not_make_numbers_be_used_twice() {
        let dir = tempfile::tempdir().expect("temporary directory");
        // A directory in its place refuses the reservation, whoever asks.
        std::fs::create_dir(dir.path().join("sequence.new")).expect("made");
        let numbers = [open(dir.path(), 0).take(), open(dir.path(), 0).take(), open(dir.path(), 0).take()];
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }
}
