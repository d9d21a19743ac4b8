//! What is acknowledged is stored, once, whatever happens to the collector.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use firstline_tests::Stage;
use firstline_tests::wire::senders::Senders;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// How often the collector is killed.
const CRASHES: u64 = 24;
/// How many endpoints send meanwhile.
const SENDERS: usize = 4;
const PROGRESS: Duration = Duration::from_mins(1);

/// The database of the collector in `folder`.
pub(crate) async fn database(folder: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.join("firstline.sqlite"));
    SqlitePool::connect_with(options).await.unwrap()
}

/// Times of the stored samples of an endpoint, with how often each is there, and what its progress says.
pub(crate) async fn stored(pool: &SqlitePool, endpoint: &str) -> (BTreeMap<i64, i64>, i64) {
    let times = "SELECT s.at_ms, COUNT(*) FROM samples s JOIN endpoints e ON e.key = s.endpoint_key WHERE e.id = $1 GROUP BY s.at_ms";
    let rows: Vec<(i64, i64)> = sqlx::query_as(times).bind(endpoint).fetch_all(pool).await.unwrap();
    let progress =
        "SELECT p.stored_sequence FROM endpoint_progress p JOIN endpoints e ON e.key = p.endpoint_key WHERE e.id = $1";
    let (sequence,): (i64,) = sqlx::query_as(progress).bind(endpoint).fetch_one(pool).await.unwrap();
    (rows.into_iter().collect(), sequence)
}

/// Counts what is in the database of the collector in `folder`: for each endpoint at least what was acknowledged, each
/// record once, and nothing else. Returns how many records there are.
pub(crate) async fn count(folder: &Path, acknowledged: Vec<(String, u64)>, start_ms: i64) -> i64 {
    let pool = database(folder).await;
    let (verdict,): (String,) = sqlx::query_as("PRAGMA integrity_check").fetch_one(&pool).await.unwrap();
    assert_eq!(verdict, "ok");
    let mut sum = 0;
    for (endpoint, acknowledged) in acknowledged {
        let (times, sequence) = stored(&pool, &endpoint).await;
        sum += once_each(times, sequence, acknowledged, start_ms);
    }
    sum
}

/// Of one endpoint, at least what was acknowledged is stored, each record once, and nothing else. Returns how many records
/// there are.
pub(crate) fn once_each(times: BTreeMap<i64, i64>, sequence: i64, acknowledged: u64, start_ms: i64) -> i64 {
    assert!(sequence >= i64::try_from(acknowledged).unwrap(), "{acknowledged} acknowledged, {sequence} stored");
    let twice: Vec<_> = times.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "stored more than once: {twice:?}");
    let expected: Vec<i64> = (1..=sequence).map(|number| start_ms + number).collect();
    let found: Vec<i64> = times.into_keys().collect();
    assert_eq!(found.len(), expected.len(), "{sequence} records were taken, {} are stored", found.len());
    assert!(found == expected, "the stored records are not the sent ones");
    sequence
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_stored_twice_when_the_collector_is_killed() {
    let mut stage = Stage::open().await;
    let senders = Senders::start(&stage, SENDERS).await;
    for crash in 0..CRASHES {
        // Another distance each time, so that the blow falls on another place of a commit.
        senders.go_on(200 + crash * 37 % 400, PROGRESS).await;
        stage.collector.kill();
        stage.collector.start().await;
    }
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    stage.collector.kill();

    let sum = count(&stage.collector.folder, acknowledged, start_ms).await;
    println!("{CRASHES} crashes, {sum} records, each stored exactly once");
}

#[tokio::test]
async fn a_collector_that_is_told_to_stop_says_goodbye_and_exits() {
    let mut stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    let status = stage.collector.stop().await;
    assert!(status.success(), "{status:?}\n{}", stage.collector.log());
    assert!(agent.is_running(), "an agent outlives its collector");
    stage.collector.start().await;
    stage.endpoint_is(&id, "online").await;
    assert!(agent.stop().await.success());
}
