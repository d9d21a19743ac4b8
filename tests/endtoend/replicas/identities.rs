//! Revocation and copies of identities where agent and person, or original and copy, are at different replicas.

use std::time::{Duration, Instant};

use firstline_tests::wire::{Stream, hello, records};
use firstline_tests::{Agent, Replicas, wait};
use serde_json::json;

use super::pulls::{agent_at, says};
use crate::identities::{account, becomes_another, copy, stream_is};

const SOON: Duration = Duration::from_mins(2);

/// Tells an agent where to dial, in this order.
fn dials(replicas: &Replicas, agent: &Agent, order: &[usize]) {
    let addresses: Vec<String> =
        order.iter().map(|at| format!("127.0.0.1:{}", replicas.collectors[*at].agents)).collect();
    std::fs::write(agent.state.join("agent.toml"), format!("collector = {addresses:?}\n")).unwrap();
}

async fn revoke(replicas: &Replicas, at: usize, agent: &Agent, id: &str) -> Duration {
    let begun = Instant::now();
    replicas.apis[at].post(&format!("/api/v1/endpoints/{id}/revoke"), &json!({})).await;
    let account = stream_is(agent, "refused").await;
    assert_eq!(account["link"]["problem"], "revoked", "{account}");
    begun.elapsed()
}

#[tokio::test]
async fn who_is_revoked_at_one_replica_loses_its_stream_at_another_at_once() {
    let mut replicas = Replicas::open(2).await;
    says(&replicas, 0, "NATS is connected").await;
    says(&replicas, 1, "NATS is connected").await;
    let (mut first, one) = agent_at(&replicas, 1).await;
    let took = revoke(&replicas, 0, &first, &one).await;
    assert!(replicas.holder(&one).await.is_none());
    first.stop().await;

    replicas.nats.kill();
    says(&replicas, 0, "NATS is away").await;
    let made = replicas.identity(1, "made").await;
    let (mut stream, _) = Stream::open(replicas.collectors[1].agents, &made, hello("made", 1)).await.unwrap();
    replicas.apis[0].post(&format!("/api/v1/endpoints/{}/revoke", made.endpoint_id), &json!({})).await;
    stream.send(records::layout_frame()).await.ok();
    stream.send(records::batch((1..=10).map(|number| records::sample(number, 1_790_000_000_000)))).await.ok();
    let end = tokio::time::timeout(SOON, stream.acknowledged()).await.expect("the stream to end").unwrap_err();
    let told = end.downcast_ref::<tonic::Status>().map(tonic::Status::message);
    assert_eq!(told, Some("this endpoint was revoked"), "not that another took its place: {end:#}");
    let stored = replicas.postgres.stored().await;
    assert!(!stored.contains_key(&made.endpoint_id), "what it said afterwards is not stored");

    let quiet = replicas.identity(1, "quiet").await;
    let (mut stream, _) = Stream::open(replicas.collectors[1].agents, &quiet, hello("quiet", 1)).await.unwrap();
    replicas.apis[0].post(&format!("/api/v1/endpoints/{}/revoke", quiet.endpoint_id), &json!({})).await;
    let revoked = Instant::now();
    let ended = async || stream.receive().await.is_err_and(|why| format!("{why:#}").contains("was revoked"));
    wait::for_condition("the stream to end that says nothing", SOON, ended).await;
    println!(
        "a revoked agent at another replica knew it after {:.1} s, a quiet stream without NATS after {:.1} s",
        took.as_secs_f64(),
        revoked.elapsed().as_secs_f64()
    );
}

#[tokio::test]
async fn a_copy_that_appears_at_another_replica_becomes_an_endpoint_of_its_own() {
    let replicas = Replicas::open(2).await;
    says(&replicas, 0, "NATS is connected").await;
    says(&replicas, 1, "NATS is connected").await;
    let (mut original, one) = agent_at(&replicas, 0).await;
    original.stop().await;
    copy(&original.state, &replicas.folder("copy"));
    original.start();
    replicas.held_by(&one, "replica-0").await;

    let mut copy = Agent::new(&replicas.folder("copy"));
    dials(&replicas, &copy, &[1]);
    copy.start();
    let two = becomes_another(&copy, &[&one]).await;
    replicas.held_by(&two, "replica-1").await;
    replicas.held_by(&one, "replica-0").await;
    for at in 0..2 {
        let related = replicas.apis[at].get(&format!("/api/v1/endpoints/{two}")).await["related"][0].clone();
        assert_eq!((&related["kind"], &related["id"]), (&json!("clone_of"), &json!(one)), "{related}");
    }
    assert_eq!(account(&original)["endpoint_id"], one.as_str(), "the original stays what it is");
    for agent in [&mut original, &mut copy] {
        assert!(agent.stop().await.success());
    }
}

#[tokio::test]
async fn an_agent_that_knows_two_replicas_goes_to_the_second_when_the_first_is_gone() {
    let mut replicas = Replicas::open(2).await;
    let token = replicas.token().await;
    let mut agent = Agent::new(&replicas.folder("agent"));
    agent.enroll(&replicas.collectors[1], &token).await.done();
    dials(&replicas, &agent, &[0, 1]);
    agent.start();
    let id = stream_is(&agent, "connected").await["endpoint_id"].as_str().unwrap().to_owned();
    replicas.held_by(&id, "replica-0").await;
    replicas.collectors[0].kill();
    replicas.held_by(&id, "replica-1").await;
    let second = format!("127.0.0.1:{}", replicas.collectors[1].agents);
    wait::for_condition("the agent to say where it is", SOON, async || account(&agent)["collector"] == second.as_str())
        .await;
    assert!(agent.stop().await.success());
}
