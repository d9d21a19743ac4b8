//! Connections that show no certificate of an endpoint: people, programs, and machines that want to enrol.
//!
//! Anybody who reaches a port gets through a handshake. A connection that is held and not used costs its holder nothing, and
//! us a file that an endpoint could have had. So there are so many places, and who comes when all are taken gets one all
//! the same: of the address that has the most connections, the one that has been quiet for longest loses its own. Who is
//! quiet for [`Bounds::quiet`] is closed, and where nobody has a reason to stay, who is there for [`Bounds::stay`].
//!
//! Quiet is a connection on which nothing goes either way. A browser that watches a list is not: signs of life go to it and
//! come back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::turns::network;
use crate::metrics::CONNECTIONS_CLOSED;

/// How many strangers a port takes, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many at once.
    pub places: usize,
    /// How long one may be quiet.
    pub quiet: Duration,
    /// How long one may stay, whatever it does.
    pub stay: Option<Duration>,
}

impl Bounds {
    /// People and programs: they may stay as long as they do something, or watch.
    pub const PEOPLE: Self = Self { places: 512, quiet: Duration::from_mins(1), stay: None };

    /// Machines that have no certificate yet: enrolling is one call.
    pub const ENROLLING: Self = Self { places: 128, quiet: Duration::from_mins(1), stay: Some(Duration::from_mins(1)) };
}

/// The strangers of a port. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Strangers {
    house: Arc<House>,
}

#[derive(Debug)]
struct House {
    port: &'static str,
    bounds: Bounds,
    opened: Instant,
    numbers: AtomicU64,
    inside: Mutex<HashMap<u64, Inside>>,
}

/// What is known of a stranger.
#[derive(Debug)]
struct Inside {
    address: IpAddr,
    heard_ms: Arc<AtomicU64>,
    /// Dropped when the place goes to somebody else.
    _place: oneshot::Sender<()>,
}

/// A stranger's side.
#[derive(Debug)]
pub(super) struct Stranger {
    house: Arc<House>,
    number: u64,
    entered: Instant,
    /// When something last went either way, milliseconds since the house was opened.
    heard_ms: Arc<AtomicU64>,
    place: oneshot::Receiver<()>,
    is_over: bool,
    alarm: Pin<Box<Sleep>>,
}

impl Strangers {
    /// Nobody yet.
    pub fn new(port: &'static str, bounds: Bounds) -> Self {
        let (opened, numbers, inside) = (Instant::now(), AtomicU64::default(), Mutex::default());
        Self { house: Arc::new(House { port, bounds, opened, numbers, inside }) }
    }

    /// Takes a place; somebody else loses one when there is none left.
    pub(super) fn enter(&self, address: IpAddr) -> Stranger {
        let house = Arc::clone(&self.house);
        let (entered, number) = (Instant::now(), house.numbers.fetch_add(1, Ordering::Relaxed));
        let heard_ms = Arc::new(AtomicU64::new(house.milliseconds(entered)));
        let (told, place) = oneshot::channel();
        let one = Inside { address: network(address), heard_ms: Arc::clone(&heard_ms), _place: told };
        let mut inside = house.inside();
        if inside.len() >= house.bounds.places {
            make_room(&mut inside);
        }
        inside.insert(number, one);
        drop(inside);
        let alarm = Box::pin(sleep_until(entered + house.bounds.quiet));
        Stranger { house, number, entered, heard_ms, place, is_over: false, alarm }
    }
}

/// Takes the place of whoever has been quiet for longest at the address with the most connections.
fn make_room(inside: &mut HashMap<u64, Inside>) {
    let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
    for one in inside.values() {
        *crowds.entry(one.address).or_default() += 1;
    }
    let largest = crowds.values().max().copied();
    let candidates = inside.iter().filter(|(_, one)| crowds.get(&one.address).copied() == largest);
    let leaves = candidates.min_by_key(|(number, one)| (one.heard_ms.load(Ordering::Relaxed), **number));
    if let Some(number) = leaves.map(|(number, _)| *number) {
        inside.remove(&number);
    }
}

impl House {
    fn milliseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<u64, Inside>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    /// Something went either way.
    pub(super) fn heard(&self) {
        self.heard_ms.store(self.house.milliseconds(Instant::now()), Ordering::Relaxed);
    }

    /// Ready when the stranger must go.
    pub(super) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_over {
            return Poll::Ready(());
        }
        if Pin::new(&mut self.place).poll(context).is_ready() {
            return self.ends("displaced");
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let (now, until) = (Instant::now(), self.until());
            if until <= now {
                let is_quiet = self.quiet_until() <= now;
                return self.ends(if is_quiet { "quiet" } else { "stayed" });
            }
            self.alarm.as_mut().reset(until);
        }
    }

    fn ends(&mut self, reason: &'static str) -> Poll<()> {
        self.is_over = true;
        counter!(CONNECTIONS_CLOSED, "port" => self.house.port, "reason" => reason).increment(1);
        Poll::Ready(())
    }

    fn until(&self) -> Instant {
        let quiet = self.quiet_until();
        self.house.bounds.stay.map_or(quiet, |stay| quiet.min(self.entered + stay))
    }

    fn quiet_until(&self) -> Instant {
        let heard = self.house.opened + Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        heard + self.house.bounds.quiet
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.house.inside().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;
    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn host(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    fn must_go(stranger: &mut Stranger) -> bool {
        poll_fn(|context| stranger.poll_end(context)).now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_quiet_goes_and_who_does_something_stays() {
        let strangers = Strangers::new("people", Bounds::PEOPLE);
        let (mut busy, mut quiet) = (strangers.enter(host(1)), strangers.enter(host(1)));
        for _ in 0..10 {
            assert!(!must_go(&mut busy));
            advance(MINUTE / 2).await;
            busy.heard();
        }
        assert!(!must_go(&mut busy));
        assert!(must_go(&mut quiet));
        let since = Instant::now();
        poll_fn(|context| busy.poll_end(context)).await;
        assert!(since.elapsed() >= MINUTE, "woken when its time is over");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_enrols_for_longer_than_a_minute() {
        let strangers = Strangers::new("agents", Bounds::ENROLLING);
        let mut stranger = strangers.enter(host(1));
        for _ in 0..6 {
            assert!(!must_go(&mut stranger));
            advance(MINUTE / 6).await;
            stranger.heard();
        }
        assert!(must_go(&mut stranger));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_takes_the_quietest_place_of_the_largest_crowd() {
        let strangers = Strangers::new("people", Bounds { places: 8, ..Bounds::PEOPLE });
        let mut others: Vec<Stranger> = (1..=3).map(|number| strangers.enter(host(number))).collect();
        advance(MINUTE / 4).await;
        let mut crowd: Vec<Stranger> = (0..5).map(|_| strangers.enter(host(9))).collect();
        advance(MINUTE / 4).await;
        crowd[0].heard();
        let mut newcomer = strangers.enter(host(4));
        let gone: Vec<bool> = crowd.iter_mut().map(must_go).collect();
        assert_eq!(gone, [false, true, false, false, false]);
        assert!(!others.iter_mut().any(must_go) && !must_go(&mut newcomer));
        drop((others, crowd, newcomer));
        assert!(strangers.house.inside().is_empty(), "nobody is left behind");
    }
}
