use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::Timestamp;

use super::block::{Moment, Row};
use super::frame::{self, Kind};
use super::names::Names;
use super::segment::{HEAD_BYTES, has_head, write_head};
use crate::state;

/// Bytes of a row before its values: number, boot, time since boot, time.
const ROW_HEAD_BYTES: usize = 8 + 8 + 8 + 8;

/// The rows that are not in a block yet, in a file that outlives the process, with the names of their columns.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    step_seconds: u32,
    /// Where the names at its head end, and how many they are.
    head: (u64, usize),
    /// Where it ends, how many names stand in it, and the number behind its last row.
    bytes: u64,
    names: usize,
    next_number: u64,
    /// What stands in the file is not what the recorder holds.
    stale: bool,
}

impl Tail {
    /// The tail at `path`, and what an earlier run left in it.
    pub(super) fn open(path: PathBuf, step_seconds: u32) -> (Self, Option<(Names, Vec<Row>)>) {
        let found = read(&path, step_seconds);
        (Self { path, step_seconds, head: (0, 0), bytes: 0, names: 0, next_number: 0, stale: true }, found)
    }

    /// Adds those of `rows` that are not in it, or writes all of them anew when the file holds something else: a crash
    /// then leaves the old file or the new one.
    pub(super) fn keep(&mut self, names: &Names, rows: &[Row]) -> io::Result<()> {
        let mut out = if self.stale { write_head(self.step_seconds) } else { Vec::new() };
        names.write(&mut out, if self.stale { 0 } else { self.names });
        let head = out.len() as u64;
        for row in rows.iter().filter(|row| self.stale || row.number >= self.next_number) {
            frame::write(&mut out, Kind::Row, |out| write_row(row, out));
        }
        if std::mem::replace(&mut self.stale, true) {
            state::publish(&self.path, &out)?;
            (self.head, self.bytes) = ((head, names.len()), 0);
        } else {
            let mut file = File::options().write(true).open(&self.path)?;
            file.seek(SeekFrom::Start(self.bytes))?;
            file.write_all(&out)?;
        }
        self.bytes += out.len() as u64;
        (self.names, self.next_number) = (names.len(), rows.last().map_or(self.next_number, |row| row.number + 1));
        self.stale = false;
        Ok(())
    }

    /// The rows are in a block now. Names that came after the first row go with them.
    pub(super) fn empty(&mut self) {
        let (head, names) = self.head;
        let shorter = || File::options().write(true).open(&self.path)?.set_len(head);
        self.stale = self.stale || self.names > names || shorter().is_err();
        self.bytes = head;
    }

    /// What comes next has other columns, or is not what follows.
    pub(super) fn begin_anew(&mut self) {
        self.stale = true;
    }
}

/// The whole rows of the tail at `path`, and their columns.
pub(super) fn read(path: &Path, step_seconds: u32) -> Option<(Names, Vec<Row>)> {
    let bytes = fs::read(path).ok().filter(|bytes| has_head(bytes, step_seconds))?;
    let (mut names, mut rows) = (Names::default(), Vec::<Row>::new());
    for frame in frame::frames(&bytes, HEAD_BYTES) {
        match frame.kind {
            Kind::Names => drop(names.read(frame.payload)),
            Kind::Row => rows.extend(read_row(frame.payload)),
            Kind::Block => {}
        }
    }
    Some((names, rows))
}

fn write_row(row: &Row, out: &mut Vec<u8>) {
    out.extend_from_slice(&row.number.to_le_bytes());
    out.extend_from_slice(&row.moment.boot.to_le_bytes());
    out.extend_from_slice(&row.moment.boot_ms.to_le_bytes());
    out.extend_from_slice(&row.moment.at.unix_ms().to_le_bytes());
    out.extend(row.values.iter().flat_map(|value| value.to_le_bytes()));
}

fn read_row(bytes: &[u8]) -> Option<Row> {
    let (head, values) = bytes.split_at_checked(ROW_HEAD_BYTES)?;
    let long = |at: usize| Some(u64::from_le_bytes(head[at..at + 8].try_into().ok()?));
    let values = values.chunks_exact(4);
    let values = values.map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]])).collect();
    let moment = Moment { boot: long(8)?, boot_ms: long(16)?, at: Timestamp(long(24)?.cast_signed()) };
    Some(Row { number: long(0)?, moment, values })
}
