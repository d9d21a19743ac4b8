//! Owner-only files and directories.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Creates a directory with its parents, for its owner alone.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens for reading and writing, for its owner alone when new.
pub(super) fn open_private(path: &Path, keep: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(!keep).mode(0o600).open(path)
}

/// Makes changes of names in a directory last.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
