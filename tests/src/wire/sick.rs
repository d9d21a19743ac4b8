//! Endpoints with a full volume, which say so again and again wherever they are let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::v1;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::{Identity, Stream, hello, records};
use crate::wait;

/// How often it says so.
const EVERY: Duration = Duration::from_secs(3);
/// How often it dials at most.
const DIAL_EVERY: Duration = Duration::from_millis(500);
/// How long it waits for what it sent to be acknowledged; a collector that is frozen says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// An endpoint with a full volume. It stops when it is dropped.
#[derive(Debug)]
pub struct Sick {
    /// The endpoint's id.
    pub endpoint_id: String,
    acknowledged: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Sick {
    /// Begins to say so to `127.0.0.1:port`.
    pub fn start(port: u16, name: &str, identity: Identity) -> Self {
        let endpoint_id = identity.endpoint_id.clone();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (name, seen) = (name.to_owned(), Arc::clone(&acknowledged));
        let task = tokio::spawn(async move {
            let mut turns = wait::turns(DIAL_EVERY);
            loop {
                turns.tick().await;
                // It goes on elsewhere, as every endpoint does.
                session(port, &name, &identity, &seen).await.ok();
            }
        });
        Self { endpoint_id, acknowledged, task }
    }

    /// How many of its records were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }
}

impl Drop for Sick {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn session(port: u16, name: &str, identity: &Identity, seen: &AtomicU64) -> anyhow::Result<()> {
    let next = seen.load(Ordering::SeqCst) + 1;
    let (mut stream, welcome) = Stream::open(port, identity, hello(name, next)).await?;
    stream.send(records::announcement(&layout())).await?;
    let mut next = welcome.stored_sequence + 1;
    loop {
        stream.send(records::batch([full(next)])).await?;
        let until = Instant::now() + PATIENCE;
        while timeout_at(until, stream.acknowledged()).await??.stored_sequence < next {}
        seen.fetch_max(next, Ordering::SeqCst);
        next += 1;
        // Whoever else has to say something says it now: a stream that ends is not noticed later than this.
        if let Ok(frame) = tokio::time::timeout(EVERY, stream.receive()).await {
            frame?;
        }
    }
}

/// How the numbers of [`full`] lie in a row.
pub fn sign() -> Vec<u8> {
    ROW.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What is free, and the size.
const ROW: [f32; 2] = [1024.0, 1e9];

/// The series that tell of a volume: what is free, and its size.
pub fn layout() -> Layout {
    let (mountpoint, kind, role) = (("mountpoint", "/data"), ("type", "ext4"), ("role", "data"));
    Layout::new(vec![
        Series::new("system.filesystem.usage", [mountpoint, kind, role, ("state", "free")]),
        Series::new("system.filesystem.limit", [mountpoint, kind, role]),
    ])
}

/// The volume is full, now.
pub fn full(sequence: u64) -> v1::Record {
    let body = v1::Sample {
        layout_fingerprint: layout().fingerprint(),
        step_seconds: u32::try_from(EVERY.as_secs()).expect("a small number"),
        row: ROW.to_vec(),
        absences: Vec::new(),
    };
    v1::Record {
        sequence,
        at_unix_ms: jiff::Timestamp::now().as_millisecond(),
        at_boot_ms: 3_600_000 + sequence,
        boot_id: "before".to_owned(),
        body: Some(v1::record::Body::Sample(body)),
    }
}
