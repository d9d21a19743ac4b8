use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use firstline_proto::{Message, v1};

use super::frame::{Class, Frame, Frames};
use crate::state;

/// Acknowledged records may stand in it until they are so many.
const LONG_BYTES: u64 = 64 * 1024;

/// The records that the spool holds in memory, in a file that outlives the process.
///
/// Layouts stand at its head and stay when it is emptied, since they are far longer than a sample.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// Valid bytes.
    bytes: u64,
    /// The layouts at the head, and where they end.
    layouts: Vec<u64>,
    head: u64,
    /// What stands in the file is not what the spool holds in memory.
    stale: bool,
}

impl Tail {
    /// Opens the tail at `path`: the records in it, in order, and its layouts. What cannot be read is as good as none.
    pub(super) fn open(path: PathBuf) -> (Self, VecDeque<Frame>, Vec<v1::Layout>) {
        let (mut records, mut layouts) = (VecDeque::<Frame>::new(), Vec::new());
        for frame in Frames::of(&fs::read(&path).unwrap_or_default()) {
            if frame.class == Class::Layout {
                layouts.extend(v1::Layout::decode(frame.payload.as_slice()).ok());
            } else if records.back().is_none_or(|last| last.sequence < frame.sequence) {
                records.push_back(frame);
            }
        }
        (Self { path, bytes: 0, layouts: Vec::new(), head: 0, stale: true }, records, layouts)
    }

    /// Adds the newest of `waiting`.
    pub(super) fn add(&mut self, waiting: &VecDeque<Frame>, layouts: &VecDeque<v1::Layout>) -> io::Result<()> {
        let Some(newest) = waiting.back() else { return Ok(()) };
        let known = newest.layout.is_none_or(|layout| self.layouts.contains(&layout));
        if self.stale || !known {
            return self.rewrite(waiting, layouts);
        }
        let mut out = Vec::with_capacity(newest.len() as usize);
        newest.write_to(&mut out);
        self.stale = true;
        let mut file = File::options().write(true).open(&self.path)?;
        file.seek(SeekFrom::Start(self.bytes))?;
        file.write_all(&out)?;
        self.bytes += out.len() as u64;
        self.stale = false;
        Ok(())
    }

    /// Holds `waiting` and nothing else from now on.
    pub(super) fn hold(&mut self, waiting: &VecDeque<Frame>, layouts: &VecDeque<v1::Layout>) -> io::Result<()> {
        if !waiting.is_empty() || self.stale {
            return self.rewrite(waiting, layouts);
        }
        self.stale = true;
        File::options().write(true).open(&self.path)?.set_len(self.head)?;
        (self.bytes, self.stale) = (self.head, false);
        Ok(())
    }

    /// Makes a new file of it: a crash leaves the old one or the new one.
    fn rewrite(&mut self, waiting: &VecDeque<Frame>, layouts: &VecDeque<v1::Layout>) -> io::Result<()> {
        let needed = |layout: &&v1::Layout| waiting.iter().any(|frame| frame.layout == Some(layout.fingerprint));
        let needed: Vec<_> = layouts.iter().filter(needed).collect();
        let mut out = Vec::new();
        for layout in &needed {
            Frame::of_layout(layout).write_to(&mut out);
        }
        let head = out.len() as u64;
        for frame in waiting {
            frame.write_to(&mut out);
        }
        self.stale = true;
        state::publish(&self.path, &out)?;
        self.layouts = needed.iter().map(|layout| layout.fingerprint).collect();
        (self.head, self.bytes, self.stale) = (head, out.len() as u64, false);
        Ok(())
    }

    /// Whether there is so much in it that it is worth emptying.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.saturating_sub(self.head) > LONG_BYTES
    }

    /// Whether it holds records.
    pub(super) fn is_used(&self) -> bool {
        self.stale || self.bytes > self.head
    }
}
