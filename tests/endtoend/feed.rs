//! From a condition on a machine to people who see it.

use std::time::{Duration, Instant};

use firstline_tests::{Agent, Browser, Stage, Volume, wait};
use serde_json::Value;

/// How long people may wait for an alert, and for its end.
const MINUTE: Duration = Duration::from_mins(1);
const SAMPLED: Duration = Duration::from_mins(3);

/// An agent that sees a small, empty volume.
async fn machine_with_a_volume(stage: &Stage) -> (Volume, Agent, String) {
    let volume = Volume::mount(&stage.folder(""), "volume", 64);
    let (agent, id) = stage.agent_online("agent").await;
    let mountpoint = volume.path().display().to_string();
    wait::for_condition("the volume to be seen", SAMPLED, async || {
        let document = stage.api.get(&format!("/api/v1/endpoints/{id}/readings")).await;
        document["readings"].as_array().expect("readings").iter().any(|one| one["attrs"]["mountpoint"] == *mountpoint)
    })
    .await;
    (volume, agent, id)
}

/// The alert of the full volume, when there is one in this state.
async fn alert(stage: &Stage, endpoint: &str, state: &str) -> Option<Value> {
    let document = stage.api.get("/api/v1/alerts").await;
    let matches =
        |one: &&Value| one["check"] == "volume-full" && one["state"] == state && one["endpoint"]["id"] == *endpoint;
    document["alerts"].as_array().expect("alerts").iter().find(matches).cloned()
}

#[tokio::test]
async fn filling_a_small_file_system_alerts_within_a_minute_and_freeing_it_resolves_it_in_an_open_browser() {
    let stage = Stage::open().await;
    let (volume, _agent, id) = machine_with_a_volume(&stage).await;
    let browser = Browser::open(&stage.folder(""), 1280, 800).await;
    browser
        .tell("alert_feed", async {
            super::browser::sign_in(&browser, &stage).await;
            browser.go(&format!("{}/alerts", stage.collector.address())).await;
            let name = volume.path().display().to_string();
            assert!(!browser.text().await.unwrap().contains(&name), "an alert before anything happened");
            let filled = Instant::now();
            volume.fill();
            browser.shows(&name, MINUTE).await;
            println!("the alert showed after {:.1} s", filled.elapsed().as_secs_f64());
            let firing = wait::until("the alert", MINUTE, async || alert(&stage, &id, "firing").await).await;
            assert!(firing["finding"]["evidence"].as_array().is_some_and(|list| !list.is_empty()), "{firing}");
            let freed = Instant::now();
            volume.free();
            wait::until("the end of the alert", MINUTE, async || alert(&stage, &id, "resolved").await).await;
            println!("it was resolved after {:.1} s", freed.elapsed().as_secs_f64());
            browser.hides(&name, MINUTE).await;
            browser.go(&format!("{}/alerts?view=resolved", stage.collector.address())).await;
            browser.shows(&name, MINUTE).await;
        })
        .await;
    browser.close().await;
}
