//! Several collectors on one database: any agent at any of them, any person at any of them.

mod faults;
mod identities;
mod pulls;
mod roots;

use std::time::Duration;

use firstline_tests::command::{Outcome, program};
use firstline_tests::wire::{Stream, hello, records};
use firstline_tests::{Collector, Replicas, wait};

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_endpoint_goes_from_one_replica_to_another_and_is_the_same_endpoint() {
    let replicas = Replicas::open(2).await;
    assert_eq!(replicas.members().await, ["replica-0", "replica-1"]);
    let identity = replicas.identity(1, "lap-1").await;
    let id = identity.endpoint_id.clone();
    let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let (mut first, _) = Stream::open(replicas.collectors[0].agents, &identity, hello("lap-1", 1)).await.unwrap();
    first.send(records::layout_frame()).await.unwrap();
    first.send(records::batch((1..=10).map(|number| records::sample(number, start_ms)))).await.unwrap();
    assert_eq!(first.acknowledged().await.unwrap().stored_sequence, 10);
    replicas.held_by(&id, "replica-0").await;
    replicas.endpoint_is(1, &id, "online").await;

    let (mut second, welcome) =
        Stream::open(replicas.collectors[1].agents, &identity, hello("lap-1", 11)).await.unwrap();
    assert_eq!(welcome.stored_sequence, 10, "the other knows what was stored");
    replicas.held_by(&id, "replica-1").await;
    // What the first still sends is refused as a whole, and its stream ends.
    first.send(records::batch((11..=12).map(|number| records::sample(number, start_ms)))).await.ok();
    wait::for_condition("the older stream to end", SOON, async || first.acknowledged().await.is_err()).await;
    second.send(records::layout_frame()).await.unwrap();
    second.send(records::batch((11..=20).map(|number| records::sample(number, start_ms)))).await.unwrap();
    assert_eq!(second.acknowledged().await.unwrap().stored_sequence, 20);
    let rows: Vec<(i64, i64)> = replicas.postgres.rows("SELECT COUNT(*), COUNT(DISTINCT at_ms) FROM samples").await;
    assert_eq!(rows, [(20, 20)], "each record once");
    drop(second);
    replicas.endpoint_is(0, &id, "silent").await;
}

#[tokio::test]
async fn a_collector_that_does_not_belong_is_turned_away() {
    let mut replicas = Replicas::open(1).await;
    let folder = replicas.folder("stranger");
    std::fs::create_dir(&folder).unwrap();
    let stranger = Collector::prepare(&folder, "").await;
    let join = async |authority: &std::path::Path, configuration: String| {
        let file = replicas.folder("other.toml");
        std::fs::write(&file, configuration).unwrap();
        let data = replicas.folder("other");
        let [data, file, authority] = [&data, &file, authority].map(|path| path.to_str().unwrap());
        let arguments = ["init", "--data", data, "--config", file, "--join", authority];
        Outcome::of(program("firstline-collector", &arguments)).await
    };
    let shared = replicas.postgres.configuration();
    let wrong = join(&stranger.folder.join("authority"), shared.clone() + &replicas.nats.configuration("other")).await;
    assert!(wrong.stderr.contains("is not the one of the database"), "{wrong:?}");
    assert!(!replicas.folder("other").join("authority").exists(), "nothing is left behind");
    let alone = join(&replicas.collectors[0].folder.join("authority"), shared.clone()).await;
    assert!(alone.stderr.contains("replicas.nats_url"), "{alone:?}");
    // A second one of the same name, while the first is alive.
    let joined =
        join(&replicas.collectors[0].folder.join("authority"), shared + &replicas.nats.configuration("replica-0"))
            .await;
    let data = replicas.folder("other");
    let listen = ["--listen-agents", "127.0.0.1:0", "--listen-people", "127.0.0.1:0"];
    let mut serve = vec!["serve", "--data", data.to_str().unwrap()];
    serve.extend(listen);
    joined.done();
    let same = Outcome::of(program("firstline-collector", &serve)).await;
    assert!(same.stderr.contains("replicas.name"), "{same:?}");
    assert!(replicas.collectors[0].stop().await.success());
    assert!(replicas.members().await.is_empty(), "who stops is no member");
}
