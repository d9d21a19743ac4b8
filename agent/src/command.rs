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

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bpaf::{Args, Bpaf, ParseFailure};
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
#[derive(Debug, Clone, Bpaf)]
#[bpaf(options, version, footer(EXAMPLES), generate(options))]
pub struct Command {
    /// Where the agent keeps its state
    #[bpaf(argument("DIR"), env("FIRSTLINE_STATE_DIR"), fallback(STATE_DIR.into()), format_fallback(shown))]
    state_dir: PathBuf,
    /// The configuration; /etc/firstline/agent.toml when left out, or agent.toml in another state directory
    #[bpaf(argument("FILE"), env("FIRSTLINE_AGENT_CONFIG"))]
    config: Option<PathBuf>,
    #[bpaf(external)]
    action: Action,
}

const EXAMPLES: &str = "Examples:
   firstline-agent install --collector collector.example.com:7443 --token-file token.txt
   firstline-agent status
   firstline-agent diagnose --symptom \"my computer is slow\"
   firstline-agent sent";

#[derive(Debug, Clone, Bpaf)]
enum Action {
    /// Run until stopped (SIGTERM or Ctrl-C)
    #[bpaf(command, footer("Example:\n   firstline-agent run --state-dir /var/lib/firstline-agent"))]
    Run,
    /// Make this machine known to a collector
    #[bpaf(command, footer(enroll::EXAMPLES))]
    Enroll(#[bpaf(external(enroll::options))] enroll::Enroll),
    /// Install this machine's agent as a service; with a collector and a token, make it known there too
    #[bpaf(command, footer(install::EXAMPLES))]
    Install(#[bpaf(external(install::options))] install::Install),
    /// Remove the service
    #[bpaf(command, footer(uninstall::EXAMPLES))]
    Uninstall(#[bpaf(external(uninstall::options))] uninstall::Uninstall),
    /// Say how the agent is doing
    #[bpaf(
        command,
        footer(
            "Examples:\n   firstline-agent status\n   firstline-agent status --cost\n   firstline-agent status --json"
        )
    )]
    Status {
        /// Show what each probe costs: time, processor, bytes told
        cost: bool,
        /// Print the document
        json: bool,
    },
    /// Show what a snapshot of this machine would send, without sending it
    #[bpaf(command, footer(SNAPSHOT_EXAMPLES))]
    Snapshot(#[bpaf(external(snapshot_form), optional)] Option<SnapshotForm>),
    /// Say what is wrong with this machine; needs no network
    #[bpaf(command, footer(diagnose::EXAMPLES))]
    Diagnose(#[bpaf(external(diagnose::options))] diagnose::Diagnose),
    /// List what left this machine, when, to whom, and for which ticket
    #[bpaf(
        command,
        footer(
            "Examples:\n   firstline-agent sent\n   firstline-agent sent --collected\n   firstline-agent sent --json"
        )
    )]
    Sent(#[bpaf(external(sent_form), optional)] Option<SentForm>),
}

const SNAPSHOT_EXAMPLES: &str = "Examples:
   firstline-agent snapshot
   firstline-agent snapshot --json > snapshot.json
   firstline-agent snapshot --cost";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Bpaf)]
enum SnapshotForm {
    /// Print the document
    Json,
    /// Print how long each section takes to read, instead of what it says
    Cost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Bpaf)]
enum SentForm {
    /// Say what is collected on this machine, in plain words, and what is not
    Collected,
    /// Print the document
    Json,
}

#[expect(clippy::ptr_arg, reason = "bpaf hands over what it has")]
fn shown(path: &PathBuf, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", path.display())
}

/// What `--version` answers: the name with the version, as other programs do.
const VERSION: &str = concat!("firstline-agent ", env!("CARGO_PKG_VERSION"));

/// The command line; `help status` is another way of saying `status --help`.
fn read(words: &[OsString]) -> Result<Command, ParseFailure> {
    let mut words = words.to_vec();
    if words.first().is_some_and(|word| word == "help") {
        words.remove(0);
        words.push("--help".into());
    }
    options().run_inner(Args::from(words.as_slice()).set_name("firstline-agent"))
}

impl Command {
    /// Does what the command line of this process says.
    pub fn run() -> ExitCode {
        let words: Vec<OsString> = std::env::args_os().skip(1).collect();
        if matches!(words.as_slice(), [word] if word == "--version" || word == "-V") {
            let _ = writeln!(io::stdout(), "{VERSION}");
            return ExitCode::SUCCESS;
        }
        match read(&words) {
            Ok(command) => command.execute(),
            Err(answer) => {
                answer.print_message(100);
                ExitCode::from(if answer.exit_code() == 0 { 0 } else { 2 })
            }
        }
    }

    fn execute(self) -> ExitCode {
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
            Action::Snapshot(form) => {
                let (json, cost) = (form == Some(SnapshotForm::Json), form == Some(SnapshotForm::Cost));
                runtime()?.block_on(snapshot::snapshot(&config, &state, json, cost))
            }
            Action::Diagnose(diagnose) => runtime()?.block_on(diagnose.execute(&config, &state)),
            Action::Sent(Some(SentForm::Collected)) => collected::collected(&config),
            Action::Sent(form) => sent::sent(&state, form == Some(SentForm::Json)),
        }
    }
}

/// A thread without work ends after so long: longer than the fast tier's period with its jitter, so that the thread that
/// reads each time stays, and does not wake up to end each time.
pub(crate) const IDLE_THREAD: Duration = Duration::from_secs(20);

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
    // A line that cannot be written is lost: to say so where it could not be written would end the task that logs.
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let lines = lines.with_ansi(io::stderr().is_terminal());
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
    use super::*;

    fn answer(words: &[&str]) -> Result<Command, ParseFailure> {
        read(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    fn help(words: &[&str]) -> String {
        answer(words).expect_err("help is no command").unwrap_stdout()
    }

    fn complaint(words: &[&str]) -> String {
        answer(words).expect_err("wrong").unwrap_stderr()
    }

    const ACTIONS: [&str; 8] = ["run", "enroll", "install", "uninstall", "status", "snapshot", "diagnose", "sent"];

    #[test]
    fn the_command_line_is_sound_and_everything_is_explained() {
        options().check_invariants(true);
        let all = help(&["--help"]);
        for action in ACTIONS {
            assert!(all.lines().any(|line| line.trim_start().starts_with(action)), "{action} is listed:\n{all}");
            let own = help(&[action, "--help"]);
            let example = format!("firstline-agent {action}");
            assert!(own.lines().any(|line| line.trim_start().starts_with(&example)), "{action} has an example:\n{own}");
            assert!(!own.starts_with("Usage"), "{action} says what it does:\n{own}");
            assert_eq!(help(&["help", action]), own);
        }
    }

    #[test]
    fn a_misspelt_word_is_told_with_what_was_meant() {
        assert!(complaint(&["enrol"]).contains("did you mean `enroll`?"));
        assert!(complaint(&["status", "--cots"]).contains("did you mean `--cost`?"));
    }

    #[test]
    fn what_goes_everywhere_may_stand_before_or_behind_the_action() {
        for words in [["--state-dir", "/a", "status"], ["status", "--state-dir", "/a"]] {
            assert_eq!(answer(&words).expect("right").state_dir, PathBuf::from("/a"));
        }
    }

    #[test]
    fn what_excludes_or_needs_another_is_refused() {
        assert!(complaint(&["snapshot", "--json", "--cost"]).contains("--cost"));
        assert!(complaint(&["enroll", "--token", "x"]).contains("--collector"));
        assert!(complaint(&["install", "--token-file", "x"]).contains("--collector"));
        assert!(complaint(&["enroll", "--collector", "x", "--token", "x", "--token-file", "y"]).contains("--token"));
        assert!(complaint(&["enroll", "--collector", "not an address"]).contains("not an address"));
        assert!(complaint(&[]).contains("COMMAND"), "nothing to do is no success");
        assert!(answer(&["install"]).is_ok());
    }
}
