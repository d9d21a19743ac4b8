//! The agent's own memory: 15-second steps for 24 hours in a bounded directory.
//!
//! **Layout.** Rows are gathered in the tail, a file in the [scratch directory](crate::state::Scratch), which is memory
//! that outlives the process. Every five minutes they go to the disk as a block: a column for each series, in which a
//! number that stays costs one bit and others the bits that differ, of five digits each. Blocks stand in a segment, at
//! most 960 rows (four hours of 15 s steps), with the names of their columns before them. A series has the same column
//! for as long as the segment lasts: one that comes is named before the first block that it is in, one that is gone costs
//! nothing, so programs that come and go cost a name each and nothing else. By `tests/measure storage`, names included, a
//! series costs 2 KB a day at 15 s when it stays, 16 KB when it moves at every step (0.34 and 2.8 bytes a row). There are
//! two recorders: the fast tier's at 15 s and the minute tier's at one minute, so that slow series do not pay for fast rows.
//!
//! **Guarantees.** With a directory in memory a row survives `kill -9` at once; without one it is written with the other
//! rows of its minute, so that the disk is not kept busy. Nothing is synced: a power cut costs the last five minutes and
//! what the kernel had not written yet (about 30 s). A torn or altered block costs its rows, an altered list of names
//! costs the history of those names within its segment; their neighbours stay. Files of another version are deleted.
//!
//! **Time.** Rows are ordered by boot and by the time since boot, which never jumps. They are shown by the clock as it
//! was at the newest row of their boot: a clock that was set forwards or back in between leaves no hole and nothing twice.
//!
//! **Limits.** Bytes and rows; the oldest segment goes first.

mod bits;
mod block;
mod frame;
mod grid;
mod names;
mod query;
mod segment;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Layout;

use crate::state::Scratch;
pub use block::Moment;
use block::Row;
use names::{Names, Places};
use segment::Segment;
use tail::Tail;

/// Rows of a segment.
const SEGMENT_ROWS_MAX: u64 = 960;

/// A segment takes at most this share of the allowed bytes, so that little goes at once.
const SEGMENT_SHARE: u64 = 8;

/// Rows that are kept in memory while the disk takes none.
const PENDING_ROWS_MAX: usize = 240;

/// Rows are written together for so long when the tail lies on disk.
const DISK_PAUSE_MS: u64 = 55_000;

/// How much a recorder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk.
    pub bytes: u64,
    /// How far back, in time that the machine was awake.
    pub age: Duration,
}

/// One ring of rows.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    limits: Limits,
    step_seconds: u32,
    segments: VecDeque<Segment>,
    /// Whether the last segment is written on, the names of its columns, and how many of them stand in its file.
    is_open: bool,
    names: Names,
    named: usize,
    places: Option<Places>,
    /// Rows that are in no block yet, all of one boot.
    pending: Vec<Row>,
    next_number: u64,
    tail: Option<Tail>,
    /// Whether writing to the tail costs no disk, and when it was written last.
    tail_is_free: bool,
    tail_written_ms: Option<u64>,
}

impl Recorder {
    /// Opens the ring in `dir`, with its tail as `name` in `scratch`. Files that are no segments of this step go.
    pub fn open(dir: &Path, scratch: &Scratch, name: &str, step_seconds: u32, limits: Limits) -> io::Result<Self> {
        let mut dropped = 0;
        let segments = segment::open_all(dir, step_seconds, |strange| {
            dropped += u32::from(std::fs::remove_file(strange).is_ok());
        })?;
        if dropped > 0 {
            tracing::warn!("{dropped} files in {} are of another version or damaged, and were deleted", dir.display());
        }
        let (tail, left) = Tail::open(scratch.path(name), step_seconds);
        let mut recorder = Self::over(dir, step_seconds, limits, segments, left);
        recorder.tail = Some(tail);
        recorder.tail_is_free = scratch.is_in_memory();
        Ok(recorder)
    }

    /// Opens the ring in `dir` with its tail at `tail` for reading while an agent writes it; nothing is changed on disk.
    pub fn peek(dir: &Path, tail: &Path, step_seconds: u32) -> io::Result<Self> {
        // The tail first: rows that go to a block in between are then seen twice, and told apart by their numbers.
        let left = tail::read(tail, step_seconds);
        let segments = segment::open_all(dir, step_seconds, |_| {})?;
        let limits = Limits { bytes: u64::MAX, age: Duration::MAX };
        Ok(Self::over(dir, step_seconds, limits, segments, left))
    }

    fn over(
        dir: &Path,
        step_seconds: u32,
        limits: Limits,
        segments: VecDeque<Segment>,
        left: Option<(Names, Vec<Row>)>,
    ) -> Self {
        let end = segments.iter().map(Segment::end_number).max().unwrap_or(0);
        let mut recorder = Self {
            dir: dir.to_owned(),
            limits,
            step_seconds,
            segments,
            is_open: false,
            names: Names::default(),
            named: 0,
            places: None,
            pending: Vec::new(),
            next_number: end,
            tail: None,
            tail_is_free: false,
            tail_written_ms: None,
        };
        recorder.go_on();
        if let Some((names, rows)) = left {
            // A crash between writing a block and emptying the tail leaves rows in both.
            recorder.take_over(&names, rows.into_iter().filter(|row| row.number >= end).collect());
        }
        recorder
    }

    /// Writes on in the last segment, when there is room in it and its columns are known.
    fn go_on(&mut self) {
        let Some(last) = self.segments.back().filter(|last| !self.is_full(last)) else { return };
        let names = last.read().map(|reader| reader.names).unwrap_or_default();
        self.is_open = names.len() > 0 && names.are_whole();
        if self.is_open {
            (self.named, self.names) = (names.len(), names);
        }
    }

    /// Takes rows of an earlier run, whose columns are `names`.
    fn take_over(&mut self, names: &Names, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let known: Vec<usize> = names.iter().enumerate().filter_map(|(column, name)| name.map(|_| column)).collect();
        let series: Vec<_> = names.iter().flatten().collect();
        let Some(columns) = self.names.place(series.into_iter()) else { return };
        let places = Places { fingerprint: 0, columns };
        for row in rows {
            let values: Vec<f32> =
                known.iter().map(|column| row.values.get(*column).copied().unwrap_or(f32::NAN)).collect();
            self.next_number = row.number + 1;
            self.pending.push(Row { values: places.row(&values, self.names.len()), ..row });
        }
    }

    /// Length of a row's step, seconds.
    pub fn step_seconds(&self) -> u32 {
        self.step_seconds
    }

    /// Adds the row of the step that ends at `moment`, with one value for each series of `layout`.
    pub fn append(&mut self, layout: &Layout, moment: Moment, values: &[f32]) -> io::Result<()> {
        if self.pending.last().is_some_and(|row| row.moment.boot != moment.boot) {
            self.flush_or_forget();
        }
        let row = self.row(layout, values);
        self.pending.push(Row { number: self.next_number, moment, values: row });
        self.next_number += 1;
        if self.pending.len() > PENDING_ROWS_MAX {
            self.pending.drain(..PENDING_ROWS_MAX / 4);
            self.tail.iter_mut().for_each(Tail::begin_anew);
        }
        self.write_tail(moment.boot_ms)
    }

    /// `values` in the columns of the segment that is written. When it has no room for more columns, another begins.
    fn row(&mut self, layout: &Layout, values: &[f32]) -> Vec<f32> {
        if self.places.as_ref().is_none_or(|places| places.fingerprint != layout.fingerprint()) {
            self.places = Places::of(layout, &mut self.names);
            if self.places.is_none() {
                self.flush_or_forget();
                self.begin_segment();
                self.places = Places::of(layout, &mut self.names);
            }
        }
        self.places.as_ref().map(|places| places.row(values, self.names.len())).unwrap_or_default()
    }

    /// Rows of two boots, or of two lists of columns, cannot wait together.
    fn flush_or_forget(&mut self) {
        if self.flush().is_err() {
            self.pending.clear();
            self.tail.iter_mut().for_each(Tail::begin_anew);
        }
    }

    fn write_tail(&mut self, now_boot_ms: u64) -> io::Result<()> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        let pause = self.tail_written_ms.is_some_and(|last| now_boot_ms.saturating_sub(last) < DISK_PAUSE_MS);
        if pause && !self.tail_is_free {
            return Ok(());
        }
        self.tail_written_ms = Some(now_boot_ms);
        tail.keep(&self.names, &self.pending)
    }

    /// Takes the gathered rows to the disk as a block. Called every few minutes, and before a clean stop.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(first) = self.pending.first() else { return Ok(()) };
        if let Some(segment) = self.segments.back_mut().filter(|_| self.is_open) {
            segment.append(self.step_seconds, &self.names, self.named, &self.pending)?;
        } else {
            let mut segment = Segment::new(&self.dir, first.number);
            segment.append(self.step_seconds, &self.names, 0, &self.pending)?;
            self.segments.push_back(segment);
            self.is_open = true;
            self.ration();
        }
        self.named = self.names.len();
        self.pending.clear();
        self.tail.iter_mut().for_each(Tail::empty);
        if self.segments.back().is_some_and(|last| self.is_full(last)) {
            self.begin_segment();
        }
        Ok(())
    }

    fn is_full(&self, segment: &Segment) -> bool {
        segment.rows() >= SEGMENT_ROWS_MAX || segment.bytes >= self.limits.bytes / SEGMENT_SHARE
    }

    /// The next block begins a segment, with columns of its own. No row may be waiting.
    fn begin_segment(&mut self) {
        (self.is_open, self.named, self.names, self.places) = (false, 0, Names::default(), None);
        self.tail.iter_mut().for_each(Tail::begin_anew);
    }

    /// Deletes the oldest segments as long as the others hold enough, or too much.
    fn ration(&mut self) {
        let rows_max = self.limits.age.as_secs() / u64::from(self.step_seconds.max(1));
        let rest = |segments: &VecDeque<Segment>| segments.iter().skip(1).map(Segment::rows).sum::<u64>();
        while self.segments.len() > 1 && (rest(&self.segments) >= rows_max || self.bytes() > self.limits.bytes) {
            self.segments.pop_front().into_iter().for_each(Segment::remove);
        }
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}
