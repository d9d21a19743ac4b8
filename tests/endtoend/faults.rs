//! What the collector stands on gives way: its disk, its database, its clock. What was acknowledged is there afterwards, once.

use std::time::Duration;

use firstline_tests::postgres::Durable;
use firstline_tests::wire::senders::Senders;
use firstline_tests::{Api, Postgres, Stage, Volume, wait};

use crate::clock::{false_clock, set};
use crate::storage::count;
use crate::syncs::Syncs;

const SENDERS: usize = 3;
const PROGRESS: Duration = Duration::from_mins(2);

/// Streams that ended because nothing could be stored.
async fn ended(stage: &Stage) -> f64 {
    stage.metric("firstline_collector_streams_ended_total{reason=\"store_failed\"}").await
}

/// Waits until agents were sent away.
async fn turned_away(stage: &Stage) {
    let before = ended(stage).await;
    wait::for_condition("agents to be told to come back", PROGRESS, async || ended(stage).await > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let volume = Volume::mount(folder.path(), "disk", 64);
    let mut stage = Stage::open_in(volume.path()).await;
    let senders = Senders::start(&stage, SENDERS).await;
    for _ in 0..3 {
        senders.go_on(400, PROGRESS).await;
        volume.fill();
        turned_away(&stage).await;
        volume.free();
    }
    senders.go_on(400, PROGRESS).await;
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    stage.collector.kill();
    let sum = count(&stage.collector.folder, acknowledged, start_ms).await;
    println!("3 times no room, {sum} records, each stored exactly once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_no_more_writes_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let volume = Volume::mount(folder.path(), "disk", 64);
    let mut stage = Stage::open_in(volume.path()).await;
    let senders = Senders::start(&stage, SENDERS).await;
    senders.go_on(400, PROGRESS).await;
    // Not during a sync: ext4 may call one done whose books go down with the journal (seen with a program that only appends
    // and calls `fdatasync`), and no database can know that.
    stage.collector.halt().await;
    volume.abort();
    stage.collector.thaw();
    turned_away(&stage).await;
    stage.collector.kill();
    volume.repair();
    stage.collector.start().await;
    senders.go_on(400, PROGRESS).await;
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    stage.collector.kill();
    let sum = count(&stage.collector.folder, acknowledged, start_ms).await;
    println!("a broken file system, {sum} records, each stored exactly once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_whose_syncs_take_until_nobody_may_send_more_everything_is_stored_once() {
    let mut stage = Stage::open().await;
    stage.collector.kill();
    let mut syncs = Syncs::new(&stage.folder(""));
    let library = syncs.library.clone();
    let at_once = async || {};
    syncs.during(stage.collector.start_with(&[("LD_PRELOAD", library.to_str().unwrap())]), at_once).await;
    let senders = syncs.during(Senders::start(&stage, SENDERS), at_once).await;
    syncs.during(senders.all_begin(PROGRESS), at_once).await;
    let before = syncs.count;
    syncs.during(senders.go_on(2000, PROGRESS), async || senders.all_wait(PROGRESS).await).await;
    let held = syncs.count - before;
    assert!(held > 3, "{held} syncs for 2000 records");
    let start_ms = senders.start_ms;
    let acknowledged = syncs.during(senders.stop(), at_once).await;
    stage.collector.kill();
    let sum = count(&stage.collector.folder, acknowledged, start_ms).await;
    println!("{held} slow syncs, {sum} records, each stored exactly once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_stepped_under_the_collector_loses_and_doubles_nothing() {
    let mut stage = Stage::open().await;
    stage.collector.kill();
    let clock = stage.folder("clock");
    set(&clock, 0);
    let environment = [
        ("LD_PRELOAD", false_clock().to_str().unwrap().to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap().to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
    ];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    stage.collector.start_with(&environment).await;
    stage.api = Api::sign_in(&stage.collector).await;
    let senders = Senders::start(&stage, SENDERS).await;
    for seconds in [0, 7200, -2400, 600, 0] {
        set(&clock, seconds);
        senders.go_on(300, PROGRESS).await;
    }
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    stage.collector.kill();
    let sum = count(&stage.collector.folder, acknowledged, start_ms).await;
    println!("4 steps of the clock, {sum} records, each stored exactly once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgresql_is_frozen_reads_are_refused_and_records_wait() {
    let server = Postgres::start(Durable::Yes).await;
    let stage = Stage::open_with(&server.configuration()).await;
    let senders = Senders::start(&stage, SENDERS).await;
    senders.go_on(200, PROGRESS).await;
    server.freeze(true);
    let client = firstline_tests::collector::insecure();
    let address = format!("{}/readyz", stage.collector.address());
    wait::for_condition("the collector to say that it is not ready", PROGRESS, async || {
        client.get(&address).send().await.is_ok_and(|answer| answer.status().is_server_error())
    })
    .await;
    server.freeze(false);
    senders.go_on(200, PROGRESS).await;
    let acknowledged = senders.stop().await;
    let rows: Vec<(String, i64, i64)> = server
        .rows(
            "SELECT e.id, COUNT(*), COUNT(DISTINCT s.at_ms) FROM endpoints e JOIN samples s ON s.endpoint_key = e.key
             GROUP BY e.id",
        )
        .await;
    for (endpoint, acknowledged) in &acknowledged {
        let (_, stored, distinct) = rows.iter().find(|(id, ..)| id == endpoint).expect("records");
        assert!(stored == distinct && stored.unsigned_abs() >= *acknowledged, "{stored} {distinct} {acknowledged}");
    }
    println!("{} records, each stored exactly once", rows.iter().map(|(_, stored, _)| stored).sum::<i64>());
}
