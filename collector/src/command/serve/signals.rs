//! What the system tells a running collector.

#[cfg_attr(unix, path = "signals/unix.rs")]
#[cfg_attr(not(unix), path = "signals/other.rs")]
mod system;

pub(super) use system::Signals;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Read the configuration again.
    Reload,
    /// Come to an end.
    Stop,
}
