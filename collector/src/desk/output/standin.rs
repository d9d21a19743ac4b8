//! Receivers that insist on what real ones insist on, and keep what they took.

pub(in crate::desk) mod events;
pub(in crate::desk) mod hook;

use axum::Router;

use crate::config::{OutputKind, OutputSettings};
use crate::desk::conformance::Faults;

/// The secret with which events are signed.
pub(in crate::desk) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Serves a stand-in, with what goes wrong with it; the settings of an output that leads there, whose secret is `secret` in
/// the folder.
pub(super) async fn serve(routes: Router, faults: &Faults, kind: OutputKind, path: &str) -> OutputSettings {
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = faults.over(routes);
    tokio::spawn(async move { axum::serve(listener, app).await });
    OutputSettings {
        name: "automation".to_owned(),
        kind,
        url: format!("http://{address}{path}"),
        secret_file: "secret".into(),
        ..OutputSettings::default()
    }
}
