//! Copies bytes and knows what they were.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Entry;
use crate::app::owner;
use crate::authority::hexadecimal;

const CHUNK_BYTES: usize = 128 * 1024;

/// Copies everything to its end; what it was.
pub(super) fn copy(from: &mut impl Read, to: &mut impl Write, path: &str) -> io::Result<Entry> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                hash.update(&chunk[..count]);
                to.write_all(&chunk[..count])?;
                bytes += count as u64;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(Entry { path: path.to_owned(), bytes, sha256: hexadecimal(&hash.finalize()) })
}

/// Copies everything into a new file for its owner's eyes, and to the disk.
pub(super) fn copy_into(from: &mut impl Read, to: &Path, path: &str) -> io::Result<Entry> {
    let mut file = owner::create(to)?;
    let entry = copy(from, &mut file, path)?;
    file.sync_all()?;
    Ok(entry)
}

/// What a file is.
pub(super) fn of(file: &Path, path: &str) -> io::Result<Entry> {
    copy(&mut File::open(file)?, &mut io::sink(), path)
}

/// Brings the entries of a folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Not every system lets a folder be opened; there it needs no flush either.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}
