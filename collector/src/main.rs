//! `firstline-collector`: the server.

use std::process::ExitCode;

use clap::Parser as _;
use firstline_collector::command::{self, CommandLine};

fn main() -> ExitCode {
    let line = CommandLine::parse();
    // Libraries that make their own TLS configurations find the same cryptography as ours.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a system that can start a program can start its threads").block_on(command::run(line))
}
