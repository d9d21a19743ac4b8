use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// A new file; the folder's access list decides who reads it.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A folder; fine when it exists.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}
