use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::CollectorFrame;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use super::Agent;

/// Frames that may wait for one endpoint.
const WAITING_FRAMES: usize = 32;

/// Streams of one endpoint that take each other's place within this time are one quarrel.
const QUARREL: Duration = Duration::from_hours(1);

/// The endpoint holds no stream, or takes nothing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the endpoint is not connected")]
pub struct NotConnected;

/// Why a stream must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A newer stream of the same endpoint took its place.
    Replaced,
    /// The endpoint was revoked.
    Revoked,
    /// The machine must become an endpoint of its own, with this permit.
    Forks(String),
    /// The other collectors have given this one up, and all its streams with it.
    Expelled,
}

/// What goes out to an endpoint. Boxed, since a queue reserves room for dozens although few streams ever fill it.
pub type Outgoing = Box<CollectorFrame>;

/// The streams of this process.
#[derive(Debug, Default)]
pub(super) struct Live {
    streams: Mutex<HashMap<String, Entry>>,
    numbers: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    claim: Claim,
    endpoint_key: i64,
    epoch: Option<i64>,
    frames: mpsc::Sender<Outgoing>,
    ending: watch::Sender<Option<Ending>>,
    /// When it took the place of another, if it did.
    replaced_at: Option<Timestamp>,
    /// Whether the one before had done so, too, shortly before.
    quarrels: bool,
    pulse: Arc<Pulse>,
}

/// Who a stream says that it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// Name of the agent's run; empty when it does not say.
    pub(super) run_id: String,
    /// What the machine says of its hardware.
    pub(super) hardware: BTreeMap<String, String>,
    /// Whether it can become an endpoint of its own.
    pub(super) can_fork: bool,
}

/// The stream of what may be another machine with the same key.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) hardware: BTreeMap<String, String>,
    pub(super) can_fork: bool,
    pulse: Arc<Pulse>,
    ending: watch::Receiver<Option<Ending>>,
}

impl Rival {
    /// Whether it answers the request of `asked` in time.
    pub(super) async fn answers(&mut self, asked: i64, within: Duration) -> bool {
        let mut answered = self.pulse.answered.subscribe();
        let heard = async {
            tokio::select! {
                heard = answered.wait_for(|request| *request >= asked) => heard.is_ok(),
                // Fails when the stream is gone.
                _ = self.ending.wait_for(Option::is_some) => false,
            }
        };
        tokio::time::timeout(within, heard).await.unwrap_or(false)
    }
}

/// When a stream was last heard, and whether the endpoint said that it would pause.
#[derive(Debug, Default)]
struct Pulse {
    at_ms: AtomicI64,
    paused: AtomicBool,
    /// Moment of the last request for a beat that was answered.
    answered: watch::Sender<i64>,
}

/// What a stream's pulse says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) at: Timestamp,
    pub(super) paused: bool,
}

impl Entry {
    /// The first reason counts.
    fn end_unless_ending(&self, why: Ending) {
        self.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            ending.get_or_insert(why);
            first
        });
    }

    fn replaced_within(&self, span: Duration, now: Timestamp) -> bool {
        self.replaced_at.is_some_and(|at| now.since(at) < span)
    }
}

impl Pulse {
    fn heard(&self) -> Heard {
        Heard { at: Timestamp(self.at_ms.load(Ordering::Relaxed)), paused: self.paused.load(Ordering::Relaxed) }
    }
}

/// A stream's side of its entry.
#[derive(Debug)]
pub struct Stream {
    /// Whose.
    pub endpoint_id: String,
    /// The endpoint's internal key.
    pub endpoint_key: i64,
    /// The number under which it is held, when collectors share the database.
    pub epoch: Option<i64>,
    /// Frames to send.
    pub frames: mpsc::Receiver<Outgoing>,
    /// Becomes something when the stream must end.
    pub ending: watch::Receiver<Option<Ending>>,
    /// Whether an older stream was ended for this one.
    pub replaced: bool,
    /// Whether this is where a quarrel begins: streams take each other's place by turns, as of two machines that share
    /// an identity. What follows of the same quarrel is not said again.
    pub quarrels: bool,
    number: u64,
    pulse: Arc<Pulse>,
}

impl Stream {
    /// The endpoint was heard.
    pub fn heard(&self, at: Timestamp) {
        self.pulse.at_ms.fetch_max(at.unix_ms(), Ordering::Relaxed);
    }

    /// The endpoint answered the request for a beat of this moment.
    pub fn answered(&self, request: i64) {
        self.pulse.answered.send_if_modified(|last| {
            let newer = request > *last;
            *last = request.max(*last);
            newer
        });
    }

    /// The endpoint said that it is about to pause, or that it is back.
    pub fn paused(&self, paused: bool) {
        self.pulse.paused.store(paused, Ordering::Relaxed);
    }
}

impl Live {
    /// The stream that an endpoint holds, when it is not of the run that wants to open another. One run that takes its own
    /// place again and again may be two, as of a machine that was copied while it ran.
    pub(super) fn rival(&self, endpoint_id: &str, agent: &Agent, now: Timestamp) -> Option<Rival> {
        let streams = self.streams();
        let entry = streams.get(endpoint_id)?;
        let says_nothing = entry.claim.run_id.is_empty() || agent.run_id.is_empty();
        if says_nothing || (entry.claim.run_id == agent.run_id && !entry.replaced_within(QUARREL, now)) {
            return None;
        }
        Some(Rival {
            hardware: entry.claim.hardware.clone(),
            can_fork: entry.claim.can_fork,
            pulse: Arc::clone(&entry.pulse),
            ending: entry.ending.subscribe(),
        })
    }

    pub(super) fn connect(
        &self,
        endpoint_id: &str,
        endpoint_key: i64,
        epoch: Option<i64>,
        claim: Claim,
        now: Timestamp,
    ) -> Stream {
        let (frames_in, frames) = mpsc::channel(WAITING_FRAMES);
        let (ending_in, ending) = watch::channel(None);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let pulse = Arc::new(Pulse::default());
        pulse.at_ms.store(now.unix_ms(), Ordering::Relaxed);
        let mut streams = self.streams();
        let older = streams.remove(endpoint_id);
        let (replaced, before) = (older.is_some(), older.as_ref().is_some_and(|older| older.quarrels));
        let quarrels = older.as_ref().is_some_and(|older| older.replaced_within(QUARREL, now));
        let replaced_at = replaced.then_some(now);
        let pulse_in = Arc::clone(&pulse);
        let entry = Entry {
            number,
            claim,
            endpoint_key,
            epoch,
            frames: frames_in,
            ending: ending_in,
            replaced_at,
            quarrels,
            pulse: pulse_in,
        };
        streams.insert(endpoint_id.to_owned(), entry);
        if let Some(older) = older {
            older.end_unless_ending(Ending::Replaced);
        }
        let endpoint_id = endpoint_id.to_owned();
        let quarrels = quarrels && !before;
        Stream { endpoint_id, endpoint_key, epoch, frames, ending, replaced, quarrels, number, pulse }
    }

    /// Takes a stream out; what its pulse said, unless another stream has its place.
    pub(super) fn disconnect(&self, stream: &Stream) -> Option<Heard> {
        let mut streams = self.streams();
        if streams.get(&stream.endpoint_id)?.number != stream.number {
            return None;
        }
        streams.remove(&stream.endpoint_id).map(|entry| entry.pulse.heard())
    }

    pub(super) fn send(&self, endpoint_id: &str, frame: CollectorFrame) -> Result<(), NotConnected> {
        self.streams().get(endpoint_id).ok_or(NotConnected)?.frames.try_send(Box::new(frame)).map_err(|_| NotConnected)
    }

    pub(super) fn broadcast(&self, frame: &CollectorFrame) -> usize {
        self.streams().values().filter(|entry| entry.frames.try_send(Box::new(frame.clone())).is_ok()).count()
    }

    pub(super) fn end(&self, endpoint_id: &str, why: Ending) {
        if let Some(entry) = self.streams().get(endpoint_id) {
            entry.ending.send_replace(Some(why));
        }
    }

    /// Ends a stream that is held under this number or an earlier one.
    pub(super) fn end_up_to(&self, endpoint_id: &str, epoch: i64, why: Ending) {
        if let Some(entry) = self.streams().get(endpoint_id).filter(|entry| entry.epoch.is_some_and(|one| one <= epoch))
        {
            entry.end_unless_ending(why);
        }
    }

    pub(super) fn end_all(&self, why: &Ending) {
        for entry in self.streams().values() {
            entry.end_unless_ending(why.clone());
        }
    }

    /// The number under which an endpoint's stream is held here.
    pub(super) fn epoch(&self, endpoint_id: &str) -> Option<i64> {
        self.streams().get(endpoint_id)?.epoch
    }

    pub(super) fn holds(&self, endpoint_id: &str) -> bool {
        self.streams().contains_key(endpoint_id)
    }

    pub(super) fn heard(&self, endpoint_id: &str) -> Option<Heard> {
        self.streams().get(endpoint_id).map(|entry| entry.pulse.heard())
    }

    pub(super) fn count(&self) -> usize {
        self.streams().len()
    }

    /// Internal key and pulse of every stream, and the number under which it is held.
    pub(super) fn pulses(&self) -> HashMap<i64, (Heard, Option<i64>)> {
        self.streams().values().map(|entry| (entry.endpoint_key, (entry.pulse.heard(), entry.epoch))).collect()
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarrel_is_told_once() {
        let live = Live::default();
        let told: Vec<bool> = [0, 5, 10, 15, 200]
            .map(|minute| live.connect("e", 1, None, Claim::default(), Timestamp(minute * 60_000)).quarrels)
            .to_vec();
        assert_eq!(told, [false, false, true, false, false]);
    }
}
