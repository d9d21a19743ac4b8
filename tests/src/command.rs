//! Runs a program to its end and keeps what it said.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::binary;

/// What a finished command said and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit status; -1 when a signal ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs `command` to its end.
    pub async fn of(mut command: Command) -> Self {
        command.stdin(std::process::Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("the waiting thread lives").expect("the command starts");
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// This outcome, which must be a success.
    ///
    /// # Panics
    /// With both outputs, when the status is not 0.
    pub fn done(self) -> Self {
        assert_eq!(self.status, 0, "the command failed\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// This outcome, which must have ended with `status`.
    ///
    /// # Panics
    /// With both outputs, when it ended otherwise.
    pub fn ended_with(self, status: i32) -> Self {
        assert_eq!(self.status, status, "another exit status\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The document on standard output.
    ///
    /// # Panics
    /// With both outputs, when it is not one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("not one JSON document ({error})\nstdout: {}\nstderr: {}", self.stdout, self.stderr)
        })
    }
}

/// One of the project's binaries with `arguments`, in a clean environment.
pub fn program(name: &str, arguments: &[&str]) -> Command {
    program_at(&binary::path(name), arguments)
}

/// The binary at `path` with `arguments`, in a clean environment.
pub fn program_at(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}
