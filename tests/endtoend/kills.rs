//! An agent that is killed again and again, with a collector that is killed as well: every record arrives once.

use std::collections::BTreeSet;
use std::time::Duration;

use firstline_tests::command::program;
use firstline_tests::{Agent, Process, Stage, wait};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

const ROUNDS: u64 = 200;

/// The collector is killed after so many rounds.
const COLLECTOR_ROUNDS: u64 = 25;

/// Time for the last agent to hand everything over.
const DRAIN: Duration = Duration::from_mins(1);

/// Times of the stored samples.
async fn stored(stage: &Stage) -> Vec<i64> {
    let options = SqliteConnectOptions::new().filename(stage.collector.folder.join("firstline.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT at_ms FROM samples ORDER BY at_ms").fetch_all(&pool).await.unwrap();
    rows.into_iter().map(|(at,)| at).collect()
}

/// The numbers that the spool had before the agent was killed.
fn noted(agent: &Agent) -> Vec<u64> {
    let text = std::fs::read_to_string(agent.state.join("noted")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_lose_no_record_and_double_none() {
    let mut stage = Stage::open().await;
    let agent = Agent::new(&stage.folder("agent"));
    agent.enroll(&stage.collector, &stage.token(json!({ "uses": 1 })).await).await.done();
    let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let state = agent.state.display().to_string();
    let live = |first: u64, count: u64| {
        let arguments = ["live", &state, &start_ms.to_string(), &first.to_string(), &count.to_string()];
        Process::start("the spool", program("storage", &arguments), &agent.state.join("test.log"))
    };
    let (mut first, mut doubtful) = (1, BTreeSet::new());
    for round in 0..ROUNDS {
        let mut process = live(first, u64::MAX);
        // After another record each round, some rounds before the first, so that the blow falls on another place.
        let until = first - 1 + round * 7919 % 26;
        let reached = async || until < first || noted(&agent).last().is_some_and(|last| *last >= until);
        wait::for_condition("a record to be noted", DRAIN, reached).await;
        process.kill();
        // One record may be in the spool and not yet noted.
        let last = noted(&agent).last().copied().unwrap_or(0).max(first - 1);
        doubtful.insert(last + 1);
        first = last + 2;
        if round % COLLECTOR_ROUNDS == COLLECTOR_ROUNDS - 1 {
            stage.collector.kill();
            stage.collector.start().await;
        }
    }
    assert!(live(first, 1).ended(DRAIN).await.success(), "everything was handed over");
    stage.collector.kill();

    let found = stored(&stage).await;
    let numbers: BTreeSet<u64> = found.iter().map(|at| u64::try_from(at - start_ms).unwrap()).collect();
    assert_eq!(numbers.len(), found.len(), "records are stored twice");
    let put: BTreeSet<u64> = noted(&agent).into_iter().collect();
    let lost: Vec<_> = put.difference(&numbers).collect();
    assert!(lost.is_empty(), "{} of {} records are lost: {lost:?}", lost.len(), put.len());
    let strange: Vec<_> = numbers.difference(&put).filter(|number| !doubtful.contains(number)).collect();
    assert!(strange.is_empty(), "nobody recorded {strange:?}");
    println!("{ROUNDS} kills, {} records, each stored exactly once", numbers.len());
}
