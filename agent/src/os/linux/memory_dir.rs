use std::path::{Path, PathBuf};

use rustix::fs::statfs;

/// What the kernel calls a file system that lies in memory.
const TMPFS: i128 = 0x0102_1994;

/// Whether what is written below `path` stays in memory.
pub(crate) fn is_memory(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| i128::from(found.f_type) == TMPFS)
}

/// Directories in memory that outlive a process, best first; not all of them are there, or may be written, everywhere.
pub(crate) fn memory_dirs() -> Vec<PathBuf> {
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let machine = rustix::process::geteuid().is_root().then(|| PathBuf::from("/run"));
    machine.into_iter().chain(session).chain([PathBuf::from("/dev/shm")]).collect()
}
