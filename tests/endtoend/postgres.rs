//! A collector that keeps its data in PostgreSQL.

use std::time::Duration;

use firstline_tests::collector::insecure;
use firstline_tests::command::{Outcome, program};
use firstline_tests::postgres::{Durable, Pooler, Relay};
use firstline_tests::wire::senders::Senders;
use firstline_tests::wire::{Stream, hello, records, sick};
use firstline_tests::{Postgres, Stage, wait};

use crate::storage::once_each;

/// How often the server is killed.
const CRASHES: u64 = 8;
/// How many endpoints send meanwhile.
const SENDERS: usize = 4;
const PROGRESS: Duration = Duration::from_mins(2);

/// Connections of the pooler to the server, fewer than the collector has to the pooler: each transaction gets another one.
const POOLED: u32 = 2;

#[tokio::test]
async fn a_ticket_gets_its_diagnosis_from_postgresql_behind_a_transaction_pooler() {
    let server = Postgres::start(Durable::No).await;
    let pooler = Pooler::start(&server, POOLED).await;
    let stage = Stage::open_with(&pooler.configuration()).await;
    let (mut agent, id) = stage.agent_online("agent").await;
    let number = stage.ticket("My computer is slow", "sam").await;
    let pull = stage.attach(&number, &id).await;
    assert_eq!(pull["state"], "done", "{pull}");
    let ticket = stage.api.get(&format!("/api/v1/tickets/{number}")).await;
    assert!(ticket["notes"].as_array().is_some_and(|notes| !notes.is_empty()), "{ticket}");
    assert!(ticket["attachments"].as_array().is_some_and(|files| files.len() >= 2), "{ticket}");
    let listed = stage.api.get("/api/v1/endpoints?search=").await;
    assert_eq!(listed["endpoints"].as_array().map(Vec::len), Some(1), "{listed}");
    assert!(!stage.collector.folder.join("firstline.sqlite").exists(), "nothing is kept in a file");
    assert!(agent.stop().await.success());
}

#[tokio::test]
async fn a_server_without_the_collectors_tables_is_not_begun_anew() {
    let server = Postgres::start(Durable::No).await;
    let mut stage = Stage::open_with(&server.configuration()).await;
    assert!(stage.collector.stop().await.success());
    server.empty().await;
    let data = stage.collector.folder.display().to_string();
    let refused = Outcome::of(program("firstline-collector", &["serve", "--data", &data])).await.ended_with(1);
    assert!(refused.stderr.contains("has no tables of a collector"), "{}", refused.stderr);
    let tables: Vec<(String,)> = server.rows("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").await;
    assert!(tables.is_empty(), "{tables:?}");
}

#[tokio::test]
async fn a_pooler_that_the_configuration_does_not_name_is_told_from_a_server_that_is_away() {
    let server = Postgres::start(Durable::No).await;
    let pooler = Pooler::start(&server, POOLED).await;
    let mut stage = Stage::open_with(&pooler.configuration()).await;
    assert!(stage.collector.stop().await.success());
    stage.collector.configure(&pooler.configuration().replace("\"transaction\"", "\"none\""));
    let data = stage.collector.folder.display().to_string();
    for command in ["serve", "doctor"] {
        let said = Outcome::of(program("firstline-collector", &[command, "--data", &data])).await.ended_with(1);
        let said = said.stdout + &said.stderr;
        assert!(said.contains("[database] pooler = \"transaction\""), "{command}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_stored_twice_when_postgresql_is_killed() {
    let mut server = Postgres::start(Durable::Yes).await;
    let stage = Stage::open_with(&server.configuration()).await;
    let records = kill_under_load(&stage, &mut server).await;
    println!("{CRASHES} crashes of PostgreSQL, {records} records, each stored exactly once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_postgresql_is_killed_behind_a_transaction_pooler() {
    let mut server = Postgres::start(Durable::Yes).await;
    let pooler = Pooler::start(&server, POOLED).await;
    let stage = Stage::open_with(&pooler.configuration()).await;
    let records = kill_under_load(&stage, &mut server).await;
    println!("{CRASHES} crashes of PostgreSQL behind a pooler, {records} records, each stored exactly once");
}

#[tokio::test]
async fn while_postgresql_is_away_people_are_told_when_to_come_again_and_then_they_are_served() {
    let mut server = Postgres::start(Durable::Yes).await;
    let stage = Stage::open_with(&server.configuration()).await;
    let paths = ["/api/v1/endpoints", "/api/v1/tickets", "/api/v1/alerts"];
    for path in paths {
        assert_eq!(stage.api.asked(path).await, (200, None), "{path}");
    }
    server.kill();
    for path in paths {
        let (status, retry) = stage.api.asked(path).await;
        assert_eq!((status, retry.is_some_and(|seconds| seconds > 0)), (503, true), "{path}: {retry:?}");
    }
    server.go().await;
    is_ready(&stage, true).await;
    for path in paths {
        assert_eq!(stage.api.asked(path).await, (200, None), "{path}");
    }
    let over = || stage.collector.log().contains("The database works again after");
    wait::for_condition("the log to say that it is over", PROGRESS, async || over()).await;
    let log = stage.collector.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).collect();
    assert_eq!(told.len(), 1, "one thing happened: {told:#?}");
    assert!(!told[0].contains("pool"), "not what the server says: {told:?}");
}

#[tokio::test]
async fn the_server_of_the_database_proves_who_it_is_or_the_collector_says_what_to_do() {
    let mut server = Postgres::start(Durable::No).await;
    server.encrypt("localhost").await;
    let right = server.verified_configuration("localhost", &server.authority());
    let mut stage = Stage::open_with(&right).await;
    let encrypted: Vec<(bool,)> = server
        .rows("SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'firstline'")
        .await;
    assert!(!encrypted.is_empty() && encrypted.iter().all(|(one,)| *one), "{encrypted:?}");
    assert!(stage.collector.stop().await.success());

    let mut other = Postgres::start(Durable::No).await;
    let plain = other.verified_configuration("localhost", &server.authority());
    let wrong_host = server.verified_configuration("127.0.0.1", &server.authority());
    let refused = async |stage: &Stage, what: &str, configuration: &str, word: &str| {
        stage.collector.configure(configuration);
        let data = stage.collector.folder.display().to_string();
        let said = Outcome::of(program("firstline-collector", &["serve", "--data", &data])).await.ended_with(1).stderr;
        assert!(said.contains("is not trusted") && said.contains(word), "{what}: {said}");
    };
    refused(&stage, "another host", &wrong_host, "must name the host").await;
    refused(&stage, "no TLS", &plain, "ssl = on").await;
    other.encrypt("localhost").await;
    let wrong_authority = server.verified_configuration("localhost", &other.authority());
    refused(&stage, "another authority", &wrong_authority, "sslrootcert").await;
    stage.collector.configure(&right);
    stage.collector.start().await;
}

#[tokio::test]
async fn what_was_committed_without_a_word_is_judged_once_the_server_is_back() {
    let server = Postgres::start(Durable::Yes).await;
    let relay = Relay::start(&server, sick::sign()).await;
    let stage = Stage::open_with(&relay.configuration()).await;
    let (port, identity) = (stage.collector.agents, stage.identity("sick").await);
    let (mut stream, _) = Stream::open(port, &identity, hello("sick", 1)).await.unwrap();
    stream.send(records::announcement(&sick::layout())).await.unwrap();
    stream.send(records::batch([sick::full(1)])).await.unwrap();
    relay.lost(PROGRESS).await;
    assert!(stream.acknowledged().await.is_err(), "the collector cannot know that it is stored");
    relay.open();
    is_ready(&stage, true).await;
    let (_stream, welcome) = wait::until("the endpoint to be let in", PROGRESS, async || {
        Stream::open(port, &identity, hello("sick", 2)).await.ok()
    })
    .await;
    assert_eq!(welcome.stored_sequence, 1, "it was committed");
    let alerts = async || stage.api.get("/api/v1/alerts").await["alerts"].as_array().map_or(0, Vec::len) == 1;
    wait::for_condition("the alert, although nothing is told again", PROGRESS, alerts).await;
}

/// Kills the server again and again while endpoints send, then counts what is there. Returns the number of records.
async fn kill_under_load(stage: &Stage, server: &mut Postgres) -> i64 {
    let senders = Senders::start(stage, SENDERS).await;
    for crash in 0..CRASHES {
        // Another distance each time, so that the blow falls on another place of a commit.
        senders.go_on(400 + crash * 137 % 400, PROGRESS).await;
        server.kill();
        is_ready(stage, false).await;
        server.go().await;
        is_ready(stage, true).await;
    }
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    let stored = server.stored().await;
    let count = |(endpoint, acknowledged): (String, u64)| {
        let (times, sequence) = stored.get(&endpoint).cloned().expect("records of this endpoint");
        once_each(times, sequence, acknowledged, start_ms)
    };
    acknowledged.into_iter().map(count).sum()
}

/// Waits until the collector says that it is ready, or not.
async fn is_ready(stage: &Stage, ready: bool) {
    let (client, address) = (insecure(), format!("{}/readyz", stage.collector.address()));
    let what = if ready { "the collector to be ready again" } else { "the collector to notice" };
    wait::for_condition(what, PROGRESS, async || {
        client.get(&address).send().await.is_ok_and(|answer| answer.status().is_success() == ready)
    })
    .await;
}
