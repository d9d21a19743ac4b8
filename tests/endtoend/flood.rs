//! Endpoints that want more than their share: they get it not, and nobody else notices.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame;
use firstline_tests::wire::sender::Sender;
use firstline_tests::wire::{Identity, Manner, Stream, hello};
use firstline_tests::{Stage, wait};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::StreamExt as _;

use crate::hostile::{sample, start_ms};

/// Connections that say a whole hello and then nothing.
const SILENT: usize = 600;

#[tokio::test]
async fn six_hundred_that_say_hello_and_nothing_more_keep_nobody_out() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let newcomer = stage.identity("newcomer").await;
    let (hello_of_tls, mut silent) = (firstline_tests::wire::hello_of_tls(), Vec::new());
    for _ in 0..SILENT {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.9.1:0".parse().unwrap()).unwrap();
        let mut socket = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        socket.write_all(&hello_of_tls).await.unwrap();
        silent.push(socket);
    }
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open(port, &newcomer, hello("newcomer", 1)).await.unwrap());
    }
    let timed_out = "firstline_collector_tls_handshakes_total{port=\"agents\",outcome=\"timeout\"}";
    let gone = stage.metric(timed_out).await;
    assert!(gone < SILENT as f64, "they were all gone before anybody came");
    println!("20 streams were opened beside {} silent handshakes", SILENT as f64 - gone);
}

/// Connections that come through their handshake and say nothing more.
const HELD: usize = 700;

/// Holds connections to `port` that nobody uses, from an address of their own.
async fn hold(port: u16) -> Vec<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(firstline_tests::wire::tls(None).unwrap()));
    let mut held = Vec::new();
    for _ in 0..HELD {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.9.2:0".parse().unwrap()).unwrap();
        let socket = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        held.push(connector.connect("localhost".try_into().unwrap(), socket).await.unwrap());
    }
    held
}

#[tokio::test]
async fn who_holds_connections_without_a_use_for_them_displaces_himself() {
    let stage = Stage::open().await;
    let people = stage.collector.address().rsplit(':').next().unwrap().parse().unwrap();
    let held = [hold(stage.collector.agents).await, hold(people).await];
    for (port, places) in [("agents", 128), ("people", 512)] {
        let displaced = format!("firstline_collector_connections_closed_total{{port=\"{port}\",reason=\"displaced\"}}");
        let gone = async || stage.metric(&displaced).await >= (HELD - places) as f64;
        wait::for_condition(&format!("those beyond to lose their places at {port}"), Duration::from_mins(1), gone)
            .await;
    }
    stage.sign_in().await.done();
    stage.agent_online("newcomer").await;
    drop(held);
}

#[tokio::test]
async fn who_never_reads_loses_the_stream_and_nobody_else_notices() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let other = Sender::start(port, "other", stage.identity("other").await, start_ms());
    let identity = stage.identity("deaf").await;
    let manner = Manner { window_bytes: Some(64), ..Manner::default() };
    let (stream, _) = Stream::open_in(manner, port, &identity, hello("deaf", 1)).await.unwrap();
    for _ in 0..60 {
        if stream.send(Frame::Beat(v1::Beat::default())).await.is_err() {
            break;
        }
    }
    let not_reading = "firstline_collector_streams_ended_total{reason=\"not_reading\"}";
    let before = other.acknowledged();
    let ended = async || stage.metric(not_reading).await > 0.0;
    wait::for_condition("the stream to end for not being read", Duration::from_mins(2), ended).await;
    let meanwhile = other.acknowledged() - before;
    assert!(meanwhile > 0, "another endpoint was not served");
    stage.endpoint_is_not(&identity.endpoint_id, "online").await;
    println!("{meanwhile} records of another endpoint were stored meanwhile");
    other.stop().await;
}

/// Connections that one endpoint keeps open, and streams that it opens one after the other over one of them.
const CONNECTIONS: usize = 200;

#[tokio::test]
async fn an_endpoint_that_opens_streams_by_the_hundreds_is_turned_away_and_nobody_else() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let other = Sender::start(port, "other", stage.identity("other").await, start_ms());
    let (identity, newcomer) = (stage.identity("many").await, stage.identity("newcomer").await);
    let (mut kept, mut opened) = (Vec::new(), 0);
    for _ in 0..CONNECTIONS {
        let dialled = firstline_tests::wire::dial(port, Some(&identity)).await;
        let Ok(channel) = dialled else { continue };
        let mut client = v1::agent_service_client::AgentServiceClient::new(channel);
        let frames = tokio_stream::once(v1::AgentFrame { frame: Some(Frame::Hello(hello("many", 1))) });
        opened += usize::from(client.connect(frames.chain(tokio_stream::pending())).await.is_ok());
        kept.push(client);
    }
    let before = other.acknowledged();
    Stream::open(port, &newcomer, hello("newcomer", 1)).await.unwrap();
    let more = async || other.acknowledged() > before;
    wait::for_condition("another endpoint to go on", Duration::from_mins(1), more).await;
    let displaced = stage.metric("firstline_collector_connections_displaced_total").await;
    let too_often = "firstline_collector_tls_handshakes_total{port=\"agents\",outcome=\"too_often\"}";
    let turned_away = stage.metric(too_often).await;
    assert!(displaced >= 40.0 && turned_away >= 50.0, "{displaced} gave their place, {turned_away} were turned away");
    assert!(opened < CONNECTIONS / 2, "{opened} streams were opened");
    let told = stage.collector.log().matches("connects more often than an agent does").count();
    assert_eq!(told, 1, "it is said once");
    println!("{CONNECTIONS} connections: {opened} streams, {displaced} gave their place, {turned_away} turned away");
    other.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_opens_streams_one_after_the_other_over_one_connection_is_refused() {
    let stage = Stage::open().await;
    let identity = stage.identity("many").await;
    let channel = firstline_tests::wire::dial(stage.collector.agents, Some(&identity)).await.unwrap();
    let mut refused = 0;
    for _ in 0..CONNECTIONS {
        let mut client = v1::agent_service_client::AgentServiceClient::new(channel.clone());
        let frames = tokio_stream::once(v1::AgentFrame { frame: Some(Frame::Hello(hello("many", 1))) });
        let Err(status) = client.connect(frames).await else { continue };
        assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status}");
        refused += 1;
    }
    assert!(refused > CONNECTIONS / 2, "{refused} were refused");
    let told = "firstline_collector_streams_refused_total{reason=\"too_often\"}";
    assert!((stage.metric(told).await - refused as f64).abs() < 0.5);
}

/// Series of the layouts that an endpoint makes up, and how many of these it may make up in a row.
const SERIES: usize = 4096;
const IN_A_ROW: usize = 64;

#[tokio::test]
async fn who_makes_up_a_million_series_is_slowed_down_and_nobody_else() {
    let mut stage = Stage::open().await;
    let port = stage.collector.agents;
    let other = Sender::start(port, "other", stage.identity("other").await, start_ms());
    let identity = stage.identity("inventor").await;
    let (mut stream, _) = Stream::open(port, &identity, hello("inventor", 1)).await.unwrap();
    let before = other.acknowledged();
    for round in 0..=IN_A_ROW {
        let series = |index: usize| {
            let mountpoint = format!("/m{round}-{index}");
            Series::new("system.filesystem.usage", [("mountpoint", mountpoint.as_str())])
        };
        let layout = Layout::new((0..SERIES).map(series).collect::<Vec<_>>());
        let sequence = round as u64 + 1;
        stream.send(Frame::Layout((&layout).into())).await.unwrap();
        stream.send(sample(sequence, layout.fingerprint(), SERIES)).await.unwrap();
        if round < IN_A_ROW {
            assert_eq!(stream.acknowledged().await.unwrap().stored_sequence, sequence);
        }
    }
    let slowed = async || stage.metric("firstline_collector_layouts_slowed_total").await > 0.0;
    wait::for_condition("the endpoint to be slowed down", Duration::from_mins(1), slowed).await;
    // At this rate the rest of a million takes three hours.
    assert!(stream.acknowledged().await.is_err(), "the sample beyond was taken at once");
    assert!(stage.collector.log().contains("is read more slowly"), "{}", stage.collector.log());
    let meanwhile = other.acknowledged() - before;
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.collector.process_id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(meanwhile > 0, "another endpoint was not served");
    assert!(peak_kib < 400 * 1024, "the collector took {peak_kib} KiB");
    println!("{} series, {peak_kib} KiB at most, {meanwhile} records of another endpoint", IN_A_ROW * SERIES);
    // Who is slowed down is sent away at once all the same.
    let path = format!("/api/v1/endpoints/{}/decommission", identity.endpoint_id);
    stage.api.post(&path, &serde_json::json!({ "forget": false })).await;
    let sent_away = "firstline_collector_streams_ended_total{reason=\"revoked\"}";
    let gone = async || stage.metric(sent_away).await > 0.0;
    wait::for_condition("the stream to end", Duration::from_secs(20), gone).await;
    other.stop().await;
    stage.collector.ready().await;
}

/// Sends bytes that no library would as the body of a stream.
async fn send_raw(stage: &Stage, identity: &Identity, encoding: &str, body: &str) {
    let mut channel = firstline_tests::wire::dial(stage.collector.agents, Some(identity)).await.unwrap();
    let request = http::Request::post("http://localhost/firstline.v1.AgentService/Connect")
        .header("content-type", "application/grpc")
        .header("grpc-encoding", encoding)
        .body(tonic::body::Body::new(body.to_owned()))
        .unwrap();
    let ready = tower::ServiceExt::ready(&mut channel).await.unwrap();
    if let Ok(answer) = tower::Service::call(ready, request).await {
        // A status in the head is a refusal at once; without one the session said no more than that it ends.
        assert_ne!(answer.headers().get("grpc-status").map(http::HeaderValue::as_bytes), Some(&b"0"[..]));
    }
}

#[tokio::test]
async fn a_bomb_and_a_frame_without_end_are_refused_before_they_are_read() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let other = Sender::start(port, "other", stage.identity("other").await, start_ms());
    let identity = stage.identity("bomber").await;
    // A frame begins with whether it is compressed, and its length in four bytes.
    let (whole, compressed, endless) = ("\0\0\0\0\u{10}", "\u{1}\0\0\u{10}\0", "\0\0\u{20}\0\0");
    let cases = [("zstd", whole), ("gzip", compressed), ("identity", compressed), ("identity", endless)];
    for (encoding, head) in cases {
        send_raw(&stage, &identity, encoding, &(head.to_owned() + &"x".repeat(4096))).await;
    }
    let refused = "firstline_collector_streams_ended_total{reason=\"bad_frame\"}";
    let both = async || stage.metric(refused).await >= 2.0;
    wait::for_condition("the frames to be refused", Duration::from_mins(1), both).await;
    let before = other.acknowledged();
    let more = async || other.acknowledged() > before;
    wait::for_condition("another endpoint to go on", Duration::from_mins(1), more).await;
    other.stop().await;
}
