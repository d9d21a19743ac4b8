//! The sub-commands of `firstline-agent`.
//!
//! Exit status 0: done. 1: failed, with a sentence on standard error. 2: the command line is wrong. 3: the collector
//! could not be reached.

mod collected;
mod diagnose;
mod enroll;
mod install;
mod local;
mod print;
mod run;
mod sent;
mod snapshot;
mod status;
mod uninstall;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use serde::Serialize;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{self, Config, STATE_DIR};
use crate::identity::EnrollError;
use crate::os::native::keep_memory_small;
use crate::state::StateDir;
use crate::uplink::DialError;

/// Reads this machine's health and tells its collector. It only reads: nothing on this machine is changed.
#[derive(Debug, Parser)]
#[command(name = "firstline-agent", version, after_help = EXAMPLES)]
pub struct Command {
    /// Where the agent keeps its state
    #[arg(long, global = true, value_name = "DIR", default_value = STATE_DIR, env = "FIRSTLINE_STATE_DIR")]
    state_dir: PathBuf,
    /// The configuration; /etc/firstline/agent.toml when left out, or agent.toml in another state directory
    #[arg(long, global = true, value_name = "FILE", env = "FIRSTLINE_AGENT_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "Examples:
  firstline-agent install --collector collector.example.com:7443 --token-file token.txt
  firstline-agent status
  firstline-agent diagnose --symptom \"my computer is slow\"
  firstline-agent sent";

#[derive(Debug, Subcommand)]
enum Action {
    /// Run until stopped (SIGTERM or Ctrl-C)
    #[command(after_help = "Example:\n  firstline-agent run --state-dir /var/lib/firstline-agent")]
    Run,
    /// Make this machine known to a collector
    Enroll(enroll::Enroll),
    /// Install this machine's agent as a service; with a collector and a token, make it known there too
    Install(install::Install),
    /// Remove the service
    Uninstall(uninstall::Uninstall),
    /// Say how the agent is doing
    #[command(
        after_help = "Examples:\n  firstline-agent status\n  firstline-agent status --cost\n  firstline-agent status --json"
    )]
    Status {
        /// Show what each probe costs: time, processor, bytes told
        #[arg(long)]
        cost: bool,
        /// Print the document
        #[arg(long)]
        json: bool,
    },
    /// Show what a snapshot of this machine would send, without sending it
    #[command(
        after_help = "Examples:\n  firstline-agent snapshot\n  firstline-agent snapshot --json > snapshot.json\n  firstline-agent snapshot --cost"
    )]
    Snapshot {
        /// Print the document
        #[arg(long)]
        json: bool,
        /// Print how long each section takes to read, instead of what it says
        #[arg(long, conflicts_with = "json")]
        cost: bool,
    },
    /// Say what is wrong with this machine; needs no network
    Diagnose(diagnose::Diagnose),
    /// List what left this machine, when, to whom, and for which ticket
    #[command(
        after_help = "Examples:\n  firstline-agent sent\n  firstline-agent sent --collected\n  firstline-agent sent --json"
    )]
    Sent {
        /// Say what is collected on this machine, in plain words, and what is not
        #[arg(long, conflicts_with = "json")]
        collected: bool,
        /// Print the document
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Does what the command line says.
    pub fn execute(self) -> ExitCode {
        log_to_stderr(matches!(self.action, Action::Run));
        match self.attempt() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(io::stderr(), "firstline-agent: {error:#}");
                ExitCode::from(if error.chain().any(is_unreachable) { 3 } else { 1 })
            }
        }
    }

    fn attempt(self) -> Result<()> {
        let is_named = self.config.is_some();
        let config_file = self.config.unwrap_or_else(|| config::file_for(&self.state_dir));
        let action = match self.action {
            Action::Install(install) => return install.execute(&self.state_dir, &config_file),
            Action::Uninstall(uninstall) => return uninstall.execute(&self.state_dir, &config_file),
            action => action,
        };
        if is_named && !config_file.exists() {
            bail!("there is no configuration {}; correct --config, or leave it out", config_file.display());
        }
        let config = Config::read(&config_file)?;
        let state = match action {
            Action::Run | Action::Enroll(_) => StateDir::open(&self.state_dir)?,
            _ => StateDir::look(&self.state_dir),
        };
        match action {
            Action::Install(_) | Action::Uninstall(_) => Ok(()),
            Action::Run => {
                keep_memory_small();
                runtime()?.block_on(run::run(config, state))
            }
            Action::Enroll(enroll) => {
                runtime()?.block_on(enroll.execute(&config, &state))?;
                install::say(&[enroll::Enroll::next(&state)])
            }
            Action::Status { json, cost } => status::status(&config, &state, json, cost),
            Action::Snapshot { json, cost } => runtime()?.block_on(snapshot::snapshot(&config, &state, json, cost)),
            Action::Diagnose(diagnose) => runtime()?.block_on(diagnose.execute(&config, &state)),
            Action::Sent { collected: true, .. } => collected::collected(&config),
            Action::Sent { json, .. } => sent::sent(&state, json),
        }
    }
}

/// A thread without work ends after so long: longer than the fast tier's period with its jitter, so that the thread that
/// reads each time stays, and does not wake up to end each time.
const IDLE_THREAD: Duration = Duration::from_secs(20);

/// One thread does everything but blocking reads, of which there are few at a time.
fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(8).thread_keep_alive(IDLE_THREAD).build().context("starting the runtime")
}

/// `run` logs what happens; the other commands only what goes wrong. `RUST_LOG` overrides.
fn log_to_stderr(verbose: bool) {
    let default = if verbose { Level::INFO } else { Level::ERROR };
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(default));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // A second subscriber in one process (tests) is refused, and the first one stays.
    let _ = tracing_subscriber::registry().with(lines.with_target(false)).with(filter).try_init();
}

fn is_unreachable(cause: &(dyn std::error::Error + 'static)) -> bool {
    let dial = match cause.downcast_ref() {
        Some(EnrollError::Dial(dial)) => Some(dial),
        _ => cause.downcast_ref(),
    };
    dial.is_some_and(|dial: &DialError| dial.trouble.problem.is_unreachable())
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The text with a capital letter at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Prints one JSON document.
fn print_json(document: &impl Serialize) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_everything_is_explained() {
        let mut command = Command::command();
        command.clone().debug_assert();
        command.build();
        for action in command.get_subcommands().filter(|action| action.get_name() != "help") {
            assert!(action.get_about().is_some(), "{} says what it does", action.get_name());
            assert!(action.get_after_help().is_some(), "{} has an example", action.get_name());
        }
    }
}
