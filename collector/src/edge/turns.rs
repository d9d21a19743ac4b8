//! Connections that have said their hello and wait for their turn to do cryptography.
//!
//! So many do it at once ([`Turns::new`]), and of one address an eighth of that: whoever says a hello and then nothing more
//! holds the places of his own address and nobody else's. The rest wait, each address in a row of its own. When a crowd
//! waits, an address that has an eighth of it gets no more; its agents try again by their own count. An address is a host
//! in IPv4 and a network of 64 bits in IPv6, which is what one customer has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::hellos::HELLOS;

/// The share of all places, and of a crowd, that one address may have.
pub(super) const SHARE: usize = 8;

/// So many that wait are a crowd.
pub(super) const CROWD: usize = HELLOS / 2;

/// Who may do cryptography, and who waits for it.
#[derive(Debug)]
pub(super) struct Turns {
    places: Semaphore,
    of_one_address: usize,
    queue: Mutex<Queue>,
}

/// Those that wait or do it.
#[derive(Debug, Default)]
struct Queue {
    addresses: HashMap<IpAddr, Row>,
    length: usize,
}

/// Those of one address.
#[derive(Debug)]
struct Row {
    places: Arc<Semaphore>,
    length: usize,
}

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Ticket<'t> {
    turns: &'t Turns,
    address: IpAddr,
    places: Arc<Semaphore>,
}

/// A place among those who do cryptography.
#[derive(Debug)]
pub(super) struct Turn<'t> {
    _of_all: SemaphorePermit<'t>,
    _of_the_address: OwnedSemaphorePermit,
    _ticket: Ticket<'t>,
}

impl Turns {
    /// At most `places` at once.
    pub(super) fn new(places: usize) -> Self {
        let of_one_address = (places / SHARE).max(1);
        Self { places: Semaphore::new(places), of_one_address, queue: Mutex::default() }
    }

    /// Takes a place in the queue; nothing when there is a crowd and much of it is of this address.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Ticket<'_>> {
        let address = network(address);
        let mut queue = self.queue();
        let is_crowd = queue.length >= CROWD;
        let new = || Row { places: Arc::new(Semaphore::new(self.of_one_address)), length: 0 };
        let row = queue.addresses.entry(address).or_insert_with(new);
        if is_crowd && row.length >= CROWD / SHARE {
            return None;
        }
        row.length += 1;
        let places = Arc::clone(&row.places);
        queue.length += 1;
        Some(Ticket { turns: self, address, places })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'t> Ticket<'t> {
    /// Waits for the turn.
    pub(super) async fn turn(self) -> Turn<'t> {
        let never = "the semaphore is never closed";
        let of_the_address = Arc::clone(&self.places).acquire_owned().await.expect(never);
        let of_all = self.turns.places.acquire().await.expect(never);
        Turn { _of_all: of_all, _of_the_address: of_the_address, _ticket: self }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut queue = self.turns.queue();
        queue.length -= 1;
        let Some(row) = queue.addresses.get_mut(&self.address) else { return };
        row.length -= 1;
        if row.length == 0 {
            queue.addresses.remove(&self.address);
        }
    }
}

/// What counts as one address.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        host @ IpAddr::V4(_) => host,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn host(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[tokio::test]
    async fn one_address_holds_its_own_places_and_nobody_elses() {
        let turns = Turns::new(16);
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(turns.enter(host(1)).expect("no crowd").turn().await);
        }
        assert!(turns.enter(host(1)).expect("no crowd").turn().now_or_never().is_none(), "the third waits");
        let other = turns.enter(host(2)).expect("no crowd").turn().now_or_never();
        assert!(other.is_some(), "another address does not");
        held.clear();
        assert!(turns.enter(host(1)).expect("no crowd").turn().now_or_never().is_some());
        drop(other);
        assert!(turns.queue().addresses.is_empty() && turns.queue().length == 0, "nobody is left behind");
    }

    #[test]
    fn a_crowd_of_one_address_gets_no_longer_and_others_are_let_in() {
        let turns = Turns::new(256);
        let crowd: Vec<_> = (0..CROWD).map(|_| turns.enter(host(1)).expect("no crowd yet")).collect();
        assert!(turns.enter(host(1)).is_none());
        assert!(turns.enter(host(2)).is_some());
        drop(crowd);
        assert!(turns.enter(host(1)).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), host(1));
    }
}
