//! One stream, from hello to its end.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Layout, Mark, Timestamp};
use firstline_proto::convert::{Machine, Piece, SectionProgress, check_batch};
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::collector_frame::Frame as Reply;
use firstline_proto::v1::{self, AgentFrame, CollectorFrame};
use metrics::{counter, gauge, histogram};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};
use tracing::{debug, info, warn};

use super::clock::EndpointClock;
use super::pace::Pace;
use super::records::{self, InHand};
use super::service::{Drain, Shared};
use crate::authority::CertificateOf;
use crate::fleet::{Agent, Ending, Known, Stream};
use crate::metrics as names;
use crate::store::{Body, RecordBatch, StoreError};

/// How long a new stream may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// An endpoint that says nothing for so long is gone: three beats.
const SILENCE: Duration = Duration::from_mins(3);

/// How long an endpoint may take to read what it is sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a drained endpoint waits at least.
const RETURN_AFTER: Duration = Duration::from_secs(2);

/// How often a layout in use is noted as such.
const LAYOUT_NOTED_EVERY: Duration = Duration::from_hours(12);

type Outbound = mpsc::Sender<Result<CollectorFrame, Status>>;

/// A stream before its hello.
pub(super) struct Session {
    shared: Arc<Shared>,
    certificate: CertificateOf,
    inbound: Streaming<AgentFrame>,
    outbound: Outbound,
}

/// Why a stream ended: a label for metrics, and what the endpoint is told, if anything.
struct End {
    label: &'static str,
    status: Option<Status>,
}

impl End {
    fn quiet(label: &'static str) -> Self {
        Self { label, status: None }
    }

    fn because(label: &'static str, status: Status) -> Self {
        Self { label, status: Some(status) }
    }

    /// The endpoint broke the protocol.
    fn bad(reason: impl std::fmt::Display) -> Self {
        Self::because("bad_frame", Status::invalid_argument(reason.to_string()))
    }
}

impl From<StoreError> for End {
    fn from(_: StoreError) -> Self {
        // The writer has logged the cause.
        Self::because("store_failed", Status::unavailable("the collector cannot store records now"))
    }
}

impl Session {
    pub(super) fn new(
        shared: Arc<Shared>,
        certificate: CertificateOf,
        inbound: Streaming<AgentFrame>,
        outbound: Outbound,
    ) -> Self {
        Self { shared, certificate, inbound, outbound }
    }

    pub(super) async fn run(mut self) {
        let outbound = self.outbound.clone();
        let endpoint_id = self.certificate.endpoint_id.clone();
        gauge!(names::STREAMS).increment(1.0);
        let end = match self.open().await {
            Ok(open) => open.run().await,
            Err(end) => end,
        };
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
        if let Some(status) = end.status {
            let _ = timeout(SEND_TIMEOUT, outbound.send(Err(status))).await;
        }
    }

    /// Waits for the hello, and answers it.
    async fn open(&mut self) -> Result<Open<'_>, End> {
        let first = timeout(HELLO_TIMEOUT, self.inbound.message()).await;
        let first = first.map_err(|_| End::because("no_hello", Status::deadline_exceeded("no hello came")))?;
        let frame = first.map_err(|_| End::quiet("broken"))?.and_then(|frame| frame.frame);
        let Some(Frame::Hello(hello)) = frame else { return Err(End::bad("the first frame must be a hello")) };
        let received = self.shared.clock.now();
        let known = self.admit(&hello).await?;
        let clock = EndpointClock::new(&hello.boot_id, Timestamp(hello.sent_unix_ms), hello.uptime_seconds, received);
        let machine = hello.machine.clone().ok_or_else(|| End::bad("hello.machine: is missing"))?;
        let machine = Machine::try_from(machine).map_err(|bad| End::bad(format!("hello.machine.{bad}")))?;
        let agent = Agent { version: hello.agent_version.clone(), boot_id: hello.boot_id.clone() };
        let connected = self.shared.fleet.connect(&known, machine, agent).await;
        let stream =
            connected.map_err(|_| End::because("store_failed", Status::unavailable("the database is not there")))?;
        if stream.replaced {
            counter!(names::STREAMS_REPLACED).increment(1);
            warn!(host.id = %known.endpoint.id, "Endpoint {} opened a second stream; the older one ends", known.endpoint.id);
        }
        let mut open =
            Open { session: self, stream, clock, in_hand: InHand::default(), noted: Instant::now(), pace: Pace::new() };
        if let Err(end) = open.welcome(&hello, received).await {
            open.close().await;
            return Err(end);
        }
        Ok(open)
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
            ("catalogue_version", &hello.catalogue_version),
        ] {
            if text.len() > 128 {
                return Err(End::bad(format!("hello.{field}: is too long")));
            }
        }
        if hello.next_sequence == 0 || hello.boot_id.is_empty() {
            return Err(End::bad("hello: next_sequence and boot_id must be there"));
        }
        let refused =
            || End::because("not_enrolled", Status::permission_denied("this endpoint is not, or no longer, enrolled"));
        match self.shared.fleet.known(&self.certificate.endpoint_id).await {
            Ok(known) if !known.revoked => Ok(known),
            Ok(_) | Err(crate::fleet::FleetError::Unknown(_)) => Err(refused()),
            Err(_) => Err(End::because("store_failed", Status::unavailable("the database is not there"))),
        }
    }
}

/// A stream that has been welcomed.
struct Open<'s> {
    session: &'s mut Session,
    stream: Stream,
    clock: EndpointClock,
    in_hand: InHand,
    noted: Instant,
    pace: Pace,
}

/// What a stream does next.
enum Next {
    End,
    Drain,
    Outgoing(Reply),
    Silence,
    Incoming(Result<Option<AgentFrame>, Status>),
}

/// Whether a frame could not be read because of what it is, not because the connection broke.
fn is_malformed(status: &Status) -> bool {
    use std::error::Error as _;
    matches!(status.code(), tonic::Code::OutOfRange | tonic::Code::Internal | tonic::Code::Unimplemented)
        && status.source().is_none()
}

impl Open<'_> {
    async fn run(mut self) -> End {
        info!(host.id = %self.stream.endpoint_id, "Endpoint {} is online", self.stream.endpoint_id);
        self.session.shared.listener.connected(&self.stream.endpoint_id).await;
        let end = loop {
            if let Err(end) = self.step().await {
                break end;
            }
        };
        self.close().await;
        end
    }

    async fn close(&self) {
        let shared = &self.session.shared;
        shared.fleet.disconnect(&self.stream).await;
        if !shared.fleet.is_connected(&self.stream.endpoint_id) {
            shared.listener.disconnected(&self.stream.endpoint_id).await;
        }
    }

    async fn welcome(&mut self, hello: &v1::Hello, received: Timestamp) -> Result<(), End> {
        let shared = Arc::clone(&self.session.shared);
        let layout = shared.layouts.find(hello.layout_fingerprint).await?;
        let layout_known = layout.is_some();
        if let Some(layout) = layout {
            self.in_hand.add(layout);
        }
        let stored: Option<i64> =
            sqlx::query_scalar("SELECT stored_sequence FROM endpoint_progress WHERE endpoint_key = $1")
                .bind(self.stream.endpoint_key)
                .fetch_optional(shared.store.reads())
                .await
                .map_err(StoreError::from)?;
        let welcome = v1::Welcome {
            stored_sequence: stored.map_or(0, i64::cast_unsigned),
            layout_known,
            settings: Some(shared.settings.current()),
            hello_sent_unix_ms: hello.sent_unix_ms,
            received_unix_ms: received.unix_ms(),
            sent_unix_ms: shared.clock.now().unix_ms(),
            collector_id: shared.settings.collector_id().to_owned(),
        };
        self.send(Reply::Welcome(welcome)).await
    }

    /// Does the next thing: a frame in, a frame out, or the end.
    async fn step(&mut self) -> Result<(), End> {
        match self.next().await {
            Next::End => Err(self.ended()),
            Next::Drain => Err(self.drain().await),
            Next::Outgoing(frame) => self.send(frame).await,
            Next::Silence => {
                Err(End::because("silent", Status::deadline_exceeded("nothing was heard for three minutes")))
            }
            Next::Incoming(Ok(Some(AgentFrame { frame: Some(frame) }))) => self.take(frame).await,
            Next::Incoming(Ok(Some(AgentFrame { frame: None }))) => self.unknown().await,
            Next::Incoming(Ok(None)) => Err(End::quiet("closed")),
            Next::Incoming(Err(status)) if is_malformed(&status) => Err(End::bad(status.message())),
            Next::Incoming(Err(_)) => Err(End::quiet("broken")),
        }
    }

    /// Waits for what comes first. Safe to cancel.
    async fn next(&mut self) -> Next {
        tokio::select! {
            biased;
            _ = self.stream.ending.wait_for(Option::is_some) => Next::End,
            frame = self.stream.frames.recv() => match frame.map(|frame| frame.frame) {
                Some(Some(frame)) => Next::Outgoing(frame),
                Some(None) | None => Next::End,
            },
            () = self.session.shared.drain.begun() => Next::Drain,
            message = timeout(SILENCE, self.session.inbound.message()) => message.map_or(Next::Silence, Next::Incoming),
        }
    }

    /// A kind of frame that this version does not know is ignored, so that newer agents may send it.
    async fn unknown(&mut self) -> Result<(), End> {
        counter!(names::FRAMES, "kind" => "unknown").increment(1);
        self.pace.frame().await;
        Ok(())
    }

    fn ended(&self) -> End {
        match *self.stream.ending.borrow() {
            Some(Ending::Revoked) => End::because("revoked", Status::permission_denied("this endpoint was revoked")),
            _ => End::because("replaced", Status::aborted("another stream of this endpoint took its place")),
        }
    }

    async fn drain(&mut self) -> End {
        let spread = Drain::spread(self.session.shared.fleet.streams());
        let drain = v1::Drain {
            reconnect_after_ms: RETURN_AFTER.as_millis() as u32,
            spread_ms: u32::try_from(spread.as_millis()).unwrap_or(u32::MAX),
            alternative: String::new(),
        };
        match self.send(Reply::Drain(drain)).await {
            Ok(()) => End::because("drained", Status::unavailable("the collector is about to stop")),
            Err(end) => end,
        }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), End> {
        let now = self.session.shared.clock.now();
        self.stream.heard(now);
        let kind = match &frame {
            Frame::Hello(_) => return Err(End::bad("there is one hello a stream")),
            Frame::Layout(_) => "layout",
            Frame::Records(_) => "records",
            Frame::Beat(_) => "beat",
            Frame::PullProgress(_) => "pull_progress",
            Frame::SnapshotChunk(_) => "snapshot_chunk",
        };
        counter!(names::FRAMES, "kind" => kind).increment(1);
        self.pace.frame().await;
        match frame {
            Frame::Hello(_) => Ok(()),
            Frame::Layout(layout) => self.layout(layout, now).await,
            Frame::Records(batch) => self.records(batch, now).await,
            Frame::Beat(beat) => self.beat(&beat, now).await,
            Frame::PullProgress(progress) => {
                let progress = SectionProgress::try_from(progress).map_err(End::bad)?;
                self.session.shared.listener.progress(&self.stream.endpoint_id, progress).await;
                Ok(())
            }
            Frame::SnapshotChunk(chunk) => {
                let piece = Piece::try_from(chunk).map_err(End::bad)?;
                self.session.shared.listener.piece(&self.stream.endpoint_id, piece).await;
                Ok(())
            }
        }
    }

    async fn layout(&mut self, layout: v1::Layout, now: Timestamp) -> Result<(), End> {
        let layout = Layout::try_from(layout).map_err(|bad| End::bad(format!("layout.{bad}")))?;
        let layout = self.session.shared.layouts.announce(layout, now).await?;
        self.in_hand.add(layout);
        Ok(())
    }

    async fn beat(&mut self, beat: &v1::Beat, now: Timestamp) -> Result<(), End> {
        self.mark(Mark::try_from(beat.mark()).ok());
        let reply = v1::BeatReply {
            beat_sent_unix_ms: beat.sent_unix_ms,
            received_unix_ms: now.unix_ms(),
            sent_unix_ms: self.session.shared.clock.now().unix_ms(),
        };
        self.send(Reply::BeatReply(reply)).await
    }

    /// Pausing lasts until anything else is heard: a beat without a mark as well as a mark of another kind.
    fn mark(&self, mark: Option<Mark>) {
        self.stream.paused(mark == Some(Mark::Pausing));
    }

    /// Commits a batch, acknowledges it, and tells the other rooms what is new.
    async fn records(&mut self, batch: v1::RecordBatch, now: Timestamp) -> Result<(), End> {
        check_batch(&batch).map_err(End::bad)?;
        if batch.records.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.session.shared);
        while let Some(fingerprint) = records::missing_layout(&batch, &self.in_hand) {
            let layout = shared.layouts.find(fingerprint).await?;
            let unknown = || End::because("no_layout", Status::failed_precondition("a sample came before its layout"));
            self.in_hand.add(layout.ok_or_else(unknown)?);
        }
        let converted = records::convert(batch, &self.in_hand, &self.clock, now);
        self.note_layouts(now).await?;
        self.mark(converted.mark);
        let (records_dropped, count) = (dropped(&converted.rows), converted.rows.len());
        let started = Instant::now();
        let rows = converted.rows;
        let endpoint_key = self.stream.endpoint_key;
        let appended = shared.store.append(RecordBatch { endpoint_key, received_ms: now.unix_ms(), rows }).await?;
        histogram!(names::COMMIT_SECONDS).record(started.elapsed().as_secs_f64());
        counter!(names::RECORDS_STORED).increment((count - appended.new_from) as u64);
        counter!(names::RECORDS_DUPLICATE).increment(appended.new_from as u64);
        counter!(names::RECORDS_REFUSED).increment(converted.refusals.len() as u64);
        counter!(names::SEQUENCES_LEFT_OUT).increment(appended.left_out);
        counter!(names::RECORDS_DROPPED).increment(records_dropped);
        self.warn_of(appended.left_out, &converted.refusals);
        let ack = v1::Ack { stored_sequence: appended.stored_sequence, refusals: converted.refusals };
        self.send(Reply::Ack(ack)).await?;
        let new = converted.observations.into_iter().filter(|(index, _)| *index >= appended.new_from);
        let new: Vec<_> = new.map(|(_, observation)| observation).collect();
        if !new.is_empty() {
            shared.listener.observe(&self.stream.endpoint_id, new).await;
        }
        Ok(())
    }

    fn warn_of(&self, left_out: u64, refusals: &[v1::Refusal]) {
        let id = &self.stream.endpoint_id;
        if left_out > 0 {
            info!(host.id = %id, count = left_out, "Endpoint {id} left out {left_out} sequence numbers");
        }
        if let Some(first) = refusals.first() {
            let (count, reason) = (refusals.len(), &first.reason);
            warn!(host.id = %id, count, "{count} records of endpoint {id} were refused, the first because of {reason}");
        }
    }

    /// Notes now and then that layouts are in use, so that they are not forgotten.
    async fn note_layouts(&mut self, now: Timestamp) -> Result<(), End> {
        if self.noted.elapsed() >= LAYOUT_NOTED_EVERY {
            self.noted = Instant::now();
            for layout in self.in_hand.all() {
                self.session.shared.layouts.announce(Layout::clone(&layout), now).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, frame: Reply) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.session.outbound.send(Ok(CollectorFrame { frame: Some(frame) }))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::quiet("broken")),
            Err(_) => Err(End::quiet("not_reading")),
        }
    }
}

/// How many records a batch says were dropped.
fn dropped(rows: &[crate::store::Row]) -> u64 {
    rows.iter()
        .map(|row| match row.body {
            Body::Dropped { samples, others, .. } => samples.saturating_add(others),
            _ => 0,
        })
        .fold(0, u64::saturating_add)
}
