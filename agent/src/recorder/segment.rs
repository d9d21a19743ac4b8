use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::{Layout, Timestamp};
use firstline_proto::{Message, v1};

use crate::state;

const MAGIC: &[u8; 8] = b"FLREC\x01\0\0";

/// Bytes before the layout: magic, step, length of the layout, checksum of the layout.
const HEAD_BYTES: u64 = 8 + 4 + 4 + 4;

/// Bytes of a row beside its values: time and checksum.
const ROW_HEAD_BYTES: usize = 8 + 4;

/// The rows of one layout.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    pub(super) fingerprint: u64,
    width: usize,
    /// Where the rows start.
    start: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    oldest: Timestamp,
    pub(super) newest: Timestamp,
}

/// A row: the end of its step, and its values.
pub(super) type Row = (Timestamp, Vec<f32>);

impl Segment {
    /// A new segment whose first row is of the moment `at`.
    pub(super) fn create(dir: &Path, step_seconds: u32, layout: &Layout, at: Timestamp) -> io::Result<Self> {
        // Two layouts may begin in the same millisecond of a wrong clock: the fingerprint keeps their names apart.
        let path = dir.join(format!("{:020}-{:016x}.rows", at.unix_ms().max(0), layout.fingerprint()));
        let mut file = state::open_private(&path, false)?;
        let encoded = v1::Layout::from(layout).encode_to_vec();
        let mut head = Vec::with_capacity(HEAD_BYTES as usize + encoded.len());
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&step_seconds.to_le_bytes());
        head.extend_from_slice(&u32::try_from(encoded.len()).unwrap_or(u32::MAX).to_le_bytes());
        head.extend_from_slice(&crc32c::crc32c(&encoded).to_le_bytes());
        head.extend_from_slice(&encoded);
        file.write_all(&head)?;
        Ok(Self {
            path,
            file,
            fingerprint: layout.fingerprint(),
            width: layout.series().len(),
            start: head.len() as u64,
            rows: 0,
            bytes: head.len() as u64,
            oldest: at,
            newest: at,
        })
    }

    /// Opens a segment; nothing when it is not one of this step, or damaged beyond use.
    fn open(path: PathBuf, mut file: File, step_seconds: u32) -> io::Result<Option<Self>> {
        let Some(layout) = read_head(&mut file, step_seconds)? else { return Ok(None) };
        let start = file.stream_position()?;
        let width = layout.series().len();
        let row = (ROW_HEAD_BYTES + 4 * width) as u64;
        let rows = file.metadata()?.len().saturating_sub(start) / row;
        let mut segment = Self {
            path,
            file,
            fingerprint: layout.fingerprint(),
            width,
            start,
            rows,
            bytes: start + rows * row,
            oldest: Timestamp(i64::MAX),
            newest: Timestamp(i64::MIN),
        };
        for (at, _) in segment.read_rows()? {
            segment.oldest = segment.oldest.min(at);
            segment.newest = segment.newest.max(at);
        }
        Ok(Some(segment).filter(|segment| segment.oldest <= segment.newest))
    }

    /// Adds a row, after what is whole.
    pub(super) fn append(&mut self, at: Timestamp, values: &[f32]) -> io::Result<()> {
        debug_assert_eq!(values.len(), self.width, "a row follows its layout");
        let mut row = Vec::with_capacity(ROW_HEAD_BYTES + 4 * values.len());
        row.extend_from_slice(&at.unix_ms().to_le_bytes());
        row.extend_from_slice(&[0; 4]);
        row.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let checksum = checksum(&row);
        row[8..12].copy_from_slice(&checksum.to_le_bytes());
        self.file.seek(SeekFrom::Start(self.bytes))?;
        self.file.write_all(&row)?;
        self.bytes += row.len() as u64;
        self.rows += 1;
        self.oldest = self.oldest.min(at);
        self.newest = self.newest.max(at);
        Ok(())
    }

    pub(super) fn overlaps(&self, from: Timestamp, until: Timestamp) -> bool {
        self.oldest <= until && self.newest >= from
    }

    /// The layout and every whole row.
    pub(super) fn read(&mut self) -> io::Result<(Layout, Vec<Row>)> {
        self.file.seek(SeekFrom::Start(0))?;
        let layout = read_any_head(&mut self.file)?.map(|(_, layout)| layout);
        let layout = layout.ok_or_else(|| io::Error::other("the header is damaged"))?;
        Ok((layout, self.read_rows()?))
    }

    fn read_rows(&mut self) -> io::Result<Vec<Row>> {
        self.file.seek(SeekFrom::Start(self.start))?;
        let mut bytes = Vec::with_capacity((self.bytes - self.start) as usize);
        (&mut self.file).take(self.bytes - self.start).read_to_end(&mut bytes)?;
        let rows = bytes.chunks_exact(ROW_HEAD_BYTES + 4 * self.width);
        Ok(rows.filter_map(parse_row).collect())
    }

    /// Deletes the file.
    pub(super) fn remove(self) {
        if let Err(source) = fs::remove_file(&self.path) {
            tracing::warn!("Deleting {} failed: {source}", self.path.display());
        }
    }
}

fn checksum(row: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&row[..8]), &row[ROW_HEAD_BYTES..])
}

fn parse_row(row: &[u8]) -> Option<Row> {
    let at = Timestamp(i64::from_le_bytes(row[..8].try_into().ok()?));
    if u32::from_le_bytes(row[8..12].try_into().ok()?) != checksum(row) {
        return None;
    }
    let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Some((at, row[ROW_HEAD_BYTES..].chunks_exact(4).map(value).collect()))
}

fn read_head(file: &mut File, step_seconds: u32) -> io::Result<Option<Layout>> {
    Ok(read_any_head(file)?.filter(|(step, _)| *step == step_seconds).map(|(_, layout)| layout))
}

/// Step and layout; nothing when the header is torn, altered or of another version.
fn read_any_head(file: &mut File) -> io::Result<Option<(u32, Layout)>> {
    let mut head = Vec::new();
    file.take(HEAD_BYTES).read_to_end(&mut head)?;
    if head.len() < HEAD_BYTES as usize || !head.starts_with(MAGIC) {
        return Ok(None);
    }
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let mut encoded = Vec::new();
    file.take(u64::from(word(12))).read_to_end(&mut encoded)?;
    if encoded.len() != word(12) as usize || crc32c::crc32c(&encoded) != word(16) {
        return Ok(None);
    }
    let layout = v1::Layout::decode(encoded.as_slice()).ok().and_then(|layout| Layout::try_from(layout).ok());
    Ok(layout.map(|layout| (word(8), layout)))
}

fn names(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names: Vec<PathBuf> = fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rows"))
        .collect();
    names.sort();
    Ok(names)
}

/// Opens every segment, oldest first, and deletes what is no segment of this step.
pub(super) fn open_all(dir: &Path, step_seconds: u32) -> io::Result<VecDeque<Segment>> {
    let mut segments = VecDeque::new();
    for path in names(dir)? {
        match Segment::open(path.clone(), state::open_private(&path, true)?, step_seconds)? {
            Some(segment) => segments.push_back(segment),
            None => fs::remove_file(&path)?,
        }
    }
    Ok(segments)
}

/// Opens every segment for reading.
pub(super) fn peek_all(dir: &Path, step_seconds: u32) -> io::Result<VecDeque<Segment>> {
    let mut segments = VecDeque::new();
    for path in names(dir)? {
        segments.extend(File::open(&path).and_then(|file| Segment::open(path, file, step_seconds)).ok().flatten());
    }
    Ok(segments)
}
