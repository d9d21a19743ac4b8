//! Answers a collector's request for a fresh snapshot.
//!
//! Sections are gathered side by side, each with ten seconds and progress of its own, while live data goes on. The
//! signed document is kept on disk, the last two of them: the same pull asked again (after a lost stream) gives the
//! same document, and the person at the machine can read what was sent.

mod cache;
mod gather;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use firstline_diagnosis::document::Snapshot;
use firstline_proto::convert::{Pull, SNAPSHOT_BYTES_MAX, pieces};
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::{Ease, Intake, catalogue_version};
use crate::config::Address;
use crate::identity::Identity;
use crate::os::Clock;
use crate::privacy::{Entry, Ledger, Sent};
use crate::schedule::Schedule;
use crate::snapshot::{assemble, sign};
use crate::uplink::Request;

/// Everything a pull needs of the agent.
#[derive(Clone)]
pub struct Pulls {
    /// Runs probes.
    pub schedule: Arc<Schedule>,
    /// Knows the recorder and the history.
    pub intake: Arc<Mutex<Intake>>,
    /// Signs.
    pub identity: Arc<Mutex<Identity>>,
    /// To the collector.
    pub frames: mpsc::Sender<v1::AgentFrame>,
    /// What left the machine.
    pub ledger: Arc<Mutex<Ledger>>,
    /// Where finished documents lie.
    pub cache: PathBuf,
    /// The collector that was reached last: to whom, for the ledger.
    pub reached: Arc<Mutex<Address>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Gives back what a snapshot took.
    pub ease: Arc<Ease>,
}

impl Pulls {
    /// Answers requests until `stop`.
    pub async fn run(self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        let mut running: HashMap<String, CancellationToken> = HashMap::new();
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => None,
                request = requests.recv() => request,
            };
            running.retain(|_, token| !token.is_cancelled());
            match request {
                Some(Request::Pull(pull)) => {
                    if running.contains_key(&pull.id) {
                        continue;
                    }
                    let token = CancellationToken::new();
                    running.insert(pull.id.clone(), token.clone());
                    tokio::spawn(self.clone().answer(pull, token));
                }
                Some(Request::Cancel(id)) => {
                    if let Some(token) = running.remove(&id) {
                        token.cancel();
                    }
                }
                Some(Request::Disconnected) => give_up(&mut running),
                None => return give_up(&mut running),
            }
        }
    }

    /// Makes the snapshot, or takes the one that was made before, and sends it; gives up when `token` is cancelled.
    async fn answer(self, pull: Pull, token: CancellationToken) {
        let work = async {
            let document = match cache::read(&self.cache, &pull.id) {
                Some(document) => document,
                None => match self.make(&pull).await {
                    Ok(document) => document,
                    Err(error) => {
                        return tracing::error!("The snapshot for pull {} could not be made: {error:#}", pull.id);
                    }
                },
            };
            self.send(&pull, &document).await;
        };
        tokio::select! {
            () = token.cancelled() => tracing::info!("Pull {} was given up", pull.id),
            () = work => token.cancel(),
        }
        self.ease.after_snapshot(Instant::now());
    }

    async fn make(&self, pull: &Pull) -> anyhow::Result<Bytes> {
        let gathered = gather::gather(self, pull).await;
        let taken_at = self.clock.now();
        let mut parts = self.intake().parts(gathered.readings, &self.schedule.cost_table());
        parts.series = gathered.series;
        parts.history = gathered.history;
        parts.agent.missing_sections = gathered.missing_sections;
        let snapshot = {
            let identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
            parts.endpoint_id.clone_from(&identity.endpoint_id);
            let ticket = Some(pull.ticket.clone()).filter(|ticket| !ticket.is_empty());
            let mut snapshot = assemble(parts, taken_at, pull.reason, ticket, &catalogue_version());
            sign(&mut snapshot, &identity)?;
            snapshot
        };
        let document = bounded(snapshot, &self.identity)?;
        cache::write(&self.cache, &pull.id, &document);
        Ok(document)
    }

    async fn send(&self, pull: &Pull, document: &Bytes) {
        for piece in pieces(&pull.id, document) {
            if self.frames.send(v1::AgentFrame { frame: Some(Frame::SnapshotChunk(piece)) }).await.is_err() {
                return;
            }
        }
        let counts = serde_json::from_slice::<Snapshot>(document).ok();
        let entry = Entry {
            at: self.clock.now(),
            to: self.reached.lock().unwrap_or_else(PoisonError::into_inner).to_string(),
            sent: Sent::Snapshot {
                ticket: pull.ticket.clone(),
                requested_by: pull.requested_by.clone(),
                readings: counts.as_ref().map_or(0, |snapshot| snapshot.readings.len() as u64),
                series: counts.as_ref().map_or(0, |snapshot| snapshot.series.len() as u64),
                bytes: document.len() as u64,
            },
        };
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(source) = ledger.note(&entry) {
            tracing::warn!("Writing the ledger of what was sent failed: {source}");
        }
        tracing::info!(pull.id = %pull.id, "Snapshot for pull {} was sent, {} bytes", pull.id, document.len());
    }

    fn intake(&self) -> std::sync::MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_up(running: &mut HashMap<String, CancellationToken>) {
    for (_, token) in running.drain() {
        token.cancel();
    }
}

/// The document's bytes; what makes it too long for the wire (series first) is left out and named.
fn bounded(mut snapshot: Snapshot, identity: &Mutex<Identity>) -> anyhow::Result<Bytes> {
    let document = serde_json::to_vec(&snapshot)?;
    if document.len() as u64 <= SNAPSHOT_BYTES_MAX {
        return Ok(document.into());
    }
    snapshot.series.retain(|series| series.step_seconds < 300);
    snapshot.agent.missing_sections.push("history older than an hour: the snapshot would be too long".to_owned());
    sign(&mut snapshot, &identity.lock().unwrap_or_else(PoisonError::into_inner))?;
    Ok(serde_json::to_vec(&snapshot)?.into())
}
