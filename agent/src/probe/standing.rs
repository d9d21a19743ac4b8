use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What one network probe learns and another needs. Times are since boot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
struct Facts {
    gateway: Option<(Duration, bool)>,
    beyond: Option<Duration>,
}

/// After this long a fact is too old to conclude from.
const FRESH: Duration = Duration::from_secs(90);

impl Standing {
    /// The gateway was or was not reached at `now`.
    pub(crate) fn set_gateway(&self, now: Duration, reachable: bool) {
        self.facts().gateway = Some((now, reachable));
    }

    /// Whether the gateway was reached lately; `None` when nobody looked.
    pub(crate) fn gateway(&self, now: Duration) -> Option<bool> {
        self.facts().gateway.filter(|(at, _)| now.saturating_sub(*at) < FRESH).map(|(_, reachable)| reachable)
    }

    /// A connection to a machine beyond the gateway came about at `now`.
    pub(crate) fn set_beyond(&self, now: Duration) {
        self.facts().beyond = Some(now);
    }

    /// Whether such a connection came about lately.
    pub(crate) fn was_beyond(&self, now: Duration) -> bool {
        self.facts().beyond.is_some_and(|at| now.saturating_sub(at) < FRESH)
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
