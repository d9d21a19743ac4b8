//! Runs a command beside a PostgreSQL server of its own, whose URL it finds in `FIRSTLINE_TEST_POSTGRES`:
//! `with-postgres cargo nextest run -p firstline-collector`. The server goes with the command.

use std::process::{Command, ExitCode};

use firstline_tests::postgres::{Durable, Postgres};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-postgres PROGRAM [ARGUMENT]...");
        return ExitCode::from(2);
    };
    // What these tests kill is the collector, never the machine.
    let server = Postgres::start(Durable::No).await;
    let mut command = Command::new(&program);
    command.args(arguments).env("FIRSTLINE_TEST_POSTGRES", server.url());
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(cause) => {
            eprintln!("{} does not start: {cause}", program.display());
            ExitCode::FAILURE
        }
    }
}
