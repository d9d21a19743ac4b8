//! A prepared machine for tests: a folder whose files stand for a machine's, read below its root.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A machine with these files; a path is given without the leading slash.
pub(crate) fn machine<Bytes: AsRef<[u8]> + ?Sized>(files: &[(&str, &Bytes)]) -> TempDir {
    let root = tempfile::tempdir().expect("temporary directory");
    for (path, bytes) in files {
        write(root.path(), path, bytes);
    }
    root
}

/// A machine with these files and symbolic links.
pub(crate) fn machine_of(files: &[(&str, &str)], links: &[(&str, &str)]) -> TempDir {
    let root = machine(files);
    for (path, target) in links {
        std::os::unix::fs::symlink(target, place(root.path(), path)).expect("linked");
    }
    root
}

/// Writes one file, and makes the folders that it lies in.
fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    fs::write(place(root, path), bytes).expect("written");
}

fn place(root: &Path, path: &str) -> PathBuf {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("below the root")).expect("made");
    path
}
