//! The durable queue of what the collector has not acknowledged.
//!
//! **Layout.** A directory of segments, each named by the first sequence number in it. A segment is a row of frames:
//! length, CRC32C, sequence number, class, time, and the encoded record. Layouts of samples stand as frames of their
//! own before the first sample that needs them in each segment, so that any segment can be sent without the others.
//!
//! **Guarantees.** A record that was appended survives `kill -9`. It survives power loss when it is not a sample, or
//! five minutes later: other records are synced (`fdatasync`) as they are written, samples every five minutes, which
//! keeps a disk of an idle machine quiet. A torn or altered tail is cut when the spool is opened; everything before it
//! comes out. A sequence number is never used twice, even when the tail was lost: numbers are reserved on disk in
//! blocks of 1,024 before they are given out.
//!
//! **Limits.** Bytes and age. When full, the oldest samples go first, except those in the oldest segment, which hold
//! the start of the outage; then the oldest of everything. What went is counted in a `Dropped` record. When the disk
//! is full, the newest records stay in memory, bounded, until there is room again.
//!
//! **Non-goals.** Compression (a minute is 200 bytes), several writers, random access.

mod frame;
mod ration;
mod renumber;
mod segment;
mod sequence;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{Body, Dropped, Record};
use firstline_proto::{Message, v1};

pub use frame::{Class, Frame};
use segment::Segment;
use sequence::Sequence;

/// How much a spool may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk. Default 64 MiB.
    pub bytes: u64,
    /// Age of a record. Default 14 days.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, age: Duration::from_hours(14 * 24) }
    }
}

impl Limits {
    /// A segment is a 64th of the whole, so that little is lost at once.
    fn segment_bytes(self) -> u64 {
        (self.bytes / 64).clamp(4 * 1024, 1024 * 1024)
    }
}

/// Samples are synced at least this often.
const SYNC_EVERY: Duration = Duration::from_mins(5);

/// Layouts that are kept although no record that waits refers to them.
const LAYOUTS_IDLE_MAX: usize = 4;

/// A segment that is wholly acknowledged is written on until it has this many bytes, so that a quiet day does not
/// make and delete a file a minute.
const REUSE_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of records that wait in memory for a full disk to have room again.
const MEMORY_BYTES_MAX: usize = 512 * 1024;

/// The durable queue. One writer, in one process.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    limits: Limits,
    segments: VecDeque<Segment>,
    sequence: Sequence,
    /// Records that could not be written because the disk refused.
    waiting: VecDeque<Frame>,
    waiting_bytes: usize,
    /// What was dropped and is not yet told in a record.
    untold: Option<Dropped>,
    dropped_records: u64,
    /// Everything up to here is stored at the collector.
    acknowledged: u64,
    synced_at: Timestamp,
    /// Layouts in use, newest last, for the next segments.
    layouts: VecDeque<v1::Layout>,
    trouble: Option<String>,
}

/// What a spool holds, for readings and for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// Records that wait for the collector.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Share of the allowed bytes, 0 to 1.
    pub ratio: f64,
    /// Records dropped since the spool was opened.
    pub dropped_records: u64,
    /// Why records are kept in memory only, when they are.
    pub trouble: Option<String>,
}

impl Spool {
    /// Opens the spool in `dir`, cutting what a crash left half-written.
    pub fn open(dir: &Path, limits: Limits, now: Timestamp) -> io::Result<Self> {
        let segment::Found { segments, layouts, lost } = segment::open_all(dir)?;
        let last = segments.iter().map(|segment| segment.last).max().unwrap_or(0);
        let mut spool = Self {
            dir: dir.to_owned(),
            limits,
            segments,
            sequence: Sequence::open(&dir.join("sequence"), last)?,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            untold: None,
            dropped_records: 0,
            acknowledged: 0,
            synced_at: now,
            layouts: VecDeque::new(),
            trouble: None,
        };
        for layout in layouts {
            spool.use_layout(layout);
        }
        for dropped in lost {
            spool.note_dropped(dropped);
        }
        Ok(spool)
    }

    /// The number that the next new record will get.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.next()
    }

    /// Makes a layout known; samples that are appended later may refer to it.
    pub fn use_layout(&mut self, layout: v1::Layout) {
        self.layouts.retain(|known| known.fingerprint != layout.fingerprint);
        self.layouts.push_back(layout);
        if self.layouts.len() > LAYOUTS_IDLE_MAX {
            let needed = |name| self.segments.iter().any(|segment| segment.layouts.contains(&name));
            let idle = self.layouts.len() - LAYOUTS_IDLE_MAX;
            let old: Vec<u64> = self.layouts.iter().take(idle).map(|layout| layout.fingerprint).collect();
            self.layouts.retain(|layout| !old.contains(&layout.fingerprint) || needed(layout.fingerprint));
        }
    }

    /// The layout named `fingerprint`, when a record that waits may refer to it.
    pub fn layout(&self, fingerprint: u64) -> Option<&v1::Layout> {
        self.layouts.iter().rev().find(|layout| layout.fingerprint == fingerprint)
    }

    /// Adds a record and gives it its sequence number.
    pub fn append(&mut self, at: Timestamp, at_boot_ms: u64, boot_id: &str, body: Body) -> u64 {
        self.tell_dropped(at, at_boot_ms, boot_id);
        let sequence = self.put(at, at_boot_ms, boot_id, body);
        self.ration(at);
        sequence
    }

    fn tell_dropped(&mut self, at: Timestamp, at_boot_ms: u64, boot_id: &str) {
        if let Some(dropped) = self.untold.take() {
            self.put(at, at_boot_ms, boot_id, Body::Dropped(dropped));
        }
    }

    fn put(&mut self, at: Timestamp, at_boot_ms: u64, boot_id: &str, body: Body) -> u64 {
        let sequence = self.sequence.take();
        let (class, layout) = match &body {
            Body::Sample(sample) => (Class::Sample, Some(sample.layout)),
            _ => (Class::Other, None),
        };
        let record = v1::Record::from(Record { sequence, at, at_boot_ms, boot_id: boot_id.to_owned(), body });
        self.waiting_bytes += record.encoded_len();
        self.waiting.push_back(Frame { sequence, class, at, layout, payload: record.encode_to_vec() });
        self.write_waiting(at);
        sequence
    }

    /// Writes what waits in memory; what the disk refuses goes on waiting.
    fn write_waiting(&mut self, now: Timestamp) {
        while let Some(frame) = self.waiting.pop_front() {
            if let Err(source) = self.write(&frame, now) {
                self.waiting.push_front(frame);
                self.keep_in_memory(&source);
                return;
            }
            self.waiting_bytes = self.waiting_bytes.saturating_sub(frame.payload.len());
        }
        if self.trouble.take().is_some() {
            tracing::info!("The spool in {} can be written again", self.dir.display());
        }
    }

    fn write(&mut self, frame: &Frame, now: Timestamp) -> io::Result<()> {
        if self.segments.back().is_none_or(|segment| segment.bytes >= self.limits.segment_bytes()) {
            self.segments.push_back(Segment::create(&self.dir, frame.sequence)?);
        }
        let layout = frame.layout.and_then(|name| self.layout(name)).cloned();
        let segment = self.segments.back_mut().expect("one was made above");
        segment.append(frame, layout)?;
        if frame.class == Class::Other || now.since(self.synced_at) >= SYNC_EVERY || now < self.synced_at {
            segment.sync()?;
            self.synced_at = now;
        }
        Ok(())
    }

    fn keep_in_memory(&mut self, source: &io::Error) {
        if self.trouble.is_none() {
            tracing::warn!("Writing to the spool in {} failed, records stay in memory: {source}", self.dir.display());
        }
        self.trouble = Some(format!("writing to {} failed: {source}", self.dir.display()));
        while self.waiting_bytes > MEMORY_BYTES_MAX {
            let oldest_sample = self.waiting.iter().position(|frame| frame.class == Class::Sample).unwrap_or(0);
            let Some(frame) = self.waiting.remove(oldest_sample) else { break };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(frame.payload.len());
            self.note_dropped(ration::one_dropped(&frame));
        }
    }

    /// Everything up to `sequence` is stored at the collector and may go.
    pub fn acknowledge(&mut self, sequence: u64) {
        self.acknowledged = self.acknowledged.max(sequence);
        self.sequence.at_least(sequence.saturating_add(1));
        let only = self.segments.len() == 1;
        let spent = |segment: &Segment| {
            segment.last <= sequence && !(only && segment.bytes < REUSE_BYTES_MAX.min(self.limits.segment_bytes()))
        };
        while self.segments.front().is_some_and(spent) {
            let segment = self.segments.pop_front().expect("looked at above");
            segment.remove();
        }
        while self.waiting.front().is_some_and(|frame| frame.sequence <= self.acknowledged) {
            let frame = self.waiting.pop_front().expect("looked at above");
            self.waiting_bytes = self.waiting_bytes.saturating_sub(frame.payload.len());
        }
    }

    /// Records after `sequence`, in order, at most `count` and about `bytes`. Empty when there is none.
    pub fn read_after(&mut self, sequence: u64, count: usize, bytes: usize) -> Vec<Frame> {
        let after = sequence.max(self.acknowledged);
        let mut out = Vec::new();
        let mut room = bytes;
        for segment in self.segments.iter_mut().filter(|segment| segment.last > after) {
            if !segment.read_after(after, count, &mut room, &mut out) {
                return out;
            }
        }
        for frame in self.waiting.iter().filter(|frame| frame.sequence > after) {
            if out.len() >= count || room == 0 {
                break;
            }
            room = room.saturating_sub(frame.payload.len());
            out.push(frame.clone());
        }
        out
    }

    /// What it holds.
    pub fn fill(&self) -> Fill {
        let bytes = self.bytes();
        let on_disk: u64 = self.segments.iter().map(|segment| segment.waiting(self.acknowledged)).sum();
        Fill {
            records: on_disk + self.waiting.len() as u64,
            bytes,
            ratio: bytes as f64 / self.limits.bytes as f64,
            dropped_records: self.dropped_records,
            trouble: self.trouble.clone(),
        }
    }

    /// Makes everything last, and gives back the numbers that were reserved and not used. For a clean stop.
    pub fn close(&mut self) -> io::Result<()> {
        if let Some(segment) = self.segments.back_mut() {
            segment.sync()?;
        }
        self.sequence.release()
    }
}
