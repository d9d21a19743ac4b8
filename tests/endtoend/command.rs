//! The operator's command, as a script sees it.

use firstline_tests::command::{Outcome, program};
use firstline_tests::{Stage, port};
use serde_json::Value;

/// Whether `document` has all these members.
fn has(document: &Value, fields: &[&str]) {
    for field in fields {
        assert!(document.get(field).is_some(), "{field} is missing in {document}");
    }
}

#[tokio::test]
async fn exit_statuses_tell_done_from_failed_from_misused_from_unreachable() {
    let stage = Stage::open().await;
    stage.sign_in().await.ended_with(0);
    stage.firstline(&["endpoint", "list"]).await.ended_with(0);
    stage.firstline(&["endpoint", "show", "nobody"]).await.ended_with(1);
    stage.firstline(&["endpoint", "paint"]).await.ended_with(2);
    let misspelt = stage.firstline(&["endpoint", "list", "--state", "asleap"]).await.ended_with(2);
    assert!(misspelt.stderr.contains("a similar value exists: 'asleep'"), "{}", misspelt.stderr);
    let nobody = format!("https://localhost:{}", port::free());
    let password = stage.folder("password").display().to_string();
    let away = ["sign-in", "--collector", &nobody, "--user", "admin", "--password-file", &password];
    stage.firstline(&away).await.ended_with(3);
}

#[tokio::test]
async fn whoever_has_the_folder_gets_in_again_when_the_password_is_lost() {
    let mut stage = Stage::open().await;
    let data = stage.collector.folder.display().to_string();
    let reset = || program("firstline-collector", &["reset-password", "--json", "--data", &data]);
    let refused = Outcome::of(reset()).await.ended_with(1);
    assert!(refused.stderr.contains("stop that one first"), "{}", refused.stderr);
    assert!(stage.collector.stop().await.success());
    let made = Outcome::of(reset()).await.done().json();
    stage.collector.start().await;
    stage.sign_in().await.ended_with(1);
    made["password"].as_str().unwrap().clone_into(&mut stage.collector.password);
    stage.sign_in().await.done();
}

#[tokio::test]
async fn the_documents_have_the_fields_that_scripts_rely_on() {
    let stage = Stage::open().await;
    stage.sign_in().await.done();
    let (_agent, id) = stage.agent_online("agent").await;
    let endpoint = stage.firstline(&["endpoint", "show", &id, "--json"]).await.done().json();
    has(&endpoint, &["id", "name", "os", "users", "tags", "state", "last_seen", "worst_severity"]);
    has(&endpoint["os"], &["type", "name", "version", "build_id"]);
    let list = stage.firstline(&["endpoint", "list", "--json"]).await.done().json();
    assert!(list["endpoints"].is_array(), "{list}");
    let pulled = stage.firstline(&["pull", &id, "--json"]).await.done().json();
    let snapshot = ["id", "endpoint", "taken_at", "reason", "ticket", "schema", "catalogue", "readings", "series"];
    has(&pulled["snapshot"], &snapshot);
    has(&pulled["snapshot"], &["events", "changes", "agent", "signature"]);
    has(&pulled["snapshot"]["readings"][0], &["signal", "attrs", "value", "unit", "quality", "at"]);
    has(&pulled["diagnosis"], &["symptom", "primary", "findings", "ruled_out"]);
    has(&pulled["diagnosis"]["ruled_out"][0], &["id", "result", "why", "nearest", "margin"]);
}

#[tokio::test]
async fn a_ticket_is_closed_with_a_code_and_opened_again() {
    let stage = Stage::open().await;
    stage.sign_in().await.done();
    let number = stage.ticket("I cannot save my files", "sam").await;
    stage.firstline(&["ticket", "close", &number]).await.ended_with(2);
    let close = ["ticket", "close", &number, "--code", "solved", "--note", "Emptied the bin"];
    let said = stage.firstline(&close).await.done().stdout;
    assert_eq!(said.trim(), format!("{number} is closed: Solved, and it was as diagnosed."));
    let shown = stage.firstline(&["ticket", "show", &number]).await.done().stdout;
    assert!(shown.contains("(closed as solved)") && shown.contains("Emptied the bin"), "{shown}");
    let again = stage.firstline(&["ticket", "reopen", &number, "--json"]).await.done().json();
    assert_eq!((&again["state"], again.get("closing")), (&Value::from("open"), None));
}
