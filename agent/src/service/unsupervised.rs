//! Nobody supervises the agent.

use std::time::Duration;

/// Listens to nothing.
#[derive(Debug, Default)]
pub struct Supervisor;

impl Supervisor {
    /// None.
    pub fn of_this_process() -> Self {
        Self
    }

    /// Nobody waits.
    pub fn patience(&self) -> Option<Duration> {
        None
    }

    /// Nobody is told.
    pub fn ready(&self) {}

    /// Nobody is told.
    pub fn alive(&self) {}

    /// Nobody is told.
    pub fn stopping(&self) {}

    /// Nobody is told.
    pub fn status(&self, _line: &str) {}
}
