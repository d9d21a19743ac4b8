//! One stream, from dialling to its end.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use firstline_proto::PROTOCOL_VERSION;
use firstline_proto::convert::{Machine, Pull};
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame as Out;
use firstline_proto::v1::agent_service_client::AgentServiceClient;
use firstline_proto::v1::collector_frame::Frame as In;
use firstline_proto::v1::record::Body;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{About, Backoff, ClockOffset, End, Link, LinkState, Request, Uplink, dial};
use crate::config::Address;
use crate::privacy::RecordCounts;
use crate::spool::Frame;

/// The largest frame of a collector.
const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Records of one batch, and their bytes.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// Records on their way at most, before the collector acknowledges some.
const IN_FLIGHT_RECORDS: u64 = 1024;

/// Time for the collector to answer `hello`, and to take a frame.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Sign of life when no sample went out.
const BEAT_EVERY: Duration = Duration::from_mins(1);

/// A beat although samples go out, to measure the clock again.
const MEASURE_EVERY: Duration = Duration::from_mins(10);

/// Time for the last records to be acknowledged at a clean stop.
const FAREWELL_LIMIT: Duration = Duration::from_secs(3);

struct Session<'a> {
    uplink: &'a mut Uplink,
    link: Link,
    out: mpsc::Sender<v1::AgentFrame>,
    layouts: HashSet<u64>,
    /// Highest sequence number sent in this stream.
    sent: u64,
    acknowledged: u64,
    in_flight: u64,
    quiet_since: Instant,
    measured: Instant,
    offset: Option<ClockOffset>,
    /// The machine as the collector knows it.
    told: Machine,
    /// Beats that the collector has not answered.
    unanswered: u32,
}

/// Dials `collector`, streams until the stream ends, and says how it ended.
pub(super) async fn run(
    uplink: &mut Uplink,
    collector: &Address,
    resumes: &mut bool,
    backoff: &mut Backoff,
    stop: &CancellationToken,
) -> End {
    let tls = uplink.identity.lock().unwrap_or_else(PoisonError::into_inner).tls();
    let tls = match tls {
        Ok(tls) => tls,
        Err(error) => return End::Refused(format!("{:#}", anyhow::Error::from(error))),
    };
    let link = tokio::select! {
        () = stop.cancelled() => return End::Stopped,
        link = dial(collector, tls) => match link {
            Ok(link) => link,
            Err(error) => return End::Lost(format!("{:#}", anyhow::Error::from(error))),
        },
    };
    let (out, frames) = mpsc::channel(32);
    let mut client = AgentServiceClient::new(link.channel.clone()).max_decoding_message_size(FRAME_BYTES_MAX);
    let about = uplink.about.borrow_and_update().clone();
    let told = about.machine.clone();
    if out.send(frame(Out::Hello(hello(uplink, about)))).await.is_err() {
        return End::Lost("the stream could not be opened".to_owned());
    }
    let opened = tokio::select! {
        () = stop.cancelled() => return End::Stopped,
        opened = timeout(ANSWER_LIMIT, client.connect(ReceiverStream::new(frames))) => opened,
    };
    let mut inbound = match opened {
        Ok(Ok(response)) => response.into_inner(),
        Ok(Err(status)) => return ended(&link, &status),
        Err(_) => return End::Lost("the collector did not answer within 30 s".to_owned()),
    };
    let now = Instant::now();
    let mut session = Session {
        uplink,
        link,
        out,
        layouts: HashSet::new(),
        sent: 0,
        acknowledged: 0,
        in_flight: 0,
        quiet_since: now,
        measured: now,
        offset: None,
        told,
        unanswered: 0,
    };
    match session.greet(&mut inbound, collector).await {
        Ok(()) => backoff.reset(),
        Err(end) => return end,
    }
    if std::mem::take(resumes) && session.beat(v1::MarkKind::Resumed).await.is_err() {
        return session.lost();
    }
    session.stream(&mut inbound, stop).await
}

/// How a status ends a stream: a refusal when TLS or the collector says that it is about us.
fn ended(link: &Link, status: &Status) -> End {
    if let Some(words) = link.refusal() {
        return End::Refused(words.to_owned());
    }
    match status.code() {
        tonic::Code::Unauthenticated | tonic::Code::PermissionDenied => End::Refused(status.message().to_owned()),
        code => End::Lost(format!("{code}: {}", status.message())),
    }
}

fn frame(frame: Out) -> v1::AgentFrame {
    v1::AgentFrame { frame: Some(frame) }
}

fn hello(uplink: &Uplink, about: About) -> v1::Hello {
    v1::Hello {
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: PROTOCOL_VERSION,
        machine: Some(about.machine.into()),
        boot_id: about.boot_id,
        next_sequence: uplink.outbox.spool().next_sequence(),
        layout_fingerprint: about.layout,
        capabilities: Vec::new(),
        catalogue_version: about.catalogue,
        sent_unix_ms: uplink.clock.now().unix_ms(),
        uptime_seconds: uplink.clock.since_boot().as_secs(),
    }
}

/// The stream cannot take a frame.
struct Gone;

impl Session<'_> {
    /// Waits for `welcome` and goes on from where the collector stands.
    async fn greet(&mut self, inbound: &mut Streaming<v1::CollectorFrame>, collector: &Address) -> Result<(), End> {
        let first = timeout(ANSWER_LIMIT, inbound.message()).await;
        let first = first.map_err(|_| End::Lost("the collector did not welcome us within 30 s".to_owned()))?;
        let welcome = match first.map_err(|status| ended(&self.link, &status))?.and_then(|frame| frame.frame) {
            Some(In::Welcome(welcome)) => welcome,
            Some(In::Drain(drain)) => return Err(drained(&drain)),
            _ => return Err(End::Lost("the collector did not begin with a welcome".to_owned())),
        };
        self.measure(welcome.hello_sent_unix_ms, welcome.received_unix_ms, welcome.sent_unix_ms);
        if welcome.layout_known {
            self.layouts.insert(self.uplink.about.borrow().layout);
        }
        self.uplink.outbox.acknowledge(self.uplink.clock.now(), welcome.stored_sequence);
        (self.sent, self.acknowledged) = (welcome.stored_sequence, welcome.stored_sequence);
        if let Some(settings) = &welcome.settings {
            self.apply(settings);
        }
        let replica = &welcome.collector_id;
        tracing::info!(collector = %collector, "Connected to {collector} (replica {replica}), which has records up to {}", self.sent);
        self.uplink.tell(LinkState::Connected, format!("connected to {collector}"));
        Ok(())
    }

    async fn stream(&mut self, inbound: &mut Streaming<v1::CollectorFrame>, stop: &CancellationToken) -> End {
        let outbox = std::sync::Arc::clone(&self.uplink.outbox);
        loop {
            if self.pump().await.is_err() {
                return self.lost();
            }
            let beat_at = (self.quiet_since + BEAT_EVERY).min(self.measured + MEASURE_EVERY);
            tokio::select! {
                message = inbound.message() => match message {
                    Ok(Some(message)) => if let Some(end) = self.handle(message) { return end },
                    Ok(None) => return End::Lost("the collector closed the stream".to_owned()),
                    Err(status) => return ended(&self.link, &status),
                },
                () = outbox.news.notified() => {}
                Some(frame) = self.uplink.frames.recv() => if self.send(frame).await.is_err() { return self.lost() },
                Ok(()) = self.uplink.about.changed() => if self.tell_machine().await.is_err() { return self.lost() },
                () = sleep_until(beat_at) => if self.beat(v1::MarkKind::Unspecified).await.is_err() { return self.lost() },
                () = stop.cancelled() => return self.farewell(inbound).await,
            }
        }
    }

    fn lost(&self) -> End {
        match self.link.refusal() {
            Some(words) => End::Refused(words.to_owned()),
            None => End::Lost("the collector takes no more frames".to_owned()),
        }
    }

    async fn send(&self, frame: v1::AgentFrame) -> Result<(), Gone> {
        match timeout(ANSWER_LIMIT, self.out.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    /// Sends what the spool holds beyond what is on its way.
    async fn pump(&mut self) -> Result<(), Gone> {
        while self.in_flight < IN_FLIGHT_RECORDS {
            let frames = self.uplink.outbox.spool().read_after(self.sent, BATCH_RECORDS, BATCH_BYTES);
            let Some(last) = frames.last().map(|frame| frame.sequence) else { break };
            self.introduce_layouts(&frames).await?;
            self.in_flight += frames.len() as u64;
            self.send_batch(&frames).await?;
            self.sent = last;
        }
        Ok(())
    }

    async fn introduce_layouts(&mut self, frames: &[Frame]) -> Result<(), Gone> {
        for name in frames.iter().filter_map(|frame| frame.layout) {
            let layout = self.uplink.outbox.spool().layout(name).cloned();
            if let Some(layout) = layout.filter(|_| self.layouts.insert(name)) {
                self.send(frame(Out::Layout(layout))).await?;
            }
        }
        Ok(())
    }

    async fn send_batch(&mut self, frames: &[Frame]) -> Result<(), Gone> {
        let mut counts = RecordCounts::default();
        let mut records = Vec::with_capacity(frames.len());
        for stored in frames {
            match stored.record() {
                Ok(record) => records.push(count(&mut counts, record, stored.payload.len())),
                Err(error) => tracing::warn!("Record {} cannot be read back: {error}", stored.sequence),
            }
        }
        if counts.samples > 0 {
            // The clock is told with each sample: often enough, and it costs no exchange.
            self.quiet_since = Instant::now();
            self.tell_offset();
        }
        self.uplink.note_sent(counts);
        self.send(frame(Out::Records(v1::RecordBatch { records }))).await
    }

    async fn beat(&mut self, mark: v1::MarkKind) -> Result<(), Gone> {
        self.beat_with(mark, None).await
    }

    async fn beat_with(&mut self, mark: v1::MarkKind, machine: Option<Machine>) -> Result<(), Gone> {
        let now = Instant::now();
        (self.quiet_since, self.measured) = (now, now);
        self.unanswered += 1;
        self.tell_offset();
        let beat = v1::Beat {
            boot_id: self.uplink.about.borrow().boot_id.clone(),
            sent_unix_ms: self.uplink.clock.now().unix_ms(),
            next_sequence: self.uplink.outbox.spool().next_sequence(),
            mark: mark.into(),
            machine: machine.map(Into::into),
        };
        self.send(frame(Out::Beat(beat))).await
    }

    /// Tells what is new about the machine, such as who is signed in.
    async fn tell_machine(&mut self) -> Result<(), Gone> {
        let machine = self.uplink.about.borrow_and_update().machine.clone();
        if machine == self.told {
            return Ok(());
        }
        self.told = machine.clone();
        self.beat_with(v1::MarkKind::Unspecified, Some(machine)).await
    }

    /// Answers a frame; says how the stream ends when it does.
    fn handle(&mut self, message: v1::CollectorFrame) -> Option<End> {
        match message.frame? {
            In::Welcome(_) => return Some(End::Lost("the collector welcomed us twice".to_owned())),
            In::Ack(ack) => self.acknowledge(&ack),
            In::PullRequest(request) => match Pull::try_from(request) {
                Ok(pull) => self.request(Request::Pull(pull)),
                Err(bad) => tracing::warn!("A pull was refused: {bad}"),
            },
            In::PullCancel(cancel) => self.request(Request::Cancel(cancel.pull_id)),
            In::Settings(settings) => self.apply(&settings),
            In::BeatReply(reply) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.measure(reply.beat_sent_unix_ms, reply.received_unix_ms, reply.sent_unix_ms);
            }
            In::Drain(drain) => return Some(drained(&drain)),
        }
        None
    }

    fn acknowledge(&mut self, ack: &v1::Ack) {
        for refusal in &ack.refusals {
            tracing::warn!("The collector refused record {}: {}", refusal.sequence, refusal.reason);
        }
        // A collector cannot have what was never sent to it; a larger number would delete what is still needed.
        let upto = ack.stored_sequence.min(self.sent);
        self.uplink.outbox.acknowledge(self.uplink.clock.now(), upto);
        self.in_flight = self.in_flight.saturating_sub(upto.saturating_sub(self.acknowledged));
        self.acknowledged = self.acknowledged.max(upto);
        if self.acknowledged == self.sent {
            self.in_flight = 0;
        }
    }

    fn request(&self, request: Request) {
        if self.uplink.requests.try_send(request).is_err() {
            tracing::warn!("A pull was dropped: too many are waiting");
        }
    }

    fn apply(&self, message: &v1::Settings) {
        match self.uplink.policy.apply(message) {
            Ok(settings) => {
                self.uplink.settings.send_if_modified(|current| {
                    let differs = *current != settings;
                    *current = settings;
                    differs
                });
            }
            Err(bad) => tracing::warn!("Settings of the collector were refused: {bad}"),
        }
    }

    fn measure(&mut self, sent_ms: i64, received_ms: i64, replied_ms: i64) {
        let (now, since_boot) = (self.uplink.clock.now(), self.uplink.clock.since_boot());
        if let Some(offset) = ClockOffset::measure(sent_ms, received_ms, replied_ms, now, since_boot) {
            self.offset = Some(offset);
            self.tell_offset();
        }
    }

    fn tell_offset(&self) {
        let Some(offset) = self.offset else { return };
        for reading in offset.readings(self.uplink.clock.now(), self.uplink.clock.since_boot()) {
            let _ = self.uplink.readings.try_send(reading);
        }
    }

    /// Says that the agent pauses, and gives the last records a moment to be stored.
    async fn farewell(&mut self, inbound: &mut Streaming<v1::CollectorFrame>) -> End {
        let goodbye = async {
            self.pump().await?;
            self.beat(v1::MarkKind::Pausing).await?;
            while self.unanswered > 0 || self.acknowledged < self.sent {
                match inbound.message().await {
                    Ok(Some(v1::CollectorFrame { frame: Some(In::Ack(ack)) })) => self.acknowledge(&ack),
                    Ok(Some(v1::CollectorFrame { frame: Some(In::BeatReply(_)) })) => {
                        self.unanswered = self.unanswered.saturating_sub(1);
                    }
                    Ok(Some(_)) => {}
                    _ => break,
                }
            }
            Ok::<(), Gone>(())
        };
        let _ = timeout(FAREWELL_LIMIT, goodbye).await;
        End::Stopped
    }
}

fn count(counts: &mut RecordCounts, record: v1::Record, bytes: usize) -> v1::Record {
    counts.bytes += bytes as u64;
    match record.body {
        Some(Body::Sample(_)) => counts.samples += 1,
        Some(Body::Inventory(_)) => counts.inventories += 1,
        _ => counts.events += 1,
    }
    record
}

fn drained(drain: &v1::Drain) -> End {
    let spread = Duration::from_millis(u64::from(drain.spread_ms)).mul_f64(rand::random::<f64>());
    End::Drained {
        wait: Duration::from_millis(u64::from(drain.reconnect_after_ms)) + spread,
        alternative: drain.alternative.parse().ok().filter(|_| !drain.alternative.is_empty()),
    }
}
