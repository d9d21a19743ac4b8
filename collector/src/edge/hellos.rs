//! Connections that have yet to say their hello. When there are too many, the oldest gives its place.
//!
//! A client's hello is in its first packets, so whoever is about it for long is slow, gone, or means no good. A flood of
//! such connections displaces itself, and a newcomer waits behind nobody.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Connections of a port that may be about their hello at once.
pub(super) const HELLOS: usize = 4096;

/// Those that are about it, oldest first.
#[derive(Debug, Default)]
pub(super) struct Hellos {
    numbers: AtomicU64,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<()>>>,
}

/// A place among them.
#[derive(Debug)]
pub(super) struct Place<'h> {
    number: u64,
    displaced: oneshot::Receiver<()>,
    hellos: &'h Hellos,
}

impl Hellos {
    /// Takes a place; the oldest loses its own when there is none left.
    pub(super) fn enter(&self) -> Place<'_> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (displace, displaced) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= HELLOS {
            waiting.pop_first();
        }
        waiting.insert(number, displace);
        Place { number, displaced, hellos: self }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<()>>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// What `hello` brings; nothing when the place was lost before.
    pub(super) async fn hold<T>(mut self, hello: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            said = hello => Some(said),
            _ = &mut self.displaced => None,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.hellos.waiting().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn the_oldest_gives_its_place_and_a_newcomer_never_waits() {
        let hellos = Hellos::default();
        let oldest = hellos.enter();
        let others: Vec<_> = (0..HELLOS).map(|_| hellos.enter()).collect();
        assert_eq!(oldest.hold(pending::<()>()).await, None, "displaced");
        assert_eq!(hellos.waiting().len(), HELLOS);
        for other in others {
            assert_eq!(other.hold(ready(7)).await, Some(7));
        }
        assert!(hellos.waiting().is_empty(), "nobody is left behind");
    }
}
