//! An endpoint that sends as fast as it is acknowledged, across any number of collector crashes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firstline_proto::v1;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Identity, Stream, hello, records};
use crate::wait;

/// Records in one batch.
const BATCH: u64 = 40;
/// Most records that are sent and not acknowledged.
const WINDOW: u64 = 4 * BATCH;
/// Already acknowledged records that are sent again after each connection, as an agent does that lost its notes.
const REPEATED: u64 = 25;
/// How long a collector may be away.
const RETURN: Duration = Duration::from_mins(2);

/// A sending endpoint.
#[derive(Debug)]
pub struct Sender {
    /// The endpoint's id.
    pub endpoint_id: String,
    known: Arc<Known>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What a sender knows of its records.
#[derive(Debug, Default)]
struct Known {
    /// Highest sequence number that the collector has acknowledged.
    acknowledged: AtomicU64,
    /// Highest one that it was sent on the stream that is open, or was last.
    sent: AtomicU64,
    /// Whether the collector may be put back to an earlier state.
    may_be_put_back: AtomicBool,
    /// First and last number of what was acknowledged and forgotten.
    forgotten: Mutex<Vec<(u64, u64)>>,
}

impl Sender {
    /// Starts sending [`records::sample`]s that begin at `start_ms` to `127.0.0.1:port`.
    pub fn start(port: u16, name: &str, identity: Identity, start_ms: i64) -> Self {
        let (known, stop) = (Arc::new(Known::default()), CancellationToken::new());
        let endpoint_id = identity.endpoint_id.clone();
        let life = Life { port, name: name.to_owned(), identity, start_ms, known: Arc::clone(&known) };
        let (token, run) = (stop.clone(), async move { life.live().await });
        let task = tokio::spawn(async move {
            token.run_until_cancelled(run).await;
        });
        Self { endpoint_id, known, stop, task }
    }

    /// Highest sequence number that the collector has acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.known.acknowledged.load(Ordering::SeqCst)
    }

    /// Whether it has sent all that it may, and waits for acknowledgements.
    pub fn is_waiting(&self) -> bool {
        self.known.sent.load(Ordering::SeqCst) >= self.acknowledged() + WINDOW
    }

    /// From now on the collector may stand behind what it had acknowledged, as one does that was restored from a backup. As
    /// an agent, this sender has only what was not acknowledged, and goes on with that.
    pub fn may_be_put_back(&self) {
        self.known.may_be_put_back.store(true, Ordering::SeqCst);
    }

    /// First and last number of what was acknowledged and forgotten, each time that happened.
    ///
    /// # Panics
    /// When the sender has panicked.
    pub fn forgotten(&self) -> Vec<(u64, u64)> {
        self.known.forgotten.lock().expect("the sender lives").clone()
    }

    /// Stops sending; returns what was acknowledged.
    ///
    /// # Panics
    /// When the collector ever stood behind what it had acknowledged.
    pub async fn stop(self) -> u64 {
        self.stop.cancel();
        self.task.await.expect("the collector never forgot an acknowledged record");
        self.known.acknowledged.load(Ordering::SeqCst)
    }
}

struct Life {
    port: u16,
    name: String,
    identity: Identity,
    start_ms: i64,
    known: Arc<Known>,
}

impl Life {
    async fn live(self) {
        loop {
            // An error is the crash that the test is about; what counts is what the collector says afterwards.
            self.session().await.ok();
            wait::for_listener(self.port, RETURN).await;
        }
    }

    async fn session(&self) -> anyhow::Result<()> {
        let acknowledged = self.known.acknowledged.load(Ordering::SeqCst);
        let hello = v1::Hello { acknowledged_sequence: acknowledged, ..hello(&self.name, acknowledged + 1) };
        let (mut stream, welcome) = Stream::open(self.port, &self.identity, hello).await?;
        let stored = welcome.stored_sequence;
        let mut next = stored.saturating_sub(REPEATED) + 1;
        if stored < acknowledged {
            let allowed = self.known.may_be_put_back.load(Ordering::SeqCst);
            assert!(allowed, "{}: {acknowledged} were acknowledged, {stored} are stored", self.name);
            self.known.forgotten.lock().expect("nobody panics with it").push((stored + 1, acknowledged));
            next = acknowledged + 1;
        }
        stream.send(records::layout_frame()).await?;
        loop {
            stream.send(self.batch(next)).await?;
            next += BATCH;
            self.known.sent.store(next - 1, Ordering::SeqCst);
            while self.known.acknowledged.load(Ordering::SeqCst) + WINDOW < next {
                let ack = stream.acknowledged().await?;
                anyhow::ensure!(ack.refusals.is_empty(), "refused: {:?}", ack.refusals);
                self.known.acknowledged.fetch_max(ack.stored_sequence, Ordering::SeqCst);
            }
        }
    }

    fn batch(&self, first: u64) -> v1::agent_frame::Frame {
        records::batch((first..first + BATCH).map(|sequence| records::sample(sequence, self.start_ms)))
    }
}
