//! What arrives is what the machine says.

use std::time::Duration;

use firstline_tests::{Stage, machine, wait};
use serde_json::{Value, json};

const ARRIVE: Duration = Duration::from_mins(3);

/// The readings of the collector's latest state of the endpoint.
async fn readings(stage: &Stage, id: &str) -> Vec<Value> {
    let document = stage.api.get(&format!("/api/v1/endpoints/{id}/readings")).await;
    document["readings"].as_array().expect("a list of readings").clone()
}

/// The value of a reading among `readings`.
fn value(readings: &[Value], signal: &str, attributes: &[(&str, &str)]) -> Option<f64> {
    let holds = |one: &Value| attributes.iter().all(|(name, value)| one["attrs"][name] == *value);
    readings.iter().find(|one| one["signal"] == signal && holds(one))?["value"].as_f64()
}

fn text<'a>(readings: &'a [Value], signal: &str) -> Option<&'a str> {
    readings.iter().find(|one| one["signal"] == signal)?["value"].as_str()
}

/// Whether `found` is `wanted`, give or take `share` of it.
fn near(found: Option<f64>, wanted: f64, share: f64) -> bool {
    found.is_some_and(|found| (found - wanted).abs() <= wanted.abs() * share)
}

/// What an agent says about this machine must be what the kernel and `df` say.
fn agrees_with_the_kernel(readings: &[Value]) {
    let (size, available) = machine::filesystem_bytes("/");
    let root = |state: &str| value(readings, "system.filesystem.usage", &[("mountpoint", "/"), ("state", state)]);
    assert_eq!(text(readings, "host.name"), Some(machine::name().as_str()));
    assert_eq!(value(readings, "system.cpu.logical.count", &[]), Some(machine::processors()));
    assert!(near(value(readings, "system.memory.limit", &[]), machine::memory_bytes("MemTotal:"), 0.001));
    let free = machine::memory_bytes("MemAvailable:");
    let found = value(readings, "endpoint.memory.available", &[]);
    assert!(near(found, free, 0.3), "{found:?} of memory available, the kernel says {free}");
    let limit = value(readings, "system.filesystem.limit", &[("mountpoint", "/")]);
    assert!(near(limit, size, 0.02), "/ has {limit:?}, df says {size}");
    assert!(near(root("free"), available, 0.15), "/ has {:?} free, df says {available}", root("free"));
    let uptime = value(readings, "system.uptime", &[]);
    assert!(near(uptime, machine::uptime_seconds(), 0.1), "up for {uptime:?}");
    let shares = readings.iter().filter(|one| one["signal"] == "system.cpu.utilization");
    let cpu: f64 = shares.filter_map(|one| one["value"].as_f64()).sum();
    assert!((0.95..=1.05).contains(&cpu), "shares of processor time add up to {cpu}");
}

#[tokio::test]
async fn what_streams_in_agrees_with_the_kernel() {
    let stage = Stage::open_with("[agents]\nfast_period_seconds = 5\nminute_period_seconds = 30\n").await;
    let (_agent, id) = stage.agent_online("agent").await;
    let arrived = wait::until("a sample of everything", ARRIVE, async || {
        let readings = readings(&stage, &id).await;
        let there = |signal: &str| value(&readings, signal, &[]).is_some();
        (there("endpoint.memory.available") && there("system.uptime")).then_some(readings)
    })
    .await;
    agrees_with_the_kernel(&arrived);
    let history = stage.api.get(&format!("/api/v1/endpoints/{id}/series?signal=endpoint.memory.available")).await;
    let values = history["series"][0]["values"].as_array().unwrap_or_else(|| panic!("no series in {history}"));
    assert!(values.iter().any(Value::is_number), "{history}");
}

#[tokio::test]
async fn what_the_agent_prints_locally_agrees_with_the_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let agent = firstline_tests::Agent::new(folder.path());
    let document = agent.run(&["snapshot", "--json"]).await.done().json();
    let snapshot = document.get("snapshot").unwrap_or(&document);
    agrees_with_the_kernel(snapshot["readings"].as_array().unwrap());
}

#[tokio::test]
async fn an_agent_diagnoses_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let agent = firstline_tests::Agent::new(folder.path());
    let document = agent.run(&["diagnose", "--json"]).await.done().json();
    assert!(document["snapshot"]["readings"].is_array(), "{document}");
    assert!(document["diagnosis"]["ruled_out"].as_array().is_some_and(|list| !list.is_empty()), "{document}");
}

#[tokio::test]
async fn an_agent_that_was_killed_comes_back_as_the_same_endpoint() {
    let stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    agent.kill();
    stage.endpoint_is_not(&id, "online").await;
    agent.start();
    stage.endpoint_is(&id, "online").await;
    assert_eq!(stage.endpoint_ids().await, [id]);
}

#[tokio::test]
async fn the_person_at_the_machine_can_read_what_was_sent_and_for_which_ticket() {
    let stage = Stage::open().await;
    let (agent, id) = stage.agent_online("agent").await;
    let number = stage.ticket("My computer is slow", "sam").await;
    assert_eq!(stage.attach(&number, &id).await["state"], "done");
    let said = agent.run(&["sent"]).await.done().stdout;
    assert!(said.contains(&number), "the ticket is named: {said}");
    assert!(said.contains(&format!("{}", stage.collector.agents)), "the collector is named: {said}");
}

#[tokio::test]
async fn settings_reach_a_running_agent() {
    let stage = Stage::open().await;
    let (_agent, id) = stage.agent_online("agent").await;
    stage.collector.configure("[agents]\ndenied_signals = [\"host.name\"]\n");
    stage.collector.reload();
    let number = stage.ticket("Privacy", "sam").await;
    wait::for_condition("the signal to be gone from pulls", ARRIVE, async || {
        stage.attach(&number, &id).await;
        let ticket = stage.api.get(&format!("/api/v1/tickets/{number}")).await;
        let json = |one: &&Value| one["media_type"].as_str().is_some_and(|kind| kind.starts_with("application/json"));
        let Some(last) = ticket["attachments"].as_array().and_then(|all| all.iter().rfind(json)) else { return false };
        let bytes = stage.api.bytes(&format!("/api/v1/attachments/{}", last["id"].as_str().unwrap())).await;
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let snapshot = document.get("snapshot").unwrap_or(&document);
        text(snapshot["readings"].as_array().unwrap_or(&Vec::new()), "host.name").is_none()
    })
    .await;
    assert_ne!(json!(null), stage.endpoint(&id).await["id"]);
}
