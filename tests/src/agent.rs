//! An agent with a state folder of its own.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::collector::text;
use crate::command::{Outcome, program};
use crate::{Collector, Process};

/// How long an agent may take to stop.
const STOP: Duration = Duration::from_mins(1);

/// An agent on this machine. Several run side by side, each with its own state.
#[derive(Debug)]
pub struct Agent {
    /// Where it keeps its identity, spool and recorder.
    pub state: PathBuf,
    process: Option<Process>,
}

impl Agent {
    /// An agent that keeps its state in `folder`; nothing runs, nothing is enrolled.
    pub fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("the state folder can be made");
        Self { state: folder.to_owned(), process: None }
    }

    /// Asks the collector for an identity.
    pub async fn enroll(&self, collector: &Collector, token: &str) -> Outcome {
        let address = format!("127.0.0.1:{}", collector.agents);
        self.run(&["enroll", "--collector", &address, "--token", token]).await
    }

    /// Runs another command of the agent to its end.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        let mut all = arguments.to_vec();
        all.extend(["--state-dir", text(&self.state)]);
        Outcome::of(program("firstline-agent", &all)).await
    }

    /// Starts it.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts it with these variables in its environment.
    pub fn start_with(&mut self, environment: &[(&str, &str)]) {
        let mut command = program("firstline-agent", &["run", "--state-dir", text(&self.state)]);
        command.envs(environment.iter().copied());
        self.process = Some(Process::start("the agent", command, &self.state.join("test.log")));
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("the agent runs").kill();
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("the agent runs").terminate(STOP).await
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("the agent runs")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // An agent that was killed leaves its directory in memory to the next run, which will not come.
        self.process = None;
        if let Ok(memory) = std::fs::read_link(self.state.join("memory")) {
            std::fs::remove_dir_all(memory).ok();
        }
    }
}
