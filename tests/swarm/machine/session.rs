//! One stream of a machine.

use std::sync::Arc;
use std::time::Duration;

use firstline_proto::v1::agent_frame::Frame as Out;
use firstline_proto::v1::collector_frame::Frame as In;
use firstline_proto::v1::{self, AgentFrame};
use firstline_tests::wire;
use tokio::time::{Instant, sleep_until, timeout};

use super::course::Presence;
use super::{End, Machine};
use crate::day::unix_ms;
use crate::link::{self, Link};
use crate::snapshot;
use crate::world::{Count, Order};

/// As the agent's.
const BEAT_EVERY: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const BATCH_RECORDS: usize = 256;
const FLYING_MAX: usize = 1024;

/// Time for the last records before a sleep.
const FAREWELL: Duration = Duration::from_secs(5);

/// A stream under way.
struct Talk {
    link: Link,
    beat: Instant,
    /// A record whose acknowledgement is timed.
    timed: Option<(u64, Instant)>,
}

impl Machine {
    /// Opens a stream and holds it until something ends it.
    pub(super) async fn session(&mut self) -> End {
        let world = Arc::clone(&self.world);
        let first = if self.has_been_here { None } else { world.first_time.acquire().await.ok() };
        let opened = timeout(ANSWER_LIMIT, self.open()).await;
        drop(first);
        let Ok(Ok(link)) = opened else {
            world.tally.add(Count::VainConnects, 1);
            return End::Lost;
        };
        self.has_been_here = true;
        let at = self.server;
        world.tally.arrived(at);
        let mut talk = Talk { link, beat: Instant::now() + BEAT_EVERY, timed: None };
        let end = self.talk(&mut talk).await;
        world.tally.left(at);
        end
    }

    /// Dials, says hello, and takes the welcome.
    async fn open(&mut self) -> anyhow::Result<Link> {
        let tls = Arc::new(wire::tls(Some(&self.identity))?);
        let mut hello = wire::hello(&self.name(), self.spool.next_sequence());
        hello.layout_fingerprint = self.model().layout.fingerprint();
        hello.run_id = format!("run-{}", self.number);
        let hello = AgentFrame { frame: Some(Out::Hello(hello)) };
        let mut link = link::open(self.world.servers[self.server], self.number, tls, hello).await?;
        let Some(In::Welcome(welcome)) = link.inward.message().await?.and_then(|frame| frame.frame) else {
            anyhow::bail!("the first frame is not a welcome");
        };
        self.backoff.reset(Duration::from_millis(welcome.return_spread_ms.into()));
        self.spool.rewind();
        self.acknowledge(welcome.stored_sequence);
        if !welcome.layout_known {
            let layout = Out::Layout(self.model().frame());
            link.out.send(Box::new(AgentFrame { frame: Some(layout) })).await?;
        }
        Ok(link)
    }

    async fn talk(&mut self, talk: &mut Talk) -> End {
        loop {
            self.record_what_is_due();
            if self.pump(talk).await.is_err() {
                return End::Lost;
            }
            match self.course.presence() {
                Presence::Here => {}
                Presence::Asleep(_) => return self.farewell(talk).await,
                Presence::CutOff(_) => {
                    self.world.tally.add(Count::Outages, 1);
                    return End::Course;
                }
            }
            let due = self.course.next().map_or(talk.beat, |next| next.min(talk.beat));
            tokio::select! {
                _ = self.orders.changed() => {
                    self.take_order();
                    if self.orders.borrow().1.keeps_away(self.number) {
                        return End::Course;
                    }
                }
                () = sleep_until(due) => {
                    if Instant::now() >= talk.beat && self.beat(talk, 0).await.is_err() {
                        return End::Lost;
                    }
                }
                frame = talk.link.inward.message() => {
                    let Ok(Some(frame)) = frame else { return End::Lost };
                    if let Some(end) = self.take(talk, frame.frame).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Takes a frame; the end of the stream when it is one.
    async fn take(&mut self, talk: &mut Talk, frame: Option<In>) -> Option<End> {
        let sent = match frame? {
            In::Ack(ack) => {
                self.acknowledged(talk, &ack);
                Ok(())
            }
            In::PullRequest(pull) => self.answer(talk, pull).await,
            In::BeatRequest(request) => self.beat(talk, request.sent_unix_ms).await,
            In::Drain(drain) => {
                self.world.tally.add(Count::Drains, 1);
                let ms = |ms: u32| Duration::from_millis(ms.into());
                return Some(End::Drain(ms(drain.reconnect_after_ms), ms(drain.spread_ms)));
            }
            In::Fork(_) => {
                self.world.tally.trouble(format!("{} was taken for a copy", self.name()));
                Ok(())
            }
            In::Welcome(_) | In::PullCancel(_) | In::Settings(_) | In::BeatReply(_) | In::Renewal(_) => Ok(()),
        };
        sent.is_err().then_some(End::Lost)
    }

    fn acknowledged(&mut self, talk: &mut Talk, ack: &v1::Ack) {
        if let Some(refusal) = ack.refusals.first() {
            self.world.tally.trouble(format!(
                "{}: record {} was refused: {}",
                self.name(),
                refusal.sequence,
                refusal.reason
            ));
        }
        if let Some((_, since)) = talk.timed.take_if(|(sequence, _)| *sequence <= ack.stored_sequence) {
            self.world.tally.waited(since.elapsed());
        }
        self.acknowledge(ack.stored_sequence);
    }

    fn acknowledge(&mut self, stored: u64) {
        let before = self.spool.waiting();
        if !self.spool.acknowledge(stored) {
            self.world.tally.trouble(format!("{}: {stored} was acknowledged and never sent", self.name()));
        }
        let gone = before - self.spool.waiting();
        self.world.tally.less(Count::Waiting, gone as u64);
        self.world.tally.add(Count::Acknowledged, gone as u64);
    }

    /// Sends what is recorded, as much as may be on its way.
    async fn pump(&mut self, talk: &mut Talk) -> Result<(), Gone> {
        let lone = matches!(self.orders.borrow().1, Order::Burst { .. });
        let (batch, most) = if lone { (1, 1) } else { (BATCH_RECORDS, FLYING_MAX) };
        while self.spool.flying() < most {
            let records = self.spool.take(batch, self.character, &self.world.models[self.model]);
            let Some(last) = records.last().map(|record| record.sequence) else { break };
            if talk.timed.is_none() {
                talk.timed = Some((last, Instant::now()));
            }
            talk.beat = Instant::now() + BEAT_EVERY;
            send(talk, Out::Records(v1::RecordBatch { records, ahead: false })).await?;
        }
        Ok(())
    }

    async fn beat(&self, talk: &mut Talk, request_unix_ms: i64) -> Result<(), Gone> {
        talk.beat = Instant::now() + BEAT_EVERY;
        let beat = v1::Beat {
            boot_id: "b00t".to_owned(),
            sent_unix_ms: unix_ms(),
            next_sequence: self.spool.next_sequence(),
            request_unix_ms,
            ..v1::Beat::default()
        };
        send(talk, Out::Beat(beat)).await
    }

    async fn answer(&mut self, talk: &mut Talk, pull: v1::PullRequest) -> Result<(), Gone> {
        let (model, character, name) = (self.model, self.character, self.name());
        let (world, identity, id) = (Arc::clone(&self.world), Arc::clone(&self.identity), pull.pull_id.clone());
        for progress in snapshot::progress(&id) {
            send(talk, Out::PullProgress(progress)).await?;
        }
        let work = move || snapshot::document(&identity, &name, character, &world.models[model], &pull);
        let document = tokio::task::spawn_blocking(work).await.map_err(|_| Gone)?;
        for chunk in snapshot::chunks(&id, &document) {
            send(talk, Out::SnapshotChunk(chunk)).await?;
        }
        self.world.tally.add(Count::Snapshots, 1);
        Ok(())
    }

    /// Waits until the collector has everything, as an agent does before its machine sleeps.
    async fn farewell(&mut self, talk: &mut Talk) -> End {
        let until = Instant::now() + FAREWELL;
        while self.spool.waiting() > 0 {
            let Ok(Ok(Some(frame))) = tokio::time::timeout_at(until, talk.link.inward.message()).await else { break };
            if let Some(end) = self.take(talk, frame.frame).await {
                return end;
            }
        }
        End::Course
    }
}

/// The stream is no more.
struct Gone;

async fn send(talk: &Talk, frame: Out) -> Result<(), Gone> {
    talk.link.out.send(Box::new(AgentFrame { frame: Some(frame) })).await.map_err(|_| Gone)
}
