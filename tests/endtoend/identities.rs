//! One machine, one identity: copies, backups, revocation, and certificates that end.

use std::path::Path;
use std::time::Duration;

use firstline_tests::{Agent, Stage, wait};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// How long an agent may take to close its first minute, on a busy machine.
const FIRST: Duration = Duration::from_mins(3);

const SOON: Duration = Duration::from_mins(1);

/// Records of an endpoint whose own time lies from `from_ms` on and before `until_ms`.
async fn stored(stage: &Stage, endpoint: &str, from_ms: i64, until_ms: i64) -> i64 {
    let options = SqliteConnectOptions::new().filename(stage.collector.folder.join("firstline.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let mut count = 0;
    for table in ["samples", "marks"] {
        let text = format!(
            "SELECT COUNT(*) FROM {table} t JOIN endpoints e ON e.key = t.endpoint_key
             WHERE e.id = $1 AND t.at_ms >= $2 AND t.at_ms < $3"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(endpoint).bind(from_ms).bind(until_ms);
        let (rows,): (i64,) = query.fetch_one(&pool).await.unwrap();
        count += rows;
    }
    count
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A copy of a whole state folder, as of a disk.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        // What lies in memory is not on the disk.
        if entry.file_type().unwrap().is_symlink() {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
}

/// The running agent's account of itself.
pub(crate) fn account(agent: &Agent) -> Value {
    // In memory while it runs, on disk after it stopped.
    let text = std::fs::read(agent.state.join("memory/status.json"));
    let text = text.or_else(|_| std::fs::read(agent.state.join("status.json"))).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Waits until the agent says that its stream has this state.
pub(crate) async fn stream_is(agent: &Agent, state: &str) -> Value {
    wait::until(&format!("the stream to be {state}"), FIRST, async || {
        Some(account(agent)).filter(|account| account["link"]["state"] == state)
    })
    .await
}

/// Waits until the agent is connected as another endpoint than these.
pub(crate) async fn becomes_another(agent: &Agent, known: &[&str]) -> String {
    wait::until("a copy to be an endpoint of its own", FIRST, async || {
        let account = account(agent);
        let id = account["endpoint_id"].as_str()?.to_owned();
        (account["link"]["state"] == "connected" && !known.contains(&id.as_str())).then_some(id)
    })
    .await
}

#[tokio::test]
async fn a_copied_disk_becomes_an_endpoint_of_its_own_and_so_does_a_copy_of_it() {
    let mut stage = Stage::open().await;
    stage.sign_in().await.done();
    let (mut first, one) = stage.agent_online("first").await;
    // What is recorded while the collector is away lies in the spool, and is copied with it.
    stage.collector.kill();
    stream_is(&first, "waiting").await;
    first.stop().await;
    copy(&first.state, &stage.folder("second"));
    copy(&first.state, &stage.folder("third"));
    let copied_ms = now_ms();
    stage.collector.start().await;
    first.start();
    stage.endpoint_is(&one, "online").await;

    let mut second = Agent::new(&stage.folder("second"));
    second.start();
    let two = becomes_another(&second, &[&one]).await;
    let mut third = Agent::new(&stage.folder("third"));
    third.start();
    let three = becomes_another(&third, &[&one, &two]).await;
    second.stop().await;
    copy(&second.state, &stage.folder("fourth"));
    second.start();
    stage.endpoint_is(&two, "online").await;
    let mut fourth = Agent::new(&stage.folder("fourth"));
    fourth.start();
    let four = becomes_another(&fourth, &[&one, &two, &three]).await;

    for id in [&one, &two, &three, &four] {
        stage.endpoint_is(id, "online").await;
        let own = async || stored(&stage, id, copied_ms, i64::MAX).await > 0;
        wait::for_condition("each to stream records of its own", FIRST, own).await;
    }
    assert_eq!(stage.endpoint_ids().await.len(), 4);
    assert!(stored(&stage, &one, 0, copied_ms).await > 0, "the original keeps what it recorded before");
    for id in [&two, &three, &four] {
        assert_eq!(stored(&stage, id, 0, copied_ms).await, 0, "a copy tells nothing that it did not see itself");
    }
    let kin = async |id: &str| stage.endpoint(id).await["related"][0].clone();
    for (copy, origin) in [(&two, &one), (&three, &one), (&four, &two)] {
        let told = kin(copy).await;
        assert_eq!((&told["kind"], &told["id"]), (&json!("clone_of"), &json!(origin)), "{told}");
        // All of them run on this machine, so its firmware says nothing.
        assert!(told["why"].as_str().is_some_and(|why| why.ends_with("this one came later")), "{told}");
        let page = stage.firstline(&["endpoint", "show", origin]).await.done().stdout;
        assert!(page.contains("runs on a copy of this machine's disk"), "the original knows of its copy: {page}");
    }
    let log = stage.api.get("/api/v1/audit").await.to_string();
    assert_eq!(log.matches("endpoint.fork").count(), 3, "{log}");
    for agent in [&mut first, &mut second, &mut third, &mut fourth] {
        assert!(agent.stop().await.success());
    }
}

#[tokio::test]
async fn a_restored_backup_is_the_same_endpoint_and_loses_nothing_that_it_records() {
    let stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    agent.stop().await;
    copy(&agent.state, &stage.folder("backup"));
    agent.start();
    wait::for_condition("records after the backup", FIRST, async || stored(&stage, &id, 0, i64::MAX).await >= 3).await;
    agent.stop().await;
    for _ in 0..2 {
        std::fs::remove_dir_all(&agent.state).unwrap();
        copy(&stage.folder("backup"), &agent.state);
        let restored_ms = now_ms();
        agent.start();
        stage.endpoint_is(&id, "online").await;
        let new = async || stored(&stage, &id, restored_ms, i64::MAX).await > 0;
        wait::for_condition("records after the restoration", FIRST, new).await;
        agent.stop().await;
    }
    assert_eq!(stage.endpoint_ids().await, [id]);
}

#[tokio::test]
async fn a_revoked_agent_knows_it_keeps_recording_and_comes_back_when_enrolled_again() {
    let stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    stage.api.post(&format!("/api/v1/endpoints/{id}/revoke"), &json!({})).await;
    let account = stream_is(&agent, "refused").await;
    assert_eq!(account["link"]["problem"], "revoked", "{account}");
    let said = agent.run(&["status"]).await.done().stdout;
    assert!(said.contains("enroll --again"), "{said}");
    let revoked_ms = now_ms();
    agent.stop().await;
    agent.start();
    stream_is(&agent, "refused").await;
    agent.stop().await;
    let token = stage.token(json!({ "uses": 1 })).await;
    let address = format!("127.0.0.1:{}", stage.collector.agents);
    agent.run(&["enroll", "--again", "--collector", &address, "--token", &token]).await.done();
    agent.start();
    stream_is(&agent, "connected").await;
    let again = stage.endpoint_ids().await.into_iter().find(|one| *one != id).unwrap();
    stage.endpoint_is(&again, "online").await;
    // A stop and a start while it was revoked left a mark each.
    let kept = async || stored(&stage, &again, revoked_ms, i64::MAX).await > 0;
    wait::for_condition("what was recorded meanwhile", SOON, kept).await;
    assert!(agent.stop().await.success());
}

#[tokio::test]
async fn an_endpoint_outlives_its_certificate_without_a_gap() {
    let stage = Stage::open_with("[limits]\ncertificate_minutes = 1\n").await;
    let (mut agent, id) = stage.agent_online("agent").await;
    let until = |account: &Value| account["certificate_until"].as_str().map(str::to_owned);
    let first = wait::until("the certificate's end", SOON, async || until(&account(&agent))).await;
    let ends: jiff::Timestamp = first.parse().unwrap();
    let mut states = std::collections::BTreeSet::new();
    let past = ends.as_millisecond() + 20_000;
    wait::for_condition("the first certificate to be over for long", FIRST, async || {
        states.insert(stage.endpoint(&id).await["state"].to_string());
        now_ms() > past
    })
    .await;
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["\"online\""], "it never left");
    assert_ne!(until(&account(&agent)).unwrap(), first);
    assert_eq!(account(&agent)["link"]["state"], "connected");
    assert!(agent.stop().await.success());
}
