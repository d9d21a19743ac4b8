//! Connections of one endpoint: so many at once ([`AT_ONCE`]), so many in a while ([`IN_A_ROW`], [`EVERY`]), and so many bytes
//! over all of them ([`BYTES_AT_ONCE`], [`BYTES_A_SECOND`]).
//!
//! Bytes are counted here and not in frames, so that what no frame shows (fields that nobody knows, other calls, signs of life)
//! counts, too. Who sends more is read later: it waits in its own kernel, nothing is dropped, and each wait is so short that
//! signs of life still come through.
//!
//! An agent has one, and another while it renews its certificate. One that lost its network comes back before the old
//! connection is known to be dead, so the oldest gives its place and not the newcomer. Who it is, is known only after the
//! handshake: what that costs is bounded by address ([`super::turns`]).

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};
use tracing::warn;

use super::budget::Budget;
use crate::metrics::{CONNECTIONS_DISPLACED, SENDERS_SLOWED};

/// Connections that one endpoint may have open.
pub(super) const AT_ONCE: usize = 8;

/// Connections that it may open in a row, and how often another one after that.
const IN_A_ROW: u32 = 60;
const EVERY: Duration = Duration::from_secs(2);

/// Bytes that it may send in a row: a whole spool, as agents keep it unless told otherwise.
const BYTES_AT_ONCE: u32 = 64 << 20;
/// Bytes that it may send in a second after that.
const BYTES_A_SECOND: u32 = 256 << 10;
/// Bytes that are counted together, so that what agents send every minute costs nothing.
const COUNTED_TOGETHER: u32 = 16 << 10;

/// The connections of a port whose endpoint is known.
#[derive(Debug)]
pub(super) struct Guests {
    numbers: AtomicU64,
    budget: Budget,
    bytes: Budget,
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
    /// Bytes that came and are not counted yet.
    uncounted: u32,
    /// When it is read again. Made when it sends too much, since hardly any does.
    rest: Option<Pin<Box<Sleep>>>,
    guests: Arc<Guests>,
}

impl Guests {
    pub(super) fn new() -> Arc<Self> {
        let budget = Budget::new(IN_A_ROW, EVERY);
        let bytes = Budget::new(BYTES_AT_ONCE, Duration::from_secs(1) / BYTES_A_SECOND);
        Arc::new(Self { numbers: AtomicU64::new(0), budget, bytes, endpoints: Mutex::default() })
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
            uncounted: 0,
            rest: None,
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

    /// Ready when it may be read; when not, the task is woken when it may.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(()) };
        if rest.as_mut().poll(cx).is_ready() {
            self.rest = None;
        }
        if self.rest.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Counts what was read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.uncounted = self.uncounted.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if self.uncounted >= COUNTED_TOGETHER {
            self.count();
        }
    }

    fn count(&mut self) {
        let (id, bytes) = (&self.endpoint_id, std::mem::take(&mut self.uncounted));
        let Err(over) = self.guests.bytes.owe(id, bytes) else { return };
        counter!(SENDERS_SLOWED, "reason" => "bytes").increment(1);
        if over.first {
            warn!(
                host.id = %id,
                "Endpoint {id} has sent more than {} MiB in a row and is read more slowly; nothing of it is lost. Revoke it when \
                 it does not end",
                BYTES_AT_ONCE >> 20
            );
        }
        self.rest = Some(Box::pin(sleep(over.wait)));
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
    use super::*;
    use std::future::poll_fn;

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
    async fn who_sends_more_than_a_spool_in_a_row_is_read_at_a_rate_over_all_its_connections() {
        let guests = Guests::new();
        let (mut one, mut two) = (guests.enter("one").expect("a place"), guests.enter("one").expect("a place"));
        let mut other = guests.enter("other").expect("a place");
        let piece = 64 << 10;
        for _ in 0..BYTES_AT_ONCE as usize / piece / 2 {
            one.read(piece);
            two.read(piece);
        }
        assert!(one.rest.is_none() && two.rest.is_none(), "a whole spool comes at once");
        let begun = tokio::time::Instant::now();
        for _ in 0..40 {
            one.read(piece);
            poll_fn(|cx| one.poll_rest(cx)).await;
        }
        let (bytes, seconds) = (40.0 * piece as f64, begun.elapsed().as_secs_f64());
        assert!((bytes / seconds - f64::from(BYTES_A_SECOND)).abs() < 8192.0, "{bytes} bytes in {seconds} s");
        other.read(piece);
        assert!(other.rest.is_none(), "another endpoint has its own");
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
