//! Replicas that are killed, frozen and replaced while endpoints send: each record once, each alert once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use firstline_tests::postgres::Durable;
use firstline_tests::wire::sender::Sender;
use firstline_tests::wire::sick::Sick;
use firstline_tests::{Replicas, binary, wait};

use super::pulls::says;
use crate::storage::once_each;

/// Endpoints that send as fast as they can, and endpoints with a full volume.
const SENDERS: usize = 4;
const SICK: usize = 6;

const SOON: Duration = Duration::from_mins(2);

/// Endpoints that come in through the balancer.
struct Crowd {
    senders: Vec<Sender>,
    sick: Vec<Sick>,
    start_ms: i64,
}

impl Crowd {
    async fn gather(replicas: &Replicas) -> Self {
        let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
        let port = replicas.balancer.port;
        let (mut senders, mut sick) = (Vec::new(), Vec::new());
        for number in 0..SENDERS {
            let name = format!("sender-{number}");
            senders.push(Sender::start(port, &name, replicas.identity(0, &name).await, start_ms));
        }
        for number in 0..SICK {
            let name = format!("sick-{number}");
            sick.push(Sick::start(port, &name, replicas.identity(0, &name).await));
        }
        let crowd = Self { senders, sick, start_ms };
        crowd.go_on(400).await;
        crowd
    }

    /// Waits until every sender has got so many more records through, and every sick endpoint one more.
    async fn go_on(&self, records: u64) {
        let senders: Vec<u64> = self.senders.iter().map(Sender::acknowledged).collect();
        let sick: Vec<u64> = self.sick.iter().map(Sick::acknowledged).collect();
        wait::for_condition("everybody to go on", SOON, async || {
            self.senders.iter().zip(&senders).all(|(one, before)| one.acknowledged() >= before + records)
                && self.sick.iter().zip(&sick).all(|(one, before)| one.acknowledged() > *before)
        })
        .await;
    }

    /// Waits until each sick endpoint has an open alert.
    async fn is_told(&self, replicas: &Replicas) {
        wait::for_condition("an alert of each", SOON, async || alerts(replicas).await.len() == SICK).await;
    }

    /// Stops it and counts what is stored: each record once, each alert fired once and never resolved.
    async fn count(self, replicas: &Replicas) -> i64 {
        let mut sum = 0;
        for sender in self.senders {
            let endpoint = sender.endpoint_id.clone();
            let acknowledged = sender.stop().await;
            let (times, sequence) = replicas.postgres.stored().await.remove(&endpoint).unwrap();
            sum += once_each(times, sequence, acknowledged, self.start_ms);
        }
        for sick in &self.sick {
            let lives = alerts(replicas).await;
            let steps = lives.get(&sick.endpoint_id).unwrap_or_else(|| panic!("no alert of {}", sick.endpoint_id));
            let told: Vec<&str> = steps
                .iter()
                .map(String::as_str)
                .filter(|step| ["fired", "fired_again", "resolved"].contains(step))
                .collect();
            assert_eq!(told, ["fired"], "all that happened: {steps:?}");
        }
        sum
    }
}

/// What happened to the alerts of each endpoint.
async fn alerts(replicas: &Replicas) -> BTreeMap<String, Vec<String>> {
    let rows: Vec<(String, String)> = replicas
        .postgres
        .rows("SELECT a.endpoint_id, c.change FROM alerts a JOIN alert_changes c ON c.alert_id = a.id ORDER BY c.id")
        .await;
    let mut lives: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (endpoint, change) in rows {
        lives.entry(endpoint).or_default().push(change);
    }
    lives
}

/// Waits until these are the members.
async fn members_are(replicas: &Replicas, names: &[&str]) {
    wait::for_condition(&format!("the members to be {names:?}"), SOON, async || replicas.members().await == names)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_killed_moves_its_endpoints_and_nothing_is_lost_or_told_twice() {
    let mut replicas = Replicas::open(3).await;
    let crowd = Crowd::gather(&replicas).await;
    crowd.is_told(&replicas).await;
    let killed = Instant::now();
    replicas.collectors[0].kill();
    crowd.go_on(200).await;
    println!("everybody went on {:.1} s after a replica was killed", killed.elapsed().as_secs_f64());
    assert!(killed.elapsed() < Duration::from_mins(1), "within a minute");
    members_are(&replicas, &["replica-1", "replica-2"]).await;
    println!("it was given up after {:.1} s", killed.elapsed().as_secs_f64());
    crowd.go_on(200).await;
    replicas.collectors[0].start().await;
    members_are(&replicas, &["replica-1", "replica-2", "replica-0"]).await;
    replicas.collectors[2].kill();
    crowd.go_on(400).await;
    let sum = crowd.count(&replicas).await;
    println!("2 kills of 3 replicas, {sum} records, each stored once; {SICK} alerts, each told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nats_is_killed_everybody_goes_on_and_nothing_is_lost_or_told_twice() {
    let mut replicas = Replicas::open(2).await;
    says(&replicas, 0, "NATS is connected").await;
    let crowd = Crowd::gather(&replicas).await;
    crowd.is_told(&replicas).await;
    for _ in 0..2 {
        replicas.nats.kill();
        says(&replicas, 0, "NATS is away").await;
        crowd.go_on(400).await;
        members_are(&replicas, &["replica-0", "replica-1"]).await;
        replicas.nats.go().await;
        says(&replicas, 0, "NATS is connected").await;
        crowd.go_on(400).await;
    }
    let records = crowd.count(&replicas).await;
    println!("NATS killed twice, {records} records, each stored exactly once, {SICK} alerts, each told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_frozen_wakes_up_as_another_and_harms_nothing() {
    let replicas = Replicas::open(2).await;
    let crowd = Crowd::gather(&replicas).await;
    crowd.is_told(&replicas).await;
    replicas.collectors[0].freeze();
    members_are(&replicas, &["replica-1"]).await;
    replicas.collectors[0].thaw();
    members_are(&replicas, &["replica-1", "replica-0"]).await;
    crowd.go_on(400).await;
    let sum = crowd.count(&replicas).await;
    println!("1 replica frozen, {sum} records, each stored once; {SICK} alerts, each told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_replaced_one_after_the_other_while_endpoints_send() {
    let mut replicas = Replicas::open_from(binary::earlier(), 2, Durable::No, "").await;
    let crowd = Crowd::gather(&replicas).await;
    crowd.is_told(&replicas).await;
    for number in 0..2 {
        assert!(replicas.collectors[number].stop().await.success());
        crowd.go_on(200).await;
        replicas.collectors[number].upgrade();
        replicas.collectors[number].start().await;
        crowd.go_on(200).await;
    }
    let sum = crowd.count(&replicas).await;
    println!("2 replicas replaced, {sum} records, each stored once; {SICK} alerts, each told once");
}
