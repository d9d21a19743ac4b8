//! The stream to the collector.
//!
//! The agent dials, says [`Hello`](firstline_proto::v1::Hello), and sends what the spool holds after what the collector
//! has. Records leave the spool only when they are acknowledged; after a lost connection they are sent again, and the
//! collector drops what it has. Reconnects wait a random time that doubles up to five minutes, and as long as a
//! collector that drains asked for; a collector says beforehand over how long a lost fleet should spread its return.
//!
//! What is in the way is a [`Problem`] with advice, which `firstline-agent status` shows. A refusal is tried again ever
//! more rarely, since only people can change it.

mod backoff;
mod counted;
mod dial;
mod offset;
mod outbox;
mod problem;
mod race;
mod renewal;
mod route;
mod sent;
mod session;
mod tunnel;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Reading, Timestamp};
use firstline_proto::convert::{Machine, Pull};
use firstline_proto::v1;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use backoff::Backoff;
pub use dial::{Link, dial, dial_first};
pub use offset::ClockOffset;
pub use outbox::{Acknowledged, Outbox};
pub use problem::{DialError, Problem, Trouble};
pub use renewal::Renewal;
pub use route::{Credentials, Proxy, Route, Routes};
pub use sent::{Amount, Sent};

use crate::config::{Address, Collectors};
use crate::identity::{self, Identity};
use crate::os::Clock;
use crate::privacy::{Ledger, RecordCounts};
use crate::settings::{Policy, Settings};

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
    /// By when it is tried again; absent while it is up or being tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// What is in the way; absent while nothing is known to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What somebody can do about it; empty when nothing is in the way.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

impl LinkStatus {
    /// Nothing is known to be in the way.
    pub fn new(state: LinkState, detail: impl Into<String>, since: Timestamp) -> Self {
        Self { state, detail: detail.into(), since, next_try: None, problem: None, advice: String::new() }
    }
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
    /// Where to: tried in order.
    pub collectors: Collectors,
    /// Which way.
    pub routes: Routes,
    /// Who we are; replaced at renewal.
    pub identity: Arc<Mutex<Identity>>,
    /// Evidence of which machine this is.
    pub hardware: BTreeMap<String, String>,
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
    /// What has been in the way since when, over all tries.
    pub trouble: Mutex<Option<(LinkState, Timestamp)>>,
    /// What left the machine.
    pub ledger: Arc<Mutex<Ledger>>,
    /// How often the certificate was renewed; the stream goes over to the new one.
    pub renewals: watch::Receiver<u64>,
    /// When the collector wants the certificate to be renewed, if it does.
    pub renew_at: watch::Sender<Option<Instant>>,
    /// The collector that was reached last; before, the first.
    pub reached: Arc<Mutex<Address>>,
    /// Cancelled when this machine has become an endpoint of its own, and the agent must begin anew.
    pub forked: CancellationToken,
}

/// How a session ended.
#[derive(Debug)]
enum End {
    /// The agent stops.
    Stopped,
    /// Something is in the way.
    Failed(Trouble),
    /// The collector drains.
    Drained { wait: Duration, alternative: Option<Address> },
    /// The certificate is a new one, and the stream goes over to it.
    Renewed,
    /// Another machine has this identity; here is the permit for one of our own.
    Fork(String),
}

/// What outlives a session.
#[derive(Debug)]
struct Course {
    /// Random name of this run.
    run_id: String,
    /// Where to next: tried in order.
    collectors: Collectors,
    /// The one that took the last connection, while it has not welcomed this endpoint.
    met: Option<Address>,
    backoff: Backoff,
    resumes: bool,
    /// A stream that is good until the next one is welcomed.
    kept: Option<session::Kept>,
}

impl Uplink {
    /// Keeps a stream up until `stop`, or until this machine has forked.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut course = Course {
            run_id: format!("{:032x}", rand::random::<u128>()),
            collectors: self.collectors.clone(),
            met: None,
            backoff: Backoff::default(),
            resumes: self.about.borrow().resumes,
            kept: None,
        };
        loop {
            if course.kept.is_none() {
                self.tell(LinkStatus::new(
                    LinkState::Connecting,
                    format!("connecting to {}", course.collectors),
                    self.clock.now(),
                ));
            }
            let end = session::run(&mut self, &mut course, &stop).await;
            if !matches!(end, End::Renewed) {
                course.kept = None;
                let _ = self.requests.try_send(Request::Disconnected);
                while self.frames.try_recv().is_ok() {}
            }
            let was_in_the_way = matches!(&end, End::Failed(trouble) if trouble.problem.is_of_the_network());
            let Some(wait) = self.after(end, &mut course).await else { return };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.outbox.rest(wait), if was_in_the_way => {}
                () = tokio::time::sleep(wait), if !was_in_the_way => {}
            }
        }
    }

    /// How long to wait after `end`; nothing when there is no next time.
    async fn after(&mut self, end: End, course: &mut Course) -> Option<Duration> {
        match end {
            End::Stopped => None,
            End::Renewed => Some(Duration::ZERO),
            End::Failed(trouble) => {
                let wait = self.failed(&trouble, course);
                // One that takes connections and welcomes nobody must not keep the others from being tried.
                let met = course.met.take().filter(|_| !trouble.problem.is_refusal());
                course.collectors =
                    met.map_or_else(|| self.collectors.clone(), |met| self.collectors.going_on_after(&met));
                Some(wait)
            }
            End::Drained { wait, alternative } => {
                let words = format!("the collector asked to come back in {} s", wait.as_secs());
                let now = self.clock.now();
                let status = LinkStatus::new(LinkState::Waiting, words, now);
                self.tell(LinkStatus { next_try: Some(now + wait), ..status });
                course.collectors = match alternative {
                    Some(address) => self.collectors.beginning_with(address),
                    None => self.collectors.clone(),
                };
                Some(wait)
            }
            End::Fork(permit) => self.fork(permit, course).await,
        }
    }

    fn failed(&self, trouble: &Trouble, course: &mut Course) -> Duration {
        let Course { collectors, backoff, met, .. } = course;
        let collector = met.as_ref().unwrap_or(collectors.first());
        let advice = trouble.problem.advice(collector);
        let refused = trouble.problem.is_refusal();
        let wait = if refused { backoff.refused_wait() } else { backoff.next_wait() };
        if refused {
            tracing::error!(collector = %collector, "The collector {collector} refuses this endpoint: {trouble}; {advice}");
        } else {
            tracing::warn!(collector = %collector, "The stream to {collector} is down: {trouble}; next try in {} s", wait.as_secs());
        }
        let state = if refused { LinkState::Refused } else { LinkState::Waiting };
        let now = self.clock.now();
        let status = LinkStatus::new(state, trouble.detail.clone(), now);
        self.tell(LinkStatus { next_try: Some(now + wait), problem: Some(trouble.problem), advice, ..status });
        wait
    }

    /// Becomes an endpoint of its own. Then the agent begins anew; when it does not work, it is tried again later.
    async fn fork(&self, permit: String, course: &mut Course) -> Option<Duration> {
        let words = "another machine uses this identity; asking for one of our own";
        self.tell(LinkStatus::new(LinkState::Connecting, words, self.clock.now()));
        let mut machine = self.about.borrow().machine.clone();
        machine.hardware.clone_from(&self.hardware);
        let keep_from = self.outbox.run_first();
        match identity::fork(&self.identity, &course.collectors, &self.routes, permit, machine, keep_from).await {
            Ok(endpoint_id) => {
                tracing::warn!(endpoint.id = %endpoint_id, "Another machine uses the identity that this one had; this one is endpoint {endpoint_id} from now on");
                self.forked.cancel();
                None
            }
            Err(error) => {
                let detail =
                    format!("another machine uses this identity, and asking for one of our own failed: {error:#}");
                Some(self.failed(&Trouble::new(Problem::Replaced, detail), course))
            }
        }
    }

    /// The collector that was reached last.
    fn reached(&self) -> Address {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells where the stream stands. What lasts over several tries, down or refused, is told since the first of them.
    fn tell(&self, status: LinkStatus) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match status.state {
            LinkState::Connecting => status.since,
            LinkState::Connected => {
                *trouble = None;
                status.since
            }
            LinkState::Waiting | LinkState::Refused => {
                let lasts = trouble.filter(|(state, _)| *state == status.state);
                trouble.insert(lasts.unwrap_or((status.state, status.since))).1
            }
        };
        self.status.send_replace(LinkStatus { since, ..status });
    }

    fn note_sent(&self, counts: RecordCounts) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(source) = ledger.add_records(self.clock.now(), &self.reached().to_string(), counts) {
            tracing::warn!("Writing the ledger of what was sent failed: {source}");
        }
    }
}
