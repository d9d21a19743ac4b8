//! One stream, from hello to its end.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{Machine, SEQUENCE_MAX};
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::collector_frame::Frame as Reply;
use firstline_proto::v1::{self, AgentFrame, CollectorFrame};
use metrics::{counter, gauge};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::{Status, Streaming};
use tracing::{debug, warn};

use super::clock::EndpointClock;
use super::service::{Outgoing, Shared};
use crate::authority::CertificateOf;
use crate::edge::Peer;
use crate::fleet::{Agent, Contest, FleetError, Known};
use crate::metrics as names;
use crate::store::StoreError;

mod intake;
mod open;
mod share;

use open::Open;

/// How long a new stream may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an endpoint may take to read what it is sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an endpoint stays away at least when its records could not be stored; and as much more by chance.
const STORE_REST: Duration = Duration::from_secs(15);

/// How long a replaced stream stays away at least, and how much more by chance.
const REPLACED_REST: Duration = Duration::from_mins(2);
const REPLACED_SPREAD: Duration = Duration::from_mins(3);

/// The label of a stream whose place another one took.
const REPLACED: &str = "replaced";

type Outbound = mpsc::Sender<Outgoing>;

/// A stream before its hello.
pub(super) struct Session {
    shared: Arc<Shared>,
    peer: Peer,
    certificate: CertificateOf,
    inbound: Streaming<AgentFrame>,
    outbound: Outbound,
}

/// Why a stream ended: a label for metrics, and what the endpoint is told, if anything.
struct End {
    label: &'static str,
    status: Option<Status>,
    /// A frame that goes before: when the endpoint should come back, if not by its own count, or as whom.
    last: Option<Reply>,
}

impl End {
    fn quiet(label: &'static str) -> Self {
        Self { label, status: None, last: None }
    }

    /// A connection that breaks while the other end takes nothing of what waits for it was ended because of that.
    fn seen_from(self, peer: &Peer) -> Self {
        if self.label == "broken" && peer.is_stuck() { Self { label: "not_reading", ..self } } else { self }
    }

    fn because(label: &'static str, status: Status) -> Self {
        Self { label, status: Some(status), last: None }
    }

    /// The endpoint is asked to stay away for `wait` and up to `spread` more.
    fn until(self, wait: Duration, spread: Duration) -> Self {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let drain = v1::Drain { reconnect_after_ms: ms(wait), spread_ms: ms(spread), alternative: String::new() };
        Self { last: Some(Reply::Drain(drain)), ..self }
    }

    /// Who reads this is alive although another took its place: a copy, which must not take the place back at once.
    fn replaced() -> Self {
        Self::because(REPLACED, Status::aborted("another stream of this endpoint took its place"))
            .until(REPLACED_REST, REPLACED_SPREAD)
    }

    /// Whether the endpoint is not this stream's any more.
    fn is_taken(&self) -> bool {
        self.label == REPLACED
    }

    fn revoked() -> Self {
        Self::because("revoked", Status::permission_denied("this endpoint was revoked"))
    }

    /// The machine must become an endpoint of its own.
    fn fork(permit: String) -> Self {
        Self { last: Some(Reply::Fork(v1::Fork { permit })), ..Self::quiet("forked") }
    }

    fn not_enrolled() -> Self {
        Self::because("not_enrolled", Status::permission_denied("this endpoint is not, or no longer, enrolled"))
    }

    /// The endpoint broke the protocol.
    fn bad(reason: impl std::fmt::Display) -> Self {
        Self::because("bad_frame", Status::invalid_argument(reason.to_string()))
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Moved) {
            return Self::replaced();
        }
        // The writer has logged the cause.
        Self::because("store_failed", Status::unavailable("the collector cannot store records now"))
            .until(STORE_REST, STORE_REST)
    }
}

impl Session {
    pub(super) fn new(
        shared: Arc<Shared>,
        peer: Peer,
        certificate: CertificateOf,
        inbound: Streaming<AgentFrame>,
        outbound: Outbound,
    ) -> Self {
        Self { shared, peer, certificate, inbound, outbound }
    }

    pub(super) async fn run(mut self) {
        let outbound = self.outbound.clone();
        let endpoint_id = self.certificate.endpoint_id.clone();
        gauge!(names::STREAMS).increment(1.0);
        // What happens seldom is kept apart from what waits for hours: an idle stream is as large as the largest await.
        let end = match Box::pin(self.open()).await {
            Ok(open) => open.run().await,
            Err(end) => end,
        };
        let end = end.seen_from(&self.peer);
        gauge!(names::STREAMS).decrement(1.0);
        counter!(names::STREAMS_ENDED, "reason" => end.label).increment(1);
        match &end.status {
            Some(status) if end.label == "bad_frame" => {
                warn!(host.id = %endpoint_id, "Stream of endpoint {endpoint_id} was refused: {}", status.message());
            }
            _ => {
                debug!(host.id = %endpoint_id, reason = end.label, "Stream of endpoint {endpoint_id} ended: {}", end.label);
            }
        }
        if let Some(last) = end.last {
            let frame = CollectorFrame { frame: Some(last) };
            let _ = timeout(SEND_TIMEOUT, outbound.send(Ok(Box::new(frame)))).await;
        }
        if let Some(status) = end.status {
            let _ = timeout(SEND_TIMEOUT, outbound.send(Err(Box::new(status)))).await;
        }
    }

    /// Waits for the hello, and answers it.
    async fn open(&mut self) -> Result<Open<'_>, End> {
        let first = timeout(HELLO_TIMEOUT, self.inbound.message()).await;
        let first = first.map_err(|_| End::because("no_hello", Status::deadline_exceeded("no hello came")))?;
        let broken = |status: Status| {
            if open::is_malformed(&status) { End::bad(status.message()) } else { End::quiet("broken") }
        };
        let frame = first.map_err(broken)?.and_then(|frame| frame.frame);
        let Some(Frame::Hello(hello)) = frame else { return Err(End::bad("the first frame must be a hello")) };
        let received = self.shared.clock.now();
        let known = self.admit(&hello).await?;
        let clock = EndpointClock::new(&hello.boot_id, Timestamp(hello.sent_unix_ms), hello.uptime_seconds, received);
        let machine = hello.machine.clone().ok_or_else(|| End::bad("hello.machine: is missing"))?;
        let machine = Machine::try_from(machine).map_err(|bad| End::bad(format!("hello.machine.{bad}")))?;
        let agent = Agent {
            version: hello.agent_version.clone(),
            boot_id: hello.boot_id.clone(),
            run_id: hello.run_id.clone(),
            can_fork: hello.capabilities.iter().any(|name| name == "fork"),
            root: self.certificate.root,
        };
        let contest = self.shared.fleet.contest(&known, &machine, &agent).await;
        let away = |_| End::because("store_failed", Status::unavailable("the database is not there"));
        match contest.map_err(away)? {
            Contest::None => {}
            Contest::NewcomerForks(permit) => return Err(End::fork(permit)),
            Contest::TooMany => {
                let text = "too many machines have this identity; enrol this one with a token of its own";
                return Err(End::because("too_many_copies", Status::permission_denied(text)));
            }
        }
        let connected = self.shared.fleet.connect(&known, machine, agent).await;
        let stream = connected.map_err(|cause| match cause {
            FleetError::Unknown(_) => End::not_enrolled(),
            other => away(other),
        })?;
        if stream.replaced {
            counter!(names::STREAMS_REPLACED).increment(1);
            Self::note_replaced(&known.endpoint.id, stream.quarrels);
        }
        let mut open = Open::new(self, stream, clock, &hello.boot_id);
        if let Err(end) = open.welcome(&hello, received).await {
            open.close().await;
            return Err(end);
        }
        Ok(open)
    }

    /// An agent that lost its connection comes back before the old stream is known to be dead; that is nothing. Only
    /// when streams take each other's place by turns, somebody must look: once, not at each turn.
    fn note_replaced(id: &str, quarrels: bool) {
        if quarrels {
            warn!(
                host.id = %id,
                "Streams of endpoint {id} take each other's place: two machines may share one identity, as after \
                 copying a disk; enrol one of them again"
            );
        } else {
            debug!(host.id = %id, "Endpoint {id} opened a second stream; the older one ends");
        }
    }

    /// Checks the hello's bounds, and that the endpoint may be here.
    async fn admit(&self, hello: &v1::Hello) -> Result<Known, End> {
        if hello.protocol_version != firstline_proto::PROTOCOL_VERSION {
            let text = format!("protocol version {} is not spoken here", hello.protocol_version);
            return Err(End::because("version", Status::failed_precondition(text)));
        }
        for (field, text) in [
            ("agent_version", &hello.agent_version),
            ("boot_id", &hello.boot_id),
            ("run_id", &hello.run_id),
            ("catalogue_version", &hello.catalogue_version),
        ] {
            if text.len() > 128 {
                return Err(End::bad(format!("hello.{field}: is too long")));
            }
        }
        if hello.capabilities.len() > 64 || hello.capabilities.iter().any(|name| name.len() > 128) {
            return Err(End::bad("hello.capabilities: are too many or too long"));
        }
        if hello.next_sequence == 0 || hello.boot_id.is_empty() {
            return Err(End::bad("hello: next_sequence and boot_id must be there"));
        }
        if hello.next_sequence.saturating_sub(1).max(hello.acknowledged_sequence) > SEQUENCE_MAX {
            return Err(End::bad("hello: the sequence numbers are beyond the highest"));
        }
        match self.shared.fleet.known(&self.certificate.endpoint_id).await {
            Ok(known) if !known.revoked => Ok(known),
            Ok(_) | Err(FleetError::Unknown(_)) => Err(End::not_enrolled()),
            Err(_) => Err(End::because("store_failed", Status::unavailable("the database is not there"))),
        }
    }
}
