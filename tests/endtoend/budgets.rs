//! Endpoints that send more than they may in a row, counted in records and in bytes: they are read more slowly, nothing of
//! what they send is lost, and nobody else notices.

use std::time::Duration;

use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame;
use firstline_tests::wire::sender::Sender;
use firstline_tests::wire::{Stream, hello, records};
use firstline_tests::{Stage, wait};
use prost::Message as _;

use crate::hostile::start_ms;

/// Batches that an endpoint sends without a rest: twice as many records as it may in a row, some of which are made up for
/// while it sends.
const BATCHES: u64 = 256;
const IN_A_BATCH: u64 = 512;

#[tokio::test]
async fn who_sends_records_without_end_is_read_more_slowly_and_nothing_of_it_is_lost() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let other = Sender::start(port, "other", stage.identity("other").await, start_ms());
    let identity = stage.identity("talker").await;
    let (mut stream, _) = Stream::open(port, &identity, hello("talker", 1)).await.unwrap();
    stream.send(records::layout_frame()).await.unwrap();
    let slowed = async || stage.metric("firstline_collector_senders_slowed_total{reason=\"records\"}").await > 0.0;
    // The same again and again: it counts as often as it comes.
    for batch in 1..=BATCHES {
        if batch % 16 == 0 && slowed().await {
            break;
        }
        stream.send(records::batch((1..=IN_A_BATCH).map(|number| records::sample(number, start_ms())))).await.unwrap();
        while stream.acknowledged().await.unwrap().stored_sequence < IN_A_BATCH {}
    }
    let before = other.acknowledged();
    wait::for_condition("the endpoint to be slowed down", Duration::from_mins(1), slowed).await;
    let next = IN_A_BATCH + 1;
    stream.send(records::batch([records::sample(next, start_ms())])).await.unwrap();
    while stream.acknowledged().await.unwrap().stored_sequence < next {}
    let more = async || other.acknowledged() > before;
    wait::for_condition("another endpoint to go on", Duration::from_mins(1), more).await;
    assert_eq!(stage.collector.log().matches("records in a row and is read more slowly").count(), 1, "it is said once");
    other.stop().await;
}

/// A frame as it stands in the body of a stream.
fn framed(message: &[u8], body: &mut Vec<u8>) {
    body.push(0);
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
}

#[tokio::test]
async fn bytes_that_no_frame_shows_count_all_the_same() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let other = Sender::start(port, "other", stage.identity("other").await, start_ms());
    let identity = stage.identity("dull").await;
    let mut body = Vec::new();
    framed(&v1::AgentFrame { frame: Some(Frame::Hello(hello("dull", 1))) }.encode_to_vec(), &mut body);
    // A field that no version knows, which is skipped in one go: while it is read, little is made up for.
    // "z" is the number 15 of a field of bytes.
    let mut filling = vec![b'z'];
    prost::encode_length_delimiter((1 << 20) - 8, &mut filling).unwrap();
    filling.resize(filling.len() + (1 << 20) - 8, 0);
    (0..72).for_each(|_| framed(&filling, &mut body));
    let mut channel = firstline_tests::wire::dial(port, Some(&identity)).await.unwrap();
    let request = http::Request::post("http://localhost/firstline.v1.AgentService/Connect")
        .header("content-type", "application/grpc")
        .body(tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::from(body))))
        .unwrap();
    let ready = tower::ServiceExt::ready(&mut channel).await.unwrap();
    let answer = tower::Service::call(ready, request).await.unwrap();
    let slowed = async || stage.metric("firstline_collector_senders_slowed_total{reason=\"bytes\"}").await > 0.0;
    wait::for_condition("the endpoint to be slowed down", Duration::from_mins(2), slowed).await;
    stage.endpoint_is(&identity.endpoint_id, "online").await;
    let before = other.acknowledged();
    let more = async || other.acknowledged() > before;
    wait::for_condition("another endpoint to go on", Duration::from_mins(1), more).await;
    drop(answer);
    other.stop().await;
}
