//! After days offline nobody waits for the past: it arrives once each, beside what is asked for now.

use std::time::{Duration, Instant};

use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::StateDir;
use firstline_diagnosis::vocabulary::{Sample, Timestamp};
use firstline_proto::convert::Body;
use firstline_tests::wire::records;
use firstline_tests::{Agent, Stage, wait};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

const SOON: Duration = Duration::from_mins(2);

/// Minutes of three days.
const MINUTES: i64 = 3 * 24 * 60;

/// What an agent recorded in three days without a collector; the time of the first minute.
fn record_three_days(agent: &Agent) -> i64 {
    let first_ms = jiff::Timestamp::now().as_millisecond() - MINUTES * 60_000;
    let folder = agent.state.join("spool");
    std::fs::create_dir_all(&folder).unwrap();
    let scratch = StateDir::open(&agent.state).unwrap().scratch().unwrap();
    let mut spool = Spool::open(&folder, &scratch, Limits::default()).unwrap();
    spool.use_layout((&records::layout()).into());
    for minute in 0..MINUTES {
        let at = Timestamp(first_ms + minute * 60_000);
        let values = vec![0.5; records::layout().series().len()];
        let layout = records::layout().fingerprint();
        let sample = Sample { at, step_seconds: 60, layout, values, absences: Vec::new() };
        spool.append(at, 1, "before", Body::Sample(sample));
    }
    spool.close().unwrap();
    scratch.remove();
    first_ms
}

#[tokio::test]
async fn a_pull_is_answered_beside_three_days_of_backlog_and_each_minute_arrives_once() {
    let stage = Stage::open().await;
    let token = stage.token(json!({ "uses": 1 })).await;
    let mut agent = Agent::new(&stage.folder("agent"));
    agent.enroll(&stage.collector, &token).await.done();
    let id = stage.endpoint_ids().await.remove(0);
    let first_ms = record_three_days(&agent);
    let newest_ms = first_ms + (MINUTES - 1) * 60_000;
    let options = SqliteConnectOptions::new().filename(stage.collector.folder.join("firstline.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    agent.start();
    stage.endpoint_is(&id, "online").await;
    let begun = Instant::now();
    let ticket = stage.ticket("It is slow", "sam").await;
    let pull = stage.attach(&ticket, &id).await;
    let answered = begun.elapsed();
    assert_eq!(pull["state"], "done", "{pull}");

    let all = async || -> Vec<(i64, i64)> {
        let text = "SELECT at_ms, COUNT(*) FROM samples WHERE at_ms <= $1 GROUP BY at_ms ORDER BY at_ms";
        sqlx::query_as(text).bind(newest_ms).fetch_all(&pool).await.unwrap()
    };
    wait::for_condition("the whole backlog to be stored", SOON, async || all().await.len() as i64 == MINUTES).await;
    println!("pull answered after {answered:?}, three days stored after {:?}", begun.elapsed());
    let expected: Vec<(i64, i64)> = (0..MINUTES).map(|minute| (first_ms + minute * 60_000, 1)).collect();
    assert!(all().await == expected, "each minute is there, once");
    let spool_is_empty = async || {
        let said = agent.run(&["status"]).await.done().stdout;
        said.contains("Spool: 0 records wait")
    };
    wait::for_condition("the spool to be acknowledged", SOON, spool_is_empty).await;
    assert!(agent.stop().await.success());
}
