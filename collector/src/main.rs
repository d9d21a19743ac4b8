//! `firstline-collector`: the server.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use firstline_collector::command::{self, CommandLine};

/// How long what is still at work at the end may take.
const LAST_WORK: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let line = CommandLine::parse();
    // Libraries that make their own TLS configurations find the same cryptography as ours.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a system that can start a program can start its threads");
    let code = runtime.block_on(command::run(line));
    // A read of a disk that does not answer must not keep the process.
    runtime.shutdown_timeout(LAST_WORK);
    code
}
