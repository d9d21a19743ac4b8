//! When the machine started, and whether somebody sits at it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "boot",
    section: Section::Identity,
    tier: Tier::Minute,
    deadline: Duration::from_secs(2),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &["endpoint.boot.id", "endpoint.boot.time", "system.uptime", "endpoint.session.users"],
};

/// The kernel computes the boot time from the clock; while the clock is being corrected it wanders by less than this.
const WANDER_SECONDS: u64 = 30;

/// Reads boot and sessions.
#[derive(Default)]
pub(crate) struct Boot {
    told: Mutex<Option<u64>>,
}

impl Probe for Boot {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.boot.id", [], native::boot_id(&cx.root));
        gather.outcome("endpoint.boot.time", [], native::boot_seconds(&cx.root).map(|seconds| self.steady(seconds)));
        gather.outcome("system.uptime", [], native::uptime_seconds(&cx.root));
        let people = native::people(&cx.root);
        cx.vitals.set_people(people.iter().flatten());
        gather.outcome("endpoint.session.users", [], people.map(|people| people.len() as u64));
        Ok(gather.done())
    }
}

impl Boot {
    /// The boot time as told before, unless it is another boot or the clock was wrong by more than it wanders.
    fn steady(&self, seconds: u64) -> u64 {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = told.filter(|told| told.abs_diff(seconds) < WANDER_SECONDS).unwrap_or(seconds);
        *told = Some(steady);
        steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_being_corrected_is_not_another_boot() {
        let boot = Boot::default();
        assert_eq!(boot.steady(1000), 1000);
        assert_eq!(boot.steady(1002), 1000);
        assert_eq!(boot.steady(5000), 5000);
    }
}
