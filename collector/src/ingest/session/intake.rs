//! Layouts and records of an open stream.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Layout, Timestamp};
use firstline_proto::convert::{BadField, apply, check_batch};
use firstline_proto::v1;
use firstline_proto::v1::collector_frame::Frame as Reply;
use metrics::{counter, histogram};
use tokio::time::Instant;
use tonic::Status;
use tracing::{info, warn};

use super::{End, Open};
use crate::ingest::in_hand::{Remainder, Used};
use crate::ingest::records;
use crate::metrics as names;
use crate::store::{Appended, Body, RecordBatch, Row, StoreError};

/// How often a layout in use is noted as such.
const LAYOUT_NOTED_EVERY: Duration = Duration::from_hours(12);

impl Open<'_> {
    pub(super) async fn layout(&mut self, layout: v1::Layout, now: Timestamp) -> Result<(), End> {
        let layout = Layout::try_from(layout).map_err(|bad| End::bad(format!("layout.{bad}")))?;
        self.announced(layout, now).await
    }

    /// A layout that is told by what differs from one that was announced before.
    pub(super) async fn layout_change(&mut self, change: v1::LayoutChange, now: Timestamp) -> Result<(), End> {
        let base = change.base_fingerprint;
        let base = match self.in_hand.get(base).and_then(Used::announced) {
            Some(announced) => Some(announced),
            None => self.session.shared.layouts.find(base).await?,
        };
        let base = base.ok_or_else(no_layout)?;
        self.unpacker.follow(&change);
        let layout = apply(&base, change).map_err(|bad| End::bad(format!("layout_change.{bad}")))?;
        self.announced(layout, now).await
    }

    async fn announced(&mut self, layout: Layout, now: Timestamp) -> Result<(), End> {
        let (kept, stored) = Used::of(&layout);
        let shared = Arc::clone(&self.session.shared);
        if shared.layouts.find(stored.fingerprint()).await?.is_none() {
            self.pay_for_series(stored.series().len());
        }
        let fingerprint = stored.fingerprint();
        let Some(stored) = shared.layouts.announce(stored, now).await? else {
            return Err(End::bad(format!("layout: another one has its fingerprint, {fingerprint:016x}")));
        };
        let used = Used::new(layout, kept, stored);
        let (id, count) = (&self.stream.endpoint_id, used.undeclared());
        if count > 0 {
            info!(host.id = %id, count, "Endpoint {id} sends {count} series that are not declared; they are left out");
        }
        self.in_hand.add(used);
        Ok(())
    }

    /// Takes a batch, part by part.
    pub(super) async fn records(&mut self, batch: v1::RecordBatch, now: Timestamp) -> Result<(), End> {
        check_batch(&batch).map_err(End::bad)?;
        if batch.records.is_empty() {
            return Ok(());
        }
        self.pay_for_records(batch.records.len());
        let batch = self.unpack(batch).map_err(|bad| End::bad(format!("records.{bad}")))?;
        for part in records::parts(batch) {
            self.part(part, now).await?;
        }
        Ok(())
    }

    /// Commits what needs no more layouts than are in hand, acknowledges it, and tells the other rooms what is new.
    async fn part(&mut self, batch: v1::RecordBatch, now: Timestamp) -> Result<(), End> {
        let shared = Arc::clone(&self.session.shared);
        while let Some(fingerprint) = records::missing_layout(&batch, &self.in_hand) {
            let remainder = self.in_hand.remainder(fingerprint);
            let layout = shared.layouts.find(remainder.as_ref().map_or(fingerprint, Remainder::stored)).await?;
            let layout = layout.ok_or_else(no_layout)?;
            self.in_hand
                .add(remainder.map_or_else(|| Used::whole(Arc::clone(&layout)), |rest| rest.with(Arc::clone(&layout))));
        }
        let ahead = batch.ahead;
        let converted = records::convert(batch, &self.in_hand, &self.clock, now);
        self.note_layouts(now).await?;
        self.mark(converted.mark);
        let (records_dropped, count) = (dropped(&converted.rows), converted.rows.len());
        let sequences: Vec<u64> = converted.rows.iter().map(|row| row.sequence).collect();
        let (endpoint_key, received_ms) = (self.stream.endpoint_key, now.unix_ms());
        let batch = RecordBatch { endpoint_key, received_ms, rows: converted.rows, ahead, epoch: self.stream.epoch };
        let started = Instant::now();
        let appended = shared.store.append(batch).await;
        if matches!(appended, Err(StoreError::Doubtful(_))) {
            shared.listener.doubtful(&self.stream.endpoint_id).await;
        }
        let appended = appended?;
        histogram!(names::COMMIT_SECONDS).record(started.elapsed().as_secs_f64());
        self.backlog.stored(appended.stored_sequence);
        count_some(names::RECORDS_DROPPED, records_dropped);
        self.account(&appended, count, &converted.refusals);
        if !ahead && appended.new_from < count {
            self.account_forgotten(appended.left_out);
        }
        let ack = v1::Ack { stored_sequence: appended.stored_sequence, refusals: converted.refusals };
        let acknowledged = self.send(Reply::Ack(ack)).await;
        // What is stored is judged, also when nobody is left to hear that it is: it comes again as something known.
        let is_new = |index: usize| appended.is_new(index, sequences[index]);
        let new = converted.observations.into_iter().filter(|(index, _)| is_new(*index));
        let new: Vec<_> = new.map(|(_, observation)| observation).collect();
        if !new.is_empty() {
            shared.listener.observe(&self.stream.endpoint_id, new).await;
        }
        acknowledged
    }

    /// The records as they lie in the agent's spool. What cannot be read ends the stream, since the rest builds on it.
    fn unpack(&mut self, batch: v1::RecordBatch) -> Result<v1::RecordBatch, BadField> {
        let records = batch.records.into_iter().map(|record| self.unpacker.unpack(record));
        Ok(v1::RecordBatch { records: records.collect::<Result<_, _>>()?, ahead: batch.ahead })
    }

    /// Counts what became of a batch, and says what somebody may want to look at.
    fn account(&mut self, appended: &Appended, count: usize, refusals: &[v1::Refusal]) {
        let id = &self.stream.endpoint_id;
        let known = appended.new_from + appended.skipped.len();
        counter!(names::RECORDS_STORED).increment((count - known) as u64);
        count_some(names::RECORDS_DUPLICATE, known as u64);
        count_some(names::RECORDS_REFUSED, refusals.len() as u64);
        count_some(names::SEQUENCES_LEFT_OUT, appended.left_out);
        count_some(names::STATES_OVER, appended.states_over);
        if appended.states_over > 0 && !std::mem::replace(&mut self.told_over, true) {
            warn!(
                host.id = %id,
                "Endpoint {id} tells more series of state than one may have; new ones are left out, those that are there move on"
            );
        }
        if appended.left_out > 0 {
            let count = appended.left_out;
            info!(host.id = %id, count, "Endpoint {id} left out {count} sequence numbers");
        }
        if let Some(first) = refusals.first() {
            let (count, reason) = (refusals.len(), &first.reason);
            warn!(host.id = %id, count, "{count} records of endpoint {id} were refused, the first because of {reason}");
        }
    }

    /// Counts, of the numbers that were left out, those that were acknowledged by a later state of this database.
    fn account_forgotten(&mut self, left_out: u64) {
        let count = std::mem::take(&mut self.forgotten).min(left_out);
        if count > 0 {
            let id = &self.stream.endpoint_id;
            counter!(names::RECORDS_FORGOTTEN).increment(count);
            warn!(
                host.id = %id, count,
                "{count} records of endpoint {id} were acknowledged and are not here: this database was put back to an \
                 earlier state, and the endpoint does not have them any more"
            );
        }
    }

    /// Notes now and then that layouts are in use, so that they are not forgotten.
    async fn note_layouts(&mut self, now: Timestamp) -> Result<(), End> {
        if self.noted.elapsed() >= LAYOUT_NOTED_EVERY {
            self.noted = Instant::now();
            for layout in self.in_hand.stored() {
                self.session.shared.layouts.announce(Layout::clone(&layout), now).await?;
            }
        }
        Ok(())
    }
}

fn no_layout() -> End {
    End::because("no_layout", Status::failed_precondition("a sample or a change came before its layout"))
}

/// Counts what seldom happens: finding a counter costs more than a record has to spare.
fn count_some(name: &'static str, count: u64) {
    if count > 0 {
        counter!(name).increment(count);
    }
}

/// How many records a batch says were dropped.
fn dropped(rows: &[Row]) -> u64 {
    rows.iter()
        .map(|row| match row.body {
            Body::Dropped { samples, others, .. } => samples.saturating_add(others),
            _ => 0,
        })
        .fold(0, u64::saturating_add)
}
