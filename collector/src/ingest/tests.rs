use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::{Layout, Series, Timestamp};
use firstline_proto::convert::difference;
use firstline_proto::pack::Packer;
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::collector_frame::Frame as Reply;
use firstline_proto::v1::{self};
use rcgen::KeyPair;
use tonic::Code;

use crate::app::Clock as _;
use crate::app::fixture::{Collector, Identity, Machine, Talk};
use crate::authority::{Authority, CERTIFICATE_LIFETIME, Place};
use crate::store::sql;

mod stored;

fn layout() -> Layout {
    Layout::new(vec![
        Series::new("system.cpu.utilization", [("cpu.mode", "user")]),
        Series::new("endpoint.memory.available", firstline_diagnosis::vocabulary::Attributes::none()),
    ])
}

fn record(collector: &Collector, sequence: u64, body: v1::record::Body) -> v1::Record {
    let at_unix_ms = collector.clock.now().unix_ms() - 1000 + sequence as i64;
    v1::Record { sequence, at_unix_ms, at_boot_ms: 1_000_000, boot_id: "boot".to_owned(), body: Some(body) }
}

fn sample(collector: &Collector, sequence: u64) -> v1::Record {
    let sample = v1::Sample {
        layout_fingerprint: layout().fingerprint(),
        step_seconds: 60,
        row: vec![0.5, 1e9],
        absences: vec![],
    };
    record(collector, sequence, v1::record::Body::Sample(sample))
}

fn inventory(collector: &Collector, sequence: u64, text: &str) -> v1::Record {
    let reading = v1::Reading {
        series: Some(v1::Series { signal: "host.name".to_owned(), ..Default::default() }),
        at_unix_ms: collector.clock.now().unix_ms() - 1000 + sequence as i64,
        outcome: Some(v1::reading::Outcome::Value(v1::Value { kind: Some(v1::value::Kind::Text(text.to_owned())) })),
    };
    record(collector, sequence, v1::record::Body::Inventory(v1::Inventory { readings: vec![reading] }))
}

async fn count(collector: &Collector, table: &'static str) -> i64 {
    sql::query_scalar(table).fetch_one(collector.app.store.reads()).await.expect("count")
}

async fn ended(talk: &mut Talk) -> tonic::Status {
    loop {
        if let Err(status) = talk.hear().await {
            return status;
        }
    }
}

/// What a machine is told when it opens a stream with `identity`, if that gets it anywhere.
async fn refused(collector: &Collector, identity: Identity) -> tonic::Status {
    let machine = Machine { id: String::new(), name: "m".to_owned(), identity };
    match machine.open(collector).await {
        Err(status) => status,
        Ok(mut talk) => talk.hear().await.expect_err("nothing is answered"),
    }
}

#[tokio::test]
async fn stores_acknowledges_and_skips_what_comes_again() {
    let collector = Collector::start().await;
    let machine = collector.machine("desk-1").await;
    let (mut talk, welcome) = machine.connect(&collector).await;
    assert_eq!((welcome.stored_sequence, welcome.layout_known), (0, false));
    talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
    let records = vec![sample(&collector, 1), inventory(&collector, 2, "desk-1"), sample(&collector, 3)];
    assert_eq!(talk.store(records.clone()).await.stored_sequence, 3);
    assert_eq!(talk.store(records).await.stored_sequence, 3);
    drop(talk);
    let (mut talk, welcome) = machine.connect(&collector).await;
    assert_eq!(welcome.stored_sequence, 3);
    let ack = talk.store(vec![sample(&collector, 3), sample(&collector, 4), sample(&collector, 9)]).await;
    assert_eq!(ack.stored_sequence, 9);
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples").await, 4);
    let collector = collector.restart().await;
    let (_, welcome) = machine.connect(&collector).await;
    assert_eq!(welcome.stored_sequence, 9);
    let latest = collector.app.history.latest(&machine.id).await.expect("latest");
    let signals: Vec<&str> = latest.iter().map(|reading| reading.signal.as_str()).collect();
    assert_eq!(signals, ["endpoint.memory.available", "host.name", "system.cpu.utilization"]);
}

#[tokio::test]
async fn remembers_what_state_was_before() {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    for (sequence, name) in [(1, "one"), (2, "one"), (3, "two")] {
        talk.store(vec![inventory(&collector, sequence, name)]).await;
    }
    let changes: Vec<(String, String)> = sql::query_as("SELECT outcome_before, outcome_after FROM inventory_changes")
        .fetch_all(collector.app.store.reads())
        .await
        .expect("changes");
    assert_eq!(changes, [("{\"value\":\"one\"}".to_owned(), "{\"value\":\"two\"}".to_owned())]);
}

#[tokio::test]
async fn refuses_a_record_by_its_number_and_stores_the_others() {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
    let mut short = sample(&collector, 2);
    if let Some(v1::record::Body::Sample(sample)) = &mut short.body {
        sample.row.pop();
    }
    let ack = talk.store(vec![sample(&collector, 1), short, sample(&collector, 3)]).await;
    assert_eq!(ack.stored_sequence, 3);
    let refused: Vec<u64> = ack.refusals.iter().map(|refusal| refusal.sequence).collect();
    assert_eq!(refused, [2]);
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples").await, 2);
}

#[tokio::test]
async fn ends_a_stream_that_breaks_the_protocol() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let mut silent = machine.open(&collector).await.expect("opened");
    silent.say(Frame::Beat(v1::Beat::default())).await;
    assert_eq!(ended(&mut silent).await.code(), Code::InvalidArgument);
    let unordered = v1::RecordBatch { records: vec![sample(&collector, 2), sample(&collector, 1)], ahead: false };
    let many =
        v1::RecordBatch { records: (1..=513).map(|number| inventory(&collector, number, "x")).collect(), ahead: false };
    let false_name = v1::Layout { fingerprint: 1, ..v1::Layout::from(&layout()) };
    for bad in [
        Frame::Records(unordered),
        Frame::Records(many),
        Frame::Layout(false_name),
        Frame::Hello(v1::Hello::default()),
        Frame::SnapshotChunk(v1::SnapshotChunk::default()),
        Frame::PullProgress(v1::PullProgress::default()),
    ] {
        let (mut talk, _) = machine.connect(&collector).await;
        talk.say(bad.clone()).await;
        assert_eq!(ended(&mut talk).await.code(), Code::InvalidArgument, "{bad:?}");
    }
    let (mut talk, _) = machine.connect(&collector).await;
    talk.say(Frame::Records(v1::RecordBatch { records: vec![sample(&collector, 1)], ahead: false })).await;
    assert_eq!(ended(&mut talk).await.code(), Code::FailedPrecondition, "a sample before its layout");
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples").await, 0);
}

/// The same as an agent packs it.
fn packed(packer: &mut Packer, records: Vec<v1::Record>) -> Vec<v1::Record> {
    records.into_iter().map(|record| packer.pack(record)).collect()
}

#[tokio::test]
async fn stores_packed_records_as_if_they_had_come_whole() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, welcome) = machine.connect(&collector).await;
    assert_eq!(welcome.packing, firstline_proto::pack::PACKING);
    let mut packer = Packer::new("boot");
    talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
    let mut series = layout().series().to_vec();
    series.remove(0);
    series.push(Series::new("system.uptime", firstline_diagnosis::vocabulary::Attributes::none()));
    let next = Layout::new(series);
    let change = difference(&(&layout()).into(), &(&next).into()).expect("one stays");
    let first =
        packed(&mut packer, vec![sample(&collector, 1), inventory(&collector, 2, "desk-1"), sample(&collector, 3)]);
    assert_eq!(talk.store(first).await.stored_sequence, 3);
    packer.follow(&change);
    talk.say(Frame::LayoutChange(change)).await;
    let mut moved = sample(&collector, 4);
    if let Some(v1::record::Body::Sample(sample)) = &mut moved.body {
        (sample.layout_fingerprint, sample.row) = (next.fingerprint(), vec![1e9, 7.0]);
    }
    let ack = talk.store(packed(&mut packer, vec![moved])).await;
    assert_eq!((ack.stored_sequence, ack.refusals.len()), (4, 0));
    let latest = collector.app.history.latest(&machine.id).await.expect("latest");
    let said: Vec<_> = latest.iter().map(|one| (one.signal.as_str(), one.value.clone())).collect();
    let number = |number: f64| Some(number.into());
    assert_eq!(said[0], ("endpoint.memory.available", number(1e9)));
    assert_eq!(said.last(), Some(&("system.uptime", number(7.0))));
}

#[tokio::test]
async fn ends_a_stream_whose_packed_records_build_on_nothing() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let mut packer = Packer::new("boot");
    let follows = packed(&mut packer, vec![sample(&collector, 1), sample(&collector, 2)]).remove(1);
    let cut = v1::PackedSample { layout_fingerprint: layout().fingerprint(), step_seconds: 60, cells: vec![0x80] };
    let cut = record(&collector, 1, v1::record::Body::PackedSample(cut));
    let nameless = v1::PackedInventory { readings: vec![v1::PackedReading { slot: 3, ..Default::default() }] };
    let nameless = record(&collector, 1, v1::record::Body::PackedInventory(nameless));
    for bad in [follows, cut, nameless] {
        let (mut talk, _) = machine.connect(&collector).await;
        talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
        talk.say(Frame::Records(v1::RecordBatch { records: vec![bad.clone()], ahead: false })).await;
        assert_eq!(ended(&mut talk).await.code(), Code::InvalidArgument, "{bad:?}");
    }
    let fingerprint = layout().fingerprint();
    let beyond = v1::LayoutChange { base_fingerprint: fingerprint, removed: vec![2], ..v1::LayoutChange::default() };
    let elsewhere = v1::LayoutChange { base_fingerprint: 99, ..v1::LayoutChange::default() };
    for (bad, code) in [(beyond, Code::InvalidArgument), (elsewhere, Code::FailedPrecondition)] {
        let (mut talk, _) = machine.connect(&collector).await;
        talk.say(Frame::Layout(v1::Layout::from(&layout()))).await;
        talk.say(Frame::LayoutChange(bad)).await;
        assert_eq!(ended(&mut talk).await.code(), code);
    }
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples").await, 0);
}

#[tokio::test]
async fn refuses_a_frame_that_is_too_large() {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    let text = "x".repeat(2 * 1024 * 1024);
    talk.say(Frame::Beat(v1::Beat { boot_id: text, ..Default::default() })).await;
    assert!(matches!(ended(&mut talk).await.code(), Code::OutOfRange | Code::InvalidArgument));
}

#[tokio::test]
async fn stores_nothing_of_a_layout_that_the_registry_does_not_declare() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, _) = machine.connect(&collector).await;
    let mut series = layout().series().to_vec();
    series.insert(1, Series::new("endpoint.keys.pressed", [("window", "private")]));
    let announced = Layout::new(series);
    talk.say(Frame::Layout(v1::Layout::from(&announced))).await;
    let body = |row: Vec<f32>, index| {
        let absences = vec![v1::Absence { index, why: v1::WhyKind::Timeout.into() }];
        let sample = v1::Sample { layout_fingerprint: announced.fingerprint(), step_seconds: 60, row, absences };
        v1::record::Body::Sample(sample)
    };
    let short = record(&collector, 2, body(vec![0.5, 3.0], 0));
    let ack = talk.store(vec![record(&collector, 1, body(vec![0.5, 7.0, f32::NAN], 2)), short]).await;
    assert_eq!((ack.stored_sequence, ack.refusals.len()), (2, 1), "a row is as long as what was announced");
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM layouts WHERE series LIKE '%pressed%'").await, 0);
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM samples WHERE length(row) = 8").await, 1);
    let latest = collector.app.history.latest(&machine.id).await.expect("latest");
    let said: Vec<_> = latest.iter().map(|one| (one.signal.as_str(), one.value.is_some(), one.why)).collect();
    let why = firstline_diagnosis::vocabulary::Why::Timeout;
    assert_eq!(
        said,
        [("endpoint.memory.available", false, Some(why)), ("system.cpu.utilization", true, None)],
        "reasons stay with their numbers"
    );
}

#[tokio::test]
async fn a_layout_has_an_end() {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    let series = |number: usize| Series::new("system.cpu.utilization", [("cpu.mode", number.to_string().as_str())]);
    let endless = Layout::new((0..10_000).map(series).collect::<Vec<_>>());
    talk.say(Frame::Layout(v1::Layout::from(&endless))).await;
    assert_eq!(ended(&mut talk).await.code(), Code::InvalidArgument);
    assert_eq!(count(&collector, "SELECT COUNT(*) FROM layouts").await, 0);
}

#[tokio::test]
async fn a_hello_has_bounds() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let text = || "x".repeat(900 * 1024);
    let hello = v1::Hello {
        protocol_version: 1,
        machine: Some(crate::app::fixture::description("m")),
        boot_id: "boot".to_owned(),
        next_sequence: 1,
        ..Default::default()
    };
    let long_name = Some(v1::Machine { host_name: text(), ..Default::default() });
    let endless_users = Some(v1::Machine { users: vec![text()], ..crate::app::fixture::description("m") });
    let bad = [
        v1::Hello { agent_version: text(), ..hello.clone() },
        v1::Hello { boot_id: text(), ..hello.clone() },
        v1::Hello { catalogue_version: text(), ..hello.clone() },
        v1::Hello { capabilities: vec!["x".repeat(1024); 900], ..hello.clone() },
        v1::Hello { machine: long_name, ..hello.clone() },
        v1::Hello { machine: endless_users, ..hello.clone() },
        v1::Hello { machine: None, ..hello.clone() },
        v1::Hello { next_sequence: 0, ..hello.clone() },
        v1::Hello { next_sequence: u64::MAX, ..hello.clone() },
        v1::Hello { acknowledged_sequence: u64::MAX, ..hello.clone() },
    ];
    for (index, hello) in bad.into_iter().enumerate() {
        let mut talk = machine.open(&collector).await.expect("opened");
        talk.say(Frame::Hello(hello)).await;
        assert_eq!(ended(&mut talk).await.code(), Code::InvalidArgument, "hello {index}");
    }
    let mut talk = machine.open(&collector).await.expect("opened");
    talk.say(Frame::Hello(v1::Hello { protocol_version: 2, ..hello })).await;
    assert_eq!(ended(&mut talk).await.code(), Code::FailedPrecondition, "another protocol");
    assert!(!collector.app.fleet.is_connected(&machine.id));
}

#[tokio::test]
async fn compressed_frames_are_not_accepted() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let channel = collector.channel(Some(&machine.identity));
    let mut client = v1::agent_service_client::AgentServiceClient::new(channel)
        .send_compressed(tonic::codec::CompressionEncoding::Zstd);
    let beat = v1::Beat { boot_id: "x".repeat(100 * 1024 * 1024), ..Default::default() };
    let answer = client.connect(tokio_stream::iter([v1::AgentFrame { frame: Some(Frame::Beat(beat)) }])).await;
    let status = match answer {
        Err(status) => status,
        Ok(call) => call.into_inner().message().await.expect_err("nothing is answered"),
    };
    assert!(matches!(status.code(), Code::Unimplemented | Code::InvalidArgument), "{status:?}");
}

#[tokio::test]
async fn answers_a_beat_with_its_times() {
    let collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    talk.say(Frame::Beat(v1::Beat { sent_unix_ms: 77, ..Default::default() })).await;
    let Ok(Reply::BeatReply(reply)) = talk.hear().await else { panic!("no reply") };
    assert_eq!((reply.beat_sent_unix_ms, reply.received_unix_ms), (77, collector.clock.now().unix_ms()));
}

#[tokio::test]
async fn a_second_stream_takes_the_place_of_the_first() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut first, _) = machine.connect(&collector).await;
    let (mut second, _) = machine.connect(&collector).await;
    let Ok(Reply::Drain(drain)) = first.hear().await else { panic!("not told when to come back") };
    assert!(drain.reconnect_after_ms >= 60_000 && drain.spread_ms >= 60_000, "copies do not fight: {drain:?}");
    assert_eq!(ended(&mut first).await.code(), Code::Aborted);
    assert_eq!(second.store(vec![inventory(&collector, 1, "x")]).await.stored_sequence, 1);
    assert!(collector.app.fleet.is_connected(&machine.id));
}

#[tokio::test]
async fn a_revoked_endpoint_loses_its_stream_and_never_gets_another() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, _) = machine.connect(&collector).await;
    let endpoint = collector.app.fleet.revoke("m", "tests").await.expect("revoked");
    assert_eq!(endpoint.state, EndpointState::Revoked);
    assert_eq!(ended(&mut talk).await.code(), Code::PermissionDenied);
    let status = refused(&collector, machine.identity).await;
    assert!(format!("{status:?}").to_lowercase().contains("revoked"), "refused in the handshake: {status:?}");
}

#[tokio::test]
async fn strangers_are_refused_in_the_handshake() {
    let collector = Collector::start().await;
    let elsewhere = tempfile::tempdir().expect("folder");
    let now = collector.clock.now();
    Authority::create(&Place::within(elsewhere.path()), now).expect("create");
    let other = Authority::open(Place::within(elsewhere.path()), &collector.app.config.listen, now).expect("open");
    let machine = collector.machine("m").await;
    let key = KeyPair::generate().expect("key");
    let issue = |authority: &Authority, at: Timestamp| {
        let issued = authority.issue(&crate::app::fixture::request(&key), &machine.id, at).expect("issued");
        Identity::new(&issued.chain, &key)
    };
    let status = refused(&collector, issue(&other, now)).await;
    assert!(
        format!("{status:?}").contains("UnknownCA") || format!("{status:?}").contains("DecryptError"),
        "{status:?}"
    );
    let long_ago = now - CERTIFICATE_LIFETIME - Duration::from_hours(2);
    let status = refused(&collector, issue(&collector.app.authority, long_ago)).await;
    assert!(format!("{status:?}").contains("CertificateExpired"), "{status:?}");
}

#[tokio::test]
async fn nobody_but_an_enrolled_endpoint_opens_a_stream() {
    let collector = Collector::start().await;
    let mut client = v1::agent_service_client::AgentServiceClient::new(collector.channel(None));
    let status = client.connect(tokio_stream::empty()).await.expect_err("no certificate");
    assert_eq!(status.code(), Code::Unauthenticated);
    let key = KeyPair::generate().expect("key");
    let request = crate::app::fixture::request(&key);
    let unknown = uuid::Uuid::now_v7().to_string();
    let issued = collector.app.authority.issue(&request, &unknown, collector.clock.now()).expect("issued");
    let machine = Machine { id: unknown, name: "m".to_owned(), identity: Identity::new(&issued.chain, &key) };
    let mut talk = machine.open(&collector).await.expect("opened");
    let hello = v1::Hello { protocol_version: 1, boot_id: "b".to_owned(), next_sequence: 1, ..Default::default() };
    talk.say(Frame::Hello(hello)).await;
    assert_eq!(ended(&mut talk).await.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_stop_tells_agents_when_to_come_back() {
    let mut collector = Collector::start().await;
    let (mut talk, _) = collector.machine("m").await.connect(&collector).await;
    let end = collector.end();
    let heard = async {
        let Ok(Reply::Drain(drain)) = talk.hear().await else { panic!("no drain") };
        (drain, ended(&mut talk).await)
    };
    let ((), (drain, status)) = tokio::join!(end, heard);
    assert!(drain.reconnect_after_ms > 0 && drain.spread_ms > 0);
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn the_first_to_come_is_told_of_all_who_may_come() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    collector.app.fleet.settle().await.expect("settled");
    (1..400).for_each(|_| collector.app.fleet.expect_one_more());
    let (_talk, welcome) = machine.connect(&collector).await;
    assert_eq!(welcome.return_spread_ms, 3000, "four hundred at two hundred a second, and one");
}

#[tokio::test]
async fn those_who_leave_last_are_told_of_those_who_left_before() {
    let drain = super::Drain::default();
    for _ in 0..5 {
        drain.join(async {});
    }
    let waits = drain.clone();
    drain.join(async move { waits.begun().await });
    tokio::task::yield_now().await;
    drain.run(Duration::from_secs(5)).await;
    assert_eq!(drain.leaving(), 1, "who was there when it began, and not who is left");
}

#[tokio::test]
async fn puts_records_of_a_wrong_clock_in_their_place() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let mut talk = machine.open(&collector).await.expect("opened");
    let now = collector.clock.now().unix_ms();
    let year_ms = 365 * 86_400_000;
    let hello = v1::Hello {
        protocol_version: 1,
        machine: Some(crate::app::fixture::description("m")),
        boot_id: "boot".to_owned(),
        next_sequence: 1,
        sent_unix_ms: now - year_ms,
        uptime_seconds: 1000,
        ..Default::default()
    };
    talk.say(Frame::Hello(hello)).await;
    talk.hear().await.expect("welcome");
    let mut mark = record(&collector, 1, v1::record::Body::Mark(v1::Mark { kind: v1::MarkKind::Resumed.into() }));
    (mark.at_unix_ms, mark.at_boot_ms) = (now - year_ms, 400_000);
    talk.store(vec![mark]).await;
    assert_eq!(count(&collector, "SELECT at_ms FROM marks").await, now - 600_000);
}
