//! The stream to the collector.
//!
//! The agent dials, says [`Hello`](firstline_proto::v1::Hello), and sends what the spool holds after what the collector
//! has. Records leave the spool only when they are acknowledged; after a lost connection they are sent again, and the
//! collector drops what it has. Reconnects wait a random time that doubles up to five minutes, and as long as a
//! collector that drains asked for.

mod backoff;
mod dial;
mod offset;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Reading, Timestamp};
use firstline_proto::convert::{Machine, Pull};
use firstline_proto::v1;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use backoff::Backoff;
pub use dial::{DialError, Link, dial};
pub use offset::ClockOffset;

use crate::config::Address;
use crate::identity::Identity;
use crate::os::Clock;
use crate::privacy::{Ledger, RecordCounts};
use crate::settings::{Policy, Settings};
use crate::spool::Spool;

/// The spool, shared between those who fill it and the stream that empties it.
#[derive(Debug)]
pub struct Outbox {
    spool: Mutex<Spool>,
    news: Notify,
    acknowledged: Mutex<Option<Acknowledged>>,
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
        Self { spool: Mutex::new(spool), news: Notify::new(), acknowledged: Mutex::default() }
    }

    /// The spool; held for short.
    pub fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the collector has everything; nothing before it said so since the agent started.
    pub fn acknowledged(&self) -> Option<Acknowledged> {
        *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The collector has everything up to `sequence`: the spool need not keep it.
    fn acknowledge(&self, at: Timestamp, sequence: u64) {
        self.spool().acknowledge(sequence);
        *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Acknowledged { at, sequence });
    }

    /// Wakes the stream: there is something new.
    pub fn wake(&self) {
        self.news.notify_one();
    }
}

/// What the stream tells the collector of this machine when it connects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// The machine as it is now.
    pub machine: Machine,
    /// The kernel's name for this boot.
    pub boot_id: String,
    /// Fingerprint of the layout in use; 0 when none yet.
    pub layout: u64,
    /// Version of the catalogue.
    pub catalogue: String,
    /// Whether the run before ended with `pausing`, so that this one begins with `resumed`.
    pub resumes: bool,
}

/// What a collector asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// A fresh snapshot.
    Pull(Pull),
    /// Nobody waits for it any more.
    Cancel(String),
    /// The stream is over: what was being sent must be asked for again.
    Disconnected,
}

/// How the stream is doing, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// `connecting`, `connected`, `waiting` or `refused`.
    pub state: LinkState,
    /// In a sentence.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

/// Where the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Dialling.
    Connecting,
    /// Up.
    Connected,
    /// Down; it will be tried again.
    Waiting,
    /// The collector does not want this endpoint.
    Refused,
}

/// Everything the stream needs of the agent.
#[derive(Debug)]
pub struct Uplink {
    /// Where to.
    pub collector: Address,
    /// Who we are; replaced at renewal.
    pub identity: Arc<Mutex<Identity>>,
    /// What is to be sent.
    pub outbox: Arc<Outbox>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What no collector can widen.
    pub policy: Policy,
    /// Where the collector's wishes go.
    pub settings: watch::Sender<Settings>,
    /// What we are.
    pub about: watch::Receiver<About>,
    /// Where pulls go.
    pub requests: mpsc::Sender<Request>,
    /// What pulls have to send.
    pub frames: mpsc::Receiver<v1::AgentFrame>,
    /// Where measured readings go.
    pub readings: mpsc::Sender<Reading>,
    /// How it is going.
    pub status: watch::Sender<LinkStatus>,
    /// What left the machine.
    pub ledger: Arc<Mutex<Ledger>>,
}

/// How a session ended.
#[derive(Debug)]
enum End {
    /// The agent stops.
    Stopped,
    /// It was up for a while and then lost.
    Lost(String),
    /// The collector refused this endpoint.
    Refused(String),
    /// The collector drains.
    Drained { wait: Duration, alternative: Option<Address> },
}

impl Uplink {
    /// Keeps a stream up until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut resumes = self.about.borrow().resumes;
        let mut collector = self.collector.clone();
        loop {
            self.tell(LinkState::Connecting, format!("connecting to {collector}"));
            let session = session::run(&mut self, &collector, &mut resumes, &mut backoff, &stop);
            let end = session.await;
            let _ = self.requests.try_send(Request::Disconnected);
            while self.frames.try_recv().is_ok() {}
            let wait = match end {
                End::Stopped => return,
                End::Lost(why) => {
                    let wait = backoff.next_wait();
                    tracing::warn!(collector = %collector, "The stream to {collector} is down: {why}; next try in {} s", wait.as_secs());
                    self.tell(LinkState::Waiting, why);
                    collector = self.collector.clone();
                    wait
                }
                End::Refused(why) => {
                    tracing::error!(collector = %collector, "The collector {collector} refuses this endpoint: {why}");
                    self.tell(LinkState::Refused, why);
                    collector = self.collector.clone();
                    backoff.longest()
                }
                End::Drained { wait, alternative } => {
                    self.tell(LinkState::Waiting, format!("the collector asked to come back in {} s", wait.as_secs()));
                    collector = alternative.unwrap_or_else(|| self.collector.clone());
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn tell(&self, state: LinkState, detail: String) {
        self.status.send_replace(LinkStatus { state, detail, since: self.clock.now() });
    }

    fn note_sent(&self, counts: RecordCounts) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(source) = ledger.add_records(self.clock.now(), &self.collector.to_string(), counts) {
            tracing::warn!("Writing the ledger of what was sent failed: {source}");
        }
    }
}
