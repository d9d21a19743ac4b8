//! Records on their way: in their turn, and the newest ahead of it.
//!
//! Records leave the spool in order of their numbers, and the collector stores them in that order. After days offline
//! that would keep people waiting for the present until the past has arrived. So while a backlog drains, what is new is
//! sent ahead of its turn: the newest samples when the stream begins, and each new sample and event from then on. The
//! collector notes their numbers with them; they come again in their turn, and are skipped then. States and marks are
//! never sent ahead, since they mean something only in their order.
//!
//! Records lie whole in the spool and are packed as they leave, in the order in which they leave, when the collector takes
//! that: see [`firstline_proto::pack`].

use firstline_proto::convert::difference;
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame as Out;
use firstline_proto::v1::record::Body;
use tokio::time::Instant;

use super::{Gone, Session, frame};
use crate::privacy::RecordCounts;
use crate::spool::Frame;

/// Records of one batch, and their bytes. Whatever is sent meanwhile waits behind two batches at most.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 32 * 1024;

/// So many records behind, what is new goes ahead.
const BACKLOG_RECORDS: u64 = 256;

/// The newest numbers among which samples are looked for when a stream begins.
const NEWEST: u64 = 8;

/// Records that go ahead in one stream; the collector remembers their numbers until their turn comes.
const AHEAD_MAX: usize = 256;

/// What was sent ahead of its turn.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Whether the collector knows how to take it.
    pub(super) allowed: bool,
    /// Highest number that was looked at.
    seen: u64,
    count: usize,
}

impl Session<'_> {
    /// Sends what the spool holds beyond what is on its way.
    pub(super) async fn pump(&mut self) -> Result<(), Gone> {
        self.send_ahead().await?;
        while self.flight.has_room() {
            let frames = self.uplink.outbox.spool().read_after(self.sent, BATCH_RECORDS, BATCH_BYTES);
            let Some(last) = frames.last().map(|frame| frame.sequence) else { break };
            self.introduce_layouts(&frames).await?;
            self.flight.launch(last, frames.len(), frames.iter().map(|frame| frame.payload.len()).sum());
            self.send_batch(&frames).await?;
            self.sent = last;
        }
        Ok(())
    }

    async fn send_ahead(&mut self) -> Result<(), Gone> {
        let newest = self.uplink.outbox.spool().last_sequence();
        let behind = newest.saturating_sub(self.sent) > BACKLOG_RECORDS;
        if !self.ahead.allowed || !behind || self.ahead.count >= AHEAD_MAX || self.ahead.seen >= newest {
            return Ok(());
        }
        let after = self.ahead.seen.max(newest.saturating_sub(NEWEST)).max(self.sent);
        let frames = self.uplink.outbox.spool().read_after(after, BATCH_RECORDS, BATCH_BYTES);
        self.ahead.seen = frames.last().map_or(newest, |frame| frame.sequence);
        let frames: Vec<(Frame, v1::Record)> = frames.into_iter().filter_map(may_go_ahead).collect();
        if frames.is_empty() {
            return Ok(());
        }
        self.ahead.count += frames.len();
        let (stored, records): (Vec<Frame>, Vec<v1::Record>) = frames.into_iter().unzip();
        self.introduce_layouts(&stored).await?;
        // What they are is counted in their turn.
        let bytes = stored.iter().map(|frame| frame.payload.len() as u64).sum();
        self.uplink.note_sent(RecordCounts { bytes, ..RecordCounts::default() });
        self.note_handed_over(&stored);
        let records = records.into_iter().map(|record| self.pack(record)).collect();
        self.send(frame(Out::Records(v1::RecordBatch { records, ahead: true }))).await
    }

    fn note_handed_over(&self, frames: &[Frame]) {
        if let Some(last) = frames.last() {
            self.uplink.outbox.note_sent(last.sequence);
        }
    }

    async fn introduce_layouts(&mut self, frames: &[Frame]) -> Result<(), Gone> {
        for name in frames.iter().filter_map(|frame| frame.layout) {
            if let Some(announcement) = self.announcement(name) {
                if let (Out::LayoutChange(change), Some(packer)) = (&announcement, &mut self.packer) {
                    packer.follow(change);
                }
                self.layouts.insert(name);
                self.named = name;
                self.send(frame(announcement)).await?;
            }
        }
        Ok(())
    }

    /// What tells the collector of a layout that it does not know: what differs from the one before, when it has that.
    fn announcement(&self, name: u64) -> Option<Out> {
        if self.layouts.contains(&name) {
            return None;
        }
        let spool = self.uplink.outbox.spool();
        let layout = spool.layout(name)?;
        let known = self.packer.is_some() && self.layouts.contains(&self.named);
        let base = spool.layout(self.named).filter(|_| known);
        let change = base.and_then(|base| difference(base, layout));
        Some(change.map_or_else(|| Out::Layout(layout.clone()), Out::LayoutChange))
    }

    /// A record in the shape that the collector takes.
    fn pack(&mut self, record: v1::Record) -> v1::Record {
        self.uplink.outbox.note_record(&record);
        match &mut self.packer {
            Some(packer) => packer.pack(record),
            None => record,
        }
    }

    async fn send_batch(&mut self, frames: &[Frame]) -> Result<(), Gone> {
        let mut counts = RecordCounts::default();
        let mut records = Vec::with_capacity(frames.len());
        for stored in frames {
            match stored.record() {
                Ok(record) => records.push(self.pack(count(&mut counts, record, stored.payload.len()))),
                Err(error) => tracing::warn!("Record {} cannot be read back: {error}", stored.sequence),
            }
        }
        if counts.samples > 0 {
            // The clock is told with each sample: often enough, and it costs no exchange.
            self.quiet_since = Instant::now();
            self.tell_offset();
        }
        self.uplink.note_sent(counts);
        self.note_handed_over(frames);
        self.send(frame(Out::Records(v1::RecordBatch { records, ahead: false }))).await
    }

    pub(super) fn acknowledge(&mut self, ack: &v1::Ack) {
        for refusal in &ack.refusals {
            tracing::warn!("The collector refused record {}: {}", refusal.sequence, refusal.reason);
        }
        // A collector cannot have what was never sent to it; a larger number would delete what is still needed.
        let upto = ack.stored_sequence.min(self.sent);
        self.uplink.outbox.acknowledge(self.uplink.clock.now(), upto);
        self.acknowledged = self.acknowledged.max(upto);
        self.flight.land(self.acknowledged);
    }
}

fn may_go_ahead(stored: Frame) -> Option<(Frame, v1::Record)> {
    let record = stored.record().ok()?;
    let may = matches!(record.body, Some(Body::Sample(_) | Body::Event(_)));
    may.then_some((stored, record))
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
