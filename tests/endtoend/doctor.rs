//! What `firstline-collector doctor` says of collectors that run, and of one whose database was damaged.

use std::os::unix::fs::PermissionsExt as _;

use firstline_tests::command::{Outcome, program};
use firstline_tests::postgres::Durable;
use firstline_tests::{Postgres, Stage};

async fn doctor(stage: &Stage) -> Outcome {
    let data = stage.collector.folder.display().to_string();
    Outcome::of(program("firstline-collector", &["doctor", "--json", "--data", &data])).await
}

/// Ids of the faults.
fn faults(outcome: &Outcome) -> Vec<String> {
    let report = outcome.json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let faults = findings.filter(|finding| finding["level"] == "fault");
    faults.map(|finding| finding["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_collector_that_works_has_nothing_and_what_is_broken_is_named_with_what_to_do() {
    let mut stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    let well = doctor(&stage).await;
    assert_eq!(faults(&well), [""; 0], "{}", well.stdout);
    let report = well.done().json();
    let process = stage.collector.process_id();
    assert_eq!(report["facts"]["runs"], format!("yes, process {process}"), "{report}");
    assert_eq!(report["facts"]["endpoints"], "1");
    stage.endpoint_is(&id, "online").await;
    assert!(
        !stage.collector.log().contains("files may be open"),
        "a quickstart is told of limits that it does not reach"
    );
    assert!(agent.stop().await.success());

    let key = stage.collector.folder.join("authority/root.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    stage.collector.stop().await;
    let database = stage.collector.folder.join("firstline.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    for page in (2..bytes.len() / 4096).step_by(2) {
        bytes[page * 4096..page * 4096 + 8].fill(0xEE);
    }
    std::fs::write(&database, bytes).unwrap();
    let ill = doctor(&stage).await.ended_with(1);
    let found = faults(&ill);
    assert!(found.contains(&"permissions".to_owned()), "{found:?}");
    assert!(found.iter().any(|id| id == "damage" || id == "database"), "{found:?}");
    let data = stage.collector.folder.display().to_string();
    let words = Outcome::of(program("firstline-collector", &["doctor", "--data", &data])).await.ended_with(1);
    assert!(words.stdout.contains("chmod 600"), "{}", words.stdout);
    assert!(words.stdout.contains("firstline-collector restore"), "{}", words.stdout);
}

#[tokio::test]
async fn a_server_that_may_lose_commits_or_is_away_is_named() {
    let mut server = Postgres::start(Durable::No).await;
    std::fs::set_permissions(server.secret(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let stage = Stage::open_with(&server.configuration()).await;
    let unsafe_server = doctor(&stage).await.ended_with(1);
    assert_eq!(faults(&unsafe_server), ["durability"; 3], "{}", unsafe_server.stdout);
    let facts = unsafe_server.json()["facts"].clone();
    assert!(facts["database"].as_str().is_some_and(|text| text.starts_with("PostgreSQL")), "{facts}");
    server.kill();
    let (status, problem) = stage.api.try_get("/api/v1/endpoints").await;
    assert_eq!((status, problem["type"].as_str()), (503, Some("urn:firstline:problem:database-away")), "{problem}");
    assert!(problem["retry_after_seconds"].as_u64().is_some(), "nobody says when to come back: {problem}");
    let away = doctor(&stage).await.ended_with(1);
    assert_eq!(faults(&away), ["database"], "{}", away.stdout);
    assert!(away.stdout.contains("Connection refused"), "{}", away.stdout);
}
