//! The collector's authority gets a new root, and loses sight of its key: nobody is lost.

use std::time::Duration;

use firstline_tests::stage::secret_of;
use firstline_tests::wire::{Identity, Stream, hello, records};
use firstline_tests::{Agent, Stage, wait};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(2);

/// Where the change of roots stands.
async fn status(stage: &Stage) -> Value {
    stage.api.get("/api/v1/authority").await
}

/// Runs an order of `firstline authority`.
async fn order(stage: &Stage, arguments: &[&str]) -> firstline_tests::Outcome {
    let all: Vec<&str> = ["authority"].into_iter().chain(arguments.iter().copied()).collect();
    stage.firstline(&all).await
}

/// What an agent's status says of its link.
async fn link(agent: &Agent) -> String {
    let said = agent.run(&["status", "--json"]).await;
    serde_json::from_str::<Value>(&said.stdout).map(|said| said["agent"]["link"].to_string()).unwrap_or_default()
}

/// Sends `count` records from `first` on, and waits until they are acknowledged.
async fn send(stream: &mut Stream, first: u64, count: u64) {
    let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    stream.send(records::layout_frame()).await.unwrap();
    stream.send(records::batch((first..first + count).map(|one| records::sample(one, start_ms)))).await.unwrap();
    while stream.acknowledged().await.unwrap().stored_sequence < first + count - 1 {}
}

#[tokio::test]
async fn a_new_root_takes_over_and_nobody_is_lost() {
    let mut stage = Stage::open().await;
    stage.sign_in().await.done();
    let old_token = stage.token(json!({ "uses": 2 })).await;
    let (mut agent, agent_id) = stage.agent_online("agent").await;
    let (mut sleeper, sleeper_id) = stage.agent_online("sleeper").await;
    sleeper.stop().await;
    let simulated = stage.identity("simulated").await;
    let (mut stream, _) = Stream::open(stage.collector.agents, &simulated, hello("simulated", 1)).await.unwrap();
    send(&mut stream, 1, 40).await;

    order(&stage, &["rotate"]).await.done();
    let again = order(&stage, &["rotate"]).await;
    assert!(again.status == 1 && again.stderr.contains("still trusted"), "{again:?}");
    // The agent renews by itself; its stream goes over without the endpoint leaving.
    wait::for_condition("the agent to know the new root", SOON, async || status(&stage).await["know"] == 1).await;
    let now = status(&stage).await;
    assert_eq!((&now["depend"], &now["lapsed"], &now["tokens_before"]), (&json!(2), &json!(0), &json!(1)), "{now}");
    assert_eq!(stage.endpoint(&agent_id).await["state"], "online");

    // Who pinned the old root comes in, and so does who pins the new one.
    for (name, token) in [("late", old_token.clone()), ("new", stage.token(json!({ "uses": 1 })).await)] {
        Agent::new(&stage.folder(name)).enroll(&stage.collector, &token).await.done();
    }
    // A simulated endpoint was asked on the stream that it has; its records go on over the old certificate.
    send(&mut stream, 41, 40).await;
    let refused = order(&stage, &["retire"]).await;
    assert!(refused.status == 1 && refused.stderr.contains("2 endpoints still depend"), "{refused:?}");
    let renewed = simulated.renew(stage.collector.agents).await.unwrap();
    drop(stream);
    let (stream, welcome) = Stream::open(stage.collector.agents, &renewed, hello("simulated", 81)).await.unwrap();
    assert_eq!(welcome.stored_sequence, 80);

    // Only the sleeper is left. By force, the old root ends.
    let said = order(&stage, &["status"]).await.done().stdout;
    assert!(said.contains("1 endpoints depend") && said.contains(&sleeper_id), "{said}");
    order(&stage, &["retire", "--force"]).await.done();
    assert_eq!(status(&stage).await["before"], Value::Null);
    stage.collector.kill();
    stage.collector.start().await;
    stage.endpoint_is(&agent_id, "online").await;
    assert!(agent.is_running());
    drop(stream);
    let (_, welcome) = Stream::open(stage.collector.agents, &renewed, hello("simulated", 81)).await.unwrap();
    assert_eq!(welcome.stored_sequence, 80, "nothing was lost");
    assert!(Stream::open(stage.collector.agents, &simulated, hello("simulated", 81)).await.is_err());
    let late = Agent::new(&stage.folder("too-late")).enroll(&stage.collector, &old_token).await;
    assert!(late.status == 1 && late.stderr.contains("authority"), "{late:?}");

    // The sleeper wakes, is told what to do, and does it.
    sleeper.start();
    let says = wait::until("the sleeper to say what is wrong", SOON, async || {
        Some(link(&sleeper).await).filter(|link| link.contains("other_collector"))
    })
    .await;
    assert!(says.contains("enroll --again"), "{says}");
    sleeper.stop().await;
    let address = format!("127.0.0.1:{}", stage.collector.agents);
    let token = stage.token(json!({ "uses": 1 })).await;
    sleeper.run(&["enroll", "--again", "--collector", &address, "--token", &token]).await.done();
    sleeper.start();
    wait::for_condition("the sleeper to be connected", SOON, async || link(&sleeper).await.contains("connected to"))
        .await;
}

#[tokio::test]
async fn without_the_authoritys_key_streams_go_on_and_enrolment_waits() {
    let elsewhere = tempfile::tempdir().unwrap();
    let key = elsewhere.path().join("root.key");
    let mut stage = Stage::open_with(&format!("[authority]\nkey_file = {key:?}\n")).await;
    let (good, stolen) = (stage.identity("good").await, stage.identity("stolen").await);
    let token = stage.token(json!({ "uses": 1 })).await;
    std::fs::rename(&key, elsewhere.path().join("away")).unwrap();
    stage.collector.kill();
    stage.collector.start().await;
    let (mut stream, _) = Stream::open(stage.collector.agents, &good, hello("good", 1)).await.unwrap();
    send(&mut stream, 1, 40).await;
    let refused = Identity::enroll(stage.collector.agents, secret_of(&token), "late").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    assert_eq!(good.renew(stage.collector.agents).await.unwrap_err().code(), tonic::Code::Unavailable);
    stage.api.post(&format!("/api/v1/endpoints/{}/revoke", stolen.endpoint_id), &json!({})).await;
    assert!(
        Stream::open(stage.collector.agents, &stolen, hello("stolen", 1)).await.is_err(),
        "revocation needs no key"
    );
    assert_eq!(status(&stage).await["key_present"], json!(false));
    std::fs::rename(elsewhere.path().join("away"), &key).unwrap();
    Identity::enroll(stage.collector.agents, secret_of(&token), "late").await.expect("the token was not used up");
    assert_eq!(status(&stage).await["key_present"], json!(true));
}
