use anyhow::{Context, Result};
use tokio::signal::ctrl_c;
use tokio_util::sync::CancellationToken;

use crate::app;
use crate::config::Config;
use crate::state::StateDir;

#[cfg(not(unix))]
#[path = "run/elsewhere.rs"]
mod signals;
#[cfg(unix)]
#[path = "run/unix.rs"]
mod signals;

/// Runs the agent until SIGTERM or Ctrl-C.
pub(super) async fn run(config: Config, state: StateDir) -> Result<()> {
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    let terminated = signals::terminated().context("listening for the signal to stop")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = ctrl_c() => {}
            () = terminated => {}
        }
        on_signal.cancel();
    });
    app::run(config, state, stop).await
}
