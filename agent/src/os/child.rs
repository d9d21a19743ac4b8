//! Processes that a probe starts: bounded in time, output, rights and reach. Used only where no file and no interface
//! serves, or where a read may hang in the kernel for minutes and must be left behind with its process.
//!
//! - Environment: the locale `C` and a fixed path; no input; the directory `/`.
//! - Time: at the limit the whole process group is killed. One that does not even die (a read on a dead share) is
//!   left to the kernel; whoever asks again gets `timeout` at once, until it has died.
//! - Output: at most the bytes that the caller allows; more is an error, not a cut text that parses as less.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child as Process, Command};

use crate::os::native;
use crate::probe::{Context, ProbeError};

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Kept of what a program says on its error output.
const COMPLAINT_BYTES_MAX: u64 = 4096;

/// Left behind: they were killed and have not died, by what was asked of them.
static UNDEAD: Mutex<BTreeMap<OsString, Process>> = Mutex::new(BTreeMap::new());

/// A process to be run to its end.
#[derive(Debug)]
pub(crate) struct Child {
    program: OsString,
    arguments: Vec<OsString>,
    limit: Duration,
    bytes_max: u64,
}

/// What a process gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// Its exit status; absent when a signal ended it.
    pub(crate) status: Option<i32>,
    /// What it wrote.
    pub(crate) bytes: Vec<u8>,
    /// The beginning of what it complained.
    pub(crate) complaint: String,
}

impl Child {
    /// The program of this name, with ten seconds and 1 MiB.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        Self { program, arguments: Vec::new(), limit: Duration::from_secs(10), bytes_max: 1024 * 1024 }
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets the time it may take.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how much it may write.
    pub(crate) fn bytes_max(mut self, bytes_max: u64) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// Runs it to its end, whatever its exit status.
    ///
    /// # Errors
    /// It is not installed (`not_present`), may not be run, takes too long, or writes too much.
    pub(crate) fn run(self) -> Result<Output, ProbeError> {
        let name = self.name();
        if still_there(&name) {
            return Err(ProbeError::Timeout(format!("{}, which still hangs from an earlier time", self.words())));
        }
        Context::wait_for(self.run_to_its_end(name))?
    }

    async fn run_to_its_end(self, name: OsString) -> Result<Output, ProbeError> {
        let mut process = self.start()?;
        let read = tokio::time::timeout(self.limit, read(&mut process, self.bytes_max)).await;
        match read {
            Ok(Ok((status, bytes, complaint))) if bytes.len() as u64 <= self.bytes_max => {
                Ok(Output { status, bytes, complaint })
            }
            Ok(Ok(_)) => {
                end(name, process);
                Err(ProbeError::Failed(format!("{} wrote more than {} bytes", self.words(), self.bytes_max)))
            }
            Ok(Err(source)) => {
                end(name, process);
                Err(ProbeError::io(&self.words(), &source))
            }
            Err(_) => {
                end(name, process);
                Err(ProbeError::Timeout(format!("{} after {:.0?}", self.words(), self.limit)))
            }
        }
    }

    fn start(&self) -> Result<Process, ProbeError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().env("PATH", PATH).env("LC_ALL", "C").current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let process = command.spawn().map_err(|source| match source.kind() {
            ErrorKind::NotFound => ProbeError::NotPresent("the program it takes"),
            _ => ProbeError::io(&self.words(), &source),
        })?;
        // It may take long, but never anybody's time.
        if let Some(id) = process.id() {
            native::make_humble(id);
        }
        Ok(process)
    }

    /// The program's base name, which is all that is told of it.
    fn words(&self) -> String {
        let path = std::path::Path::new(&self.program);
        path.file_name().unwrap_or(&self.program).to_string_lossy().into_owned()
    }

    fn name(&self) -> OsString {
        let mut name = self.program.clone();
        for argument in &self.arguments {
            name.push(" ");
            name.push(argument);
        }
        name
    }
}

/// Reads both outputs to their end, and waits.
async fn read(process: &mut Process, bytes_max: u64) -> io::Result<(Option<i32>, Vec<u8>, String)> {
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    // One byte more, to tell a full output from one that is too long.
    let (bytes, complaint) = tokio::join!(drain(stdout, bytes_max + 1), drain(stderr, COMPLAINT_BYTES_MAX));
    let bytes = bytes?;
    if bytes.len() as u64 > bytes_max {
        return Ok((None, bytes, String::new()));
    }
    let status = process.wait().await?;
    Ok((status.code(), bytes, String::from_utf8_lossy(&complaint?).trim().to_owned()))
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(bytes_max).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Kills the process group, and keeps the process until it has died.
fn end(name: OsString, mut process: Process) {
    if let Some(id) = process.id() {
        native::kill_group(id);
    }
    if !matches!(process.try_wait(), Ok(Some(_))) {
        UNDEAD.lock().unwrap_or_else(PoisonError::into_inner).insert(name, process);
    }
}

/// Whether a process that was asked the same is still dying.
fn still_there(name: &OsString) -> bool {
    let mut undead = UNDEAD.lock().unwrap_or_else(PoisonError::into_inner);
    undead.retain(|_, process| matches!(process.try_wait(), Ok(None)));
    undead.contains_key(name)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use super::*;

    fn shell(script: &str) -> Child {
        Child::new("sh").args(["-c", script])
    }

    #[test]
    fn gives_what_a_program_writes_in_a_plain_environment() {
        let output = shell("echo $LC_ALL $HOME; pwd; echo sorry >&2; exit 3").run().expect("runs");
        assert_eq!(String::from_utf8_lossy(&output.bytes), "C\n/\n");
        assert_eq!((output.status, output.complaint.as_str()), (Some(3), "sorry"));
    }

    #[test]
    fn kills_what_takes_too_long_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("held");
        shell(&format!("mkfifo {}", path.display())).run().expect("a pipe");
        // Open at both ends for a moment, so that neither end waits to be opened until the other is.
        let both = File::options().read(true).write(true).open(&path).expect("opens");
        let mut held = File::open(&path).expect("opens");
        drop(both);
        let script = format!("exec 3> {}; tail -f /dev/null & tail -f /dev/null", path.display());
        let error = shell(&script).limit(Duration::from_millis(300)).run().expect_err("too slow");
        assert!(matches!(error, ProbeError::Timeout(_)), "{error}");
        assert_eq!(held.read_to_end(&mut Vec::new()).expect("ends"), 0, "it ends with the last who holds it");
    }

    #[test]
    fn refuses_an_output_that_is_too_long() {
        let error = shell("while :; do echo flood; done").bytes_max(100_000).run().expect_err("too long");
        assert_eq!(error.to_string(), "sh wrote more than 100000 bytes");
    }

    #[test]
    fn a_program_that_is_not_installed_is_not_present() {
        let error = Child::new("no-such-program-here").run().expect_err("nothing there");
        assert!(matches!(error, ProbeError::NotPresent(_)), "{error}");
    }
}
