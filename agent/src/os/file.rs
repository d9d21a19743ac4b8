use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use firstline_diagnosis::order::Arrange as _;

use crate::probe::ProbeError;

/// Files of the kernel are small; what is larger than this is not one of them.
const LARGEST_BYTES: u64 = 1024 * 1024;

/// The whole text of `relative` below `root`. Bytes that are not UTF-8 are replaced.
pub(crate) fn read(root: &Path, relative: &str) -> Result<String, ProbeError> {
    let path = root.join(relative);
    let open = |source| ProbeError::file(relative, &source);
    let mut bytes = Vec::with_capacity(4096);
    File::open(path).map_err(open)?.take(LARGEST_BYTES).read_to_end(&mut bytes).map_err(open)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(other) => String::from_utf8_lossy(other.as_bytes()).into_owned(),
    })
}

/// The last `bytes_max` bytes of `relative` below `root` as text, from the beginning of a line: the end of a diary.
pub(crate) fn tail(root: &Path, relative: &str, bytes_max: u64) -> Result<String, ProbeError> {
    let failed = |source| ProbeError::file(relative, &source);
    let mut file = File::open(root.join(relative)).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let start = length.saturating_sub(bytes_max);
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = if start == 0 { &*text } else { text.split_once('\n').map_or("", |(_, whole)| whole) };
    Ok(whole.to_owned())
}

/// When `relative` was last changed, seconds since 1970.
pub(crate) fn modified_seconds(root: &Path, relative: &str) -> Result<i64, ProbeError> {
    let failed = |source| ProbeError::file(relative, &source);
    let time = root.join(relative).metadata().and_then(|metadata| metadata.modified()).map_err(failed)?;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The bytes of `relative` below `root`, of a file that is not text.
pub(crate) fn read_bytes(root: &Path, relative: &str) -> Result<Vec<u8>, ProbeError> {
    let failed = |source| ProbeError::file(relative, &source);
    let mut bytes = Vec::new();
    File::open(root.join(relative)).map_err(failed)?.take(LARGEST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The text of a one-line file without white space around it; `None` when there is no such file or it is empty.
pub(crate) fn read_trimmed(root: &Path, relative: &str) -> Option<String> {
    let text = read(root, relative).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Names in the directory `relative` below `root`, sorted.
pub(crate) fn list(root: &Path, relative: &str) -> Result<Vec<String>, ProbeError> {
    let entries = std::fs::read_dir(root.join(relative)).map_err(|source| ProbeError::file(relative, &source))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.arrange();
    Ok(names)
}

/// Whether `relative` is there.
pub(crate) fn exists(root: &Path, relative: &str) -> bool {
    root.join(relative).symlink_metadata().is_ok()
}
