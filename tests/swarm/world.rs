//! What all simulated machines share: where the collector is, what they are to do, and what became of them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use super::layouts::{Model, models};

/// What the machines are to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// Stay away.
    Leave,
    /// Stay away for good, and say what was sent.
    Finish,
    /// Hold a stream, and send a sign of life now and then.
    Stay,
    /// Tell of the boot and of what the machine is.
    Introduce,
    /// A sample every period; some sleep or lose their network for a while.
    Live {
        /// Time between two samples.
        period: Duration,
        /// How long all this lasts.
        span: Duration,
    },
    /// So many samples of the hours before, each in a frame of its own, as fast as they are acknowledged.
    Burst {
        /// Samples of each machine.
        samples: u32,
    },
}

/// An order, and which one it is.
pub(super) type Numbered = (u64, Order);

/// Shared by all.
pub(super) struct World {
    /// Where streams are opened.
    pub(super) server: SocketAddr,
    pub(super) models: Vec<Model>,
    pub(super) orders: watch::Sender<Numbered>,
    /// Machines that may shake hands at the same time when nobody told them to spread.
    pub(super) first_time: Semaphore,
    pub(super) tally: Tally,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connected: AtomicUsize,
    pub(super) connects: AtomicU64,
    pub(super) failed_connects: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) waiting: AtomicUsize,
    pub(super) drains: AtomicU64,
    pub(super) snapshots: AtomicU64,
    pub(super) naps: AtomicU64,
    pub(super) outages: AtomicU64,
    /// When streams were welcomed.
    arrivals: Mutex<Vec<Instant>>,
    /// From sending a lone record to its acknowledgement, in microseconds.
    waits_us: Mutex<Vec<u32>>,
    /// What should not have happened; the first few.
    troubles: Mutex<Vec<String>>,
}

/// Troubles that are kept.
const TROUBLES: usize = 20;

impl World {
    pub(super) fn new(server: SocketAddr, handshakes: usize) -> Arc<Self> {
        let (orders, _) = watch::channel((0, Order::Leave));
        let first_time = Semaphore::new(handshakes);
        Arc::new(Self { server, models: models(), orders, first_time, tally: Tally::default() })
    }

    /// Tells everybody what to do next.
    pub(super) fn order(&self, order: Order) {
        self.orders.send_modify(|now| *now = (now.0 + 1, order));
    }

    pub(super) fn connected(&self) -> usize {
        self.tally.connected.load(Ordering::Relaxed)
    }

    /// Records that no collector has acknowledged yet.
    pub(super) fn waiting(&self) -> usize {
        self.tally.waiting.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(super) fn arrived(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
        self.connects.fetch_add(1, Ordering::Relaxed);
        lock(&self.arrivals).push(Instant::now());
    }

    pub(super) fn left(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn waited(&self, wait: Duration) {
        lock(&self.waits_us).push(u32::try_from(wait.as_micros()).unwrap_or(u32::MAX));
    }

    pub(super) fn trouble(&self, text: String) {
        let mut troubles = lock(&self.troubles);
        if troubles.len() < TROUBLES {
            troubles.push(text);
        }
    }

    /// Arrivals since the last call.
    pub(super) fn take_arrivals(&self) -> Vec<Instant> {
        std::mem::take(&mut lock(&self.arrivals))
    }

    /// Waits for acknowledgements since the last call, sorted.
    pub(super) fn take_waits(&self) -> Vec<u32> {
        let mut waits = std::mem::take(&mut *lock(&self.waits_us));
        waits.sort_unstable();
        waits
    }

    pub(super) fn troubles(&self) -> Vec<String> {
        lock(&self.troubles).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
