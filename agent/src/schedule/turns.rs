use std::time::Duration;

use firstline_diagnosis::vocabulary::{Mark, Timestamp};

use crate::os::Clock;

/// Sleep shorter than this is no sleep: the two clocks are read one after the other.
const SHORTEST_SLEEP: Duration = Duration::from_secs(2);
/// How long a boot matters to windows; a boot longer ago than this is not worth a mark.
const BOOT_MATTERS: Duration = Duration::from_mins(10);

/// Notices boots and wakes.
#[derive(Debug)]
pub(super) struct Turns {
    slept: Duration,
    booted: Option<Timestamp>,
}

impl Turns {
    /// From now on.
    pub(super) fn new(clock: &dyn Clock) -> Self {
        let since_boot = clock.since_boot();
        let booted = (since_boot < BOOT_MATTERS).then(|| clock.now() - since_boot);
        Self { slept: slept(clock), booted }
    }

    /// The boot, when it was so lately that windows must still wait for it. Whole seconds, so that an agent that
    /// restarts tells the same boot again rather than another one.
    pub(super) fn at_start(&mut self) -> Option<(Timestamp, Mark)> {
        let booted = self.booted.take()?;
        Some((Timestamp::from_unix_seconds(booted.unix_ms().div_euclid(1000)), Mark::Booted))
    }

    /// Whether the machine slept since the last look.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> Option<(Timestamp, Mark)> {
        let before = std::mem::replace(&mut self.slept, slept(clock));
        (self.slept > before + SHORTEST_SLEEP).then(|| (clock.now(), Mark::Resumed))
    }
}

/// Time slept since boot.
fn slept(clock: &dyn Clock) -> Duration {
    let awake = clock.awake();
    clock.since_boot().saturating_sub(awake)
}
