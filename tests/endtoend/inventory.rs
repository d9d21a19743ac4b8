//! What a real machine has, now and before it was enrolled, at the command line.

use std::time::Duration;

use firstline_tests::{Stage, wait};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(3);

async fn inventory(stage: &Stage, id: &str, more: &[&str]) -> Value {
    let all: Vec<&str> = ["--json", "endpoint", "inventory", id].into_iter().chain(more.iter().copied()).collect();
    stage.firstline(&all).await.done().json()
}

fn count(inventory: &Value, group: &str) -> usize {
    let items = inventory["items"].as_array().expect("a list of items");
    items.iter().filter(|item| item["group"] == group).count()
}

#[tokio::test]
async fn a_machines_inventory_is_told_and_its_programs_once_they_were_pulled() {
    let stage = Stage::open().await;
    stage.sign_in().await.done();
    let (mut agent, id) = stage.agent_online("agent").await;
    let known = wait::until("the machine to tell what it is", SOON, async || {
        Some(inventory(&stage, &id, &[]).await).filter(|inventory| count(inventory, "hardware") >= 3)
    })
    .await;
    let why = known["programs"]["why"].as_str().unwrap_or_default();
    assert!(why.contains("none has been pulled"), "{}", known["programs"]);
    let ticket = stage.ticket("My computer is slow", "sam").await;
    assert_eq!(stage.attach(&ticket, &id).await["state"], "done");
    let pulled = inventory(&stage, &id, &["--group", "software", "--since", "1h"]).await;
    let programs =
        pulled["items"].as_array().unwrap().iter().filter(|item| item["signal"] == "endpoint.software").count();
    assert!(programs > 10 && pulled["programs"]["read_at"].is_string(), "{programs} programs: {}", pulled["programs"]);
    assert!(pulled["changes"].is_array());
    let found = inventory(&stage, &id, &["--search", "operating system"]).await;
    let found = found["items"].as_array().unwrap().len();
    assert!(found < pulled["items"].as_array().unwrap().len(), "{found}");
    let said = stage.firstline(&["endpoint", "inventory", &id, "--since", "1h"]).await.done().stdout;
    assert!(said.starts_with("Changed from ") && said.contains("Programs as listed at "), "{said}");
    println!("{programs} programs, {} other items", count(&known, "hardware") + count(&known, "setting"));
    let wrong = stage.firstline(&["endpoint", "inventory", &id, "--at", "yesterday"]).await;
    assert!(wrong.status == 2 && wrong.stderr.contains("is no moment"), "{wrong:?}");
    let (status, refused) =
        stage.api.try_get(&format!("/api/v1/endpoints/{id}/inventory?since=2999-01-01T00:00:00Z")).await;
    assert_eq!((status, refused["status"].clone()), (422, json!(422)), "{refused}");
    assert!(agent.stop().await.success());
}
