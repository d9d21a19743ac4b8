use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use tokio::time::Instant;

/// What time it is. Passed in everywhere, so that tests move it.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The moment now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.unix_ms()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.unix_ms(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Notices when the machine's clock is set, or the machine stood still.
#[derive(Debug, Default)]
pub(super) struct Leaps(Mutex<Option<(Timestamp, Instant)>>);

/// What a clock may be off after a turn without having been set.
const DRIFT: Duration = Duration::from_mins(5);

impl Leaps {
    /// By how many milliseconds the clock is elsewhere than it should be, since it was looked at before.
    pub(super) fn look(&self, now: Timestamp, at: Instant) -> Option<i64> {
        // Both are put in at once, so a panic elsewhere leaves them usable.
        let (before, then) = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace((now, at))?;
        let lived = i64::try_from(at.duration_since(then).as_millis()).unwrap_or(i64::MAX);
        let leap = now.unix_ms().saturating_sub(before.unix_ms()).saturating_sub(lived);
        (leap.unsigned_abs() > DRIFT.as_millis() as u64).then_some(leap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_goes() {
        let (leaps, began) = (Leaps::default(), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        let shown = |seconds: i64| Timestamp::from_unix_seconds(1_790_000_000 + seconds);
        assert_eq!(leaps.look(shown(0), after(0)), None, "nothing to hold it against");
        assert_eq!(leaps.look(shown(16), after(15)), None);
        assert_eq!(leaps.look(shown(7231), after(30)), Some(7_200_000));
        assert_eq!(leaps.look(shown(7246), after(45)), None, "it is said once");
        assert_eq!(leaps.look(shown(60), after(60)), Some(-7_201_000));
    }
}
