use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::{Layout, Timestamp};

use super::block::{Moment, Row};
use super::segment::{read_head, write_head};
use crate::state;

/// Bytes of a row beside its values: checksum, number, boot, time since boot, time.
const ROW_HEAD_BYTES: usize = 4 + 8 + 8 + 8 + 8;

/// The rows that are not in a block yet, in a file that outlives the process.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    step_seconds: u32,
    /// Where its rows start, and end.
    head: u64,
    bytes: u64,
    /// What stands in the file is not what the recorder holds.
    stale: bool,
}

impl Tail {
    /// The tail at `path`, and what an earlier run left in it.
    pub(super) fn open(path: PathBuf, step_seconds: u32) -> (Self, Option<(Layout, Vec<Row>)>) {
        let found = read(&path, step_seconds);
        (Self { path, step_seconds, head: 0, bytes: 0, stale: true }, found)
    }

    /// Adds the last of `rows`, or writes all of them anew when the file holds something else.
    pub(super) fn add(&mut self, layout: &Layout, rows: &[Row]) -> io::Result<()> {
        if self.stale {
            return self.rewrite(layout, rows);
        }
        let mut out = Vec::new();
        if let Some(row) = rows.last() {
            write_row(row, &mut out);
        }
        self.stale = true;
        let mut file = File::options().write(true).open(&self.path)?;
        file.seek(SeekFrom::Start(self.bytes))?;
        file.write_all(&out)?;
        self.bytes += out.len() as u64;
        self.stale = false;
        Ok(())
    }

    /// Holds `rows` of `layout` from now on: a crash leaves the old file or the new one.
    pub(super) fn rewrite(&mut self, layout: &Layout, rows: &[Row]) -> io::Result<()> {
        let mut out = write_head(self.step_seconds, layout);
        self.head = out.len() as u64;
        for row in rows {
            write_row(row, &mut out);
        }
        self.stale = true;
        state::publish(&self.path, &out)?;
        (self.bytes, self.stale) = (out.len() as u64, false);
        Ok(())
    }

    /// The rows are in a block now.
    pub(super) fn empty(&mut self) {
        let shorter = || File::options().write(true).open(&self.path)?.set_len(self.head);
        self.stale = self.stale || shorter().is_err();
        self.bytes = self.head;
    }

    /// The next row has another layout.
    pub(super) fn begin_anew(&mut self) {
        self.stale = true;
    }
}

/// The layout and the whole rows of the tail at `path`.
pub(super) fn read(path: &Path, step_seconds: u32) -> Option<(Layout, Vec<Row>)> {
    let bytes = fs::read(path).ok()?;
    let (layout, start) = read_head(&bytes, step_seconds)?;
    let length = ROW_HEAD_BYTES + 4 * layout.series().len();
    let rows = bytes[start..].chunks_exact(length).filter_map(read_row).collect();
    Some((layout, rows))
}

fn write_row(row: &Row, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&row.number.to_le_bytes());
    out.extend_from_slice(&row.moment.boot.to_le_bytes());
    out.extend_from_slice(&row.moment.boot_ms.to_le_bytes());
    out.extend_from_slice(&row.moment.at.unix_ms().to_le_bytes());
    out.extend(row.values.iter().flat_map(|value| value.to_le_bytes()));
    let checksum = crc32c::crc32c(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
}

fn read_row(bytes: &[u8]) -> Option<Row> {
    let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) != crc32c::crc32c(&bytes[4..]) {
        return None;
    }
    let values = bytes[ROW_HEAD_BYTES..].chunks_exact(4);
    let values = values.map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]])).collect();
    let moment = Moment { boot: long(12)?, boot_ms: long(20)?, at: Timestamp(long(28)?.cast_signed()) };
    Some(Row { number: long(4)?, moment, values })
}
