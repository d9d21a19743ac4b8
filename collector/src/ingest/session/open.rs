//! A stream that has been welcomed: what goes in and out, until it ends.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Mark, Timestamp};
use firstline_proto::convert::{Machine, Piece, SectionProgress};
use firstline_proto::pack::{PACKING, Unpacker};
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::collector_frame::Frame as Reply;
use firstline_proto::v1::{self, AgentFrame, CollectorFrame};
use metrics::counter;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::{Status, Streaming};
use tracing::info;

use super::{End, SEND_TIMEOUT, Session};
use crate::fleet::{Ending, Stream};
use crate::ingest::backlog::Backlog;
use crate::ingest::clock::EndpointClock;
use crate::ingest::in_hand::{InHand, Used};
use crate::ingest::pace::Pace;
use crate::ingest::service::Drain;
use crate::metrics as names;
use crate::store::{StoreError, sql};

/// An endpoint that says nothing for so long is gone: three beats.
const SILENCE: Duration = Duration::from_mins(3);

/// How long a drained endpoint waits at least.
const RETURN_AFTER: Duration = Duration::from_secs(2);

/// An open stream.
pub(super) struct Open<'s> {
    pub(super) session: &'s mut Session,
    pub(super) stream: Stream,
    pub(super) clock: EndpointClock,
    pub(super) in_hand: InHand,
    /// What the endpoint still has to send.
    pub(super) backlog: Backlog,
    /// Makes packed records whole.
    pub(super) unpacker: Unpacker,
    /// When layouts in hand were last noted as in use.
    pub(super) noted: Instant,
    /// Numbers that the endpoint was told are stored, and are not: this database was put back to an earlier state. Counted
    /// when the next record is stored.
    pub(super) forgotten: u64,
    /// Whether it was said that the endpoint has too many series of state.
    pub(super) told_over: bool,
    /// When the certificate ends, and with it the right to this stream.
    expires: Instant,
    /// When the next frame is read.
    pub(super) rests_until: Instant,
    pace: Pace,
}

/// What a stream does next.
enum Next {
    End,
    Expired,
    Drain,
    Outgoing(Reply),
    Silence,
    Incoming(Result<Option<AgentFrame>, Status>),
}

/// The next frame from the endpoint, not before this moment. Safe to cancel.
async fn frame(not_before: Instant, inbound: &mut Streaming<AgentFrame>) -> Next {
    sleep_until(not_before).await;
    timeout(SILENCE, inbound.message()).await.map_or(Next::Silence, Next::Incoming)
}

/// Whether a frame could not be read because of what it is, not because the connection broke.
pub(super) fn is_malformed(status: &Status) -> bool {
    use std::error::Error as _;
    matches!(status.code(), tonic::Code::OutOfRange | tonic::Code::Internal | tonic::Code::Unimplemented)
        && status.source().is_none()
}

impl<'s> Open<'s> {
    pub(super) fn new(session: &'s mut Session, stream: Stream, clock: EndpointClock, boot_id: &str) -> Self {
        let now = Instant::now();
        let left = session.certificate.expires_at.since(session.shared.clock.now());
        let expires = now + left;
        let (in_hand, unpacker) = (InHand::default(), Unpacker::new(boot_id));
        Self {
            session,
            stream,
            clock,
            in_hand,
            unpacker,
            noted: now,
            forgotten: 0,
            told_over: false,
            backlog: Backlog::default(),
            expires,
            rests_until: now,
            pace: Pace::new(),
        }
    }

    pub(super) async fn run(mut self) -> End {
        info!(host.id = %self.stream.endpoint_id, "Endpoint {} is online", self.stream.endpoint_id);
        self.session.shared.listener.connected(&self.stream.endpoint_id).await;
        let end = loop {
            if let Err(end) = self.step().await {
                break end;
            }
        };
        let end = if end.is_taken() { Box::pin(self.taken(end)).await } else { end };
        Box::pin(self.close()).await;
        end
    }

    /// What was taken from this stream went to another one, or to nobody: an endpoint that was revoked at another collector
    /// may find out at its next record, before anybody told this one.
    async fn taken(&self, end: End) -> End {
        match self.session.shared.fleet.known(&self.stream.endpoint_id).await {
            Ok(known) if known.revoked => End::revoked(),
            Ok(_) | Err(_) => end,
        }
    }

    pub(super) async fn close(&self) {
        let shared = &self.session.shared;
        shared.fleet.disconnect(&self.stream).await;
        if !shared.fleet.is_connected(&self.stream.endpoint_id) {
            shared.listener.disconnected(&self.stream.endpoint_id).await;
        }
    }

    pub(super) async fn welcome(&mut self, hello: &v1::Hello, received: Timestamp) -> Result<(), End> {
        let shared = Arc::clone(&self.session.shared);
        let layout = shared.layouts.find(hello.layout_fingerprint).await?;
        let layout_known = layout.is_some();
        if let Some(layout) = layout {
            self.in_hand.add(Used::whole(layout));
        }
        let stored: Option<i64> =
            sql::query_scalar("SELECT stored_sequence FROM endpoint_progress WHERE endpoint_key = $1")
                .bind(self.stream.endpoint_key)
                .fetch_optional(shared.store.reads())
                .await
                .map_err(StoreError::from)?;
        let stored_sequence = stored.map_or(0, i64::cast_unsigned);
        self.backlog.stored(stored_sequence);
        self.backlog.stands(hello.next_sequence);
        self.forgotten = hello.acknowledged_sequence.saturating_sub(stored_sequence);
        let welcome = v1::Welcome {
            stored_sequence,
            layout_known,
            settings: Some(shared.settings.current()),
            hello_sent_unix_ms: hello.sent_unix_ms,
            received_unix_ms: received.unix_ms(),
            sent_unix_ms: shared.clock.now().unix_ms(),
            collector_id: shared.settings.collector_id().to_owned(),
            return_spread_ms: u32::try_from(Drain::spread(shared.fleet.population()).as_millis()).unwrap_or(u32::MAX),
            takes_ahead: true,
            packing: PACKING,
        };
        self.send(Reply::Welcome(welcome)).await?;
        match shared.fleet.renewal_due(&self.session.certificate.root) {
            Some(renewal) => self.send(Reply::Renewal(renewal)).await,
            None => Ok(()),
        }
    }

    /// Does the next thing: a frame in, a frame out, or the end.
    async fn step(&mut self) -> Result<(), End> {
        match self.next().await {
            Next::End => Err(self.ended()),
            Next::Expired => Err(End::because("expired", Status::unauthenticated("the certificate has expired"))),
            Next::Drain => Err(self.drain()),
            Next::Outgoing(frame) => self.send(frame).await,
            Next::Silence => {
                Err(End::because("silent", Status::deadline_exceeded("nothing was heard for three minutes")))
            }
            // Apart, since it is large and an idle stream does none of it.
            Next::Incoming(Ok(Some(AgentFrame { frame: Some(frame) }))) => Box::pin(self.take(frame)).await,
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
            () = sleep_until(self.expires) => Next::Expired,
            message = frame(self.rests_until, &mut self.session.inbound) => message,
        }
    }

    /// A kind of frame that this version does not know is ignored, so that newer agents may send it.
    async fn unknown(&mut self) -> Result<(), End> {
        counter!(names::FRAMES, "kind" => "unknown").increment(1);
        self.pace.frame().await;
        Ok(())
    }

    fn ended(&self) -> End {
        match &*self.stream.ending.borrow() {
            Some(Ending::Revoked) => End::revoked(),
            Some(Ending::Forks(permit)) => End::fork(permit.clone()),
            Some(Ending::Expelled) => {
                let text = "the other collectors have taken over the work of this one";
                let spread = Drain::spread(self.session.shared.fleet.population());
                End::because("expelled", Status::unavailable(text)).until(RETURN_AFTER, spread)
            }
            _ => End::replaced(),
        }
    }

    fn drain(&self) -> End {
        let spread = Drain::spread(self.session.shared.drain.leaving());
        End::because("drained", Status::unavailable("the collector is about to stop")).until(RETURN_AFTER, spread)
    }

    async fn take(&mut self, frame: Frame) -> Result<(), End> {
        let now = self.session.shared.clock.now();
        self.stream.heard(now);
        let kind = match &frame {
            Frame::Hello(_) => return Err(End::bad("there is one hello a stream")),
            Frame::Layout(_) => "layout",
            Frame::LayoutChange(_) => "layout_change",
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
            Frame::LayoutChange(change) => self.layout_change(change, now).await,
            Frame::Records(batch) => self.records(batch, now).await,
            Frame::Beat(beat) => self.beat(beat, now).await,
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

    async fn beat(&mut self, beat: v1::Beat, now: Timestamp) -> Result<(), End> {
        self.mark(Mark::try_from(beat.mark()).ok());
        self.stream.answered(beat.request_unix_ms);
        self.backlog.stands(beat.next_sequence);
        if let Some(machine) = beat.machine {
            let machine = Machine::try_from(machine).map_err(|bad| End::bad(format!("beat.machine.{bad}")))?;
            let changed = self.session.shared.fleet.machine_changed(&self.stream, machine).await;
            changed.map_err(|_| End::because("store_failed", Status::unavailable("the database is not there")))?;
        }
        let reply = v1::BeatReply {
            beat_sent_unix_ms: beat.sent_unix_ms,
            received_unix_ms: now.unix_ms(),
            sent_unix_ms: self.session.shared.clock.now().unix_ms(),
        };
        self.send(Reply::BeatReply(reply)).await
    }

    /// Pausing lasts until anything else is heard: a beat without a mark as well as a mark of another kind.
    pub(super) fn mark(&self, mark: Option<Mark>) {
        self.stream.paused(mark == Some(Mark::Pausing));
    }

    pub(super) async fn send(&self, frame: Reply) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.session.outbound.send(Ok(Box::new(CollectorFrame { frame: Some(frame) }))))
            .await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::quiet("broken")),
            Err(_) => Err(End::quiet("not_reading")),
        }
    }
}
