//! macOS: a service is not installed by the agent itself yet.

use std::path::Path;

use anyhow::{Result, bail};

use super::{Installed, ServiceState};

#[path = "unsupervised.rs"]
mod unsupervised;

pub use unsupervised::Supervisor;

/// Refuses: what the service would be is not decided by this version.
pub fn check() -> Result<()> {
    bail!("this version does not install a service on macOS; let launchd start `firstline-agent run`")
}

/// See [`check`].
pub fn install(_state: &Path, _config: &Path) -> Result<Installed> {
    check().map(|()| Installed { said: Vec::new(), changed: false })
}

/// See [`check`].
pub fn start(_state: &Path, _changed: bool) -> Result<Vec<String>> {
    check().map(|()| Vec::new())
}

/// See [`check`].
pub fn uninstall(_state: &Path, _config: &Path, _purge: bool) -> Result<Vec<String>> {
    check().map(|()| Vec::new())
}

/// Nobody is asked.
pub fn state() -> Option<ServiceState> {
    None
}
