//! The two services.

use std::sync::Arc;

use firstline_diagnosis::vocabulary::Layout;
use firstline_proto::convert::{Record, apply, check_batch, check_enroll_request};
use firstline_proto::pack::Unpacker;
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame as In;
use firstline_proto::v1::agent_service_server::AgentService;
use firstline_proto::v1::collector_frame::Frame as Out;
use firstline_proto::v1::enrollment_service_server::EnrollmentService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Shared;

type Sender = mpsc::Sender<Result<v1::CollectorFrame, Status>>;

/// Stores records.
pub(crate) struct Agents(pub(crate) Arc<Shared>);

/// Gives certificates for the one token, once.
pub(crate) struct Enrollments(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl EnrollmentService for Enrollments {
    async fn enroll(&self, request: Request<v1::EnrollRequest>) -> Result<Response<v1::EnrollResponse>, Status> {
        let request = request.into_inner();
        if std::mem::replace(&mut self.0.seen().token_used, true) {
            return Err(Status::permission_denied("the token was used before"));
        }
        let certificate = self.0.authority.issue(&request.certificate_request);
        check_enroll_request(request).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        Ok(Response::new(v1::EnrollResponse {
            endpoint_id: "11111111-2222-7333-8444-555555555555".to_owned(),
            certificate_chain: vec![certificate],
            authorities: vec![self.0.authority.der().to_vec()],
            naming_key: vec![7; 32],
        }))
    }

    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewResponse>, Status> {
        Ok(Response::new(v1::RenewResponse {
            certificate_chain: vec![self.0.authority.issue(&request.into_inner().certificate_request)],
            authorities: vec![self.0.authority.der().to_vec()],
            endpoint_id: String::new(),
            naming_key: vec![7; 32],
        }))
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    type ConnectStream = ReceiverStream<Result<v1::CollectorFrame, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<v1::AgentFrame>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (out, frames) = mpsc::channel(64);
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut hang_up = shared.hang_up.subscribe();
            tokio::select! {
                _ = hang_up.recv() => {}
                ended = stream(&shared, request.into_inner(), &out) => if ended.is_none() {
                    let _ = out.send(Err(Status::unavailable("lost"))).await;
                },
            }
        });
        Ok(Response::new(ReceiverStream::new(frames)))
    }
}

async fn send(out: &Sender, frame: Out) -> Option<()> {
    out.send(Ok(v1::CollectorFrame { frame: Some(frame) })).await.ok()
}

/// Nothing when the stream is to be lost.
async fn stream(shared: &Shared, mut inbound: Streaming<v1::AgentFrame>, out: &Sender) -> Option<()> {
    let first = inbound.message().await.ok()??;
    let Some(In::Hello(hello)) = first.frame else { return None };
    let (temper, stored_sequence, number) = {
        let mut seen = shared.seen();
        seen.streams += 1;
        seen.users = hello.machine.iter().flat_map(|machine| machine.users.clone()).collect();
        (seen.temper, seen.stored_sequence, seen.streams)
    };
    shared.changed.notify_waiters();
    let welcome = v1::Welcome {
        stored_sequence,
        settings: Some(v1::Settings { fast_period_seconds: temper.ask.then_some(30), ..Default::default() }),
        hello_sent_unix_ms: hello.sent_unix_ms,
        received_unix_ms: hello.sent_unix_ms,
        sent_unix_ms: hello.sent_unix_ms,
        takes_ahead: temper.takes_ahead,
        packing: temper.packing,
        ..Default::default()
    };
    send(out, Out::Welcome(welcome)).await?;
    if temper.drain_first && number == 1 {
        return send(out, Out::Drain(v1::Drain { reconnect_after_ms: 20, spread_ms: 20, ..Default::default() })).await;
    }
    if temper.ask {
        send(out, Out::PullRequest(v1::PullRequest { pull_id: "pull-1".into(), ..Default::default() })).await?;
    }
    let (mut layouts, mut unpacker) = (Vec::<Layout>::new(), Unpacker::new(&hello.boot_id));
    let mut in_stream = 0;
    while let Some(frame) = inbound.message().await.ok()? {
        match frame.frame? {
            In::Layout(layout) => layouts.push(Layout::try_from(layout).expect("a layout within bounds")),
            In::LayoutChange(change) => {
                shared.seen().layout_changes += 1;
                unpacker.follow(&change);
                let base = layouts.iter().rev().find(|base| base.fingerprint() == change.base_fingerprint);
                layouts.push(apply(base.expect("a change of what is known"), change).expect("a change within bounds"));
            }
            In::Records(batch) => {
                let batch = unpack(shared, &mut unpacker, batch);
                check_batch(&batch).expect("a batch within bounds");
                in_stream += batch.records.len() as u64;
                store(shared, batch, &layouts);
                if temper.lose_after_records.is_some_and(|most| in_stream > most) {
                    return None;
                }
                acknowledge(shared, out).await?;
            }
            In::Beat(beat) => {
                shared.seen().beats.push(beat.mark());
                if let Some(machine) = beat.machine {
                    shared.seen().users = machine.users;
                }
                let reply = v1::BeatReply { beat_sent_unix_ms: beat.sent_unix_ms, ..Default::default() };
                send(out, Out::BeatReply(reply)).await?;
            }
            _ => {}
        }
        shared.changed.notify_waiters();
    }
    Some(())
}

/// The batch as it lies in the spool.
fn unpack(shared: &Shared, unpacker: &mut Unpacker, batch: v1::RecordBatch) -> v1::RecordBatch {
    let is_packed = |record: &v1::Record| matches!(record.body, Some(v1::record::Body::PackedSample(_)));
    shared.seen().packed += batch.records.iter().filter(|record| is_packed(record)).count();
    let whole = batch.records.into_iter().map(|record| unpacker.unpack(record).expect("what was packed here"));
    v1::RecordBatch { records: whole.collect(), ahead: batch.ahead }
}

fn store(shared: &Shared, batch: v1::RecordBatch, layouts: &[Layout]) {
    let mut seen = shared.seen();
    let ahead = batch.ahead;
    for record in batch.records {
        let record = Record::try_from(record).expect("a record within bounds");
        if let firstline_proto::convert::Body::Sample(sample) = &record.body {
            let layout = layouts.iter().find(|layout| layout.fingerprint() == sample.layout);
            let layout = layout.expect("a layout goes before its samples");
            assert_eq!(layout.series().len(), sample.values.len());
            seen.rows.insert(record.sequence, sample.values.clone());
        }
        let known = seen.ahead.contains(&record.sequence);
        if record.sequence > seen.stored_sequence && !known {
            *seen.stored.entry(record.sequence).or_default() += 1;
        }
        if ahead && !known {
            seen.ahead.push(record.sequence);
        }
        if !ahead {
            seen.stored_sequence = seen.stored_sequence.max(record.sequence);
        }
    }
}

async fn acknowledge(shared: &Shared, out: &Sender) -> Option<()> {
    let ack = {
        let mut seen = shared.seen();
        let due = seen.stored_sequence - seen.acknowledged >= seen.temper.acknowledge_every;
        if !(seen.temper.acknowledge && due) {
            return Some(());
        }
        seen.acknowledged = seen.stored_sequence;
        v1::Ack { stored_sequence: seen.stored_sequence, refusals: Vec::new() }
    };
    send(out, Out::Ack(ack)).await
}
