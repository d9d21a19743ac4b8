//! Endpoints that do not keep to the protocol: they get an answer or lose their stream, and nobody else notices.

use std::collections::HashMap;

use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::record::Body;
use firstline_tests::Stage;
use firstline_tests::wire::{Identity, Stream, hello, records};

use crate::storage::{database, stored};

/// An hour ago.
pub(crate) fn start_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond() - 3_600_000
}

async fn open(stage: &Stage, identity: &Identity) -> Stream {
    Stream::open(stage.collector.agents, identity, hello("hostile", 1)).await.unwrap().0
}

/// Sends what `frame` makes of the next sequence number; the collector must close the stream, or refuse the record.
async fn is_turned_away(stage: &Stage, identity: &Identity, frame: &dyn Fn(u64) -> Frame) -> bool {
    let hello = hello("hostile", 1);
    let (mut stream, welcome) = Stream::open(stage.collector.agents, identity, hello).await.unwrap();
    stream.send(records::layout_frame()).await.unwrap();
    stream.send(frame(welcome.stored_sequence + 1)).await.unwrap();
    match stream.acknowledged().await {
        Ok(ack) => !ack.refusals.is_empty(),
        Err(_) => true,
    }
}

fn record(sequence: u64, body: Body) -> v1::Record {
    v1::Record { body: Some(body), ..records::sample(sequence, start_ms()) }
}

/// A sample with this layout and this many numbers.
pub(crate) fn sample(sequence: u64, layout_fingerprint: u64, numbers: usize) -> Frame {
    let sample = v1::Sample { layout_fingerprint, step_seconds: 60, row: vec![0.5; numbers], absences: Vec::new() };
    records::batch([record(sequence, Body::Sample(sample))])
}

/// One reading as an inventory.
fn inventory(sequence: u64, signal: &str, attributes: &HashMap<String, String>, value: v1::value::Kind) -> Frame {
    let series = v1::Series { signal: signal.to_owned(), attributes: attributes.clone() };
    let outcome = v1::reading::Outcome::Value(v1::Value { kind: Some(value) });
    let reading = v1::Reading { series: Some(series), at_unix_ms: start_ms(), outcome: Some(outcome) };
    records::batch([record(sequence, Body::Inventory(v1::Inventory { readings: vec![reading] }))])
}

#[tokio::test]
async fn what_breaks_a_bound_is_turned_away_and_the_collector_stays_up() {
    let mut stage = Stage::open().await;
    let identity = stage.identity("hostile").await;
    let text = |length: usize| v1::value::Kind::Text("x".repeat(length));
    let number = |number: f64| v1::value::Kind::Number(number);
    let none = HashMap::new();
    let many: HashMap<_, _> = (0..40).map(|index| (format!("a{index}"), "b".to_owned())).collect();
    let layout = records::layout().fingerprint();
    let cases: [(&str, &dyn Fn(u64) -> Frame); 10] = [
        ("a second hello", &|_| Frame::Hello(hello("hostile", 1))),
        ("a row that does not fit its layout", &|next| sample(next, layout, 1)),
        ("a layout that was never sent", &|next| sample(next, 7, 3)),
        ("a record without a body", &|next| {
            records::batch([v1::Record { body: None, ..records::sample(next, start_ms()) }])
        }),
        ("sequence number zero", &|_| sample(0, layout, 3)),
        ("sequence numbers that go backwards", &|next| {
            records::batch([next + 1, next].map(|one| records::sample(one, start_ms())))
        }),
        ("more records than a batch holds", &|next| {
            records::batch((next..next + 600).map(|one| records::sample(one, start_ms())))
        }),
        ("too many attributes", &|next| inventory(next, "host.name", &many, text(3))),
        ("a text without end", &|next| inventory(next, "host.name", &none, text(100_000))),
        ("a number that is none", &|next| inventory(next, "system.memory.limit", &none, number(f64::NAN))),
    ];
    let mut taken = Vec::new();
    for (name, frame) in cases {
        if !is_turned_away(&stage, &identity, frame).await {
            taken.push(name);
        }
    }
    assert!(taken.is_empty(), "taken: {taken:?}");
    stage.collector.ready().await;
}

#[tokio::test]
async fn numbers_that_go_backwards_and_rows_of_a_wrong_layout_leave_what_is_stored_as_it_was() {
    let mut stage = Stage::open().await;
    let identity = stage.identity("hostile").await;
    let (began_ms, layout) = (start_ms(), records::layout().fingerprint());
    let (mut stream, _) = Stream::open(stage.collector.agents, &identity, hello("hostile", 1)).await.unwrap();
    stream.send(records::layout_frame()).await.unwrap();
    let numbered = |numbers: &[u64]| records::batch(numbers.iter().map(|one| records::sample(*one, began_ms)));
    stream.send(numbered(&[1, 2, 3, 4, 5])).await.unwrap();
    assert_eq!(stream.acknowledged().await.unwrap().stored_sequence, 5);
    stream.send(numbered(&[2, 3, 4])).await.unwrap();
    assert_eq!(stream.acknowledged().await.unwrap().stored_sequence, 5, "they are there already");
    for (name, frame) in [
        ("backwards", numbered(&[8, 7, 6])),
        ("too few numbers for the layout", sample(6, layout, 1)),
        ("too many numbers for the layout", sample(6, layout, 300)),
        ("a layout that was never sent", sample(6, 7, 3)),
    ] {
        let next = frame.clone();
        assert!(is_turned_away(&stage, &identity, &move |_| next.clone()).await, "{name}");
    }
    let (mut stream, welcome) = Stream::open(stage.collector.agents, &identity, hello("hostile", 1)).await.unwrap();
    stream.send(records::layout_frame()).await.unwrap();
    let next = welcome.stored_sequence + 1;
    stream.send(numbered(&[next])).await.unwrap();
    assert_eq!(stream.acknowledged().await.unwrap().stored_sequence, next, "it may go on as it should");
    assert!(stage.collector.stop().await.success());
    let (times, _) = stored(&database(&stage.collector.folder).await, &identity.endpoint_id).await;
    let sent = (1..=5).chain([next]).map(|number| (began_ms + i64::try_from(number).unwrap(), 1));
    assert_eq!(times, sent.collect(), "what is stored, and how often");
}

#[tokio::test]
async fn what_nobody_declared_is_not_stored() {
    let stage = Stage::open().await;
    let identity = stage.identity("hostile").await;
    let (mut stream, _) = Stream::open(stage.collector.agents, &identity, hello("hostile", 1)).await.unwrap();
    let text = || v1::value::Kind::Text("curious".to_owned());
    let none = HashMap::new();
    let path = HashMap::from([("path".to_owned(), "/etc/shadow".to_owned())]);
    let frames = [
        inventory(1, "endpoint.browser.history", &none, text()),
        inventory(2, "host.name", &path, text()),
        inventory(3, "os.name", &none, v1::value::Kind::Number(7.0)),
        inventory(4, "os.version", &none, v1::value::Kind::Text("declared".to_owned())),
    ];
    for frame in frames {
        stream.send(frame).await.unwrap();
    }
    while stream.acknowledged().await.unwrap().stored_sequence < 4 {}
    let stored = stage.api.get(&format!("/api/v1/endpoints/{}/readings", identity.endpoint_id)).await.to_string();
    assert!(stored.contains("declared"), "{stored}");
    for word in ["curious", "shadow", "browser", "os.name"] {
        assert!(!stored.contains(word), "{word} was stored: {stored}");
    }
}

#[tokio::test]
async fn a_stream_begins_with_a_hello() {
    let stage = Stage::open().await;
    let identity = stage.identity("rude").await;
    let channel = firstline_tests::wire::dial(stage.collector.agents, Some(&identity)).await.unwrap();
    let mut client = v1::agent_service_client::AgentServiceClient::new(channel);
    let frames = tokio_stream::iter([v1::AgentFrame { frame: Some(records::layout_frame()) }]);
    let answer = match client.connect(frames).await {
        Ok(call) => call.into_inner().message().await.map(|_| ()),
        Err(status) => Err(status),
    };
    assert_eq!(answer.unwrap_err().code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn one_endpoint_cannot_answer_for_another() {
    let stage = Stage::open().await;
    let (victim, thief) = (stage.identity("victim").await, stage.identity("thief").await);
    let stream = open(&stage, &thief).await;
    stream.send(records::layout_frame()).await.unwrap();
    stream.send(records::batch((1..=5).map(|one| records::sample(one, start_ms())))).await.unwrap();
    let (_, welcome) = Stream::open(stage.collector.agents, &victim, hello("victim", 1)).await.unwrap();
    assert_eq!(welcome.stored_sequence, 0, "records went to another endpoint");
}

#[tokio::test]
async fn names_with_marks_and_control_characters_are_shown_and_not_obeyed() {
    let stage = Stage::open().await;
    let name = "<script>alert(1)</script>\u{1b}[31mred\u{202e}desrever";
    let identity = stage.identity(name).await;
    let (_stream, _) = Stream::open(stage.collector.agents, &identity, hello(name, 1)).await.unwrap();
    stage.endpoint_is(&identity.endpoint_id, "online").await;
    stage.sign_in().await.done();
    for arguments in [vec!["endpoint", "list"], vec!["endpoint", "show", identity.endpoint_id.as_str()]] {
        let said = stage.firstline(&arguments).await.done().stdout;
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{arguments:?}: {said:?}");
    }
    let subject = "<img src=x onerror=alert(1)>\u{1b}]0;owned\u{7}";
    let ticket = stage.ticket(subject, "sam").await;
    let said = stage.firstline(&["ticket", "show", &ticket]).await.done().stdout;
    assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
}
