//! Processes that do nothing.

use std::io::{PipeWriter, pipe};
use std::process::{Child, Command, Stdio};

/// Idle processes. Each waits for its input, which ends with their owner, and so does it.
pub(super) struct Idle {
    children: Vec<Child>,
    input: Option<PipeWriter>,
}

impl Idle {
    /// Starts `count` of them.
    pub(super) fn start(count: usize) -> Self {
        let (read, input) = pipe().expect("a pipe opens");
        let one = || {
            let read = read.try_clone().expect("a pipe opens once more");
            Command::new("cat").stdin(read).stdout(Stdio::null()).spawn().expect("a process starts")
        };
        Self { children: (0..count).map(|_| one()).collect(), input: Some(input) }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.input.take());
        for child in &mut self.children {
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
