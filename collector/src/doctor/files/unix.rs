use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Entries that are looked at.
const ENTRIES_MAX: usize = 20_000;

/// The mode of a file that others than its owner may read or write.
pub(super) fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// The mode of a folder that others than its owner may write into.
pub(super) fn writable_for_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o022 != 0).then_some(mode)
}

/// What lies below `folder` and is of another owner.
pub(super) fn of_another_owner(folder: &Path) -> Vec<PathBuf> {
    let Ok(owner) = fs::metadata(folder).map(|folder| folder.uid()) else { return Vec::new() };
    let (mut found, mut folders, mut seen) = (Vec::new(), vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            let Ok(about) = entry.metadata() else { continue };
            if about.uid() != owner {
                found.push(entry.path());
            }
            if about.is_dir() && seen < ENTRIES_MAX {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
