//! Files that only their owner can read: here the user's own profile folder does that.

use std::fs::{create_dir_all, rename, write as write_file};
use std::io;
use std::path::Path;

/// Writes a file, at once or not at all.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    write_file(&beside, text)?;
    rename(&beside, path)
}
