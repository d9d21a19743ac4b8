//! Sealing: samples that are hours old leave the rows in which they arrived and become columns.
//!
//! The low end of `samples` is the queue: rows lie in order of arrival, so when the oldest one is due, its endpoint's rows
//! are sealed, all that have arrived but the newest few minutes, and then the endpoint of the next row that is not sealed.
//! Endpoints come at different times, so in the long run a little is sealed all the time.
//!
//! - **Nothing is lost or doubled.** How far an endpoint is sealed is a number in `history_progress`, moved in the
//!   transaction that stores the columns, and only from where it was read. Readers take columns, and rows beyond that
//!   number, in one statement. Rows that are done with are deleted afterwards, by range.
//! - **Late samples make columns of their own**, so nothing that is sealed is opened again.
//! - **Others go first.** Columns are made beside the writer, which is only asked to store them, few at a time; after each
//!   step sealing rests for as long as the step took.
//! - **A row from the future is due.** It arrived while the clock was ahead, and would hold up all that came after it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use firstline_diagnosis::vocabulary::Timestamp;
use metrics::counter;

use super::minutes::{self, Minute};
use crate::config;
use crate::metrics::{HISTORY_SEALED_BYTES, HISTORY_SEALED_SAMPLES};
use crate::store::{Connection, Store, StoreError, sql};

/// Rows of the queue that one step looks at, and deletes.
const STEP_ROWS: i64 = 2000;

/// Samples of an endpoint that are sealed in one step.
const SAMPLES_MAX: i64 = 4000;

/// Endpoints that are stored in one transaction.
const ENDPOINTS: usize = 8;

/// The longest stretch that is sealed together; what was told late may be from long ago.
const SPAN_MAX: Duration = Duration::from_hours(6);

/// The shortest rest after a step.
const REST: Duration = Duration::from_millis(2);

const QUEUE: &str = "SELECT s.id, s.received_ms, s.endpoint_key, COALESCE(p.samples_id, 0) FROM samples s
    LEFT JOIN history_progress p ON p.endpoint_key = s.endpoint_key WHERE s.id > $1 ORDER BY s.id LIMIT $2";

const SEALED_TO: &str = "SELECT samples_id FROM history_progress WHERE endpoint_key = $1";

// `id + 0` keeps the engines from looking through the rows of all endpoints in order of id.
const WAITING: &str = "SELECT id, received_ms, at_ms, step_seconds, layout, row, absences FROM samples
    WHERE endpoint_key = $1 AND id > $2 ORDER BY id + 0 LIMIT $3";

const MOVE: &str = "INSERT INTO history_progress
        (endpoint_key, samples_id, minutes_id, five_minutes_id, minutes_since_ms) VALUES ($1, $3, 0, 0, $4)
    ON CONFLICT (endpoint_key) DO UPDATE SET samples_id = excluded.samples_id,
        minutes_since_ms = COALESCE(history_progress.minutes_since_ms, excluded.minutes_since_ms)
    WHERE history_progress.samples_id = $2";

const INSERT: &str = "INSERT INTO sealed_minutes (endpoint_key, from_ms, to_ms, received_ms, body)
    VALUES ($1, $2, $3, $4, $5)";

const DELETE: &str = "DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE id <= $1 ORDER BY id LIMIT $2)
    AND id <= COALESCE((SELECT samples_id FROM history_progress p WHERE p.endpoint_key = samples.endpoint_key), 0)
    AND id < (SELECT MAX(id) FROM samples)";

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Samples.
    pub samples: u64,
    /// Bytes that they take now.
    pub bytes: u64,
}

/// Columns on their way into the table.
pub(super) struct Columns {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) received_ms: i64,
    pub(super) body: Vec<u8>,
}

impl Columns {
    /// Stores them with `statement`.
    pub(super) async fn insert(
        &self,
        tx: &mut Connection,
        statement: &'static str,
        key: i64,
    ) -> Result<(), StoreError> {
        let query = sql::query(statement).bind(key).bind(self.from_ms).bind(self.to_ms).bind(self.received_ms);
        Ok(query.bind(&self.body).execute(tx).await.map(drop)?)
    }
}

/// What arrived so much later than now is from the future: sealing itself takes a while, and clocks are set by moments.
const AHEAD: Duration = Duration::from_hours(1);

/// What arrived before a moment, as far as the clock is to be believed.
#[derive(Clone, Copy)]
struct Before {
    limit: Timestamp,
    now: Timestamp,
}

impl Before {
    fn holds(self, received_ms: i64) -> bool {
        received_ms < self.limit.unix_ms() || received_ms > (self.now + AHEAD).unix_ms()
    }

    /// When something arrived; what is from the future, now.
    fn arrived(self, received_ms: i64) -> i64 {
        received_ms.min(self.now.unix_ms())
    }
}

/// What becomes of one endpoint.
struct Endpoint {
    key: i64,
    /// Where its progress stood, and where it goes.
    from_id: i64,
    to_id: i64,
    samples: u64,
    columns: Vec<Columns>,
}

/// Seals what is due at `now`.
pub(super) async fn run(store: &Store, keep: &config::History, now: Timestamp) -> Result<Sealed, StoreError> {
    let due = Before { limit: now - keep.seal_after(), now };
    let old = Before { limit: now - keep.fresh(), now };
    let (mut sealed, mut done, mut cursor) = (Sealed::default(), HashSet::new(), 0);
    loop {
        let started = Instant::now();
        let queue: Vec<(i64, i64, i64, i64)> =
            sql::query_as(QUEUE).bind(cursor).bind(STEP_ROWS).fetch_all(store.reads()).await?;
        let of_step = queue.iter().take_while(|(_, received, ..)| due.holds(*received));
        let last = of_step.clone().last().map(|(id, ..)| *id);
        // What is sealed already lies there until what arrived with it is.
        let waiting = of_step.filter(|(id, _, _, sealed)| id > sealed);
        let keys: Vec<i64> = waiting.map(|(_, _, key, _)| *key).filter(|key| done.insert(*key)).collect();
        rest(started).await;
        for some in keys.chunks(ENDPOINTS) {
            sealed = sealed.and(seal_some(store, some, old).await?);
        }
        let Some(last) = last else { return Ok(sealed) };
        cursor = last;
        forget(store, cursor).await?;
    }
}

/// Seals what waits of some endpoints.
async fn seal_some(store: &Store, keys: &[i64], old: Before) -> Result<Sealed, StoreError> {
    let mut sealed = Sealed::default();
    let mut waiting: Vec<i64> = keys.to_vec();
    while !waiting.is_empty() {
        let started = Instant::now();
        let mut endpoints = Vec::with_capacity(waiting.len());
        for key in &waiting {
            endpoints.extend(columns(store, *key, old).await?);
        }
        // Who had more than a step takes has its turn again.
        waiting = endpoints.iter().filter(|one| one.samples >= SAMPLES_MAX.unsigned_abs()).map(|one| one.key).collect();
        sealed = sealed.and(save(store, endpoints).await?);
        rest(started).await;
    }
    Ok(sealed)
}

/// The columns of what waits of an endpoint; nothing when nothing does.
async fn columns(store: &Store, key: i64, old: Before) -> Result<Option<Endpoint>, StoreError> {
    type Row = (i64, i64, i64, i64, i64, Vec<u8>, Option<Vec<u8>>);
    let from_id: Option<i64> = sql::query_scalar(SEALED_TO).bind(key).fetch_optional(store.reads()).await?;
    let from_id = from_id.unwrap_or(0);
    let mut rows: Vec<Row> =
        sql::query_as(WAITING).bind(key).bind(from_id).bind(SAMPLES_MAX).fetch_all(store.reads()).await?;
    let count = rows.iter().take_while(|row| old.holds(row.1)).count();
    rows.truncate(count);
    let Some(to_id) = rows.last().map(|row| row.0) else { return Ok(None) };
    let samples = rows.len() as u64;
    let made = tokio::task::spawn_blocking(move || {
        let minute = |(_, received_ms, at_ms, step_seconds, layout, row, absences)| {
            (old.arrived(received_ms), Minute { at_ms, step_seconds, layout, row, absences })
        };
        windows(rows.into_iter().map(minute).collect())
    });
    let columns = made.await.map_err(|_| StoreError::Closed)?;
    Ok(Some(Endpoint { key, from_id, to_id, samples, columns }))
}

/// Seals samples with the times of their arrival, in stretches of at most [`SPAN_MAX`].
fn windows(mut minutes: Vec<(i64, Minute)>) -> Vec<Columns> {
    minutes.sort_by_key(|(_, minute)| minute.at_ms);
    let span = i64::try_from(SPAN_MAX.as_millis()).unwrap_or(i64::MAX);
    let mut columns = Vec::new();
    while let Some((_, first)) = minutes.first() {
        let end = first.at_ms.saturating_add(span);
        let later = minutes.split_off(minutes.partition_point(|(_, minute)| minute.at_ms < end).max(1));
        let (received, window): (Vec<i64>, Vec<Minute>) = std::mem::replace(&mut minutes, later).into_iter().unzip();
        columns.push(Columns {
            from_ms: window.first().map_or(0, |minute| minute.at_ms),
            to_ms: window.last().map_or(0, |minute| minute.at_ms),
            received_ms: received.into_iter().max().unwrap_or(0),
            body: minutes::seal(&window),
        });
    }
    columns
}

/// Stores columns and moves progress, in one transaction. What another collector was faster with is left out.
async fn save(store: &Store, endpoints: Vec<Endpoint>) -> Result<Sealed, StoreError> {
    if endpoints.is_empty() {
        return Ok(Sealed::default());
    }
    let job = store.write(move |tx| {
        Box::pin(async move {
            let mut sealed = Sealed::default();
            for one in endpoints {
                let since = one.columns.iter().map(|columns| columns.received_ms).min();
                let moved = sql::query(MOVE).bind(one.key).bind(one.from_id).bind(one.to_id).bind(since);
                if moved.execute(&mut *tx).await?.rows_affected() == 0 {
                    continue;
                }
                for columns in &one.columns {
                    columns.insert(&mut *tx, INSERT, one.key).await?;
                    sealed.bytes += columns.body.len() as u64;
                }
                sealed.samples += one.samples;
            }
            Ok::<_, StoreError>(sealed)
        })
    });
    let sealed = job.await?;
    counter!(HISTORY_SEALED_SAMPLES).increment(sealed.samples);
    counter!(HISTORY_SEALED_BYTES).increment(sealed.bytes);
    Ok(sealed)
}

/// Deletes sealed rows up to `cursor`, in small steps.
async fn forget(store: &Store, cursor: i64) -> Result<(), StoreError> {
    loop {
        let started = Instant::now();
        let deleted = store.write(move |tx| {
            Box::pin(async move {
                let done = sql::query(DELETE).bind(cursor).bind(STEP_ROWS).execute(tx).await?;
                Ok::<_, StoreError>(done.rows_affected())
            })
        });
        let deleted = deleted.await?;
        rest(started).await;
        if deleted < STEP_ROWS.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Leaves the machine to others for as long as the step took.
pub(super) async fn rest(started: Instant) {
    tokio::time::sleep(started.elapsed().max(REST)).await;
}

impl Sealed {
    fn and(self, other: Self) -> Self {
        Self { samples: self.samples + other.samples, bytes: self.bytes + other.bytes }
    }
}
