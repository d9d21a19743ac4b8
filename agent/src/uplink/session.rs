//! One stream, from dialling to its end.

mod flight;
mod pause;
mod traffic;

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use firstline_proto::PROTOCOL_VERSION;
use firstline_proto::convert::{Machine, Pull};
use firstline_proto::pack::{PACKING, Packer};
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame as Out;
use firstline_proto::v1::agent_service_client::AgentServiceClient;
use firstline_proto::v1::collector_frame::Frame as In;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::dial::dial_first_counted;
use super::{About, ClockOffset, Course, End, Link, LinkState, LinkStatus, Problem, Request, Trouble, Uplink};
use flight::Flight;
use traffic::Ahead;

/// The largest frame of a collector.
const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Time for the collector to answer `hello`, and to take a frame.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Sign of life when no sample went out: a little later than a sample that is a little late.
const BEAT_EVERY: Duration = Duration::from_secs(75);

/// A beat although samples go out, to measure the clock again.
const MEASURE_EVERY: Duration = Duration::from_mins(10);

/// A stream goes over to a new certificate when it was quiet for this long.
const QUIET: Duration = Duration::from_secs(2);

/// What this agent can do beyond the first version of the protocol.
const CAPABILITIES: [&str; 1] = ["fork"];

struct Session<'a> {
    uplink: &'a mut Uplink,
    link: Link,
    out: mpsc::Sender<v1::AgentFrame>,
    /// Layouts that the collector knows.
    layouts: HashSet<u64>,
    /// The one named last; before the welcome, the one in the hello.
    named: u64,
    /// The boot in the hello.
    boot_id: String,
    /// What the collector takes packed; nothing when it takes records as they are only.
    packer: Option<Packer>,
    /// Highest sequence number sent in its turn in this stream.
    sent: u64,
    acknowledged: u64,
    flight: Flight,
    ahead: Ahead,
    quiet_since: Instant,
    measured: Instant,
    /// When a pull last had something to send.
    pulled: Instant,
    offset: Option<ClockOffset>,
    /// The machine as the collector knows it.
    told: Machine,
    /// Beats that the collector has not answered.
    unanswered: u32,
    /// Whether a newer certificate waits to be used.
    renewed: bool,
}

/// A stream that is not used any more, and open until it is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    _link: Link,
    _out: mpsc::Sender<v1::AgentFrame>,
    _inbound: Streaming<v1::CollectorFrame>,
}

/// What happens after a frame.
enum Next {
    Go,
    /// The collector wants to know whether we are here.
    Answer(i64),
    End(End),
}

fn failed(problem: Problem, detail: impl Into<String>) -> End {
    End::Failed(Trouble::new(problem, detail))
}

/// Dials the collector, streams until the stream ends, and says how it ended.
pub(super) async fn run(uplink: &mut Uplink, course: &mut Course, stop: &CancellationToken) -> End {
    uplink.renewals.borrow_and_update();
    let tls = uplink.identity.lock().unwrap_or_else(PoisonError::into_inner).tls();
    let tls = match tls {
        Ok(tls) => tls,
        Err(error) => return failed(Problem::Identity, format!("{:#}", anyhow::Error::from(error))),
    };
    let wire_bytes = std::sync::Arc::clone(&uplink.outbox.wire_bytes);
    let link = tokio::select! {
        () = stop.cancelled() => return End::Stopped,
        link = dial_first_counted(&course.collectors, tls, &uplink.routes, wire_bytes) => match link {
            Ok(link) => link,
            Err(error) => return End::Failed(error.trouble()),
        },
    };
    uplink.reached.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&link.collector);
    course.met = Some(link.collector.clone());
    let (out, frames) = mpsc::channel(32);
    let mut client = AgentServiceClient::new(link.channel.clone()).max_decoding_message_size(FRAME_BYTES_MAX);
    let about = uplink.about.borrow_and_update().clone();
    let (told, boot_id, named) = (about.machine.clone(), about.boot_id.clone(), about.layout);
    let hello = frame(Out::Hello(hello(uplink, about, &course.run_id)));
    uplink.outbox.note_frame(&hello);
    if out.send(hello).await.is_err() {
        return failed(Problem::Cut, "the stream could not be opened");
    }
    let opened = tokio::select! {
        () = stop.cancelled() => return End::Stopped,
        opened = timeout(ANSWER_LIMIT, client.connect(ReceiverStream::new(frames))) => opened,
    };
    let mut inbound = match opened {
        Ok(Ok(response)) => response.into_inner(),
        Ok(Err(status)) => return ended(&link, &status),
        Err(_) => return failed(Problem::Slow, "the collector did not answer within 30 s"),
    };
    let now = Instant::now();
    let mut session = Session {
        uplink,
        link,
        out,
        layouts: HashSet::new(),
        named,
        boot_id,
        packer: None,
        sent: 0,
        acknowledged: 0,
        flight: Flight::default(),
        ahead: Ahead::default(),
        quiet_since: now,
        measured: now,
        pulled: now,
        offset: None,
        told,
        unanswered: 0,
        renewed: false,
    };
    match session.greet(&mut inbound).await {
        Ok(spread) => {
            course.met = None;
            course.collectors = session.uplink.collectors.clone();
            course.backoff.reset(spread);
        }
        Err(end) => return end,
    }
    course.kept = None;
    if std::mem::take(&mut course.resumes) && session.beat(v1::MarkKind::Resumed).await.is_err() {
        return session.lost();
    }
    let end = session.stream(&mut inbound, stop).await;
    if matches!(end, End::Renewed) {
        let Session { link, out, .. } = session;
        course.kept = Some(Kept { _link: link, _out: out, _inbound: inbound });
    }
    end
}

/// How a status ends a stream: a refusal when TLS or the collector says that it is about us.
fn ended(link: &Link, status: &Status) -> End {
    if let Some(trouble) = link.refusal() {
        return End::Failed(trouble);
    }
    let said: String = status.message().chars().filter(|letter| !letter.is_control()).take(200).collect();
    let problem = match status.code() {
        tonic::Code::PermissionDenied if said.contains("revoked") => Problem::Revoked,
        tonic::Code::PermissionDenied => Problem::Refused,
        // The stream is as old as its certificate; a newer one may be at hand.
        tonic::Code::Unauthenticated | tonic::Code::Unavailable => Problem::Cut,
        tonic::Code::ResourceExhausted => Problem::Busy,
        tonic::Code::Aborted => Problem::Replaced,
        _ if is_broken(status) => Problem::Cut,
        _ => Problem::Protocol,
    };
    let words = match problem {
        Problem::Protocol => format!("what the collector said cannot be read: {said}"),
        Problem::Cut => format!("the connection was lost: {said}"),
        _ => format!("the collector says: {said}"),
    };
    failed(problem, words)
}

/// Whether it was the connection that failed, and not what was said over it.
fn is_broken(status: &Status) -> bool {
    use std::error::Error as _;
    status.source().is_some()
}

fn frame(frame: Out) -> v1::AgentFrame {
    v1::AgentFrame { frame: Some(frame) }
}

fn hello(uplink: &Uplink, about: About, run_id: &str) -> v1::Hello {
    let mut machine = about.machine;
    machine.hardware.clone_from(&uplink.hardware);
    v1::Hello {
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: PROTOCOL_VERSION,
        machine: Some(machine.into()),
        boot_id: about.boot_id,
        next_sequence: uplink.outbox.spool().next_sequence(),
        layout_fingerprint: about.layout,
        capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
        catalogue_version: about.catalogue,
        sent_unix_ms: uplink.clock.now().unix_ms(),
        uptime_seconds: uplink.clock.since_boot().as_secs(),
        run_id: run_id.to_owned(),
        acknowledged_sequence: uplink.outbox.acknowledged().map_or(0, |acknowledged| acknowledged.sequence),
    }
}

/// The stream cannot take a frame.
struct Gone;

impl Session<'_> {
    /// Waits for `welcome` and goes on from where the collector stands. Says over how long to spread a return.
    async fn greet(&mut self, inbound: &mut Streaming<v1::CollectorFrame>) -> Result<Duration, End> {
        let first = timeout(ANSWER_LIMIT, inbound.message()).await;
        let first = first.map_err(|_| failed(Problem::Slow, "the collector did not welcome us within 30 s"))?;
        let welcome = match first.map_err(|status| ended(&self.link, &status))?.and_then(|frame| frame.frame) {
            Some(In::Welcome(welcome)) => welcome,
            Some(In::Drain(drain)) => return Err(drained(&drain)),
            Some(In::Fork(fork)) => return Err(End::Fork(fork.permit)),
            Some(_) => return Err(failed(Problem::Protocol, "the collector did not begin with a welcome")),
            None => return Err(failed(Problem::Cut, "the collector closed the stream")),
        };
        self.measure(welcome.hello_sent_unix_ms, welcome.received_unix_ms, welcome.sent_unix_ms);
        if welcome.layout_known {
            self.layouts.insert(self.named);
        }
        self.packer = (welcome.packing >= PACKING).then(|| Packer::new(&self.boot_id));
        self.settle(welcome.stored_sequence);
        self.ahead.allowed = welcome.takes_ahead;
        if let Some(settings) = &welcome.settings {
            self.apply(settings);
        }
        let (replica, Link { collector, by, .. }) = (&welcome.collector_id, &self.link);
        tracing::info!(collector = %collector, "Connected to {collector}{by} (replica {replica}), which has records up to {}", self.sent);
        let words = format!("connected to {collector}{by}");
        self.uplink.tell(LinkStatus::new(LinkState::Connected, words, self.uplink.clock.now()));
        Ok(Duration::from_millis(u64::from(welcome.return_spread_ms)))
    }

    /// Goes on from what the collector has.
    fn settle(&mut self, stored: u64) {
        match self.uplink.outbox.settle(stored) {
            Ok(0) => {}
            Ok(count) => tracing::warn!(
                "The collector has records up to {stored} of this endpoint, more than it was sent: this machine was put \
                 back to an earlier state; {count} records that were made since get new numbers"
            ),
            Err(source) => tracing::warn!("Records could not be given new numbers: {source}"),
        }
        let before = self.uplink.outbox.acknowledged().map_or(0, |acknowledged| acknowledged.sequence);
        if stored < before {
            tracing::warn!(
                "The collector has records up to {stored} of this endpoint and had acknowledged those up to {before}: it was \
                 put back to an earlier state; what it forgot is not here any more"
            );
        }
        self.uplink.outbox.acknowledge(self.uplink.clock.now(), stored);
        (self.sent, self.acknowledged) = (stored, stored);
    }

    async fn stream(&mut self, inbound: &mut Streaming<v1::CollectorFrame>, stop: &CancellationToken) -> End {
        let outbox = std::sync::Arc::clone(&self.uplink.outbox);
        loop {
            if self.pump().await.is_err() {
                return self.lost();
            }
            if self.renewed && self.is_quiet() {
                return End::Renewed;
            }
            let beat_at = (self.quiet_since + BEAT_EVERY).min(self.measured + MEASURE_EVERY);
            let look_at = if self.renewed { Instant::now() + QUIET } else { beat_at };
            // What people wait for goes first: a pull is answered while a backlog drains.
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.farewell(inbound).await,
                message = inbound.message() => match message {
                    Ok(Some(message)) => match self.handle(message) {
                        Next::Go => {}
                        Next::Answer(asked) => if self.answer(asked).await.is_err() { return self.lost() },
                        Next::End(end) => return end,
                    },
                    Ok(None) => return failed(Problem::Cut, "the collector closed the stream"),
                    Err(status) => return ended(&self.link, &status),
                },
                Some(frame) = self.uplink.frames.recv() => {
                    self.pulled = Instant::now();
                    if self.send(frame).await.is_err() { return self.lost() }
                },
                Ok(()) = self.uplink.about.changed() => if self.tell_machine().await.is_err() { return self.lost() },
                Ok(()) = self.uplink.renewals.changed() => self.renewed = true,
                () = sleep_until(look_at.min(beat_at)) => {
                    let due = Instant::now() >= beat_at;
                    if due && self.beat(v1::MarkKind::Unspecified).await.is_err() { return self.lost() }
                },
                () = outbox.drowsy.notified() => if let Some(told) = outbox.take_drowsy()
                    && self.pause(inbound, told).await.is_err()
                {
                    return self.lost();
                },
                () = outbox.news.notified() => {}
            }
        }
    }

    /// Whether nothing is on its way, so that nothing can be lost.
    fn is_quiet(&self) -> bool {
        self.flight.is_empty() && self.unanswered == 0 && self.pulled.elapsed() >= QUIET
    }

    fn lost(&self) -> End {
        match self.link.refusal() {
            Some(trouble) => End::Failed(trouble),
            None => failed(Problem::Cut, "the collector takes no more frames"),
        }
    }

    async fn send(&self, frame: v1::AgentFrame) -> Result<(), Gone> {
        self.uplink.outbox.note_frame(&frame);
        match timeout(ANSWER_LIMIT, self.out.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    async fn beat(&mut self, mark: v1::MarkKind) -> Result<(), Gone> {
        self.beat_with(v1::Beat { mark: mark.into(), ..v1::Beat::default() }).await
    }

    /// The collector asked whether we are here.
    async fn answer(&mut self, asked: i64) -> Result<(), Gone> {
        self.beat_with(v1::Beat { request_unix_ms: asked, ..v1::Beat::default() }).await
    }

    async fn beat_with(&mut self, beat: v1::Beat) -> Result<(), Gone> {
        let now = Instant::now();
        (self.quiet_since, self.measured) = (now, now);
        self.unanswered += 1;
        self.tell_offset();
        let beat = v1::Beat {
            boot_id: self.uplink.about.borrow().boot_id.clone(),
            sent_unix_ms: self.uplink.clock.now().unix_ms(),
            next_sequence: self.uplink.outbox.spool().next_sequence(),
            ..beat
        };
        self.send(frame(Out::Beat(beat))).await
    }

    /// Tells what is new about the machine, such as who is signed in.
    async fn tell_machine(&mut self) -> Result<(), Gone> {
        let mut machine = self.uplink.about.borrow_and_update().machine.clone();
        if machine == self.told {
            return Ok(());
        }
        self.told = machine.clone();
        machine.hardware.clone_from(&self.uplink.hardware);
        self.beat_with(v1::Beat { machine: Some(machine.into()), ..v1::Beat::default() }).await
    }

    /// Takes in a frame.
    fn handle(&mut self, message: v1::CollectorFrame) -> Next {
        match message.frame {
            None => {}
            Some(In::Welcome(_)) => return Next::End(failed(Problem::Protocol, "the collector welcomed us twice")),
            Some(In::Ack(ack)) => self.acknowledge(&ack),
            Some(In::PullRequest(request)) => match Pull::try_from(request) {
                Ok(pull) => self.request(Request::Pull(pull)),
                Err(bad) => tracing::warn!("A pull was refused: {bad}"),
            },
            Some(In::PullCancel(cancel)) => self.request(Request::Cancel(cancel.pull_id)),
            Some(In::Settings(settings)) => self.apply(&settings),
            Some(In::BeatReply(reply)) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.measure(reply.beat_sent_unix_ms, reply.received_unix_ms, reply.sent_unix_ms);
            }
            Some(In::BeatRequest(request)) => return Next::Answer(request.sent_unix_ms),
            Some(In::Fork(fork)) => return Next::End(End::Fork(fork.permit)),
            Some(In::Renewal(renewal)) => self.renew_soon(renewal),
            Some(In::Drain(drain)) => return Next::End(drained(&drain)),
        }
        Next::Go
    }

    fn request(&self, request: Request) {
        if self.uplink.requests.try_send(request).is_err() {
            tracing::warn!("A pull was dropped: too many are waiting");
        }
    }

    /// The collector wants the certificate to be renewed. A wish that waits already stands.
    fn renew_soon(&self, renewal: v1::Renewal) {
        let wait = Duration::from_millis(u64::from(renewal.spread_ms)).mul_f64(rand::random::<f64>());
        self.uplink.renew_at.send_if_modified(|at| {
            let is_new = at.is_none();
            at.get_or_insert(Instant::now() + wait);
            is_new
        });
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
            self.uplink.outbox.measured(offset);
            self.tell_offset();
        }
    }

    fn tell_offset(&self) {
        let Some(offset) = self.offset else { return };
        for reading in offset.readings(self.uplink.clock.now(), self.uplink.clock.since_boot()) {
            let _ = self.uplink.readings.try_send(reading);
        }
    }
}

fn drained(drain: &v1::Drain) -> End {
    let spread = Duration::from_millis(u64::from(drain.spread_ms)).mul_f64(rand::random::<f64>());
    End::Drained {
        wait: Duration::from_millis(u64::from(drain.reconnect_after_ms)) + spread,
        alternative: drain.alternative.parse().ok().filter(|_| !drain.alternative.is_empty()),
    }
}
