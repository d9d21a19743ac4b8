//! The file format of the systemd journal, as far as reading new entries of a few kinds needs it.
//!
//! Entries are found through the file's own index: every `FIELD=value` is stored once, with the list of the entries that
//! carry it. What a run costs is therefore the number of entries that are asked for, whatever else is written to the
//! journal meanwhile. Nothing is mapped into memory (a file that shrinks would kill the process); a value that is
//! stored compressed is left out.
//!
//! journald compresses values of 512 bytes and more. No rule needs one: it reads names of units, signals and programs,
//! and messages that are far shorter (the longest, of PAM, has two names of 32 letters and one of a host). What is long in
//! an entry that a rule knows is what it does not read: the stack trace of a core dump, its environment, its maps. A name
//! that somebody made long on purpose costs its own entry. So there is no decompressor here, and nothing that a few bytes
//! of a file could blow up. (`Compress=` with a lower threshold than journald's own hides entries.)
//!
//! The file is written to while it is read. Every offset, size and count in it is taken as a claim: what does not hold
//! together is a [`Fault`], never a panic and never an endless walk.
//!
//! Format: <https://systemd.io/JOURNAL_FILE_FORMAT/>.

#[cfg(test)]
pub(crate) mod forge;
mod hash;
mod header;
mod list;
mod object;
#[cfg(test)]
mod tests;

use std::io;

use thiserror::Error;

pub(crate) use header::Header;
pub(crate) use object::Item;

/// Bytes that can be read anywhere.
pub(crate) trait ReadAt {
    /// Reads into `buffer` from `offset` on; how much was there.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Why a journal file cannot be read.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    /// It is not a journal file, or its writer has only begun.
    #[error("it is not a journal file")]
    NotAJournal,
    /// A later systemd wrote it.
    #[error("it has a form that this version does not know (flags {0:#x})")]
    Unknown(u32),
    /// What it says of itself does not hold together.
    #[error("{0} does not hold together")]
    Damaged(&'static str),
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A journal file.
#[derive(Debug)]
pub(crate) struct JournalFile<R> {
    bytes: R,
}

impl<R: ReadAt> JournalFile<R> {
    /// The journal file that consists of `bytes`.
    pub(crate) fn new(bytes: R) -> Self {
        Self { bytes }
    }

    /// What the file says of itself now.
    pub(crate) fn header(&self) -> Result<Header, Fault> {
        let mut raw = [0; header::LENGTH];
        let got = self.bytes.read_at(0, &mut raw)?;
        Header::parse(&raw[..got])
    }

    /// Exactly `N` bytes from `offset` on.
    fn exactly<const N: usize>(&self, offset: u64, what: &'static str) -> Result<[u8; N], Fault> {
        let mut raw = [0; N];
        if self.bytes.read_at(offset, &mut raw)? == N { Ok(raw) } else { Err(Fault::Damaged(what)) }
    }

    /// As many bytes from `offset` on as there are, at most `most`.
    fn some(&self, offset: u64, most: usize) -> Result<Vec<u8>, Fault> {
        let mut raw = vec![0; most];
        let got = self.bytes.read_at(offset, &mut raw)?;
        raw.truncate(got);
        Ok(raw)
    }
}

/// The number of 8 bytes at `at`; zero when they are not there.
fn number_64(raw: &[u8], at: usize) -> u64 {
    raw.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// The number of 4 bytes at `at`; zero when they are not there.
fn number_32(raw: &[u8], at: usize) -> u32 {
    raw.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}
