use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// Bytes that a program of this user may still write.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(path).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// How many files a collector that is started like this program may open.
pub(super) fn files_allowed() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}
