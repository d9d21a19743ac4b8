use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

/// The process that holds the lock of this file, as the kernel lists it.
pub(in crate::doctor) fn holder(lock: &File) -> Option<u32> {
    let inode = lock.metadata().ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().filter(|line| !line.contains("->")).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, _, _, process, file, ..] = fields[..] else { return None };
        (kind == "FLOCK" && file.rsplit(':').next() == Some(&inode)).then(|| process.parse().ok())?
    })
}

/// What a process is called.
pub(in crate::doctor) fn name(process: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    if name.trim().is_empty() { "not visible from here".to_owned() } else { name.trim().to_owned() }
}

/// How many files a process may open.
pub(in crate::doctor) fn files_allowed(process: u32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
