//! Processes that do nothing.

use std::process::{Child, Command, Stdio};

/// Idle processes that end with their owner.
pub(super) struct Idle(Vec<Child>);

impl Idle {
    /// Starts `count` of them.
    pub(super) fn start(count: usize) -> Self {
        let one = || Command::new("sleep").arg("86400").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self((0..count).map(|_| one().expect("a process starts")).collect())
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill().ok();
        }
        for child in &mut self.0 {
            child.wait().ok();
        }
    }
}

/// Processes of this machine now.
pub(super) fn processes() -> usize {
    let entries = std::fs::read_dir("/proc").expect("proc is mounted").flatten();
    let is_process = |name: &str| name.bytes().all(|letter| letter.is_ascii_digit());
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_process)).count()
}
