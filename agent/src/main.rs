//! `firstline-agent`: reads this machine's health and tells its collector.

use std::process::ExitCode;

use firstline_agent::command::Command;

fn main() -> ExitCode {
    // For libraries that make their own TLS configurations.
    firstline_agent::identity::install_provider();
    Command::run()
}
