//! Many at once, and those who mean no good: everybody else goes on.

use std::time::Duration;

use firstline_tests::command::program;
use firstline_tests::wire::sender::Sender;
use firstline_tests::wire::{Manner, Stream, hello, records};
use firstline_tests::{Process, Stage, wait};

/// How long a crowd may take on a busy machine.
const LONG: Duration = Duration::from_mins(5);

fn start_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond() - 3_600_000
}

#[tokio::test]
async fn a_thousand_come_back_after_a_kill_and_after_a_stop_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--agents", "1000", "--phases", "burst,kill,drain", "--burst", "3", "--large", "5"];
    let log = folder.path().join("swarm.log");
    let mut swarm = Process::start("the swarm", program("swarm", &arguments), &log);
    let ended = swarm.ended(LONG).await;
    assert!(ended.success(), "{}", swarm.log());
    assert!(swarm.log().contains("1000 of 1000 were told when to come back"), "{}", swarm.log());
}

/// Five thousand take a release build five seconds, and one that is not optimised five minutes (`tests/measure swarm`).
#[tokio::test]
async fn five_hundred_come_back_at_once_with_an_hour_of_backlog_each_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--agents", "500", "--phases", "return", "--backlog", "60", "--large", "0"];
    let log = folder.path().join("swarm.log");
    let mut swarm = Process::start("the swarm", program("swarm", &arguments), &log);
    let ended = swarm.ended(LONG * 2).await;
    assert!(ended.success(), "{}", swarm.log());
    let told = swarm.log();
    let figures: Vec<&str> = told.lines().filter(|line| line.starts_with("| come back at once")).collect();
    assert!(figures.len() >= 4, "{told}");
    println!("{}", figures.join("\n"));
}

#[tokio::test]
async fn machines_in_several_processes_are_counted_like_those_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let phases = ["--phases", "live,burst,return,kill,drain", "--minutes", "1", "--period", "5", "--burst", "3"];
    let arguments = [&["--agents", "60", "--processes", "3", "--pulls", "3", "--backlog", "5"], &phases[..]].concat();
    let log = folder.path().join("swarm.log");
    let mut swarm = Process::start("the swarm", program("swarm", &arguments), &log);
    assert!(swarm.ended(LONG).await.success(), "{}", swarm.log());
    assert!(swarm.log().contains("60 of 60 were told when to come back"), "{}", swarm.log());
}

#[tokio::test]
async fn two_collectors_under_load_store_what_one_does_also_when_one_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let phases = ["--phases", "burst,return,kill,drain", "--burst", "10", "--backlog", "5"];
    let arguments = [&["--agents", "60", "--replicas", "2"], &phases[..]].concat();
    let log = folder.path().join("swarm.log");
    let mut swarm = Process::start("the swarm", program("swarm", &arguments), &log);
    assert!(swarm.ended(LONG).await.success(), "{}", swarm.log());
    assert!(swarm.log().contains("one killed, the others take its machines"), "{}", swarm.log());
}

#[tokio::test]
async fn ten_thousand_that_never_finish_their_handshake_keep_nobody_out() {
    let stage = Stage::open().await;
    let port = stage.collector.agents;
    let here = Sender::start(port, "here", stage.identity("here").await, start_ms());
    let newcomer = stage.identity("newcomer").await;
    wait::for_condition("the first records", LONG, async || here.acknowledged() > 0).await;
    let arguments = ["half-open", &format!("127.0.0.1:{port}"), "--connections", "10000"];
    let log = stage.folder("half-open.log");
    let mut flood = Process::start("the flood", program("swarm", &arguments), &log);
    let displaced = "firstline_collector_tls_handshakes_total{port=\"agents\",outcome=\"displaced\"}";
    let told = async || stage.metric(displaced).await;
    wait::for_condition("connections that displace each other", LONG, async || told().await > 0.0).await;
    let (before, mut streams) = (here.acknowledged(), Vec::new());
    while flood.is_running() && streams.len() < 20 {
        streams.push(Stream::open(port, &newcomer, hello("newcomer", 1)).await.unwrap());
        wait::for_condition("more records", LONG, async || here.acknowledged() > before + streams.len() as u64).await;
    }
    assert!(!streams.is_empty(), "the flood was over before anybody came:\n{}", flood.log());
    assert!(flood.ended(LONG).await.success());
    let log = flood.log();
    assert!(log.contains("10000 of 10000 connections were opened and closed by the collector"), "{log}");
    here.stop().await;
}

#[tokio::test]
async fn who_writes_a_byte_at_a_time_is_served_like_everybody() {
    let stage = Stage::open().await;
    let identity = stage.identity("slow").await;
    let manner = Manner { byte_by_byte: true, ..Manner::default() };
    let (mut stream, _) = Stream::open_in(manner, stage.collector.agents, &identity, hello("slow", 1)).await.unwrap();
    stream.send(records::layout_frame()).await.unwrap();
    stream.send(records::batch((1..=5).map(|one| records::sample(one, start_ms())))).await.unwrap();
    assert_eq!(stream.acknowledged().await.unwrap().stored_sequence, 5);
}
