//! A child process with a log, which never outlives its owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::wait;

/// How much of a log is shown when a test fails.
const LOG_LINES_SHOWN: usize = 40;

/// A running program. Dropping it kills it; when the test is failing, the end of its log is printed first.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both outputs appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let open = || File::options().create(true).append(true).open(log).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(open()).stderr(open());
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Everything it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL, now, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has a process id");
        rustix::process::kill_process(id, signal).ok();
    }

    /// SIGSTOP, then waits until the kernel does nothing for it any more: what it was asked for is done by then.
    ///
    /// # Panics
    /// When a thread of it has not come to rest `within`.
    pub async fn halt(&self, within: Duration) {
        self.signal(Signal::STOP);
        let what = format!("{} to stand still", self.name);
        wait::for_condition(&what, within, async || threads(self.id()).all(|state| state == "T")).await;
    }

    /// SIGTERM, then waits for the end.
    ///
    /// # Panics
    /// When it does not end `within`.
    pub async fn terminate(&mut self, within: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended(within).await
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end `within`.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait::until(&what, within, async || self.child.try_wait().ok().flatten()).await
    }
}

/// What each thread of process `id` does, in the letter of the kernel.
fn threads(id: u32) -> impl Iterator<Item = String> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).expect("a child has threads");
    tasks.filter_map(|task| {
        let stat = fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(") ")?;
        after_name.split(' ').next().map(str::to_owned)
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
            eprintln!("--- end of the log of {} ---\n{tail}\n---", self.name);
        }
    }
}
