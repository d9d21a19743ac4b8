//! A collector that is killed while it seals and rolls up.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::runtime::Runtime;

use super::*;
use crate::config;
use crate::store::{Store, fixture, sql};

const ENDPOINTS: i64 = 40;
const MINUTES: i64 = 600;

/// A store that can be lost without a word.
struct Mortal {
    runtime: Runtime,
    store: Store,
}

impl Mortal {
    fn open(folder: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
        let store = runtime.block_on(fixture::open(folder));
        Self { runtime, store }
    }

    fn fill(&self) {
        self.runtime.block_on(async {
            let layouts = Layouts::new(self.store.clone());
            layouts.announce(layout(), Timestamp(0)).await.expect("stored").expect("layout");
            for key in 1..=ENDPOINTS {
                let made = self.store.write(move |tx| {
                    Box::pin(async move {
                        sql::query(ENDPOINT).bind(key).bind(key.to_string()).execute(tx).await?;
                        Ok::<_, StoreError>(())
                    })
                });
                made.await.expect("endpoint");
                let row = |minute: i64| {
                    let at = Timestamp(minute * 60_000);
                    sample(minute.unsigned_abs(), at, [key as f32, 1.0, minute as f32], None)
                };
                let rows = (1..=MINUTES).map(row).collect();
                let batch =
                    RecordBatch { endpoint_key: key, received_ms: MINUTES * 60_000, rows, ahead: false, epoch: None };
                self.store.append(batch).await.expect("stored");
            }
        });
    }

    /// Begins to seal and to roll up, and dies when that many rows of columns are there.
    fn work_and_die(self, now: Timestamp, columns: i64) {
        let history = History::new(self.store.clone(), config::History::default());
        let work = self.runtime.spawn(async move {
            history.seal(now).await.expect("sealed");
            history.roll_up(now).await.expect("rolled up");
        });
        self.runtime.block_on(async {
            while !work.is_finished() && self.columns().await < columns {
                tokio::task::yield_now().await;
            }
        });
        drop(self.store);
        self.runtime.shutdown_background();
    }

    async fn columns(&self) -> i64 {
        let count = "SELECT (SELECT COUNT(*) FROM sealed_minutes) + (SELECT COUNT(*) FROM sealed_five_minutes)";
        sql::query_scalar(count).fetch_one(self.store.reads()).await.expect("count")
    }

    /// How often each minute of an endpoint is there, and what its five minutes add up to.
    fn told(&self, key: i64) -> (BTreeMap<i64, usize>, f64) {
        let ends = (Timestamp(0), Timestamp(MINUTES * 120_000));
        let signal = "system.disk.io";
        self.runtime.block_on(async {
            let mut times = BTreeMap::new();
            for (_, sample) in rows::samples(&self.store, key, ends.0, ends.1).await.expect("samples") {
                *times.entry(sample.at.unix_ms() / 60_000).or_default() += 1;
            }
            let rolled =
                rows::rolled(&self.store, key, &[signal].into(), ends, Tier::FiveMinutes).await.expect("rolled");
            let sum = rolled.series.values().flat_map(|rolled| rolled.cells.values()).map(|cell| cell.count).sum();
            (times, sum)
        })
    }
}

const ENDPOINT: &str = "INSERT INTO endpoints (key, id, name, os_type, os_name, os_version, os_build_id, users,
    tags, hardware, agent_version, boot_id, state, worst_severity, enrolled_at_ms, paused)
    VALUES ($1, $2, '', '', '', '', '', '[]', '{}', '{}', '', '', 'online', 0, 0, 0)";

#[test]
fn whenever_it_dies_each_minute_is_there_once() {
    let folder = tempfile::tempdir().expect("folder");
    Mortal::open(folder.path()).fill();
    let now = Timestamp(MINUTES * 60_000) + Duration::from_hours(30);
    for columns in [1, 9, 20, 40, 60, 79, 90, 110, 300] {
        Mortal::open(folder.path()).work_and_die(now, columns);
        let again = Mortal::open(folder.path());
        for key in 1..=ENDPOINTS {
            let (times, counted) = again.told(key);
            assert_eq!(times, (1..=MINUTES).map(|minute| (minute, 1)).collect(), "endpoint {key}, {columns} columns");
            assert_eq!(counted, MINUTES as f64, "endpoint {key}, {columns} columns");
        }
        again.runtime.block_on(again.store.close());
    }
    let done = Mortal::open(folder.path());
    assert_eq!(done.runtime.block_on(done.columns()), 3 * ENDPOINTS, "two stretches of minutes, one of five minutes");
}
