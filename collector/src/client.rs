//! The operator's command, a client of the API.
//!
//! Every sub-command prints either aligned text for people or, with `--json`, exactly one documented object (`alert
//! watch`: one a line). Progress goes to standard error. What comes from the collector is data: control characters in
//! it never reach the terminal. The exit status is 0 when it is done, 1 when it failed, 2 when the command makes no
//! sense, 3 when the collector cannot be reached.

mod accounts;
mod alerts;
mod audit;
mod authority;
mod checks;
mod command;
mod connection;
mod desks;
mod diagnosis;
mod directories;
mod endpoints;
mod events;
mod failure;
mod incidents;
mod inventory;
mod kept;
mod moment;
#[cfg_attr(not(unix), path = "client/private_other.rs")]
mod private;
mod pulls;
mod rehearse;
mod replay;
mod report;
mod sign_in;
mod symptoms;
mod table;
mod tags;
mod tickets;
mod tokens;
mod trust;

use std::process::ExitCode;

use clap::Parser as _;
use serde::Serialize;

use command::{Check, Command, Desk, Line, Output};
use connection::Connection;
use failure::Failure;

/// Runs the command that the process was started with.
pub async fn run() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(refused) => {
            // Help and version come this way, too, and are no failure.
            let _ = refused.print();
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2));
        }
    };
    match follow(line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("firstline: {}", table::harmless(&failure.to_string()));
            failure.exit_code()
        }
    }
}

async fn follow(line: Line) -> Result<(), Failure> {
    let out = Out { json: line.json };
    match line.command {
        Command::SignIn(order) => return sign_in::sign_in(order, out).await,
        // Needs no collector.
        Command::Check(Check::Replay { files, symptom, at, checks }) => {
            return replay::replay(&files, symptom.as_deref(), at, &checks, out);
        }
        Command::Desk(Desk::Add(order)) => return desks::add(&order, out),
        Command::Output(Output::Add(order)) => return desks::add_output(&order, out),
        _ => {}
    }
    let connection = Connection::kept()?;
    match line.command {
        Command::SignIn(_) | Command::Check(Check::Replay { .. }) => Ok(()),
        Command::SignOut => sign_in::sign_out(&connection, out).await,
        Command::Token(order) => tokens::follow(&connection, order, out).await,
        Command::Endpoint(order) => endpoints::follow(&connection, order, out).await,
        Command::Pull(order) => pulls::pull(&connection, order, out).await,
        Command::Ticket(order) => tickets::follow(&connection, order, out).await,
        Command::Desk(order) => desks::follow(&connection, order, out).await,
        Command::Directory(order) => directories::follow(&connection, order, out).await,
        Command::Output(order) => desks::follow_output(&connection, order, out).await,
        Command::Outbox(order) => desks::follow_outbox(&connection, order, out).await,
        Command::Alert(order) => alerts::follow(&connection, order, out).await,
        Command::Incident(order) => incidents::follow(&connection, order, out).await,
        Command::Check(order) => checks::follow(&connection, order, out).await,
        Command::Authority(order) => authority::follow(&connection, order, out).await,
        Command::Report(order) => report::follow(&connection, order, out).await,
        Command::Account(order) => accounts::follow(&connection, order, out).await,
        Command::Audit(order) => audit::follow(&connection, order, out).await,
    }
}

/// How answers are printed.
#[derive(Debug, Clone, Copy)]
struct Out {
    json: bool,
}

impl Out {
    /// Prints the document, or the text for people.
    fn print(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            let text = serde_json::to_string_pretty(document).map_err(|error| Failure::failed(error.to_string()))?;
            line(&text);
        } else {
            line(text().trim_end());
        }
        Ok(())
    }
}

/// A line to standard output. A reader that went away (`| head`) is no failure.
fn line(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line of progress, beside the answer.
fn progress(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{}", table::harmless(text));
}
