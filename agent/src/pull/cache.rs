use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use firstline_diagnosis::order::Arrange as _;

use crate::state;

/// Documents that are kept.
const KEPT: usize = 2;

/// The name comes from a hash: what a collector calls a pull never becomes part of a path.
fn file(dir: &Path, pull_id: &str) -> PathBuf {
    let digest = Sha256::digest(pull_id.as_bytes());
    let name = u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"));
    dir.join(format!("{name:032x}.json"))
}

/// The document that was made for this pull, if it is still there.
pub(super) fn read(dir: &Path, pull_id: &str) -> Option<Bytes> {
    fs::read(file(dir, pull_id)).ok().map(Bytes::from)
}

/// Keeps a document and forgets older ones.
pub(super) fn write(dir: &Path, pull_id: &str, document: &Bytes) {
    if let Err(source) = state::replace(&file(dir, pull_id), document) {
        tracing::warn!("Keeping the snapshot in {} failed: {source}", dir.display());
    }
    let mut files: Vec<(SystemTime, PathBuf)> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| Some((fs::metadata(&path).and_then(|meta| meta.modified()).ok()?, path)))
        .collect();
    files.arrange();
    files.reverse();
    for (_, path) in files.into_iter().skip(KEPT) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_pull_gives_the_same_document_and_names_stay_inside() {
        let dir = tempfile::tempdir().expect("temporary directory");
        write(dir.path(), "../../etc/passwd", &Bytes::from_static(b"{}"));
        assert_eq!(read(dir.path(), "../../etc/passwd"), Some(Bytes::from_static(b"{}")));
        assert_eq!(read(dir.path(), "another"), None);
        for n in 0..5 {
            write(dir.path(), &n.to_string(), &Bytes::from_static(b"[]"));
        }
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), KEPT);
    }
}
