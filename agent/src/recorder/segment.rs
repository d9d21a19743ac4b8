use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::Layout;
use firstline_proto::{Message, v1};

use super::block::{self, Head, Row};
use crate::state;

const MAGIC: &[u8; 8] = b"FLREC\x02\0\0";

/// Bytes before the layout: magic, step, length of the layout, checksum of the layout.
const HEAD_BYTES: usize = 8 + 4 + 4 + 4;

/// The head of a file of rows: step and layout.
pub(super) fn write_head(step_seconds: u32, layout: &Layout) -> Vec<u8> {
    let encoded = v1::Layout::from(layout).encode_to_vec();
    let mut head = Vec::with_capacity(HEAD_BYTES + encoded.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&step_seconds.to_le_bytes());
    head.extend_from_slice(&u32::try_from(encoded.len()).unwrap_or(u32::MAX).to_le_bytes());
    head.extend_from_slice(&crc32c::crc32c(&encoded).to_le_bytes());
    head.extend_from_slice(&encoded);
    head
}

/// The layout and where the rows start; nothing when the head is torn, altered, or of another version or step.
pub(super) fn read_head(bytes: &[u8], step_seconds: u32) -> Option<(Layout, usize)> {
    let head = bytes.get(..HEAD_BYTES).filter(|head| head.starts_with(MAGIC))?;
    let word = |at: usize| Some(u32::from_le_bytes(head[at..at + 4].try_into().ok()?));
    let end = HEAD_BYTES.checked_add(word(12)? as usize)?;
    let encoded = bytes.get(HEAD_BYTES..end).filter(|encoded| Some(crc32c::crc32c(encoded)) == word(16))?;
    let layout = Layout::try_from(v1::Layout::decode(encoded).ok()?).ok()?;
    (word(8)? == step_seconds).then_some((layout, end))
}

/// The blocks of one layout, in a file that is opened for each use.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    pub(super) layout: Layout,
    /// Valid bytes.
    pub(super) bytes: u64,
    /// Where each block lies.
    pub(super) blocks: Vec<(u64, Head)>,
}

impl Segment {
    /// A new segment; its file comes with the first block.
    pub(super) fn new(dir: &Path, layout: &Layout, first_number: u64) -> Self {
        let path = dir.join(format!("{first_number:020}.blocks"));
        Self { path, layout: layout.clone(), bytes: 0, blocks: Vec::new() }
    }

    /// What `bytes` of the file at `path` hold; nothing when it is no segment of this step.
    fn open(path: &Path, bytes: &[u8], step_seconds: u32) -> Option<Self> {
        let (layout, start) = read_head(bytes, step_seconds)?;
        let mut segment = Self { path: path.to_owned(), layout, bytes: start as u64, blocks: Vec::new() };
        let mut offset = start;
        while let Some((at, head)) = block::find(bytes, offset) {
            offset = at + head.length;
            segment.blocks.push((at as u64, head));
            segment.bytes = offset as u64;
        }
        Some(segment)
    }

    pub(super) fn rows(&self) -> u64 {
        self.blocks.iter().map(|(_, head)| head.rows as u64).sum()
    }

    /// The number behind its last row.
    pub(super) fn end_number(&self) -> u64 {
        self.blocks.last().map_or(0, |(_, head)| head.first_number + head.rows as u64)
    }

    /// Adds rows as a block. On failure the segment is as it was.
    pub(super) fn append(&mut self, step_seconds: u32, rows: &[Row]) -> io::Result<()> {
        let head = if self.bytes == 0 { write_head(step_seconds, &self.layout) } else { Vec::new() };
        let block = block::write(rows);
        let mut file = state::open_private(&self.path, self.bytes > 0)?;
        let mut attempt = || {
            file.set_len(self.bytes)?;
            file.seek(SeekFrom::Start(self.bytes))?;
            file.write_all(&[&head[..], &block].concat())
        };
        if let Err(source) = attempt() {
            let _ = file.set_len(self.bytes);
            return Err(source);
        }
        let at = self.bytes + head.len() as u64;
        self.blocks.extend(block::head(&block).map(|head| (at, head)));
        self.bytes = at + block.len() as u64;
        Ok(())
    }

    /// The bytes of one block.
    pub(super) fn read(&self, index: usize) -> io::Result<Vec<u8>> {
        let (at, head) = self.blocks[index];
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::with_capacity(head.length);
        file.take(head.length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Deletes the file.
    pub(super) fn remove(self) {
        if let Err(source) = fs::remove_file(&self.path) {
            tracing::warn!("Deleting {} failed: {source}", self.path.display());
        }
    }
}

/// Opens every segment of this step in `dir`, oldest first; `strange` is called with each file that is none.
pub(super) fn open_all(dir: &Path, step_seconds: u32, strange: impl Fn(&Path)) -> io::Result<VecDeque<Segment>> {
    let mut names: Vec<PathBuf> = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.sort();
    let mut segments = VecDeque::new();
    for path in names {
        let Ok(bytes) = fs::read(&path) else { continue };
        match Segment::open(&path, &bytes, step_seconds).filter(|segment| !segment.blocks.is_empty()) {
            Some(segment) => segments.push_back(segment),
            None => strange(&path),
        }
    }
    Ok(segments)
}
