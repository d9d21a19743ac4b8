//! The agent's own memory: 15-second steps for 24 hours in a bounded file.
//!
//! **Layout.** A directory of segments, each for one layout and at most 240 rows (an hour of 15 s steps). A segment is
//! a header (magic, step, the layout) and rows of one length: time, CRC32C, one 32-bit float a series. A series costs
//! 4 bytes a row: 23 KB a day at 15 s, 5.8 KB at one minute, plus its name once a segment. There are two recorders:
//! the fast tier's at 15 s and the minute tier's at one minute, so that slow series do not pay for fast rows.
//!
//! **Guarantees.** A row is written at once and survives `kill -9`; nothing is synced, so power loss may cost what the
//! kernel had not written yet (about 30 s). A torn or altered row is skipped, its neighbours stay.
//!
//! **Limits.** Bytes and age; the oldest segment goes first. A new layout begins a new segment.

mod grid;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::vocabulary::{Layout, Timestamp};

use segment::Segment;

/// Rows of a segment.
const ROWS_MAX: u64 = 240;

/// How much a recorder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk.
    pub bytes: u64,
    /// How far back.
    pub age: Duration,
}

/// One ring of rows.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    limits: Limits,
    step_seconds: u32,
    segments: VecDeque<Segment>,
}

impl Recorder {
    /// Opens the ring in `dir`. Segments of another step, or that cannot be read, are deleted.
    pub fn open(dir: &Path, step_seconds: u32, limits: Limits) -> io::Result<Self> {
        let segments = segment::open_all(dir, step_seconds)?;
        Ok(Self { dir: dir.to_owned(), limits, step_seconds, segments })
    }

    /// Opens the ring in `dir` for reading while an agent writes it; nothing is changed on disk.
    pub fn peek(dir: &Path, step_seconds: u32) -> io::Result<Self> {
        let segments = segment::peek_all(dir, step_seconds)?;
        let limits = Limits { bytes: u64::MAX, age: Duration::MAX };
        Ok(Self { dir: dir.to_owned(), limits, step_seconds, segments })
    }

    /// Length of a row's step, seconds.
    pub fn step_seconds(&self) -> u32 {
        self.step_seconds
    }

    /// Adds the row of the step that ends at `at`, with one value for each series of `layout`.
    pub fn append(&mut self, layout: &Layout, at: Timestamp, values: &[f32]) -> io::Result<()> {
        let fits = |segment: &Segment| segment.fingerprint == layout.fingerprint() && segment.rows < ROWS_MAX;
        if !self.segments.back().is_some_and(fits) {
            self.segments.push_back(Segment::create(&self.dir, self.step_seconds, layout, at)?);
            self.ration(at);
        }
        let segment = self.segments.back_mut().expect("one was made above");
        segment.append(at, values)
    }

    fn ration(&mut self, now: Timestamp) {
        let too_old = |segment: &Segment| now.since(segment.newest) > self.limits.age;
        let bytes = |segments: &VecDeque<Segment>| segments.iter().map(|segment| segment.bytes).sum::<u64>();
        while self.segments.len() > 1 && (too_old(&self.segments[0]) || bytes(&self.segments) > self.limits.bytes) {
            if let Some(segment) = self.segments.pop_front() {
                segment.remove();
            }
        }
    }

    /// Every series between two moments, resampled to steps of `step_seconds` (a multiple of the recorder's step):
    /// gauges and flags as the mean of the rows within, counters (see `is_counter`) as their sum. Series without a
    /// single value are left out.
    pub fn series(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        step_seconds: u32,
        is_counter: impl Fn(&str) -> bool,
    ) -> Vec<SnapshotSeries> {
        let mut grid = grid::Grid::new(from, until, step_seconds.max(self.step_seconds));
        for segment in self.segments.iter_mut().filter(|segment| segment.overlaps(from, until)) {
            match segment.read() {
                Ok((layout, rows)) => grid.add(&layout, &rows),
                Err(source) => tracing::warn!("Reading the recorder in {} failed: {source}", self.dir.display()),
            }
        }
        grid.finish(is_counter)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}
