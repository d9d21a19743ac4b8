use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Dropped;
use firstline_proto::{Message, v1};

use super::frame::{Class, Frame};
use crate::state;

/// A file of frames.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
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
    /// A number up to which everything was read, and where the rest starts.
    cursor: (u64, u64),
}

impl Segment {
    /// A new, empty segment.
    pub(super) fn create(dir: &Path, first: u64) -> io::Result<Self> {
        let path = dir.join(format!("{first:020}.segment"));
        let file = state::open_private(&path, false)?;
        Ok(Self::over(path, file, first))
    }

    fn over(path: PathBuf, file: File, first: u64) -> Self {
        Self {
            path,
            file,
            first,
            last: 0,
            records: 0,
            samples: 0,
            bytes: 0,
            newest: Timestamp(i64::MIN),
            layouts: Vec::new(),
            cursor: (0, 0),
        }
    }

    /// Opens a segment and cuts it where it is torn or altered. Says whether something was cut.
    fn open(path: PathBuf, first: u64, layouts: &mut Vec<v1::Layout>) -> io::Result<(Self, bool)> {
        let file = state::open_private(&path, true)?;
        let mut segment = Self::over(path, file, first);
        let mut bytes = Vec::new();
        segment.file.read_to_end(&mut bytes)?;
        while let Some(frame) = Frame::read_from(&bytes[segment.bytes as usize..]) {
            segment.bytes += frame.len();
            segment.count(&frame);
            if frame.class == Class::Layout {
                layouts.extend(v1::Layout::decode(frame.payload.as_slice()).ok());
            }
        }
        let cut = segment.bytes < bytes.len() as u64;
        if cut {
            segment.file.set_len(segment.bytes)?;
        }
        Ok((segment, cut))
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

    /// Adds a frame, after its layout when that does not stand here yet. On failure the segment is as it was.
    pub(super) fn append(&mut self, frame: &Frame, layout: Option<v1::Layout>) -> io::Result<()> {
        let mut out = Vec::with_capacity(frame.len() as usize);
        let missing = layout.filter(|layout| !self.layouts.contains(&layout.fingerprint));
        let before = missing.map(|layout| layout_frame(&layout, frame));
        if let Some(layout) = &before {
            layout.write_to(&mut out);
        }
        frame.write_to(&mut out);
        self.file.seek(SeekFrom::Start(self.bytes))?;
        if let Err(source) = self.file.write_all(&out) {
            // What was written of it would be cut at the next opening anyway; a full disk is glad of it now.
            let _ = self.file.set_len(self.bytes);
            return Err(source);
        }
        self.bytes += out.len() as u64;
        if let Some(layout) = &before {
            self.count(layout);
        }
        self.count(frame);
        Ok(())
    }

    /// Makes what was written last.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Records after `acknowledged`. Exact while no sample was taken out of the segment.
    pub(super) fn waiting(&self, acknowledged: u64) -> u64 {
        self.records.min(self.last.saturating_sub(acknowledged))
    }

    /// Reads records after `after` into `out` until there are `count` or `room` bytes are used. Says whether it may go
    /// on with the next segment.
    pub(super) fn read_after(&mut self, after: u64, count: usize, room: &mut usize, out: &mut Vec<Frame>) -> bool {
        if after < self.cursor.0 {
            self.cursor = (0, 0);
        }
        let start = self.cursor.1;
        let bytes = match self.read_from(start) {
            Ok(bytes) => bytes,
            Err(source) => {
                tracing::warn!("Reading {} failed: {source}", self.path.display());
                return true;
            }
        };
        let mut offset = 0;
        while let Some(frame) = Frame::read_from(&bytes[offset..]) {
            if frame.class != Class::Layout && frame.sequence > after {
                if out.len() >= count || (*room < frame.payload.len() && !out.is_empty()) {
                    return false;
                }
                *room = room.saturating_sub(frame.payload.len());
                out.push(frame);
                offset += out.last().map_or(0, Frame::len) as usize;
                continue;
            }
            offset += frame.len() as usize;
            // Numbers grow within a segment: what lies before this place was acknowledged or is read already.
            if frame.class != Class::Layout {
                self.cursor = (frame.sequence, start + offset as u64);
            }
        }
        true
    }

    fn read_from(&mut self, start: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity((self.bytes - start) as usize);
        self.file.seek(SeekFrom::Start(start))?;
        (&mut self.file).take(self.bytes - start).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes the samples out and says how many went; the other records stay.
    pub(super) fn drop_samples(&mut self) -> io::Result<Option<Dropped>> {
        let bytes = self.read_from(0)?;
        let (mut kept, mut gone, mut offset) = (Vec::new(), None, 0);
        let mut rest = Self::over(self.path.clone(), self.file.try_clone()?, self.first);
        while let Some(frame) = Frame::read_from(&bytes[offset..]) {
            offset += frame.len() as usize;
            match frame.class {
                Class::Layout => {}
                Class::Sample => gone = Some(super::ration::merge(gone, super::ration::one_dropped(&frame))),
                Class::Other => {
                    frame.write_to(&mut kept);
                    rest.count(&frame);
                }
            }
        }
        state::replace(&self.path, &kept)?;
        rest.file = state::open_private(&self.path, true)?;
        rest.bytes = kept.len() as u64;
        // An emptied segment still stands for its numbers until it is acknowledged.
        rest.last = self.last;
        rest.newest = self.newest;
        *self = rest;
        Ok(gone)
    }

    /// Everything in it, as dropped.
    pub(super) fn as_dropped(&self) -> Dropped {
        Dropped {
            first_sequence: self.first.max(1),
            last_sequence: self.last.max(self.first.max(1)),
            samples: self.samples,
            others: self.records - self.samples,
        }
    }

    /// Deletes the file.
    pub(super) fn remove(self) {
        if let Err(source) = fs::remove_file(&self.path) {
            tracing::warn!("Deleting {} failed: {source}", self.path.display());
        }
    }
}

fn layout_frame(layout: &v1::Layout, beside: &Frame) -> Frame {
    Frame {
        sequence: layout.fingerprint,
        class: Class::Layout,
        at: beside.at,
        layout: None,
        payload: layout.encode_to_vec(),
    }
}

/// What was found on disk.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) segments: VecDeque<Segment>,
    pub(super) layouts: Vec<v1::Layout>,
    /// Ranges that altered segments lost. A torn tail of the newest one is ordinary after a crash and not counted.
    pub(super) lost: Vec<Dropped>,
}

/// Opens every segment in order.
pub(super) fn open_all(dir: &Path) -> io::Result<Found> {
    let mut names: Vec<(u64, PathBuf)> = fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)))
        .collect();
    names.sort();
    let mut found = Found::default();
    for (index, (first, path)) in names.iter().enumerate() {
        let (segment, cut) = Segment::open(path.clone(), *first, &mut found.layouts)?;
        if cut && let Some((following, _)) = names.get(index + 1) {
            tracing::warn!("{} was altered on disk; records after {} are lost", path.display(), segment.last);
            let first_sequence = segment.last.max(first.saturating_sub(1)) + 1;
            let last_sequence = following.saturating_sub(1).max(first_sequence);
            found.lost.push(Dropped { first_sequence, last_sequence, samples: 0, others: 0 });
        }
        match segment.records {
            0 => segment.remove(),
            _ => found.segments.push_back(segment),
        }
    }
    Ok(found)
}
