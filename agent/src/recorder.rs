//! The agent's own memory: 15-second steps for 24 hours in a bounded directory.
//!
//! **Layout.** Rows are gathered in the tail, a file in the [scratch directory](crate::state::Scratch), which is memory
//! that outlives the process. Every five minutes they go to the disk as a block: a column for each series, in which a
//! number that stays costs one bit and others the bits that differ, of five digits each. Blocks of one layout stand in a
//! segment, at most 960 rows (four hours of 15 s steps). A series costs 0.5 to 2.5 bytes a row, about 3 to 14 KB a day at
//! 15 s, plus its name once a segment, by estimate; `tests/measure storage` measures it. There are two recorders: the
//! fast tier's at 15 s and the minute tier's at one minute, so that slow series do not pay for fast rows.
//!
//! **Guarantees.** With a directory in memory a row survives `kill -9` at once; without one it is written with the other
//! rows of its minute, so that the disk is not kept busy. Nothing is synced: a power cut costs the last five minutes and
//! what the kernel had not written yet (about 30 s). A torn or altered block costs its rows, its neighbours stay.
//!
//! **Time.** Rows are ordered by boot and by the time since boot, which never jumps. They are shown by the clock as it
//! was at the newest row of their boot: a clock that was set forwards or back in between leaves no hole and nothing twice.
//!
//! **Limits.** Bytes and rows; the oldest segment goes first. A new layout begins a new segment.

mod bits;
mod block;
mod grid;
mod segment;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::vocabulary::{Layout, Timestamp};

use crate::state::Scratch;
pub use block::Moment;
use block::Row;
use segment::Segment;
use tail::Tail;

/// Rows of a segment.
const SEGMENT_ROWS_MAX: u64 = 960;

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
    /// Rows that are in no block yet, all of one layout and one boot.
    pending: Vec<Row>,
    layout: Layout,
    next_number: u64,
    tail: Option<Tail>,
    /// Whether writing to the tail costs no disk, and when it was written last.
    tail_is_free: bool,
    tail_written_ms: Option<u64>,
}

impl Recorder {
    /// Opens the ring in `dir`, with its tail as `name` in `scratch`. Files that are no segments of this step go.
    pub fn open(dir: &Path, scratch: &Scratch, name: &str, step_seconds: u32, limits: Limits) -> io::Result<Self> {
        let segments = segment::open_all(dir, step_seconds, |strange| drop(std::fs::remove_file(strange)))?;
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
        left: Option<(Layout, Vec<Row>)>,
    ) -> Self {
        let end = segments.iter().map(Segment::end_number).max().unwrap_or(0);
        let (layout, mut pending) = left.unwrap_or_else(|| (Layout::new(Vec::new()), Vec::new()));
        // A crash between writing a block and emptying the tail leaves rows in both.
        pending.retain(|row| row.number >= end);
        let next_number = pending.last().map_or(end, |row| row.number + 1);
        Self {
            dir: dir.to_owned(),
            limits,
            step_seconds,
            segments,
            pending,
            layout,
            next_number,
            tail: None,
            tail_is_free: false,
            tail_written_ms: None,
        }
    }

    /// Length of a row's step, seconds.
    pub fn step_seconds(&self) -> u32 {
        self.step_seconds
    }

    /// Adds the row of the step that ends at `moment`, with one value for each series of `layout`.
    pub fn append(&mut self, layout: &Layout, moment: Moment, values: &[f32]) -> io::Result<()> {
        let other_boot = self.pending.last().is_some_and(|row| row.moment.boot != moment.boot);
        if other_boot || self.layout.fingerprint() != layout.fingerprint() {
            if self.flush().is_err() {
                // Rows of two layouts cannot wait together.
                self.pending.clear();
            }
            self.layout = layout.clone();
            self.tail.iter_mut().for_each(Tail::begin_anew);
        }
        self.pending.push(Row { number: self.next_number, moment, values: values.to_vec() });
        self.next_number += 1;
        if self.pending.len() > PENDING_ROWS_MAX {
            self.pending.drain(..PENDING_ROWS_MAX / 4);
            self.tail.iter_mut().for_each(Tail::begin_anew);
        }
        self.write_tail(moment.boot_ms)
    }

    fn write_tail(&mut self, now_boot_ms: u64) -> io::Result<()> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        if self.tail_is_free {
            return tail.add(&self.layout, &self.pending);
        }
        let pause = self.tail_written_ms.is_some_and(|last| now_boot_ms.saturating_sub(last) < DISK_PAUSE_MS);
        if pause {
            return Ok(());
        }
        self.tail_written_ms = Some(now_boot_ms);
        tail.rewrite(&self.layout, &self.pending)
    }

    /// Takes the gathered rows to the disk as a block. Called every few minutes, and before a clean stop.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(first) = self.pending.first() else { return Ok(()) };
        let fits = |segment: &Segment| {
            segment.layout.fingerprint() == self.layout.fingerprint() && segment.rows() < SEGMENT_ROWS_MAX
        };
        if !self.segments.back().is_some_and(fits) {
            let mut segment = Segment::new(&self.dir, &self.layout, first.number);
            segment.append(self.step_seconds, &self.pending)?;
            self.segments.push_back(segment);
            self.ration();
        } else if let Some(segment) = self.segments.back_mut() {
            segment.append(self.step_seconds, &self.pending)?;
        }
        self.pending.clear();
        self.tail.iter_mut().for_each(Tail::empty);
        Ok(())
    }

    /// Deletes the oldest segments as long as the others hold enough, or too much.
    fn ration(&mut self) {
        let rows_max = self.limits.age.as_secs() / u64::from(self.step_seconds.max(1));
        let rest = |segments: &VecDeque<Segment>| segments.iter().skip(1).map(Segment::rows).sum::<u64>();
        while self.segments.len() > 1 && (rest(&self.segments) >= rows_max || self.bytes() > self.limits.bytes) {
            self.segments.pop_front().into_iter().for_each(Segment::remove);
        }
    }

    /// Every series between two moments, resampled to steps of `step_seconds` (a multiple of the recorder's step):
    /// gauges and flags as the mean of the rows within, counters (see `is_counter`) as their sum. Series without a
    /// single value are left out.
    pub fn series(
        &self,
        from: Timestamp,
        until: Timestamp,
        step_seconds: u32,
        is_counter: impl Fn(&str) -> bool,
    ) -> Vec<SnapshotSeries> {
        let clocks = self.clocks();
        let mut grid = grid::Grid::new(from, until, step_seconds.max(self.step_seconds));
        for segment in &self.segments {
            for (index, (_, head)) in segment.blocks.iter().enumerate() {
                let clock = clocks.get(&head.boot).copied().unwrap_or(head.clock_ms);
                let overlaps = placed(head.first_boot_ms, clock) <= until && placed(head.last_boot_ms, clock) >= from;
                if overlaps && let Err(source) = add_block(&mut grid, segment, index, &clocks) {
                    tracing::warn!("Reading the recorder in {} failed: {source}", self.dir.display());
                }
            }
        }
        self.add_pending(&mut grid, &clocks);
        grid.finish(is_counter)
    }

    /// What the clock was ahead of the time since boot at the newest row of each boot.
    fn clocks(&self) -> BTreeMap<u64, i64> {
        let heads =
            self.segments.iter().flat_map(|segment| &segment.blocks).map(|(_, head)| (head.boot, head.clock_ms));
        let pending = self.pending.last().map(|row| (row.moment.boot, row.moment.clock_ms()));
        heads.chain(pending).collect()
    }

    fn add_pending(&self, grid: &mut grid::Grid, clocks: &BTreeMap<u64, i64>) {
        let clock = |row: &Row| clocks.get(&row.moment.boot).copied().unwrap_or_default();
        let times: Vec<_> = self.pending.iter().map(|row| placed(row.moment.boot_ms, clock(row))).collect();
        for (index, series) in self.layout.series().iter().enumerate() {
            grid.add(series, &times, self.pending.iter().map(|row| row.values[index]));
        }
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

fn add_block(grid: &mut grid::Grid, segment: &Segment, index: usize, clocks: &BTreeMap<u64, i64>) -> io::Result<()> {
    let bytes = segment.read(index)?;
    let (times, columns) = block::columns(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    let head = &segment.blocks[index].1;
    let clock = clocks.get(&head.boot).copied().unwrap_or(head.clock_ms);
    let times: Vec<_> = times.into_iter().map(|boot_ms| placed(boot_ms, clock)).collect();
    for (series, values) in segment.layout.series().iter().zip(columns) {
        grid.add(series, &times, values.into_iter());
    }
    Ok(())
}

/// The time of a row by a boot's last known clock.
fn placed(boot_ms: u64, clock_ms: i64) -> Timestamp {
    Timestamp(clock_ms.saturating_add(i64::try_from(boot_ms).unwrap_or(i64::MAX)))
}
