//! After days offline nobody waits for the past: it arrives once each, beside what is asked for now.

use std::time::{Duration, Instant};

use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::StateDir;
use firstline_diagnosis::vocabulary::{Event, Layout, Mark, Sample, Series, Timestamp};
use firstline_proto::convert::Body;
use firstline_tests::{Agent, SlowLink, Stage, wait};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

const SOON: Duration = Duration::from_mins(3);

/// Minutes of three days.
const MINUTES: i64 = 3 * 24 * 60;

/// So many series, of which each minute has a number that says nothing of the others: about 5 MB in three days.
const DISKS: usize = 150;

/// The line lets through 250 KB a second, so that three days take long enough to ask for something meanwhile.
const LINE_BYTES_PER_SECOND: u32 = 250_000;

/// Something that happens every so many minutes, at the minute's own time.
const EVENT_EVERY: i64 = 7;
const TURN_EVERY: i64 = 60;

fn layout() -> Layout {
    let series = ["read", "write"].into_iter().flat_map(|direction| {
        (0..DISKS).map(move |disk| {
            let disk = format!("sd{disk}");
            Series::new("system.disk.io", [("system.device", disk.as_str()), ("disk.io.direction", direction)])
        })
    });
    Layout::new(series.collect::<Vec<_>>())
}

/// What an agent recorded in three days without a collector, by a clock that passes a minute at a time; the time of the
/// first minute.
fn record_three_days(agent: &Agent) -> i64 {
    let first_ms = jiff::Timestamp::now().as_millisecond() - MINUTES * 60_000;
    let folder = agent.state.join("spool");
    std::fs::create_dir_all(&folder).unwrap();
    let scratch = StateDir::open(&agent.state).unwrap().scratch().unwrap();
    let mut spool = Spool::open(&folder, &scratch, Limits::default()).unwrap();
    let layout = layout();
    spool.use_layout((&layout).into());
    for minute in 0..MINUTES {
        let (at, at_boot_ms) = (Timestamp(first_ms + minute * 60_000), minute.unsigned_abs() * 60_000);
        let noise = |index: usize| ((minute.unsigned_abs() * 7919 + index as u64 * 104_729) % 1_000_003) as f32;
        let values = (0..layout.series().len()).map(noise).collect();
        let sample = Sample { at, step_seconds: 60, layout: layout.fingerprint(), values, absences: Vec::new() };
        spool.append(at, at_boot_ms, "before", Body::Sample(sample));
        if minute % EVENT_EVERY == 0 {
            let series = Series::new("endpoint.service.unexpected_exit", [("service", "backup.service")]);
            let event = Event { series, at, fields: std::collections::BTreeMap::new(), count: 1 };
            spool.append(at, at_boot_ms, "before", Body::Event(event));
        }
        if minute % TURN_EVERY == 0 {
            spool.append(at, at_boot_ms, "before", Body::Mark(Mark::NetworkChanged));
        }
    }
    spool.close().unwrap();
    scratch.remove();
    first_ms
}

#[tokio::test]
async fn a_pull_is_answered_beside_three_days_of_backlog_and_each_record_arrives_once() {
    let stage = Stage::open().await;
    let token = stage.token(json!({ "uses": 1 })).await;
    let mut agent = Agent::new(&stage.folder("agent"));
    agent.enroll(&stage.collector, &token).await.done();
    let id = stage.endpoint_ids().await.remove(0);
    let first_ms = record_three_days(&agent);
    let newest_ms = first_ms + (MINUTES - 1) * 60_000;
    let line = SlowLink::start(stage.collector.agents, LINE_BYTES_PER_SECOND).await;
    std::fs::write(agent.state.join("agent.toml"), format!("collector = \"127.0.0.1:{}\"\n", line.port)).unwrap();
    let options = SqliteConnectOptions::new().filename(stage.collector.folder.join("firstline.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let past = async |text: &'static str| -> Vec<(i64, i64)> {
        sqlx::query_as(text).bind(newest_ms).fetch_all(&pool).await.unwrap()
    };
    let minutes =
        async || past("SELECT at_ms, COUNT(*) FROM samples WHERE at_ms <= $1 GROUP BY at_ms ORDER BY at_ms").await;

    agent.start();
    stage.endpoint_is(&id, "online").await;
    let begun = Instant::now();
    wait::for_condition("the backlog to flow", SOON, async || !minutes().await.is_empty()).await;
    let ticket = stage.ticket("It is slow", "sam").await;
    let pull = stage.attach(&ticket, &id).await;
    let (answered, arrived) = (begun.elapsed(), minutes().await.len());
    assert_eq!(pull["state"], "done", "{pull}");
    assert!(arrived < MINUTES as usize, "the answer did not wait for the past, of which {arrived} minutes were there");
    let present = async || -> i64 {
        let text = "SELECT COUNT(*) FROM samples WHERE at_ms > $1";
        sqlx::query_scalar(text).bind(newest_ms).fetch_one(&pool).await.unwrap()
    };
    wait::for_condition("a minute of the present", SOON, async || present().await > 0).await;
    let then = minutes().await.len();
    assert!(then < MINUTES as usize, "nor did the present, at which {then} minutes of the past were there");

    wait::for_condition("the past to be stored", SOON, async || minutes().await.len() as i64 == MINUTES).await;
    println!(
        "pull answered after {answered:.1?} beside {arrived} of {MINUTES} minutes, the present seen beside {then}, \
         three days stored after {:.1?}",
        begun.elapsed()
    );
    let every = |step: i64| -> Vec<(i64, i64)> {
        (0..MINUTES).step_by(step as usize).map(|minute| (first_ms + minute * 60_000, 1)).collect()
    };
    assert!(minutes().await == every(1), "each minute is there, once");
    // What was read since the account was begun may still wait.
    let acknowledged = async || {
        let said: Value = serde_json::from_str(&agent.run(&["status", "--json"]).await.done().stdout).unwrap();
        said["agent"]["spool"]["records"].as_u64().is_some_and(|records| records < 10)
    };
    wait::for_condition("the past to be acknowledged", SOON, acknowledged).await;
    let events = past("SELECT at_ms, COUNT(*) FROM events WHERE at_ms <= $1 GROUP BY at_ms ORDER BY at_ms").await;
    assert!(events == every(EVENT_EVERY), "each event is there, once");
    let turns = past("SELECT at_ms, COUNT(*) FROM marks WHERE at_ms <= $1 GROUP BY at_ms ORDER BY at_ms").await;
    assert!(turns == every(TURN_EVERY), "each turn is there, once");
    let twice = "SELECT at_ms, COUNT(*) FROM samples WHERE at_ms > $1 GROUP BY at_ms HAVING COUNT(*) > 1";
    assert!(past(twice).await.is_empty(), "what went ahead is not there twice");
    assert!(agent.stop().await.success());
}
