//! What goes through a file: a diagnosis from a machine without a network, a recording, a check on trial.

use firstline_tests::{Agent, Browser, Stage};
use serde_json::Value;

/// Whether a recording has this kind of line.
fn has_kind(recording: &str, kind: &str) -> bool {
    recording.lines().any(|line| line.contains(&format!(r#""kind":"{kind}""#)))
}

/// A diagnosis that the agent saved in a file, and the file's path.
async fn saved(stage: &Stage, agent: &Agent, name: &str) -> (Value, String) {
    let path = stage.folder(name).display().to_string();
    agent.run(&["diagnose", "--symptom", "disk full", "--save", &path]).await.done();
    let text = std::fs::read_to_string(&path).unwrap();
    (serde_json::from_str(&text).unwrap(), path)
}

#[tokio::test]
async fn a_diagnosis_made_without_a_network_gets_onto_its_ticket_once() {
    let stage = Stage::open().await;
    stage.sign_in().await.done();
    let (mut agent, id) = stage.agent_online("agent").await;
    agent.stop().await;
    let (mut document, path) = saved(&stage, &agent, "diagnosis.json").await;
    let ticket = stage.ticket("No network since this morning", "sam").await;
    let attached = stage.firstline(&["ticket", "attach", &ticket, "--file", &path, "--json"]).await.done().json();
    assert_eq!(attached["snapshot"]["id"], document["snapshot"]["id"]);
    assert_eq!(attached["pull"]["endpoint"]["id"], id.as_str());
    stage.firstline(&["ticket", "attach", &ticket, "--file", &path]).await.done();
    let shown = stage.api.get(&format!("/api/v1/tickets/{ticket}")).await;
    let notes = shown["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "brought twice, noted once: {notes:?}");
    assert_eq!(shown["attachments"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["endpoint"]["id"], id.as_str(), "the ticket is about that machine now");
    let other = stage.ticket("Something else", "sam").await;
    let refused = stage.firstline(&["ticket", "attach", &other, "--file", &path]).await.ended_with(1);
    assert!(refused.stderr.contains(&format!("is on {ticket} already")), "{}", refused.stderr);
    document["snapshot"]["endpoint"]["name"] = "another-name".into();
    std::fs::write(&path, document.to_string()).unwrap();
    let refused = stage.firstline(&["ticket", "attach", &ticket, "--file", &path]).await.ended_with(1);
    assert!(refused.stderr.contains("changed after it was signed"), "known, and not the same: {}", refused.stderr);
}

#[tokio::test]
async fn a_file_that_somebody_changed_or_that_another_company_signed_is_refused() {
    let (stage, stranger) = tokio::join!(Stage::open(), Stage::open());
    stage.sign_in().await.done();
    let ((mut agent, _), (mut other, _)) = tokio::join!(stage.agent_online("agent"), stranger.agent_online("agent"));
    agent.stop().await;
    other.stop().await;
    let ticket = stage.ticket("No network since this morning", "sam").await;
    let (mut document, path) = saved(&stage, &agent, "diagnosis.json").await;
    document["snapshot"]["endpoint"]["name"] = "another-name".into();
    std::fs::write(&path, document.to_string()).unwrap();
    let refused = stage.firstline(&["ticket", "attach", &ticket, "--file", &path]).await.ended_with(1);
    assert!(refused.stderr.contains("changed after it was signed"), "{}", refused.stderr);
    let (_, foreign) = saved(&stage, &other, "foreign.json").await;
    let refused = stage.firstline(&["ticket", "attach", &ticket, "--file", &foreign]).await.ended_with(1);
    assert!(refused.stderr.contains("which this collector does not know"), "{}", refused.stderr);
    std::fs::write(&path, "no JSON").unwrap();
    let refused = stage.firstline(&["ticket", "attach", &ticket, "--file", &path]).await.ended_with(1);
    assert!(refused.stderr.contains("does not read as a snapshot"), "{}", refused.stderr);
    let shown = stage.api.get(&format!("/api/v1/tickets/{ticket}")).await;
    assert_eq!(shown["notes"].as_array().map(Vec::len), Some(0), "{shown}");
}

mod browser {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_technician_puts_a_file_on_a_ticket() {
        let stage = Stage::open().await;
        let folder = tempfile::tempdir().unwrap();
        let (mut agent, _) = stage.agent_online("agent").await;
        agent.stop().await;
        let (_, path) = saved(&stage, &agent, "diagnosis.json").await;
        let ticket = stage.ticket("No network since this morning", "sam").await;
        let browser = Browser::open(folder.path(), 1280, 900).await;
        browser
            .tell("a_technician_puts_a_file_on_a_ticket", async {
                crate::browser::sign_in(&browser, &stage).await;
                browser.go(&format!("{}/tickets/{ticket}", stage.collector.address())).await;
                browser.click("#from-a-file summary").await;
                browser.find("#file").await.send_keys(&path).await.unwrap();
                browser.click("#from-a-file button").await;
                browser.shows("Diagnosis written to the ticket", Duration::from_mins(1)).await;
            })
            .await;
        browser.close().await;
    }
}

#[tokio::test]
async fn what_an_endpoint_told_can_be_recorded_and_replayed_without_a_collector() {
    let mut stage = Stage::open().await;
    stage.sign_in().await.done();
    let (agent, id) = stage.agent_online("agent").await;
    let recorded =
        firstline_tests::wait::until("a minute to be stored", std::time::Duration::from_mins(3), async || {
            let recorded = stage.firstline(&["endpoint", "record", &id, "--all"]).await.done().stdout;
            has_kind(&recorded, "sample").then_some(recorded)
        })
        .await;
    assert!(has_kind(&recorded, "endpoint") && has_kind(&recorded, "inventory"), "{recorded}");
    drop(agent);
    stage.collector.stop().await;
    let path = stage.folder("recording.jsonl").display().to_string();
    std::fs::write(&path, &recorded).unwrap();
    let replay = ["check", "replay", &path, "--symptom", "disk full", "--json"];
    let first = stage.firstline(&replay).await.done();
    assert_eq!(first.stdout, stage.firstline(&replay).await.done().stdout, "the same bytes");
    let document = first.json();
    assert_eq!(document["diagnosis"][&id]["symptom"], "disk-full", "{document}");
    assert!(document["timeline"].is_array(), "{document}");
    let notes = document["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "every signal is declared: {notes:?}");
    assert!(notes[0].as_str().unwrap().contains("an incident is one cause seen on several"), "{notes:?}");
    std::fs::write(&path, format!("{recorded}{{\"kind\":\"smaple\"}}\n")).unwrap();
    let line = recorded.lines().count() + 1;
    let refused = stage.firstline(&replay).await.ended_with(1);
    assert!(refused.stderr.contains(&format!("recording.jsonl:{line}:")), "{}", refused.stderr);
}

#[tokio::test]
async fn a_check_is_rehearsed_over_what_was_stored() {
    let stage = Stage::open().await;
    stage.sign_in().await.done();
    let (_agent, id) = stage.agent_online("agent").await;
    let path = stage.folder("own.toml").display().to_string();
    let text = super::checks::check("our-own", "endpoint.memory.available", "last(input) > 1 MiB");
    std::fs::write(&path, text.replace("hold = \"5m\"", "hold = \"1s\"")).unwrap();
    let rehearse = ["check", "rehearse", &path, "--days", "1", "--json"];
    let report = firstline_tests::wait::until("a minute to be stored", std::time::Duration::from_mins(3), async || {
        let report = stage.firstline(&rehearse).await.done().json();
        (report["checks"][0]["times"] == 1).then_some(report)
    })
    .await;
    assert_eq!(report["checks"][0]["id"], "our-own");
    assert_eq!(report["episodes"][0]["endpoint"], id.as_str(), "{report}");
    let printed = stage.firstline(&rehearse[..5]).await.done().stdout;
    assert!(printed.contains("our-own") && printed.contains("FIRED"), "{printed}");
    std::fs::write(&path, "[[check]]\nid = \"x\"\nwhen = \"nonsense(\"\n").unwrap();
    let refused = stage.firstline(&rehearse).await.ended_with(1);
    assert!(refused.stderr.contains("own.toml:"), "{}", refused.stderr);
}
