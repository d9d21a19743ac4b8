//! The sub-commands of `firstline-collector`.
//!
//! Exit status: 0 done, 1 failed, 2 usage.

mod backup;
mod check_config;
mod doctor;
mod init;
mod reset_password;
mod restore;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a collector comes into being, is looked after, and comes back.
const EXAMPLES: &str = "Examples:
  firstline-collector init --data /var/lib/firstline
  firstline-collector check-config --data /var/lib/firstline
  firstline-collector serve --data /var/lib/firstline
  firstline-collector doctor --data /var/lib/firstline
  firstline-collector backup --data /var/lib/firstline --to /srv/backup/firstline-2026-11-22.tar
  firstline-collector restore --from /srv/backup/firstline-2026-11-22.tar --data /var/lib/firstline-new

Exit status: 0 done, 1 failed, 2 usage.";

/// The server of Firstline: takes in endpoints' health, detects, alerts, and puts the diagnosis on the ticket.
#[derive(Debug, Parser)]
#[command(name = "firstline-collector", version, after_help = EXAMPLES)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a new collector: authority, keys, configuration, database and the first administrator.
    #[command(after_help = init::EXAMPLES)]
    Init(init::Arguments),
    /// Runs the collector until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.
    Serve(serve::Arguments),
    /// Says whether the configuration is right, without doing anything.
    CheckConfig(check_config::Arguments),
    /// Says what is wrong with a data folder and what to do; exit status 0 when nothing is.
    Doctor(doctor::Arguments),
    /// Copies database, keys and configuration, while the collector runs or not.
    Backup(backup::Arguments),
    /// Puts a backup into a new data folder.
    Restore(restore::Arguments),
    /// Makes up a new password for an account when nobody can sign in; while the collector does not run.
    #[command(after_help = reset_password::EXAMPLES)]
    ResetPassword(reset_password::Arguments),
}

/// Where a collector lives.
#[derive(Debug, clap::Args)]
struct Data {
    /// Folder of configuration, keys and database.
    #[arg(long = "data", value_name = "DIR", env = "FIRSTLINE_DATA")]
    folder: PathBuf,
}

/// Runs a command to its end.
pub async fn run(line: CommandLine) -> ExitCode {
    let outcome = match line.command {
        Command::Init(arguments) => init::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        Command::Backup(arguments) => backup::run(&arguments).await,
        Command::Restore(arguments) => restore::run(&arguments).await,
        Command::ResetPassword(arguments) => reset_password::run(&arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            say(&mut std::io::stderr(), &format!("firstline-collector: {cause:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line for people. A reader that has gone away is no reason to fail.
fn say(to: &mut impl std::io::Write, line: &str) {
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}
