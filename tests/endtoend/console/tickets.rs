//! What a technician does on the page of a ticket beside the first pull.

use std::time::Duration;

use firstline_tests::{Stage, Volume, wait};
use serde_json::Value;

use super::{PAGE, browser, fits, go};

const PULL: Duration = Duration::from_mins(3);

#[tokio::test]
async fn a_second_pull_says_what_is_gone_since_the_first() {
    let stage = Stage::open().await;
    let volume = Volume::mount(&stage.folder(""), "volume", 64);
    let (mut agent, id) = stage.agent_online("agent").await;
    volume.fill();
    // Other stories fill volumes of their own, which this agent sees, too.
    let path = volume.path().display().to_string();
    let is_told = async |state: &str| {
        let alerts = stage.api.get("/api/v1/alerts?check=volume-full").await;
        let of_volume = |one: &Value| one["instance"] == path.as_str() && one["state"] == state;
        alerts["alerts"].as_array().is_some_and(|list| list.iter().any(of_volume))
    };
    wait::for_condition("the volume to be told as full", PULL, async || is_told("firing").await).await;
    let ticket = stage.ticket("The disk is full", "sam").await;
    let first = stage.attach(&ticket, &id).await;
    assert_eq!(first["state"], "done");
    volume.free();
    wait::for_condition("the volume to be told as free", PULL, async || is_told("resolved").await).await;
    let browser = browser(&stage, 1280).await;
    browser
        .tell("comparison", async {
            go(&browser, &stage, &format!("/tickets/{ticket}")).await;
            browser.shows("Pull again", PAGE).await;
            browser.click(&format!("form[action='/tickets/{ticket}/pull'] button[type=submit]")).await;
            browser.shows("Finding by finding", PULL).await;
            if !browser.has("#fold-compared[open]").await {
                browser.click("#fold-compared summary").await;
            }
            let gone = "return [...document.querySelectorAll('.compared tbody tr')].some((row) => \
                        row.innerText.includes(arguments[0]) && ['gone', 'clearing'].includes(row.querySelector('.mark').innerText))";
            let answer = browser.client.execute(gone, vec![path.as_str().into()]).await.unwrap();
            let told = "return document.querySelector('.compared').innerText";
            let told = browser.client.execute(told, Vec::new()).await.unwrap();
            assert_eq!(answer, true, "the volume has room again: {told}");
            fits(&browser).await;
        })
        .await;
    browser.close().await;
    is_told_afterwards(&stage, (&id, &path), &first["finished_at"].as_str().unwrap()[11..16]).await;
    agent.stop().await;
}

/// Another ticket, when there is room again, says when there was none.
async fn is_told_afterwards(stage: &Stage, (id, path): (&str, &str), clock: &str) {
    let ticket = stage.ticket(&format!("The disk was full about {clock}"), "sam").await;
    let pull = stage.attach(&ticket, id).await;
    assert_eq!(pull["around"]["words"], format!("about {clock}"));
    let result = stage.api.get(&format!("/api/v1/pulls/{}/result", pull["id"].as_str().unwrap())).await;
    let around = &result["diagnosis"]["around"];
    let held = around["findings"].as_array().unwrap();
    // The machine notes a number a minute. What was full for less is known from the alert.
    assert!(held.iter().any(|one| one["id"] == "volume-full" && one["instance"] == path), "{around}");
    assert_eq!(held[0]["role"], "primary", "{around}");
}

#[tokio::test]
async fn what_is_refused_on_a_ticket_is_told_on_the_ticket() {
    let stage = Stage::open().await;
    let (mut agent, _) = stage.agent_online("agent").await;
    let ticket = stage.ticket("No network since this morning", "nobody-at-that-machine").await;
    let file = stage.folder("diagnosis.json");
    let path = file.display().to_string();
    agent.run(&["diagnose", "--save", &path]).await.done();
    agent.stop().await;
    let signed = std::fs::read_to_string(&file).unwrap();
    let mut changed: Value = serde_json::from_str(&signed).unwrap();
    changed["snapshot"]["endpoint"]["name"] = "another-name".into();
    std::fs::write(&file, changed.to_string()).unwrap();
    let browser = browser(&stage, 390).await;
    browser
        .tell("refused_on_a_ticket", async {
            go(&browser, &stage, &format!("/tickets/{ticket}")).await;
            browser.fill("#pull input[name=endpoint]", "no-such-machine").await;
            browser.click(&format!("form[action='/tickets/{ticket}/pull'] button[type=submit]")).await;
            browser.shows("no-such-machine", PAGE).await;
            browser.shows("No network since this morning", PAGE).await;
            assert!(browser.has("#pull .fault").await, "the reason stands where the field is");
            fits(&browser).await;
            browser.click("#from-a-file summary").await;
            browser.find("#file").await.send_keys(&path).await.unwrap();
            browser.click("#from-a-file button").await;
            browser.shows("changed after it was signed", PAGE).await;
            assert!(browser.has("#pull .fault").await && browser.has("#from-a-file").await);
            std::fs::write(&file, &signed).unwrap();
            browser.click("#from-a-file summary").await;
            browser.find("#file").await.send_keys(&path).await.unwrap();
            browser.click("#from-a-file button").await;
            browser.shows("Ruled out", PAGE).await;
            browser.shows("snapshot.json", PAGE).await;
        })
        .await;
    browser.close().await;
}
