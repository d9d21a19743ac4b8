use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::order::Arrange as _;

use super::block::{self, Head, Row};
use super::frame::{self, Kind};
use super::names::Names;
use crate::state;

const MAGIC: &[u8; 8] = b"FLREC\x03\0\0";

/// Bytes before the first frame: magic, step.
pub(super) const HEAD_BYTES: usize = 8 + 4;

/// The head of a file of frames.
pub(super) fn write_head(step_seconds: u32) -> Vec<u8> {
    [&MAGIC[..], &step_seconds.to_le_bytes()].concat()
}

/// Whether `bytes` begin as a file of frames of this version and step does.
pub(super) fn has_head(bytes: &[u8], step_seconds: u32) -> bool {
    bytes.starts_with(&write_head(step_seconds))
}

/// Where a frame lies in a file.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: usize,
}

/// Blocks, and the names of their columns, in a file that is opened for each use. The names are not kept in memory.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    /// Valid bytes.
    pub(super) bytes: u64,
    names: Vec<Place>,
    blocks: Vec<(Place, Head)>,
}

impl Segment {
    /// A new segment; its file comes with the first block.
    pub(super) fn new(dir: &Path, first_number: u64) -> Self {
        let path = dir.join(format!("{first_number:020}.blocks"));
        Self { path, bytes: 0, names: Vec::new(), blocks: Vec::new() }
    }

    /// What `bytes` of the file at `path` hold; nothing when it is no segment of this step.
    fn open(path: &Path, bytes: &[u8], step_seconds: u32) -> Option<Self> {
        let mut segment =
            Self { path: path.to_owned(), bytes: HEAD_BYTES as u64, names: Vec::new(), blocks: Vec::new() };
        has_head(bytes, step_seconds).then(|| segment.enter(bytes, 0, HEAD_BYTES))?;
        Some(segment).filter(|segment| !segment.blocks.is_empty())
    }

    /// Notes the frames of `bytes` from `from` on, which lie in the file behind `start`.
    fn enter(&mut self, bytes: &[u8], start: u64, from: usize) {
        for frame in frame::frames(bytes, from) {
            let place = Place { at: start + frame.at as u64, length: frame.length() };
            match frame.kind {
                Kind::Names => self.names.push(place),
                Kind::Block => self.blocks.extend(block::head(frame.payload).map(|head| (place, head))),
                Kind::Row => {}
            }
            self.bytes = start + frame.end() as u64;
        }
    }

    pub(super) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.blocks.iter().map(|(_, head)| head)
    }

    pub(super) fn rows(&self) -> u64 {
        self.heads().map(|head| u64::from(head.rows)).sum()
    }

    /// The number behind its last row.
    pub(super) fn end_number(&self) -> u64 {
        self.blocks.last().map_or(0, |(_, head)| head.first_number + u64::from(head.rows))
    }

    /// Adds rows as a block, with the names of the columns from `named` on before it. On failure the segment is as it was.
    pub(super) fn append(&mut self, step_seconds: u32, names: &Names, named: usize, rows: &[Row]) -> io::Result<()> {
        let mut out = if self.bytes == 0 { write_head(step_seconds) } else { Vec::new() };
        let from = out.len();
        names.write(&mut out, named);
        frame::write(&mut out, Kind::Block, |out| block::write(rows, out));
        let mut file = state::open_private(&self.path, self.bytes > 0)?;
        let mut attempt = || {
            file.set_len(self.bytes)?;
            file.seek(SeekFrom::Start(self.bytes))?;
            file.write_all(&out)
        };
        if let Err(source) = attempt() {
            let _ = file.set_len(self.bytes);
            return Err(source);
        }
        self.enter(&out, self.bytes, from);
        Ok(())
    }

    /// Opens the file for reading, with the names of its columns.
    pub(super) fn read(&self) -> io::Result<Reader> {
        let mut reader = Reader { file: File::open(&self.path)?, names: Names::default() };
        for place in &self.names {
            // Names that were altered since the file was looked through are missed with their columns.
            let names = reader.frame(*place);
            names.ok().and_then(|payload| reader.names.read(&payload));
        }
        Ok(reader)
    }

    /// Blocks by place.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (usize, &Head)> {
        self.heads().enumerate()
    }

    /// One block's bytes.
    pub(super) fn block(&self, reader: &mut Reader, index: usize) -> io::Result<Vec<u8>> {
        reader.frame(self.blocks[index].0)
    }

    /// Deletes the file.
    pub(super) fn remove(self) {
        if let Err(source) = fs::remove_file(&self.path) {
            tracing::warn!("Deleting {} failed: {source}", self.path.display());
        }
    }
}

/// A segment's file that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    pub(super) names: Names,
}

impl Reader {
    /// What the frame at `place` holds.
    fn frame(&mut self, place: Place) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(place.at))?;
        let mut bytes = vec![0; place.length];
        self.file.read_exact(&mut bytes)?;
        let whole = frame::frames(&bytes, 0).next().filter(|frame| frame.at == 0);
        Ok(whole.ok_or(io::ErrorKind::InvalidData)?.payload.to_vec())
    }
}

/// Opens every segment of this step in `dir`, oldest first; `strange` is called with each file that is none.
pub(super) fn open_all(dir: &Path, step_seconds: u32, mut strange: impl FnMut(&Path)) -> io::Result<VecDeque<Segment>> {
    let mut names: Vec<PathBuf> = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.arrange();
    let mut segments = VecDeque::new();
    for path in names {
        let Ok(bytes) = fs::read(&path) else { continue };
        match Segment::open(&path, &bytes, step_seconds) {
            Some(segment) => segments.push_back(segment),
            None => strange(&path),
        }
    }
    Ok(segments)
}
