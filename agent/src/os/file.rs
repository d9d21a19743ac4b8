use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::probe::ProbeError;

/// Files of the kernel are small; what is larger than this is not one of them.
const LARGEST_BYTES: u64 = 1024 * 1024;

/// The whole text of `relative` below `root`. Bytes that are not UTF-8 are replaced.
pub(crate) fn read(root: &Path, relative: &str) -> Result<String, ProbeError> {
    let path = root.join(relative);
    let open = |source| ProbeError::io(relative, &source);
    let mut bytes = Vec::with_capacity(4096);
    File::open(path).map_err(open)?.take(LARGEST_BYTES).read_to_end(&mut bytes).map_err(open)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(other) => String::from_utf8_lossy(other.as_bytes()).into_owned(),
    })
}

/// The text of a one-line file without white space around it; `None` when there is no such file or it is empty.
pub(crate) fn read_trimmed(root: &Path, relative: &str) -> Option<String> {
    let text = read(root, relative).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Names in the directory `relative` below `root`, sorted.
pub(crate) fn list(root: &Path, relative: &str) -> Result<Vec<String>, ProbeError> {
    let entries = std::fs::read_dir(root.join(relative)).map_err(|source| ProbeError::io(relative, &source))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Whether `relative` is there.
pub(crate) fn exists(root: &Path, relative: &str) -> bool {
    root.join(relative).symlink_metadata().is_ok()
}
