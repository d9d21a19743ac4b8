//! `firstline`: the operator's command.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Libraries that build a TLS configuration of their own find the provider here. It can only be there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    firstline_collector::client::run().await
}
