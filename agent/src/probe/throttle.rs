//! Whether the processor is held back, by heat or by a setting.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::found::Found;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "throttle",
    section: Section::Hardware,
    tier: Tier::Minute,
    deadline: Duration::from_secs(2),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &["endpoint.cpu.performance_limit", "endpoint.thermal.throttle_events", "endpoint.thermal.throttle_time"],
};

/// Where to look, found once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Files that say what is allowed, each with the top speed beside it.
    pub(crate) policies: Vec<(String, String)>,
    /// Directories of counters, one for each package.
    pub(crate) packages: Vec<String>,
}

/// What is read there.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Held {
    /// Share of its top speed that the slowest processor may reach.
    pub(crate) allowed_ratio: Option<f64>,
    /// How often heat has slowed the processor since boot.
    pub(crate) events: Option<u64>,
    /// For how long.
    pub(crate) time_ms: Option<u64>,
}

/// Reads the signs.
#[derive(Default)]
pub(crate) struct Throttle {
    places: Mutex<Found<Places>>,
}

impl Probe for Throttle {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut found = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let places = found.look(cx.clock.since_boot(), || native::throttle_places(&cx.root))?;
        let held = native::throttle(&cx.root, places);
        let mut gather = Gather::new(cx);
        let scaling = || ProbeError::Unsupported("the speed that is allowed");
        gather.outcome("endpoint.cpu.performance_limit", [], held.allowed_ratio.ok_or_else(scaling));
        let counting = || ProbeError::Unsupported("a count of slow-downs by heat");
        gather.outcome("endpoint.thermal.throttle_events", [], held.events.ok_or_else(counting));
        let seconds = held.time_ms.map(|ms| ms as f64 / 1000.0);
        gather.outcome("endpoint.thermal.throttle_time", [], seconds.ok_or_else(counting));
        Ok(gather.done())
    }
}
