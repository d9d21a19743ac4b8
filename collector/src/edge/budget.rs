use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What each endpoint may spend: so much at once, and then so much as time gives back. Streams come and go, what was spent
/// stays until it is made up for.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The time that gives back one unit.
    unit: Duration,
    /// How far ahead an endpoint may be.
    at_once: Duration,
    endpoints: Mutex<HashMap<String, Spent>>,
}

/// What one endpoint has spent.
#[derive(Debug, Clone, Copy)]
struct Spent {
    /// When all of it is made up for.
    until: Instant,
    /// Whether it was over since it last had everything.
    over: bool,
}

/// An endpoint wants more than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    /// Whether for the first time in a while, so that once is enough to say so.
    pub(crate) first: bool,
    /// When it has enough.
    pub(crate) wait: Duration,
}

impl Budget {
    /// So many units at once, and another one for each `unit` of time.
    pub(crate) fn new(at_once: u32, unit: Duration) -> Self {
        Self { unit, at_once: unit * at_once, endpoints: Mutex::default() }
    }

    /// Takes `units`, when there are so many.
    pub(crate) fn take(&self, endpoint_id: &str, units: u32) -> Result<(), Over> {
        self.spend(endpoint_id, units, false)
    }

    /// Takes `units` in any case; what is missing is to be waited for.
    pub(crate) fn owe(&self, endpoint_id: &str, units: u32) -> Result<(), Over> {
        self.spend(endpoint_id, units, true)
    }

    fn spend(&self, endpoint_id: &str, units: u32, always: bool) -> Result<(), Over> {
        let now = Instant::now();
        let mut endpoints = self.endpoints();
        if endpoints.len() == endpoints.capacity() {
            endpoints.retain(|_, spent| spent.until > now);
        }
        let before = endpoints.get(endpoint_id).filter(|spent| spent.until > now).copied();
        let before = before.unwrap_or(Spent { until: now, over: false });
        let until = before.until + self.unit * units;
        let over = (until - now).checked_sub(self.at_once).filter(|wait| !wait.is_zero());
        let spent = Spent {
            until: if over.is_none() || always { until } else { before.until },
            over: before.over || over.is_some(),
        };
        endpoints.insert(endpoint_id.to_owned(), spent);
        over.map_or(Ok(()), |wait| Err(Over { first: !before.over, wait }))
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<String, Spent>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_takes_too_much_gets_no_more_until_time_has_given_it_back() {
        let budget = Budget::new(3, SECOND);
        assert_eq!((budget.take("a", 2), budget.take("a", 1)), (Ok(()), Ok(())));
        assert_eq!(budget.take("a", 1), Err(Over { first: true, wait: SECOND }));
        assert_eq!(budget.take("a", 2), Err(Over { first: false, wait: SECOND * 2 }), "a refusal costs nothing");
        assert_eq!(budget.take("b", 3), Ok(()), "another endpoint has its own");
        tokio::time::advance(SECOND).await;
        assert_eq!(budget.take("a", 1), Ok(()));
        tokio::time::advance(SECOND * 3).await;
        assert_eq!((budget.take("a", 3), budget.take("a", 1).unwrap_err().first), (Ok(()), true), "all was given back");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_is_waited_for() {
        let budget = Budget::new(10, SECOND);
        assert_eq!(budget.owe("a", 15), Err(Over { first: true, wait: SECOND * 5 }));
        assert_eq!(budget.owe("a", 1), Err(Over { first: false, wait: SECOND * 6 }));
        tokio::time::advance(SECOND * 7).await;
        assert_eq!(budget.owe("a", 1), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_owes_nothing_is_forgotten() {
        let budget = Budget::new(1, SECOND);
        for number in 0..5000 {
            budget.take(&number.to_string(), 1).expect("there is one");
            tokio::time::advance(SECOND).await;
        }
        assert!(budget.endpoints().len() < 100, "{} are kept", budget.endpoints().len());
    }
}
