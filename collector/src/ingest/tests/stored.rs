//! What is acknowledged is stored, and what is stored is judged.

use firstline_diagnosis::vocabulary::Attributes;
use tokio::sync::oneshot;

use super::*;
use crate::store::StoreError;

#[tokio::test]
async fn counts_no_more_dropped_records_than_there_are_numbers() {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    let dropped = v1::Dropped { first_sequence: 1, last_sequence: 9, samples: u64::MAX, others: u64::MAX };
    let dropped = v1::Record { body: Some(v1::record::Body::Dropped(dropped)), ..sample(&collector, 10) };
    assert_eq!(talk.store(vec![dropped]).await.stored_sequence, 10);
    let told = count(&collector, "SELECT dropped_samples FROM endpoint_progress WHERE dropped_others = 0").await;
    assert_eq!(told, 9);
}

#[tokio::test]
async fn what_was_stored_for_somebody_who_has_left_is_judged() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, _) = machine.connect(&collector).await;
    talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
    talk.store(vec![sample(&collector, 1)]).await;
    collector.app.detect.rebuild().await;
    collector.clock.advance(Duration::from_mins(1));
    let judged = async || {
        let diagnosis = collector.app.detect.diagnose(&machine.id, None).await.expect("watched");
        serde_json::to_string(&diagnosis).expect("a document")
    };
    let before = judged().await;
    // The writer is held until the machine has gone, with its records on the way into the database.
    let (begin, begun) = oneshot::channel::<()>();
    let (let_go, held) = oneshot::channel::<()>();
    let store = collector.app.store.clone();
    let writer = tokio::spawn(async move {
        let wait = store.write(|_| {
            Box::pin(async move {
                let _ = begin.send(());
                let _ = held.await;
                Ok::<_, StoreError>(())
            })
        });
        wait.await
    });
    begun.await.expect("the writer is held");
    talk.say(Frame::Records(v1::RecordBatch { records: vec![sample(&collector, 2)], ahead: false })).await;
    while collector.app.store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    drop(talk);
    let_go.send(()).expect("the writer waits");
    writer.await.expect("ended").expect("written");
    while collector.app.fleet.is_connected(&machine.id) {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples").await, 2);
    assert_ne!(judged().await, before, "the second sample was not looked at");
}

#[tokio::test]
async fn a_number_that_cannot_be_stored_is_not_acknowledged() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, _) = machine.connect(&collector).await;
    talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
    let beyond = [sample(&collector, 1), sample(&collector, 1 << 63)];
    talk.say(Frame::Records(v1::RecordBatch { records: beyond.to_vec(), ahead: false })).await;
    assert_eq!(ended(&mut talk).await.code(), Code::InvalidArgument);
    let (_, welcome) = machine.connect(&collector).await;
    assert_eq!(welcome.stored_sequence, 0);
}

/// An hour of a machine on which programs come and go, each minute with a layout of its own; `more` is in every row.
async fn an_hour_of_programs(more: &[&str]) {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    let mut records = Vec::new();
    for number in 1..=60 {
        let program = format!("program-{number}");
        let more = more.iter().map(|&signal| Series::new(signal, Attributes::none()));
        let size = Series::new("process.group.size", [("process.executable.name", program.as_str())]);
        let layout = Layout::new(more.chain([size]).collect::<Vec<_>>());
        talk.say(Frame::Layout(v1::Layout::from(&layout))).await;
        let (layout_fingerprint, row) = (layout.fingerprint(), vec![1.0; layout.series().len()]);
        let sample = v1::Sample { layout_fingerprint, step_seconds: 60, row, absences: vec![] };
        records.push(record(&collector, number, v1::record::Body::Sample(sample)));
    }
    let mut stored = talk.store(records).await;
    while stored.stored_sequence < 60 {
        assert_eq!(stored.refusals, []);
        let Reply::Ack(ack) = talk.hear().await.expect("ack") else { panic!("not an acknowledgement") };
        stored = ack;
    }
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples").await, 60);
}

#[tokio::test]
async fn a_batch_of_more_layouts_than_a_stream_has_in_hand_is_stored_whole() {
    an_hour_of_programs(&[]).await;
}

/// What is stored of such a layout has another name than its samples say.
#[tokio::test]
async fn a_newer_agent_that_was_offline_is_stored_whole_but_for_what_nobody_declares() {
    an_hour_of_programs(&["endpoint.of.the.next.version"]).await;
}
