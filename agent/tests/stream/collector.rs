//! A collector of a few lines, with moods.

mod raw;
pub(crate) mod server;
mod service;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firstline_agent::config::Address;
use firstline_proto::pack::PACKING;
use firstline_proto::v1;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, broadcast};

/// How a collector behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Temper {
    /// Drops a stream, without a word, after this many records.
    pub(crate) lose_after_records: Option<u64>,
    /// Whether it acknowledges at all.
    pub(crate) acknowledge: bool,
    /// Acknowledges when this many records are stored and not yet acknowledged.
    pub(crate) acknowledge_every: u64,
    /// Sends the first stream away.
    pub(crate) drain_first: bool,
    /// Sends settings and a pull after the welcome.
    pub(crate) ask: bool,
    /// Answers every stream with these bytes instead of frames.
    pub(crate) says: Option<&'static [u8]>,
    /// Whether records may come ahead of their turn.
    pub(crate) takes_ahead: bool,
    /// How records and layouts may be packed; 0 for not at all.
    pub(crate) packing: u32,
}

impl Default for Temper {
    fn default() -> Self {
        Self {
            lose_after_records: None,
            acknowledge: true,
            acknowledge_every: 1,
            drain_first: false,
            ask: false,
            says: None,
            takes_ahead: false,
            packing: PACKING,
        }
    }
}

/// What it has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    temper: Temper,
    /// How often each sequence number was stored.
    stored: BTreeMap<u64, u32>,
    stored_sequence: u64,
    /// Numbers stored ahead of their turn, in the order in which they came.
    pub(crate) ahead: Vec<u64>,
    acknowledged: u64,
    /// The numbers of samples, by sequence number.
    rows: BTreeMap<u64, Vec<f32>>,
    /// Samples that came packed, and layouts that came as a change of another.
    packed: usize,
    layout_changes: usize,
    streams: u32,
    beats: Vec<v1::MarkKind>,
    /// Who was signed in, as last told.
    users: Vec<String>,
    token_used: bool,
}

/// State that the services share.
#[derive(Debug)]
pub(crate) struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
    authority: server::Authority,
    hang_up: broadcast::Sender<()>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no test thread panics while it holds this")
    }
}

pub(crate) struct Collector {
    shared: Arc<Shared>,
    port: u16,
}

impl Collector {
    pub(crate) async fn start(temper: Temper) -> Self {
        let (hang_up, _) = broadcast::channel(4);
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen { temper, ..Seen::default() }),
            changed: Notify::new(),
            authority: server::Authority::new(),
            hang_up,
        });
        let port = server::serve(Arc::clone(&shared)).await;
        Self { shared, port }
    }

    /// Loses every stream, keeps what is stored, and behaves differently from now on.
    pub(crate) fn restart(&self, temper: Temper) {
        self.shared.seen().temper = temper;
        let _ = self.shared.hang_up.send(());
    }

    pub(crate) fn address(&self) -> Address {
        Address { host: "localhost".into(), port: self.port }
    }

    pub(crate) fn token(&self) -> String {
        let fingerprint = Sha256::digest(self.shared.authority.der());
        format!("fl1.{}.{}", URL_SAFE_NO_PAD.encode(fingerprint), URL_SAFE_NO_PAD.encode("once"))
    }

    pub(crate) fn revoke_all(&self) {
        self.shared.authority.revoke_all();
    }

    /// Waits until `count` different records are stored.
    pub(crate) async fn stored(&self, count: usize) {
        self.wait(|seen| seen.stored.len() >= count).await;
    }

    /// Waits until `count` streams were opened.
    pub(crate) async fn opened(&self, count: u32) {
        self.wait(|seen| seen.streams >= count).await;
    }

    async fn wait(&self, done: impl Fn(&Seen) -> bool) {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if done(&self.shared.seen()) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), waiting).await;
        assert!(waited.is_ok(), "it did not come: {:?}", self.shared.seen());
    }

    /// Records stored, doubles counted twice.
    pub(crate) fn count(&self) -> u32 {
        self.shared.seen().stored.values().sum()
    }

    /// Samples that came packed, and layouts that came as a change of another.
    pub(crate) fn packed(&self) -> (usize, usize) {
        let seen = self.shared.seen();
        (seen.packed, seen.layout_changes)
    }

    /// The numbers of samples, by sequence number.
    pub(crate) fn rows(&self) -> BTreeMap<u64, Vec<f32>> {
        self.shared.seen().rows.clone()
    }

    pub(crate) fn streams(&self) -> u32 {
        self.shared.seen().streams
    }

    /// Waits until it is told that `users` are signed in.
    pub(crate) async fn users(&self, users: &[&str]) {
        self.wait(|seen| seen.users == users).await;
    }

    /// Numbers that came ahead of their turn.
    pub(crate) fn ahead(&self) -> Vec<u64> {
        self.shared.seen().ahead.clone()
    }

    pub(crate) fn beats(&self) -> Vec<v1::MarkKind> {
        self.shared.seen().beats.clone()
    }
}
