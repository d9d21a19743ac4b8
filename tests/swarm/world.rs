//! What all simulated machines share: where the collectors are, what they are to do, and what became of them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use super::layouts::{Model, models};

/// What the machines are to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
    /// The first so many stay away, the others hold their streams.
    Part {
        /// How many.
        machines: usize,
    },
    /// Those that were away come back at once, each with a backlog.
    Return {
        /// How many.
        machines: usize,
        /// Samples of each, a minute apart.
        minutes: u32,
    },
}

impl Order {
    /// Whether machine `number` is to hold no stream.
    pub(super) fn keeps_away(self, number: usize) -> bool {
        match self {
            Self::Leave | Self::Finish => true,
            Self::Part { machines } => number < machines,
            Self::Stay | Self::Introduce | Self::Live { .. } | Self::Burst { .. } | Self::Return { .. } => false,
        }
    }
}

/// An order, and which one it is.
pub(super) type Numbered = (u64, Order);

/// Shared by all.
#[derive(Debug)]
pub(super) struct World {
    /// Where streams are opened: machines are dealt out to these, and go on to the next when one is lost.
    pub(super) servers: Vec<SocketAddr>,
    pub(super) models: Vec<Model>,
    pub(super) orders: watch::Sender<Numbered>,
    /// Machines that may shake hands at the same time when nobody told them to spread.
    pub(super) first_time: Semaphore,
    pub(super) tally: Tally,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Connects,
    VainConnects,
    Acknowledged,
    /// Records that no collector has acknowledged yet.
    Waiting,
    Drains,
    Snapshots,
    Naps,
    Outages,
    /// Records that the courses of ordinary life will have made.
    Planned,
    /// Orders that were taken, each machine's apart.
    Taken,
}

/// How many kinds of counts there are.
const COUNTS: usize = Count::Taken as usize + 1;

/// What was counted.
#[derive(Debug)]
pub(super) struct Tally {
    counts: [AtomicU64; COUNTS],
    /// Streams that are open, at each server.
    here: Vec<AtomicU64>,
    /// When streams were welcomed.
    arrivals: Mutex<Vec<Instant>>,
    /// From sending a lone record to its acknowledgement, in microseconds.
    waits_us: Mutex<Vec<u32>>,
    /// What should not have happened; the first few.
    troubles: Mutex<Vec<String>>,
}

/// What was counted since the last time, for another process.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Difference {
    counts: Vec<i64>,
    here: Vec<i64>,
    /// How long ago, in milliseconds.
    arrivals_ms: Vec<u64>,
    waits_us: Vec<u32>,
    troubles: Vec<String>,
}

/// Where the counts stood the last time.
#[derive(Debug, Default)]
pub(super) struct Stand {
    counts: Vec<u64>,
    here: Vec<u64>,
}

/// Troubles that are kept.
const TROUBLES: usize = 20;

impl World {
    pub(super) fn new(servers: Vec<SocketAddr>, handshakes: usize) -> Arc<Self> {
        let (orders, _) = watch::channel((0, Order::Leave));
        let tally = Tally {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            here: servers.iter().map(|_| AtomicU64::new(0)).collect(),
            arrivals: Mutex::default(),
            waits_us: Mutex::default(),
            troubles: Mutex::default(),
        };
        Arc::new(Self { servers, models: models(), orders, first_time: Semaphore::new(handshakes), tally })
    }

    /// Tells everybody what to do next.
    pub(super) fn order(&self, order: Order) {
        self.orders.send_modify(|now| *now = (now.0 + 1, order));
    }

    pub(super) fn connected(&self) -> u64 {
        self.tally.here.iter().map(|here| here.load(Ordering::Relaxed)).sum()
    }

    /// Streams that are open at one of the servers.
    pub(super) fn connected_at(&self, server: usize) -> u64 {
        self.tally.here[server].load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(super) fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: Count, more: u64) {
        self.counts[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn take(&self, count: Count) -> u64 {
        self.counts[count as usize].swap(0, Ordering::Relaxed)
    }

    pub(super) fn less(&self, count: Count, gone: u64) {
        self.counts[count as usize].fetch_sub(gone, Ordering::Relaxed);
    }

    pub(super) fn arrived(&self, server: usize) {
        self.here[server].fetch_add(1, Ordering::Relaxed);
        self.add(Count::Connects, 1);
        lock(&self.arrivals).push(Instant::now());
    }

    pub(super) fn left(&self, server: usize) {
        self.here[server].fetch_sub(1, Ordering::Relaxed);
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

    /// What was counted since `stand`, which moves on.
    pub(super) fn since(&self, stand: &mut Stand) -> Difference {
        let counts = moved(&self.counts, &mut stand.counts);
        let here = moved(&self.here, &mut stand.here);
        let ago = |at: Instant| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let arrivals_ms = self.take_arrivals().into_iter().map(ago).collect();
        let waits_us = std::mem::take(&mut *lock(&self.waits_us));
        let troubles = std::mem::take(&mut *lock(&self.troubles));
        Difference { counts, here, arrivals_ms, waits_us, troubles }
    }

    /// Adds what another process counted.
    pub(super) fn join(&self, difference: Difference) {
        let add = |counts: &[AtomicU64], differences: &[i64]| {
            for (count, difference) in counts.iter().zip(differences) {
                // Also what became less: addition wraps around.
                count.fetch_add(difference.cast_unsigned(), Ordering::Relaxed);
            }
        };
        add(&self.here, &difference.here);
        let now = Instant::now();
        let at = |ago: u64| now.checked_sub(Duration::from_millis(ago)).unwrap_or(now);
        lock(&self.arrivals).extend(difference.arrivals_ms.into_iter().map(at));
        lock(&self.waits_us).extend(difference.waits_us);
        for trouble in difference.troubles {
            self.trouble(trouble);
        }
        // Last, since who waits for counts then looks at the rest.
        add(&self.counts, &difference.counts);
    }
}

/// How far each count is from where it stood, and moves that there.
fn moved(counts: &[AtomicU64], stand: &mut Vec<u64>) -> Vec<i64> {
    stand.resize(counts.len(), 0);
    let one = |(count, stood): (&AtomicU64, &mut u64)| {
        let now = count.load(Ordering::Relaxed);
        now.wrapping_sub(std::mem::replace(stood, now)).cast_signed()
    };
    counts.iter().zip(stand.iter_mut()).map(one).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
