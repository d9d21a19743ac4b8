//! The durable queue of what the collector has not acknowledged.
//!
//! **Layout.** A directory of segments, each named by the first sequence number in it, and a tail: the newest records, in
//! the [scratch directory](crate::state::Scratch), which is memory that outlives the process. Both are rows of frames:
//! length, CRC32C, sequence number, class, time, layout, and the encoded record. The layouts of samples stand as frames
//! of their own before them in each file, so that any segment can be sent without the others.
//!
//! **Guarantees.** A record that was appended stands in the tail and survives `kill -9`. What the collector has not
//! acknowledged by then goes to a segment and is synced (`fdatasync`): events and marks at once, or 15 s after the sync
//! before; samples and states every five minutes. So an agent that is connected writes hardly anything to the disk, and
//! a power cut costs at most five minutes of samples and 15 s of events that the collector had not acknowledged either.
//! (Without a directory in memory the tail lies on disk, in the page cache, and these are the same.) An altered byte
//! costs the frame it is in, which is counted; a torn tail of the newest file is cut. A sequence number is never used
//! twice, even when the tail was lost: numbers are reserved on disk in blocks of 1,024 before they are given out.
//!
//! **Limits.** Bytes and age; what goes first is said in `ration.rs`, and what went is counted in a `Dropped` record.
//! When the disk is full, read-only or broken, records stay in memory and in the tail, bounded, and go to the disk in
//! their order when it takes them again. A segment that cannot be read holds up what is behind it for ten minutes and is
//! then counted as lost.
//!
//! **Non-goals.** Compression (a minute of a workstation is one or two kilobytes), several writers, random access.

mod frame;
mod ration;
mod renumber;
mod segment;
mod sequence;
mod tail;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{Body, Dropped, Record};
use firstline_proto::{Message, v1};

pub use frame::{Class, Frame};
use ration::Ageing;
use segment::{Portion, Segment};
use sequence::Sequence;
use tail::Tail;
use waiting::Waiting;

use crate::state::Scratch;

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

/// What waits in memory goes to the disk at least this often.
const SYNC_EVERY_MS: u64 = 5 * 60_000;

/// Between two syncs for events, and between two tries when the disk refuses.
const SYNC_PAUSE_MS: u64 = 15_000;

/// More than this goes to the disk at once.
const SYNC_BYTES: usize = 256 * 1024;

/// A segment that cannot be read for so long is given up.
const READ_PATIENCE_MS: u64 = 10 * 60_000;

/// Layouts that are kept although no record that waits refers to them.
const LAYOUTS_IDLE_MAX: usize = 4;

/// A segment that is wholly acknowledged is written on until it has this many bytes, so that a quiet day does not
/// make and delete a file a minute.
const REUSE_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of records that wait in memory while the disk refuses them.
const MEMORY_BYTES_MAX: usize = 512 * 1024;

/// The durable queue. One writer, in one process.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    limits: Limits,
    segments: VecDeque<Segment>,
    sequence: Sequence,
    /// Records that are not in a segment yet, and the file that holds them.
    waiting: Waiting,
    tail: Tail,
    /// Time since boot, as last told, and when the disk was last written, or tried.
    now_boot_ms: u64,
    synced_boot_ms: Option<u64>,
    ageing: Ageing,
    /// What was dropped and is not yet told in a record.
    untold: Option<Dropped>,
    dropped_records: u64,
    /// Everything up to here is stored at the collector.
    acknowledged: u64,
    /// Layouts in use, newest last, for the next segments.
    layouts: VecDeque<v1::Layout>,
    trouble: Option<String>,
    /// The segment that cannot be read, since when, and why.
    unread: Option<(u64, u64, String)>,
    /// Samples up to here were counted as lost with their layout.
    unnamed: u64,
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
    /// Opens the spool in `dir`, with its tail in `scratch`. What a crash left half-written is passed over.
    pub fn open(dir: &Path, scratch: &Scratch, limits: Limits) -> io::Result<Self> {
        let segment::Found { segments, layouts, lost } = segment::open_all(dir)?;
        let (tail, mut waiting, more_layouts) = Tail::open(scratch.path("spool.tail"));
        let last = segments.iter().map(|segment| segment.last).max().unwrap_or(0);
        // A crash between writing a segment and emptying the tail leaves records in both.
        waiting.retain(|frame| frame.sequence > last);
        let last = waiting.back().map_or(last, |frame| frame.sequence);
        let mut spool = Self {
            dir: dir.to_owned(),
            limits,
            segments,
            sequence: Sequence::open(dir, scratch, last)?,
            waiting: Waiting::from_before(waiting),
            tail,
            now_boot_ms: 0,
            synced_boot_ms: None,
            ageing: Ageing::default(),
            untold: None,
            dropped_records: 0,
            acknowledged: 0,
            layouts: VecDeque::new(),
            trouble: None,
            unread: None,
            unnamed: 0,
        };
        for layout in layouts.into_iter().chain(more_layouts) {
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
            let stands = |name| self.segments.iter().any(|segment| segment.layouts.contains(&name));
            let needed = |name| stands(name) || self.waiting.frames().iter().any(|frame| frame.layout == Some(name));
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
        if let Some(dropped) = self.untold.take() {
            self.put(at, at_boot_ms, boot_id, Body::Dropped(dropped));
        }
        // What is told of a moment that passed says nothing of the age of others.
        let now = Some(at).filter(|_| matches!(body, Body::Sample(_)));
        let sequence = self.put(at, at_boot_ms, boot_id, body);
        self.tick(at_boot_ms);
        self.ration(now, at_boot_ms);
        sequence
    }

    fn put(&mut self, at: Timestamp, at_boot_ms: u64, boot_id: &str, body: Body) -> u64 {
        let sequence = self.sequence.take();
        let (class, layout) = match &body {
            Body::Sample(sample) => (Class::Sample, Some(sample.layout)),
            Body::Inventory(_) => (Class::State, None),
            _ => (Class::Event, None),
        };
        let record = v1::Record::from(Record { sequence, at, at_boot_ms, boot_id: boot_id.to_owned(), body });
        let frame = Frame { sequence, class, at, layout, payload: record.encode_to_vec() };
        self.waiting.push(frame, at_boot_ms);
        if let Err(source) = self.tail.add(self.waiting.frames(), &self.layouts) {
            self.note_trouble(&source);
        }
        sequence
    }

    /// Takes what waits in memory to the disk when it is time to. Called every few seconds.
    pub fn tick(&mut self, now_boot_ms: u64) {
        self.now_boot_ms = self.now_boot_ms.max(now_boot_ms);
        if self.is_due() {
            self.synced_boot_ms = Some(self.now_boot_ms);
            self.settle();
            self.ration_memory(MEMORY_BYTES_MAX);
        }
    }

    fn is_due(&self) -> bool {
        let passed = |since: u64| self.now_boot_ms.saturating_sub(since);
        let rested = self.synced_boot_ms.is_none_or(|synced| passed(synced) >= SYNC_PAUSE_MS);
        let pressing = self.trouble.is_some() || self.waiting.has_events();
        let late = self.waiting.since_boot_ms().is_some_and(|since| passed(since) >= SYNC_EVERY_MS);
        (rested && (pressing || late))
            || (self.trouble.is_none() && self.waiting.bytes() > SYNC_BYTES)
            || self.waiting.bytes() > MEMORY_BYTES_MAX
            || (self.waiting.frames().is_empty() && self.tail.is_long())
    }

    /// Takes what waits in memory to the disk; what the disk refuses goes on waiting.
    fn settle(&mut self) {
        while !self.waiting.frames().is_empty() {
            if let Err(source) = self.write() {
                return self.note_trouble(&source);
            }
        }
        let emptied = if self.tail.is_used() { self.tail.hold(self.waiting.frames(), &self.layouts) } else { Ok(()) };
        match emptied {
            Err(source) => self.note_trouble(&source),
            Ok(()) if self.trouble.take().is_some() => {
                tracing::info!("The spool in {} can be written again", self.dir.display());
            }
            Ok(()) => {}
        }
    }

    /// Writes as much of what waits as one segment takes.
    fn write(&mut self) -> io::Result<()> {
        let room = self.limits.segment_bytes();
        let open = |segment: &Segment| segment.bytes < room && !segment.suspect;
        let first = self.waiting.frames().front().map_or(0, |frame| frame.sequence);
        let mut segment = match self.segments.pop_back_if(|segment| open(segment)) {
            Some(segment) => segment,
            None => Segment::new(&self.dir, first),
        };
        let mut bytes = segment.bytes;
        let mut count = 0;
        for frame in self.waiting.frames() {
            if bytes >= room {
                break;
            }
            bytes += frame.len();
            count += 1;
        }
        let written = segment.append(self.waiting.frames().iter().take(count), &self.layouts);
        if segment.records > 0 {
            self.segments.push_back(segment);
        }
        written?;
        self.waiting.forget(count);
        Ok(())
    }

    fn note_trouble(&mut self, source: &io::Error) {
        if self.trouble.is_none() {
            tracing::warn!("Writing to the spool in {} failed, records stay in memory: {source}", self.dir.display());
        }
        self.trouble = Some(format!("writing to {} failed: {source}", self.dir.display()));
    }

    /// Everything up to `sequence` is stored at the collector and may go.
    pub fn acknowledge(&mut self, sequence: u64) {
        self.acknowledged = self.acknowledged.max(sequence);
        self.sequence.at_least(sequence.saturating_add(1));
        let only = self.segments.len() == 1;
        let spent = |segment: &mut Segment| {
            segment.last <= sequence && !(only && segment.bytes < REUSE_BYTES_MAX.min(self.limits.segment_bytes()))
        };
        while let Some(segment) = self.segments.pop_front_if(spent) {
            segment.remove();
        }
        let acknowledged = |frame: &&Frame| frame.sequence <= self.acknowledged;
        self.waiting.forget(self.waiting.frames().iter().take_while(acknowledged).count());
    }

    /// Records after `sequence`, in order, at most `count` and about `bytes`. Empty when there is none.
    pub fn read_after(&mut self, sequence: u64, count: usize, bytes: usize) -> Vec<Frame> {
        let mut after = sequence.max(self.acknowledged);
        loop {
            let mut portion = self.read_portion(after, count, bytes);
            let Some(last) = portion.last().map(|frame| frame.sequence) else { return portion };
            portion.retain(|frame| self.is_named(frame));
            if !portion.is_empty() {
                return portion;
            }
            after = last;
        }
    }

    fn read_portion(&mut self, after: u64, count: usize, bytes: usize) -> Vec<Frame> {
        let (mut out, mut room, mut index) = (Vec::new(), bytes, 0);
        while let Some(segment) = self.segments.get_mut(index) {
            if segment.last > after {
                match segment.read_after(after, count, &mut room, &mut out) {
                    Ok(Portion::All) => {}
                    Err(source) if self.get_over(index, &source) => continue,
                    Ok(Portion::Full) | Err(_) => return out,
                }
            }
            index += 1;
        }
        self.unread = None;
        for frame in self.waiting.frames().iter().filter(|frame| frame.sequence > after) {
            if out.len() >= count || (room < frame.payload.len() && !out.is_empty()) {
                break;
            }
            room = room.saturating_sub(frame.payload.len());
            out.push(frame.clone());
        }
        out
    }

    /// Whether a segment that cannot be read is dealt with, so that reading may go on at the same place.
    fn get_over(&mut self, index: usize, source: &io::Error) -> bool {
        let segment = &mut self.segments[index];
        let first = segment.first;
        let since = self.unread.as_ref().filter(|(unread, ..)| *unread == first).map(|(_, since, _)| *since);
        if source.kind() == io::ErrorKind::InvalidData
            && let Ok(lost) = segment.put_up_with_damage()
        {
            self.note_dropped(lost);
            return true;
        }
        let over = since.is_some_and(|since| self.now_boot_ms.saturating_sub(since) >= READ_PATIENCE_MS);
        if over || source.kind() == io::ErrorKind::NotFound {
            tracing::warn!("A segment of the spool in {} is lost: {source}", self.dir.display());
            self.drop_segment(index);
            self.unread = None;
            return true;
        }
        if since.is_none() {
            tracing::warn!("Reading the spool in {} failed: {source}", self.dir.display());
            let words = format!("reading from {} failed: {source}", self.dir.display());
            self.unread = Some((first, self.now_boot_ms, words));
        }
        false
    }

    /// Whether it is known what a frame's numbers stand for; if not, it is counted as lost, once.
    fn is_named(&mut self, frame: &Frame) -> bool {
        if frame.layout.is_none_or(|name| self.layout(name).is_some()) {
            return true;
        }
        if frame.sequence > self.unnamed {
            self.unnamed = frame.sequence;
            self.note_dropped(ration::one_dropped(frame));
        }
        false
    }

    /// What it holds.
    pub fn fill(&self) -> Fill {
        let bytes = self.bytes();
        let on_disk: u64 = self.segments.iter().map(|segment| segment.waiting(self.acknowledged)).sum();
        Fill {
            records: on_disk + self.waiting.frames().len() as u64,
            bytes,
            ratio: bytes as f64 / self.limits.bytes as f64,
            dropped_records: self.dropped_records,
            trouble: self.trouble.clone().or_else(|| Some(self.unread.as_ref()?.2.clone())),
        }
    }

    /// Makes everything last, and gives back the numbers that were reserved and not used. For a clean stop.
    pub fn close(&mut self) -> io::Result<()> {
        self.settle();
        if let Some(trouble) = &self.trouble {
            return Err(io::Error::other(trouble.clone()));
        }
        self.sequence.release()
    }
}
