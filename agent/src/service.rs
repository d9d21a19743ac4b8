//! The agent as a service of the operating system: installed, removed, looked at, and supervised while it runs.
//!
//! The same names in `service/linux.rs`, `service/macos.rs` and `service/windows.rs`: [`check`], [`install`], [`start`],
//! [`uninstall`], [`state`] and [`Supervisor`]. Nothing here runs for a collector: these are orders of somebody who sits
//! at the machine, and of the service manager.

mod pulse;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

use serde::Serialize;

#[cfg(target_os = "linux")]
use linux as native;
#[cfg(target_os = "macos")]
use macos as native;
#[cfg(windows)]
use windows as native;

pub use native::{Supervisor, check, install, start, state, uninstall};
pub use pulse::Pulse;

/// What [`install`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// A sentence for each thing.
    pub said: Vec<String>,
    /// Whether a service that runs has to be started again to notice.
    pub changed: bool,
}

/// What the service manager says of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    /// Who brought the service here.
    pub installed_by: InstalledBy,
    /// Whether it starts with the machine.
    pub enabled: bool,
    /// The manager's word for how it is doing: `active`, `activating`, `inactive`, `failed`.
    pub state: String,
    /// The manager's finer word: `running`, `auto-restart`, `dead`.
    pub detail: String,
    /// Starts after an end that nobody ordered, since the service was started on purpose.
    pub restarts: u64,
    /// How the last run ended: `success`, `exit-code`, `signal`, `watchdog`.
    pub result: String,
}

/// Who brought a service to this machine, and so may take it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalledBy {
    /// Nobody: there is none.
    Nobody,
    /// `firstline-agent install`.
    Command,
    /// A package of the operating system.
    Package,
}
