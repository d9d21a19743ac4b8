//! Code that produces the readings of a few related signals, a file each.
//!
//! A probe reads and interprets. Times, limits, retries and counts are [`crate::schedule`]'s; what is kept and sent is
//! decided elsewhere too. A probe never invents a value: what it cannot read is a reading with its reason, and when it
//! can read nothing at all, a [`ProbeError`], from which the schedule makes such readings for all its signals.

mod context;
mod cpu;
mod error;
mod gather;
mod memory;
mod pseudonym;
mod vitals;

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Reading;
use firstline_proto::v1::Section;

pub use context::Context;
pub use error::ProbeError;
pub(crate) use gather::Gather;
pub use pseudonym::Pseudonyms;
pub use vitals::Vitals;

/// How often a signal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Every 15 seconds.
    Fast,
    /// Every minute.
    Minute,
    /// Every 15 minutes.
    QuarterHour,
    /// Once a day.
    Daily,
    /// When it changes; looked at every 15 minutes.
    Change,
    /// Only when somebody asks.
    Demand,
}

/// What the schedule must know of a probe.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Name in logs, costs and failures.
    pub name: &'static str,
    /// The part of a snapshot that its readings belong to.
    pub section: Section,
    /// How often it runs. Readings of its signals that have a slower tier pass only when that tier is due.
    pub tier: Tier,
    /// After this long it counts as hanging.
    pub deadline: Duration,
    /// 0 is kept longest when the agent must shed work.
    pub priority: u8,
    /// Whether it waits for other machines, rather than reading this one. Such probes run beside the others.
    pub waits: bool,
    /// Every signal it may produce.
    pub signals: &'static [&'static str],
}

/// Reads one thing. Blocking; called from one thread at a time; its own state, if any, behind a lock.
pub trait Probe: Send + Sync {
    /// What the schedule must know.
    fn spec(&self) -> &'static Spec;

    /// Reads now.
    ///
    /// # Errors
    /// When nothing could be read, with the reason that then stands in every reading.
    fn collect(&self, cx: &Context) -> Result<Vec<Reading>, ProbeError>;
}

/// Every probe of this agent, with fresh state.
pub fn all() -> Vec<Arc<dyn Probe>> {
    vec![Arc::new(cpu::Cpu::default()), Arc::new(memory::Memory)]
}
