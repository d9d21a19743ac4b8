use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Dropped;
use firstline_proto::{Message, v1};

use super::frame::{Class, Frame, Frames};
use super::ration::{merge, one_dropped};
use crate::state;

/// A file of frames. It is opened for each use: a disk that was remounted in between is used as it is now.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    /// Number in the file's name: the first record it was made for.
    pub(super) first: u64,
    /// Highest number in it.
    pub(super) last: u64,
    pub(super) records: u64,
    pub(super) samples: u64,
    /// Valid bytes.
    pub(super) bytes: u64,
    /// Time of its newest record.
    pub(super) newest: Timestamp,
    /// Fingerprints of the layouts that stand in it.
    pub(super) layouts: Vec<u64>,
    /// A write to it failed, or it could not be read: nothing is added to it any more.
    pub(super) suspect: bool,
    /// Some of its bytes are no frames; what that cost is counted.
    damaged: bool,
    /// A number up to which everything was read, and where the rest starts.
    cursor: (u64, u64),
}

/// What became of a read.
pub(super) enum Portion {
    /// There may be more behind it, in the next segment.
    All,
    /// Enough was read.
    Full,
}

impl Segment {
    /// A new, empty segment; its file comes with the first frames.
    pub(super) fn new(dir: &Path, first: u64) -> Self {
        Self {
            path: dir.join(format!("{first:020}.segment")),
            first,
            last: 0,
            records: 0,
            samples: 0,
            bytes: 0,
            newest: Timestamp(i64::MIN),
            layouts: Vec::new(),
            suspect: false,
            damaged: false,
            cursor: (0, 0),
        }
    }

    fn count(&mut self, frame: &Frame) {
        match frame.class {
            Class::Layout => self.layouts.push(frame.sequence),
            class => {
                self.last = self.last.max(frame.sequence);
                self.records += 1;
                self.samples += u64::from(class == Class::Sample);
                self.newest = self.newest.max(frame.at);
            }
        }
    }

    /// Adds frames, each after its layout when that does not stand here yet, and makes them last. After a failure the
    /// segment is as it was, and suspect.
    pub(super) fn append<'a>(
        &mut self,
        frames: impl Iterator<Item = &'a Frame>,
        layouts: &VecDeque<v1::Layout>,
    ) -> io::Result<()> {
        self.suspect = true;
        // Before anything is encoded: a disk that refuses is asked again and again.
        let file = state::open_private(&self.path, self.bytes > 0)?;
        let mut grown = Self { suspect: false, path: self.path.clone(), layouts: self.layouts.clone(), ..*self };
        let mut out = Vec::new();
        for frame in frames {
            let missing = frame.layout.filter(|name| !grown.layouts.contains(name));
            for layout in layouts.iter().filter(|layout| Some(layout.fingerprint) == missing) {
                let layout = Frame::of_layout(layout);
                layout.write_to(&mut out);
                grown.count(&layout);
            }
            frame.write_to(&mut out);
            grown.count(frame);
        }
        grown.bytes += out.len() as u64;
        self.write(file, &out)?;
        *self = grown;
        Ok(())
    }

    /// Writes `out` behind the valid bytes and syncs it; what a failure leaves there is taken back, as far as that works.
    fn write(&self, mut file: File, out: &[u8]) -> io::Result<()> {
        let is_new = self.bytes == 0;
        let mut attempt = || {
            file.set_len(self.bytes)?;
            file.seek(SeekFrom::Start(self.bytes))?;
            file.write_all(out)?;
            file.sync_data()
        };
        let done = attempt().and_then(|()| if is_new { sync_name(&self.path) } else { Ok(()) });
        if done.is_err() {
            let _ = file.set_len(self.bytes);
            if is_new {
                let _ = fs::remove_file(&self.path);
            }
        }
        done
    }

    /// Records after `acknowledged`. Exact while no sample was taken out of the segment.
    pub(super) fn waiting(&self, acknowledged: u64) -> u64 {
        self.records.min(self.last.saturating_sub(acknowledged))
    }

    /// Reads records after `after` into `out` until there are `count` or `room` bytes are used. Bytes that were altered
    /// since the segment was opened are an error of the kind `InvalidData`, until they are put up with.
    pub(super) fn read_after(
        &mut self,
        after: u64,
        count: usize,
        room: &mut usize,
        out: &mut Vec<Frame>,
    ) -> io::Result<Portion> {
        if after < self.cursor.0 {
            self.cursor = (0, 0);
        }
        let (start, found) = (self.cursor.1, out.len());
        let bytes = self.read_from(start)?;
        let mut frames = Frames::of(&bytes);
        while let Some(frame) = frames.next() {
            if frames.damaged && !self.damaged {
                break;
            }
            // Numbers grow, so one that does not was written twice: a write that failed had reached the disk after all.
            if frame.class == Class::Layout || out.last().is_some_and(|last| frame.sequence <= last.sequence) {
                continue;
            }
            if frame.sequence <= after {
                self.cursor = (frame.sequence, start + frames.end());
                continue;
            }
            if out.len() >= count || (*room < frame.payload.len() && !out.is_empty()) {
                return Ok(Portion::Full);
            }
            *room = room.saturating_sub(frame.payload.len());
            out.push(frame);
        }
        if self.damaged || (!frames.damaged && start + frames.end() == self.bytes) {
            return Ok(Portion::All);
        }
        out.truncate(found);
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Puts up with bytes that were altered since the segment was opened, and says what they cost.
    pub(super) fn put_up_with_damage(&mut self) -> io::Result<Dropped> {
        let bytes = self.read_from(0)?;
        let mut rest = Self::new(Path::new(""), self.first);
        Frames::of(&bytes).for_each(|frame| rest.count(&frame));
        let others = self.records.saturating_sub(rest.records);
        (self.records, self.samples, self.damaged) = (rest.records, rest.samples, true);
        Ok(lost(self.first, self.last, others))
    }

    fn read_from(&self, start: u64) -> io::Result<Vec<u8>> {
        let length = self.bytes.saturating_sub(start);
        let mut bytes = Vec::with_capacity(length as usize);
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes the samples out and says how many went that were not acknowledged. A crash leaves the old file or the new
    /// one.
    pub(super) fn take_samples_out(&mut self, acknowledged: u64) -> io::Result<Option<Dropped>> {
        let bytes = self.read_from(0)?;
        let (mut kept, mut gone, mut read) = (Vec::new(), None::<Dropped>, 0);
        let mut rest = Self { path: self.path.clone(), ..Self::new(Path::new(""), self.first) };
        for frame in Frames::of(&bytes).filter(|frame| frame.class != Class::Layout) {
            read += 1;
            if frame.class != Class::Sample {
                frame.write_to(&mut kept);
                rest.count(&frame);
            } else if frame.sequence > acknowledged {
                gone = Some(merge(gone, one_dropped(&frame)));
            }
        }
        // What was altered meanwhile is gone as well, and what it was cannot be told.
        if read < self.records {
            gone = Some(merge(gone, lost(self.first, self.last, self.records - read)));
        }
        state::replace(&self.path, &kept)?;
        rest.bytes = kept.len() as u64;
        // An emptied segment still stands for its numbers until it is acknowledged.
        (rest.last, rest.newest) = (self.last, self.newest);
        *self = rest;
        Ok(gone)
    }

    /// Everything in it after `acknowledged`, as dropped.
    pub(super) fn as_dropped(&self, acknowledged: u64) -> Option<Dropped> {
        let Ok(bytes) = self.read_from(0) else {
            let samples = self.samples.min(self.records);
            return Some(Dropped { samples, ..lost(self.first, self.last, self.records - samples) });
        };
        let unsent = Frames::of(&bytes).filter(|frame| frame.class != Class::Layout && frame.sequence > acknowledged);
        unsent.map(|frame| one_dropped(&frame)).reduce(|one, other| merge(Some(one), other))
    }

    /// Deletes the file.
    pub(super) fn remove(self) {
        match fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("Deleting {} failed: {source}", self.path.display());
            }
            _ => {}
        }
    }
}

/// Makes the name of a new file last.
fn sync_name(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), state::sync_dir)
}

/// What altered bytes cost: `count` records between two numbers, of a kind that cannot be told.
fn lost(first: u64, last: u64, count: u64) -> Dropped {
    Dropped { first_sequence: first.max(1), last_sequence: last.max(first.max(1)), samples: 0, others: count }
}

/// What was found on disk.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) segments: VecDeque<Segment>,
    pub(super) layouts: Vec<v1::Layout>,
    /// What altered segments cost. A torn tail of the newest one is ordinary after a power cut and not counted.
    pub(super) lost: Vec<Dropped>,
}

/// Opens every segment in order. Nothing is changed on disk: what is behind the valid bytes of a segment is cut when it
/// is written next.
pub(super) fn open_all(dir: &Path) -> io::Result<Found> {
    let mut names: Vec<(u64, PathBuf)> = fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)))
        .collect();
    names.arrange();
    let mut found = Found::default();
    for (index, (first, path)) in names.iter().enumerate() {
        let following = names.get(index + 1).map(|(following, _)| *following);
        let segment = Segment { path: path.clone(), ..Segment::new(Path::new(""), *first) };
        match fs::read(path) {
            Ok(bytes) => found.open(segment, &bytes, following),
            Err(source) => found.keep_unread(segment, following, &source),
        }
    }
    Ok(found)
}

impl Found {
    fn last(&self) -> u64 {
        self.segments.iter().map(|segment| segment.last).max().unwrap_or(0)
    }

    /// Adds what `bytes` hold; `following` is the number in the name of the next segment.
    fn open(&mut self, mut segment: Segment, bytes: &[u8], following: Option<u64>) {
        let mut last = self.last().max(segment.first.saturating_sub(1));
        let mut frames = Frames::of(bytes);
        while let Some(frame) = frames.next() {
            segment.damaged |= frames.damaged;
            if frame.class == Class::Layout {
                self.layouts.extend(v1::Layout::decode(frame.payload.as_slice()).ok());
                segment.count(&frame);
            } else if frame.sequence > last {
                let altered = std::mem::take(&mut frames.damaged);
                self.note_gap(altered, last + 1, frame.sequence);
                last = frame.sequence;
                segment.count(&frame);
            }
        }
        segment.bytes = frames.end();
        let torn = segment.bytes < bytes.len() as u64;
        self.note_gap(torn, last + 1, following.unwrap_or(0));
        if segment.damaged || torn {
            tracing::warn!("{} is not as it was written; what can be read of it is kept", segment.path.display());
        }
        match segment.records {
            0 => segment.remove(),
            _ => self.segments.push_back(segment),
        }
    }

    /// The records from `first` to before `end` are gone, when something between them was altered.
    fn note_gap(&mut self, altered: bool, first: u64, end: u64) {
        if altered && end > first {
            self.lost.push(lost(first, end - 1, end - first));
        }
    }

    /// A segment that the disk does not give now may be given later; until then it stands for its numbers.
    fn keep_unread(&mut self, mut segment: Segment, following: Option<u64>, source: &io::Error) {
        tracing::warn!("Reading {} failed: {source}", segment.path.display());
        segment.last = following.map_or(segment.first, |following| following.saturating_sub(1)).max(segment.first);
        segment.records = segment.last - segment.first + 1;
        segment.bytes = fs::metadata(&segment.path).map_or(0, |found| found.len());
        (segment.suspect, segment.damaged) = (true, true);
        self.segments.push_back(segment);
    }
}
