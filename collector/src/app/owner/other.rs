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

/// A folder that was not there before.
pub(crate) fn make_new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().create(path)
}

/// Nothing to do: a file has the access list of its folder.
pub(crate) fn hide(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Nothing to do: what is made in a folder has its access list.
pub(crate) fn hand_over(_path: &Path, _folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The folder's access list decides who reads it; nothing is said against it here.
pub(crate) fn shared_mode(path: &Path) -> io::Result<Option<String>> {
    std::fs::metadata(path).map(|_| None)
}
