use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Ends when the service manager asks the process to stop.
pub(super) fn terminated() -> io::Result<impl Future<Output = ()> + Send> {
    let mut signals = signal(SignalKind::terminate())?;
    Ok(async move {
        signals.recv().await;
    })
}
