//! Files and directories that inherit their owner from the directory, which an installer restricts.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a directory with its parents.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Opens for reading and writing.
pub(super) fn open_private(path: &Path, keep: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(!keep).open(path)
}

/// Names are durable with the file here.
#[expect(clippy::unnecessary_wraps, reason = "other systems can fail")]
pub(super) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Access lists are inherited from the state directory, which the installer makes.
pub(super) fn shared_mode(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// As [`create_dir`]: access lists are inherited.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    create_dir(path)
}

/// No directory outside the state directory is used here.
pub(super) fn create_private_dir(_path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// No link is needed here.
pub(super) fn symlink(_to: &Path, _at: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
