use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the agent's rooms tell about themselves, for the readings about the agent.
#[derive(Debug, Default)]
pub struct Vitals {
    failing_probes: AtomicU64,
    spool: Mutex<Option<Spool>>,
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spool {
    /// Records that wait.
    pub(crate) records: u64,
    /// Share of the space in use, 0 to 1.
    pub(crate) fill_ratio: f64,
}

impl Vitals {
    /// The spool holds `records` records and is full to `fill_ratio` (0 to 1).
    pub fn set_spool(&self, records: u64, fill_ratio: f64) {
        *self.spool.lock().unwrap_or_else(PoisonError::into_inner) = Some(Spool { records, fill_ratio });
    }

    /// The last word of the spool, if it ever said one.
    pub(crate) fn spool(&self) -> Option<Spool> {
        *self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `count` probes gave nothing when they last ran.
    pub(crate) fn set_failing_probes(&self, count: u64) {
        self.failing_probes.store(count, Ordering::Relaxed);
    }

    /// How many probes gave nothing when they last ran.
    pub(crate) fn failing_probes(&self) -> u64 {
        self.failing_probes.load(Ordering::Relaxed)
    }
}
