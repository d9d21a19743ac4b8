//! A machine whose clock is set, an hour forwards and an hour back, while its agent runs and streams.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_tests::{Agent, Stage, wait};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// Steps as short as a collector may ask for, so that nobody waits.
const FAST: &str = "[agents]\nfast_period_seconds = 5\nminute_period_seconds = 30\n";

/// How long two rows may take on a busy machine.
const ROWS: Duration = Duration::from_mins(3);

/// The library that shows a program another clock; the time since boot stays what it is.
pub(crate) fn false_clock() -> PathBuf {
    let libraries = std::fs::read_dir("/usr/lib").expect("there").flatten();
    let found = libraries.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("libfaketime is missing: tests/run --prepare installs it")
}

/// Sets the clock of whoever reads this file.
pub(crate) fn set(clock: &Path, seconds: i64) {
    std::fs::write(clock, format!("{seconds:+}\n")).unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_while_the_agent_streams_leaves_one_row_for_each_step() {
    let stage = Stage::open_with(FAST).await;
    let clock = stage.folder("clock");
    set(&clock, 0);
    let mut agent = Agent::new(&stage.folder("agent"));
    agent.enroll(&stage.collector, &stage.token(json!({ "uses": 1 })).await).await.done();
    let id = stage.endpoint_ids().await.remove(0);
    let begun_ms = jiff::Timestamp::now().as_millisecond();
    agent.start_with(&[
        ("LD_PRELOAD", false_clock().to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
    ]);
    stage.endpoint_is(&id, "online").await;
    let options = SqliteConnectOptions::new().filename(stage.collector.folder.join("firstline.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let rows = async || -> Vec<i64> {
        let rows: Vec<(i64,)> = sqlx::query_as("SELECT at_ms FROM samples ORDER BY id").fetch_all(&pool).await.unwrap();
        rows.into_iter().map(|(at,)| at).collect()
    };
    for (seconds, count) in [(0, 1), (3600, 2), (-3600, 2), (0, 1)] {
        set(&clock, seconds);
        let until = rows().await.len() + count;
        let what = format!("rows by a clock that was set by {seconds} s");
        wait::for_condition(&what, ROWS, async || rows().await.len() >= until).await;
    }
    assert!(agent.stop().await.success());

    let (rows, now_ms) = (rows().await, jiff::Timestamp::now().as_millisecond());
    assert!(rows.iter().all(|at| (begun_ms..=now_ms).contains(at)), "all of them lie in this test: {rows:?}");
    let steps: Vec<i64> = rows.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first row stands for the first fast step only.
    let odd: Vec<&i64> = steps.iter().filter(|step| !(25_000..=35_000).contains(*step)).collect();
    assert!(odd.is_empty(), "one row for each half a minute, in order: {steps:?}");
    let turns: Vec<(String,)> = sqlx::query_as("SELECT mark FROM marks").fetch_all(&pool).await.unwrap();
    let turns: Vec<&str> = turns.iter().map(|(mark,)| mark.as_str()).filter(|mark| *mark != "booted").collect();
    assert_eq!(turns, ["pausing"], "nobody slept");
    println!("steps of {steps:?} ms");
}
