//! Connections of one endpoint: so many at once ([`AT_ONCE`]), and so many in a while ([`IN_A_ROW`], [`EVERY`]).
//!
//! An agent has one, and another while it renews its certificate. One that lost its network comes back before the old
//! connection is known to be dead, so the oldest gives its place and not the newcomer. Who it is, is known only after the
//! handshake: what that costs is bounded by address ([`super::turns`]).

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use metrics::counter;
use tokio::sync::oneshot;
use tracing::warn;

use super::budget::Budget;
use crate::metrics::CONNECTIONS_DISPLACED;

/// Connections that one endpoint may have open.
pub(super) const AT_ONCE: usize = 8;

/// Connections that it may open in a row, and how often another one after that.
const IN_A_ROW: u32 = 60;
const EVERY: Duration = Duration::from_secs(2);

/// The connections of a port whose endpoint is known.
#[derive(Debug)]
pub(super) struct Guests {
    numbers: AtomicU64,
    budget: Budget,
    endpoints: Mutex<HashMap<String, Open>>,
}

/// Those of one endpoint, oldest first.
type Open = VecDeque<(u64, oneshot::Sender<()>)>;

/// A connection among them.
#[derive(Debug)]
pub(super) struct Guest {
    endpoint_id: String,
    number: u64,
    displaced: Option<oneshot::Receiver<()>>,
    guests: Arc<Guests>,
}

impl Guests {
    pub(super) fn new() -> Arc<Self> {
        let budget = Budget::new(IN_A_ROW, EVERY);
        Arc::new(Self { numbers: AtomicU64::new(0), budget, endpoints: Mutex::default() })
    }

    /// Takes a place, the oldest one's when there are too many; nothing when the endpoint connects too often.
    pub(super) fn enter(self: &Arc<Self>, endpoint_id: &str) -> Option<Guest> {
        if let Err(over) = self.budget.take(endpoint_id, 1) {
            if over.first {
                warn!(
                    host.id = %endpoint_id,
                    "Endpoint {endpoint_id} connects more often than an agent does; beyond one connection in {} s it is turned \
                     away. Revoke it when it does not end",
                    EVERY.as_secs()
                );
            }
            return None;
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (displace, displaced) = oneshot::channel();
        let mut endpoints = self.endpoints();
        let open = endpoints.entry(endpoint_id.to_owned()).or_default();
        if open.len() >= AT_ONCE {
            open.pop_front();
            counter!(CONNECTIONS_DISPLACED).increment(1);
        }
        open.push_back((number, displace));
        drop(endpoints);
        Some(Guest {
            endpoint_id: endpoint_id.to_owned(),
            number,
            displaced: Some(displaced),
            guests: Arc::clone(self),
        })
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Whether the place was lost; when not, the task is woken when it is.
    pub(super) fn poll_displaced(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(displaced) = &mut self.displaced else { return true };
        if Pin::new(displaced).poll(cx).is_pending() {
            return false;
        }
        self.displaced = None;
        true
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut endpoints = self.guests.endpoints();
        let Some(open) = endpoints.get_mut(&self.endpoint_id) else { return };
        open.retain(|(number, _)| *number != self.number);
        if open.is_empty() {
            endpoints.remove(&self.endpoint_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    async fn is_displaced(guest: &mut Guest) -> bool {
        poll_fn(|cx| Poll::Ready(guest.poll_displaced(cx))).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_connection_of_an_endpoint_gives_its_place_and_nobody_elses() {
        let guests = Guests::new();
        let mut other = guests.enter("other").expect("a place");
        let mut own: Vec<_> = (0..AT_ONCE).map(|_| guests.enter("one").expect("a place")).collect();
        assert!(!is_displaced(&mut own[0]).await);
        let newest = guests.enter("one").expect("a place");
        assert!(is_displaced(&mut own[0]).await && is_displaced(&mut own[0]).await, "asked twice");
        assert!(!is_displaced(&mut own[1]).await && !is_displaced(&mut other).await);
        drop((own, newest, other));
        assert!(guests.endpoints().is_empty(), "nobody is left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn who_connects_too_often_is_turned_away_for_a_while() {
        let guests = Guests::new();
        for _ in 0..IN_A_ROW {
            drop(guests.enter("one").expect("a place"));
        }
        assert!(guests.enter("one").is_none());
        assert!(guests.enter("other").is_some());
        tokio::time::advance(EVERY).await;
        assert!(guests.enter("one").is_some());
    }
}
