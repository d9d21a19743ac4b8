//! Rolling up: a day of sealed minutes becomes five minutes, ten days of these become hours.
//!
//! What waits is known from `history_progress`, whose numbers move in the transaction that stores the result. So every
//! sealed row is rolled up once, whatever happens in the middle, and nothing is forgotten before (see
//! [`super::retention`]). What cannot be read costs itself: it is said in the log and passed over.

use std::time::Instant;

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::warn;

use super::minutes;
use super::rollup::Rollup;
use super::rows::{self, Layouted};
use super::seal::{Columns, rest};
use super::tier::Tier;
use crate::config;
use crate::store::{Store, StoreError, sql};

/// Endpoints that are looked up at once.
const ENDPOINTS: i64 = 50;

/// Sealed rows that are rolled up in one step.
const ROWS_MAX: i64 = 40;

/// From one tier to the next.
struct Level {
    to: Tier,
    /// The most steps of one row.
    steps_max: i64,
    /// Endpoints whose rows have waited, since before `$1`.
    due: &'static str,
    /// The rows that wait.
    waiting: &'static str,
    /// Moves progress from `$2` to `$3`; `$4`, where there is a next tier, is since when that waits.
    moved: &'static str,
    insert: &'static str,
}

const FIVE_MINUTES: Level = Level {
    to: Tier::FiveMinutes,
    steps_max: 2 * 288,
    due: "SELECT endpoint_key, minutes_id FROM history_progress WHERE minutes_since_ms < $1
        ORDER BY minutes_since_ms, endpoint_key LIMIT $2",
    waiting: "SELECT id, received_ms, body FROM sealed_minutes WHERE endpoint_key = $1 AND id > $2
        ORDER BY id + 0 LIMIT $3",
    moved: "UPDATE history_progress SET minutes_id = $3,
        minutes_since_ms = (SELECT MIN(received_ms) FROM sealed_minutes WHERE endpoint_key = $1 AND id > $3),
        five_minutes_since_ms = COALESCE(five_minutes_since_ms, $4) WHERE endpoint_key = $1 AND minutes_id = $2",
    insert: "INSERT INTO sealed_five_minutes (endpoint_key, from_ms, to_ms, received_ms, body)
        VALUES ($1, $2, $3, $4, $5)",
};

const HOURS: Level = Level {
    to: Tier::Hours,
    steps_max: 20 * 24,
    due: "SELECT endpoint_key, five_minutes_id FROM history_progress WHERE five_minutes_since_ms < $1
        ORDER BY five_minutes_since_ms, endpoint_key LIMIT $2",
    waiting: "SELECT id, received_ms, body FROM sealed_five_minutes WHERE endpoint_key = $1 AND id > $2
        ORDER BY id + 0 LIMIT $3",
    moved: "UPDATE history_progress SET five_minutes_id = $3, five_minutes_since_ms =
        (SELECT MIN(received_ms) FROM sealed_five_minutes WHERE endpoint_key = $1 AND id > $3)
        WHERE endpoint_key = $1 AND five_minutes_id = $2",
    insert: "INSERT INTO sealed_hours (endpoint_key, from_ms, to_ms, received_ms, body) VALUES ($1, $2, $3, $4, $5)",
};

/// A sealed row: number, arrival, columns.
type Row = (i64, i64, Vec<u8>);

/// Rolls up what is due at `now`; how many sealed rows that were.
pub(super) async fn run(store: &Store, keep: &config::History, now: Timestamp) -> Result<u64, StoreError> {
    let minutes = FIVE_MINUTES.run(store, now - keep.roll_minutes_after()).await?;
    Ok(minutes + HOURS.run(store, now - keep.roll_five_minutes_after()).await?)
}

impl Level {
    async fn run(&self, store: &Store, before: Timestamp) -> Result<u64, StoreError> {
        let mut rolled = 0;
        loop {
            let due = sql::query_as(self.due).bind(before.unix_ms()).bind(ENDPOINTS);
            let due: Vec<(i64, i64)> = due.fetch_all(store.reads()).await?;
            for &(key, from_id) in &due {
                let started = Instant::now();
                rolled += self.roll(store, key, from_id).await?;
                rest(started).await;
            }
            if due.is_empty() {
                return Ok(rolled);
            }
        }
    }

    /// Rolls up what waits of an endpoint.
    async fn roll(&self, store: &Store, key: i64, from_id: i64) -> Result<u64, StoreError> {
        let waiting = sql::query_as(self.waiting).bind(key).bind(from_id).bind(ROWS_MAX);
        let waiting: Vec<Row> = waiting.fetch_all(store.reads()).await?;
        let count = waiting.len() as u64;
        let to_id = waiting.last().map_or(from_id, |row| row.0);
        let received_ms = waiting.iter().map(|row| row.1).max();
        let rollup = match self.to {
            Tier::Hours => blocking(move || merged(key, waiting)).await?,
            _ => sampled(store, key, waiting).await?,
        };
        let steps_max = self.steps_max;
        let columns = blocking(move || columns(rollup, steps_max, received_ms.unwrap_or(0))).await?;
        let (moved, insert, is_last) = (self.moved, self.insert, self.to == Tier::Hours);
        let job = store.write(move |tx| {
            Box::pin(async move {
                let since = columns.first().map(|columns| columns.received_ms);
                let moved = sql::query(moved).bind(key).bind(from_id).bind(to_id);
                let moved = if is_last { moved } else { moved.bind(since) };
                if moved.execute(&mut *tx).await?.rows_affected() > 0 {
                    for columns in &columns {
                        columns.insert(&mut *tx, insert, key).await?;
                    }
                }
                Ok::<_, StoreError>(())
            })
        });
        job.await?;
        Ok(count)
    }
}

/// What sealed minutes say of five minutes each.
async fn sampled(store: &Store, key: i64, waiting: Vec<Row>) -> Result<Rollup, StoreError> {
    let opened = blocking(move || {
        let opened = |(id, _, body): &Row| match minutes::open(body) {
            Ok(minutes) => minutes,
            Err(damage) => {
                warn!(endpoint.key = key, error = %damage, "Sealed minutes {id} are not rolled up: {damage}");
                Vec::new()
            }
        };
        waiting.iter().flat_map(opened).collect::<Vec<_>>()
    });
    let samples: Vec<Layouted> = rows::with_layouts(store, opened.await?).await?;
    blocking(move || {
        let mut rollup = Rollup::new(Tier::FiveMinutes.step_seconds());
        for (layout, sample) in &samples {
            rollup.add(layout, sample, |_| true);
        }
        rollup
    })
    .await
}

/// What sealed five minutes say of an hour each.
fn merged(key: i64, waiting: Vec<Row>) -> Rollup {
    let mut rollup = Rollup::new(Tier::Hours.step_seconds());
    for (id, _, body) in waiting {
        match Rollup::open(&body, |_| true) {
            Ok(part) => rollup.merge(&part),
            Err(damage) => {
                warn!(endpoint.key = key, error = %damage, "Sealed five minutes {id} are not rolled up: {damage}");
            }
        }
    }
    rollup
}

fn columns(rollup: Rollup, steps_max: i64, received_ms: i64) -> Vec<Columns> {
    let columns = |part: Rollup| {
        let (from, to) = part.span()?;
        Some(Columns { from_ms: from.unix_ms(), to_ms: to.unix_ms(), received_ms, body: part.seal() })
    };
    rollup.parts(steps_max).into_iter().filter_map(columns).collect()
}

/// Runs what keeps a processor busy where no stream waits for it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)
}
