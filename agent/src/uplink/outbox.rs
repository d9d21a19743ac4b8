//! What is to be sent, shared between those who fill it and the stream that empties it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::{ClockOffset, Sent};
use crate::os::Clock;
use crate::spool::Spool;

/// After this long, a network that a machine woke or came into has given it an address, mostly.
const SETTLED: Duration = Duration::from_secs(6);

/// The spool, and how far it has been sent.
#[derive(Debug)]
pub struct Outbox {
    spool: Mutex<Spool>,
    pub(super) news: Notify,
    turn: Notify,
    /// The machine is about to sleep, and who waits until the collector knows.
    pub(super) drowsy: Notify,
    waits: Mutex<Option<oneshot::Sender<()>>>,
    pub(super) awake: Notify,
    acknowledged: Mutex<Option<Acknowledged>>,
    /// The first number that this run of the agent gave out.
    run_first: AtomicU64,
    /// The highest number that this run of the agent handed to a stream.
    sent: AtomicU64,
    offset: Mutex<Option<ClockOffset>>,
    account: Mutex<Sent>,
    pub(super) wire_bytes: Arc<AtomicU64>,
}

/// How far the collector has what this agent recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// When it last said so.
    pub at: Timestamp,
    /// It has everything up to this record.
    pub sequence: u64,
}

impl Outbox {
    /// Around `spool`.
    pub fn new(spool: Spool) -> Self {
        Self {
            run_first: AtomicU64::new(spool.next_sequence()),
            spool: Mutex::new(spool),
            news: Notify::new(),
            turn: Notify::new(),
            drowsy: Notify::new(),
            waits: Mutex::default(),
            awake: Notify::new(),
            acknowledged: Mutex::default(),
            sent: AtomicU64::new(0),
            offset: Mutex::default(),
            account: Mutex::default(),
            wire_bytes: Arc::default(),
        }
    }

    /// The spool; held for short.
    pub fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the collector has everything; nothing before it said so since the agent started.
    pub fn acknowledged(&self) -> Option<Acknowledged> {
        *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first number that this run of the agent gave out: what has it or a higher one was recorded by this machine.
    pub fn run_first(&self) -> u64 {
        self.run_first.load(Ordering::Relaxed)
    }

    /// The collector has everything up to `sequence`: the spool need not keep it.
    pub(super) fn acknowledge(&self, at: Timestamp, sequence: u64) {
        self.spool().acknowledge(sequence);
        *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Acknowledged { at, sequence });
    }

    /// What left over streams so far.
    pub fn account(&self) -> Sent {
        let account = self.account.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Sent { wire_bytes: self.wire_bytes.load(Ordering::Relaxed), ..account }
    }

    /// A frame goes out.
    pub(super) fn note_frame(&self, frame: &v1::AgentFrame) {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).enter(frame);
    }

    /// A record goes out, as it lies in the spool.
    pub(super) fn note_record(&self, record: &v1::Record) {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).enter_signals(record);
    }

    /// Records up to `sequence` were handed to a stream.
    pub(super) fn note_sent(&self, sequence: u64) {
        self.sent.fetch_max(sequence, Ordering::Relaxed);
    }

    /// Gives new numbers to what was recorded under numbers that the collector has from somebody else: from this machine
    /// before its disk was put back to an earlier state. Says how many records that were.
    ///
    /// What this run recorded and never sent cannot be stored. So a collector that has such a number has another record.
    pub(super) fn settle(&self, stored: u64) -> io::Result<u64> {
        let own = self.run_first().max(self.sent.load(Ordering::Relaxed).saturating_add(1));
        let mut spool = self.spool();
        if stored < own || spool.last_sequence() < own {
            return Ok(0);
        }
        let moved = spool.renumber(own, stored.saturating_add(1))?;
        self.run_first.store(stored.saturating_add(1), Ordering::Relaxed);
        Ok(moved)
    }

    /// Wakes the stream: there is something new.
    pub fn wake(&self) {
        self.news.notify_one();
    }

    /// The machine woke, or is in another network: what kept the stream away may be gone.
    pub fn turned(&self) {
        self.turn.notify_waiters();
    }

    /// The machine is about to sleep. Says whether the collector knows, after `limit` at most; from then on the stream says
    /// nothing more until [`Self::wakes`].
    pub async fn falls_asleep(&self, limit: Duration) -> bool {
        let (told, heard) = oneshot::channel();
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        self.drowsy.notify_one();
        timeout(limit, heard).await.is_ok_and(|told| told.is_ok())
    }

    /// Who waits until the collector knows that the machine sleeps, if still anybody does.
    pub(super) fn take_drowsy(&self) -> Option<oneshot::Sender<()>> {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner).take();
        waits.filter(|waits| !waits.is_closed())
    }

    /// The machine is awake, or did not sleep after all.
    pub fn wakes(&self) {
        self.awake.notify_waiters();
    }

    /// Waits for `wait` before the next try, or for a turn and then a few seconds by chance.
    pub(super) async fn rest(&self, wait: Duration) {
        let turned = async {
            self.turn.notified().await;
            sleep(SETTLED.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = turned => {}
        }
    }

    pub(super) fn measured(&self, offset: ClockOffset) {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = Some(offset);
    }

    /// The collector's time as it was last measured, else this machine's.
    pub(super) fn collector_now(&self, clock: &dyn Clock) -> Timestamp {
        let offset = *self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        offset.map_or_else(|| clock.now(), |offset| offset.collector_now(clock.since_boot()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::spool::Limits;
    use crate::state::Scratch;

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_woke_does_not_wait_for_what_was_before_it_slept() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let scratch = Scratch::on_disk(&dir.path().join("memory")).expect("made");
        let outbox = Outbox::new(Spool::open(dir.path(), &scratch, Limits::default()).expect("opens"));
        let five_minutes = Duration::from_mins(5);
        let start = Instant::now();
        // While nobody waits, a turn means nothing.
        outbox.turned();
        outbox.rest(five_minutes).await;
        assert_eq!(start.elapsed(), five_minutes);
        let (start, woke) = (Instant::now(), Duration::from_secs(20));
        tokio::join!(outbox.rest(five_minutes), async {
            sleep(woke).await;
            outbox.turned();
        });
        assert!(start.elapsed() <= woke + SETTLED && start.elapsed() > woke, "{:?}", start.elapsed());
    }
}
