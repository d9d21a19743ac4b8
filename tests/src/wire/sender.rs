//! An endpoint that sends as fast as it is acknowledged, across any number of collector crashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firstline_proto::v1;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Identity, Stream, hello, records};
use crate::wait;

/// Records in one batch.
const BATCH: u64 = 40;
/// Already acknowledged records that are sent again after each connection, as an agent does that lost its notes.
const REPEATED: u64 = 25;
/// How long a collector may be away.
const RETURN: Duration = Duration::from_mins(2);

/// A sending endpoint.
#[derive(Debug)]
pub struct Sender {
    /// The endpoint's id.
    pub endpoint_id: String,
    acknowledged: Arc<AtomicU64>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Sender {
    /// Starts sending [`records::sample`]s that begin at `start_ms` to `127.0.0.1:port`.
    pub fn start(port: u16, name: &str, identity: Identity, start_ms: i64) -> Self {
        let (acknowledged, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let endpoint_id = identity.endpoint_id.clone();
        let life = Life { port, name: name.to_owned(), identity, start_ms, acknowledged: Arc::clone(&acknowledged) };
        let (token, run) = (stop.clone(), async move { life.live().await });
        let task = tokio::spawn(async move {
            token.run_until_cancelled(run).await;
        });
        Self { endpoint_id, acknowledged, stop, task }
    }

    /// Highest sequence number that the collector has acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Stops sending; returns what was acknowledged.
    ///
    /// # Panics
    /// When the collector ever stood behind what it had acknowledged.
    pub async fn stop(self) -> u64 {
        self.stop.cancel();
        self.task.await.expect("the collector never forgot an acknowledged record");
        self.acknowledged.load(Ordering::SeqCst)
    }
}

struct Life {
    port: u16,
    name: String,
    identity: Identity,
    start_ms: i64,
    acknowledged: Arc<AtomicU64>,
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
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let (mut stream, welcome) =
            Stream::open(self.port, &self.identity, hello(&self.name, acknowledged + 1)).await?;
        let stored = welcome.stored_sequence;
        assert!(stored >= acknowledged, "{}: {acknowledged} were acknowledged, {stored} are stored", self.name);
        stream.send(records::layout_frame()).await?;
        let mut next = stored.saturating_sub(REPEATED) + 1;
        loop {
            stream.send(self.batch(next)).await?;
            next += BATCH;
            while self.acknowledged.load(Ordering::SeqCst) + 4 * BATCH < next {
                let ack = stream.acknowledged().await?;
                anyhow::ensure!(ack.refusals.is_empty(), "refused: {:?}", ack.refusals);
                self.acknowledged.fetch_max(ack.stored_sequence, Ordering::SeqCst);
            }
        }
    }

    fn batch(&self, first: u64) -> v1::agent_frame::Frame {
        records::batch((first..first + BATCH).map(|sequence| records::sample(sequence, self.start_ms)))
    }
}
