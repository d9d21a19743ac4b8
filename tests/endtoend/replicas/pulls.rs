//! Pulls and news across replicas, with NATS and without.

use std::time::Duration;

use firstline_tests::collector::insecure;
use firstline_tests::wire::sick::Sick;
use firstline_tests::{Agent, Replicas, wait};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);

/// An agent that is enrolled and runs at the replica `at`, once that holds its stream; and its endpoint's id.
pub(super) async fn agent_at(replicas: &Replicas, at: usize) -> (Agent, String) {
    let mut agent = Agent::new(&replicas.folder("agent"));
    let token = replicas.token().await;
    agent.enroll(&replicas.collectors[at], &token).await.done();
    agent.start();
    let list = replicas.apis[0].get("/api/v1/endpoints").await;
    let id = list["endpoints"][0]["id"].as_str().unwrap().to_owned();
    replicas.held_by(&id, &firstline_tests::replicas::name(at)).await;
    (agent, id)
}

async fn ticket(replicas: &Replicas, at: usize) -> String {
    let order = json!({ "requester": { "name": "Sam Doe" }, "subject": "My computer is slow", "text": "Since today." });
    let document = replicas.apis[at].post("/api/v1/tickets", &order).await;
    document["number"].as_str().unwrap().to_owned()
}

async fn attach(replicas: &Replicas, at: usize, ticket: &str, endpoint: &str) -> Value {
    replicas.apis[at].post(&format!("/api/v1/tickets/{ticket}/attach"), &json!({ "endpoint": endpoint })).await
}

/// How many notes pulls have left on a ticket.
async fn notes(replicas: &Replicas, at: usize, ticket: &str) -> usize {
    let document = replicas.apis[at].get(&format!("/api/v1/tickets/{ticket}")).await;
    document["notes"].as_array().unwrap().iter().filter(|note| note["pull"].is_string()).count()
}

pub(super) async fn says(replicas: &Replicas, at: usize, words: &str) {
    let address = format!("{}/readyz", replicas.collectors[at].address());
    wait::for_condition(&format!("{at} to say: {words}"), SOON, async || match insecure().get(&address).send().await {
        Ok(answer) => answer.text().await.is_ok_and(|text| text.contains(words)),
        Err(_) => false,
    })
    .await;
}

#[tokio::test]
async fn a_pull_that_is_ordered_at_one_replica_is_answered_by_an_agent_at_another() {
    let mut replicas = Replicas::open(2).await;
    says(&replicas, 0, "NATS is connected").await;
    let (mut agent, id) = agent_at(&replicas, 1).await;
    let first = ticket(&replicas, 0).await;
    let pull = attach(&replicas, 0, &first, &id).await;
    let again = attach(&replicas, 1, &first, &id).await;
    let ended = replicas.pull_ended(0, &pull).await;
    assert_eq!(ended["state"], "done", "{ended}");
    assert!(again["id"] == pull["id"] || again["requested_at"] != pull["requested_at"], "{again}");
    assert!(notes(&replicas, 0, &first).await >= 1);

    replicas.nats.kill();
    says(&replicas, 0, "NATS is away").await;
    let second = ticket(&replicas, 0).await;
    let ended = replicas.pull_ended(0, &attach(&replicas, 0, &second, &id).await).await;
    assert_eq!(ended["state"], "done", "without NATS: {ended}");
    assert_eq!(notes(&replicas, 1, &second).await, 1);

    replicas.nats.go().await;
    says(&replicas, 0, "NATS is connected").await;
    says(&replicas, 1, "NATS is connected").await;
    assert!(agent.stop().await.success());
    wait::for_condition("the endpoint to be away", SOON, async || replicas.holder(&id).await.is_none()).await;
    let waiting = attach(&replicas, 1, &second, &id).await;
    let path = format!("/api/v1/pulls/{}", waiting["id"].as_str().unwrap());
    wait::for_condition("the pull to say that the computer is away", SOON, async || {
        replicas.apis[1].get(&path).await["why"].as_str().is_some_and(|why| why.contains("not connected"))
    })
    .await;
    let cancelled = replicas.apis[1].post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
}

#[tokio::test]
async fn an_alert_of_one_replica_is_seen_at_another_at_once() {
    let replicas = Replicas::open(2).await;
    says(&replicas, 0, "NATS is connected").await;
    let identity = replicas.identity(0, "lap-1").await;
    let mut watch = replicas.apis[0].watch("/api/v1/alerts/watch").await;
    let sick = Sick::start(replicas.collectors[1].agents, "lap-1", identity);
    let told = watch.next_of("alert").await;
    assert_eq!(told["endpoint"]["id"], sick.endpoint_id.as_str(), "{told}");
    assert_eq!(told["check"], "volume-full");
    let listed = replicas.apis[0].get("/api/v1/alerts").await;
    assert_eq!(listed["alerts"].as_array().map(Vec::len), Some(1), "{listed}");
}
