use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether only root writes the file `relative` below `root`: it belongs to whom the root of the tree belongs, and neither
/// its group nor others may write it.
pub(crate) fn is_roots(root: &Path, relative: &str) -> bool {
    let Ok(file) = fs::symlink_metadata(root.join(relative)) else { return false };
    file.is_file() && file.mode() & 0o022 == 0 && fs::metadata(root).is_ok_and(|root| root.uid() == file.uid())
}
