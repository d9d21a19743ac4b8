//! A collector that is killed while it seals samples and rolls them up: each number is there once, as a row, in columns, or in
//! the sums of its five minutes and its hour.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use firstline_collector::history::{minutes, numbers_in};
use firstline_collector::store::{Inspection, Location, sql};
use firstline_tests::postgres::Durable;
use firstline_tests::wire::records;
use firstline_tests::wire::senders::Senders;
use firstline_tests::{Postgres, Stage, wait};

use crate::clock::{false_clock, set};
use crate::storage::once_each;

const SENDERS: usize = 3;
const RECORDS: u64 = 24_000;

/// How often the collector is killed while it seals, rolls up five minutes, and rolls up hours.
const KILLS: usize = 6;

const LONG: Duration = Duration::from_mins(3);

/// How often it is looked whether the database was written to.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long the database may rest before nothing more is expected of a start.
const REST: Duration = Duration::from_secs(5);

/// What is due so many hours after the samples came, and what is left of that.
const STAGES: [(i64, &str); 3] = [
    (
        6,
        "SELECT COUNT(*) FROM samples s LEFT JOIN history_progress p ON p.endpoint_key = s.endpoint_key
         WHERE s.id > COALESCE(p.samples_id, 0)",
    ),
    (
        30,
        "SELECT COUNT(*) FROM sealed_minutes s LEFT JOIN history_progress p ON p.endpoint_key = s.endpoint_key
         WHERE s.id > COALESCE(p.minutes_id, 0)",
    ),
    (
        24 * 20,
        "SELECT COUNT(*) FROM sealed_five_minutes s LEFT JOIN history_progress p ON p.endpoint_key = s.endpoint_key
         WHERE s.id > COALESCE(p.five_minutes_id, 0)",
    ),
];

/// A collector under a clock of its own, and its database.
struct Story {
    stage: Stage,
    clock: std::path::PathBuf,
    location: Location,
}

impl Story {
    fn new(stage: Stage) -> Self {
        let (clock, location) = (stage.folder("clock"), stage.collector.location());
        Self { stage, clock, location }
    }

    fn launch(&mut self) {
        let clock = self.clock.display().to_string();
        let library = false_clock().display().to_string();
        self.stage.collector.launch(&[
            ("LD_PRELOAD", &library),
            ("FAKETIME_TIMESTAMP_FILE", &clock),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ]);
    }

    /// A number that changes when the database is written to.
    async fn pulse(&self) -> i64 {
        match &self.location {
            Location::Sqlite(file) => written_ns(&file.with_extension("sqlite-wal")),
            Location::Postgres(_) => {
                self.number("SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS BIGINT)").await
            }
        }
    }

    async fn number(&self, statement: &'static str) -> i64 {
        let inspection = Inspection::open(&self.location).await.unwrap();
        let number = sql::query_scalar(statement).fetch_one(inspection.reads()).await.unwrap();
        inspection.close().await;
        number
    }

    /// Starts the collector and kills it when it has written so many times, or no more.
    async fn kill_at_write(&mut self, writes: usize) {
        let mut last = self.pulse().await;
        self.launch();
        for _ in 0..writes {
            let moved = wait::found(LOOK_EVERY, REST, async || {
                let now = self.pulse().await;
                (now != last).then_some(now)
            });
            let Some(now) = moved.await else { break };
            last = now;
        }
        self.stage.collector.kill();
    }

    /// Kills the collector at what is due, again and again, and then lets it finish that.
    async fn go_through(&mut self, hours: i64, left: &'static str) {
        set(&self.clock, hours * 3600);
        for kill in 0..KILLS {
            self.kill_at_write(1 + kill * 3).await;
        }
        self.launch();
        self.stage.collector.ready().await;
        let what = format!("what is due after {hours} hours to be done");
        wait::for_condition(&what, LONG, async || self.number(left).await == 0).await;
        self.stage.collector.kill();
    }

    /// Times of the samples of each endpoint, in rows and in columns, with how often each is there, and where it stands.
    async fn samples(&self) -> BTreeMap<String, (BTreeMap<i64, i64>, i64)> {
        let inspection = Inspection::open(&self.location).await.unwrap();
        let reads = inspection.reads();
        let endpoints =
            "SELECT e.id, e.key, p.stored_sequence FROM endpoints e JOIN endpoint_progress p ON p.endpoint_key = e.key";
        let endpoints: Vec<(String, i64, i64)> = sql::query_as(endpoints).fetch_all(reads).await.unwrap();
        let mut found = BTreeMap::new();
        for (id, key, stands) in endpoints {
            let rows = "SELECT s.at_ms FROM samples s LEFT JOIN history_progress p ON p.endpoint_key = s.endpoint_key
                WHERE s.endpoint_key = $1 AND s.id > COALESCE(p.samples_id, 0)";
            let mut all: Vec<i64> = sql::query_scalar(rows).bind(key).fetch_all(reads).await.unwrap();
            let columns = "SELECT body FROM sealed_minutes WHERE endpoint_key = $1";
            let columns: Vec<Vec<u8>> = sql::query_scalar(columns).bind(key).fetch_all(reads).await.unwrap();
            for body in columns {
                all.extend(minutes::open(&body).unwrap().into_iter().map(|minute| minute.at_ms));
            }
            let mut times = BTreeMap::new();
            for at_ms in all {
                *times.entry(at_ms).or_default() += 1;
            }
            found.insert(id, (times, stands));
        }
        inspection.close().await;
        found
    }

    /// How many numbers all rows of a table of sums stand for.
    async fn numbers(&self, bodies: &'static str) -> u64 {
        let inspection = Inspection::open(&self.location).await.unwrap();
        let bodies: Vec<Vec<u8>> = sql::query_scalar(bodies).fetch_all(inspection.reads()).await.unwrap();
        inspection.close().await;
        bodies.iter().map(|body| numbers_in(body).unwrap()).sum()
    }
}

/// When a file was last written, nanoseconds since 1970; 0 when it is not there.
fn written_ns(file: &Path) -> i64 {
    let written = std::fs::metadata(file).and_then(|file| file.modified()).ok();
    let since = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Lets endpoints send, kills the collector through all that becomes of their samples, and counts at each turn.
async fn each_number_once(stage: Stage) -> u64 {
    let senders = Senders::start(&stage, SENDERS).await;
    senders.go_on(RECORDS, LONG).await;
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    let mut story = Story::new(stage);
    story.stage.collector.kill();
    let mut sum = 0;
    for (index, (hours, left)) in STAGES.into_iter().enumerate() {
        story.go_through(hours, left).await;
        if index < 2 {
            let mut found = story.samples().await;
            let one = |(endpoint, acknowledged): &(String, u64)| {
                let (times, stands) = found.remove(endpoint).unwrap();
                once_each(times, stands, *acknowledged, start_ms).unsigned_abs()
            };
            sum = acknowledged.iter().map(one).sum();
        }
        let series = records::layout().series().len() as u64;
        if index > 0 {
            let five_minutes = story.numbers("SELECT body FROM sealed_five_minutes").await;
            assert_eq!(five_minutes, sum * series, "after {hours} hours");
        }
        if index > 1 {
            assert_eq!(story.numbers("SELECT body FROM sealed_hours").await, sum * series, "after {hours} hours");
        }
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_killed_while_it_seals_and_rolls_up_loses_and_doubles_no_number() {
    let sum = each_number_once(Stage::open().await).await;
    println!("{} kills, {sum} samples, each number once in minutes, five minutes and hours", KILLS * STAGES.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_with_postgresql_that_is_killed_while_it_seals_and_rolls_up_loses_and_doubles_no_number() {
    let server = Postgres::start(Durable::Yes).await;
    let sum = each_number_once(Stage::open_with(&server.configuration()).await).await;
    println!("{} kills, {sum} samples, each number once in minutes, five minutes and hours", KILLS * STAGES.len());
}

/// What a clock that is ahead makes look old is not, and what it made is made again when it is set right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_starts_a_year_ahead_forgets_nothing_and_lets_everybody_in_once_its_clock_is_right() {
    let mut story = Story::new(Stage::open().await);
    let senders = Senders::start(&story.stage, SENDERS).await;
    senders.go_on(1000, LONG).await;
    story.stage.collector.kill();
    set(&story.clock, 365 * 86_400);
    story.launch();
    story.stage.collector.ready().await;
    for task in ["forget", "seal", "roll_up"] {
        let done = format!("firstline_collector_task_runs_total{{task=\"{task}\",outcome=\"done\"}}");
        wait::for_condition(&done, LONG, async || story.stage.metric(&done).await > 0.0).await;
    }
    set(&story.clock, 0);
    senders.go_on(1000, LONG).await;
    let is_right = async || {
        let log = story.stage.collector.log();
        let made = log.matches("Made a new server certificate for the port of agents").count();
        log.contains("min back: it was set") && made == 2
    };
    wait::for_condition("certificates of the right time", LONG, is_right).await;
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    story.stage.collector.kill();
    let mut found = story.samples().await;
    let count = |(endpoint, acknowledged): (String, u64)| {
        let (times, sequence) = found.remove(&endpoint).expect("samples of this endpoint");
        once_each(times, sequence, acknowledged, start_ms)
    };
    let sum: i64 = acknowledged.into_iter().map(count).sum();
    println!("a year ahead and back, {sum} records, each stored exactly once");
}
