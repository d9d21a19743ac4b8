//! The statements that store records: many rows each, since the way to the database costs more than the row.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sqlx::sqlite::SqliteArguments;
use sqlx::{SqliteConnection, query::Query};

use super::{Appended, Body, RecordBatch, StateValue};
use crate::store::StoreError;

/// Rows of the large statement.
const MANY: usize = 64;

/// Statements for [`MANY`] rows and for one.
struct Insert {
    many: String,
    one: String,
}

impl Insert {
    /// `head (…) VALUES (…), (…) tail` with `columns` places a row.
    fn new(head: &str, columns: usize, tail: &str) -> Self {
        let text = |rows: usize| {
            let mut text = format!("{head} VALUES ");
            for row in 0..rows {
                text.push_str(if row == 0 { "(" } else { ", (" });
                for column in 0..columns {
                    let comma = if column == 0 { "" } else { ", " };
                    let _ = write!(text, "{comma}${}", row * columns + column + 1);
                }
                text.push(')');
            }
            text + " " + tail
        };
        Self { many: text(MANY), one: text(1) }
    }

    /// Runs the statements over `rows`, with `bind` filling the places of one row.
    async fn run<T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl for<'q> Fn(Binding<'q>, &'q T) -> Binding<'q>,
    ) -> Result<(), sqlx::Error> {
        let mut chunks = rows.chunks_exact(MANY);
        for chunk in &mut chunks {
            let query = chunk.iter().fold(sqlx::query(self.many.as_str()), &bind);
            query.execute(&mut *connection).await?;
        }
        for row in chunks.remainder() {
            bind(sqlx::query(self.one.as_str()), row).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

type Binding<'q> = Query<'q, sqlx::Sqlite, SqliteArguments>;

static SAMPLES: LazyLock<Insert> = LazyLock::new(|| {
    let head = "INSERT INTO samples (endpoint_key, at_ms, step_seconds, layout, row, absences, received_ms)";
    Insert::new(head, 7, "")
});

static PROGRESS: LazyLock<Insert> = LazyLock::new(|| {
    let head = "INSERT INTO endpoint_progress (endpoint_key, stored_sequence, dropped_samples, dropped_others)";
    let tail = "ON CONFLICT (endpoint_key) DO UPDATE SET stored_sequence = excluded.stored_sequence,
        dropped_samples = endpoint_progress.dropped_samples + excluded.dropped_samples,
        dropped_others = endpoint_progress.dropped_others + excluded.dropped_others";
    Insert::new(head, 4, tail)
});

/// A sample on its way into the table.
struct SampleRow<'a> {
    endpoint_key: i64,
    at_ms: i64,
    step_seconds: i64,
    layout: i64,
    row: &'a [u8],
    absences: Option<&'a [u8]>,
    received_ms: i64,
}

/// What changes in an endpoint's progress.
#[derive(Default)]
struct Progress {
    stored_sequence: u64,
    samples: u64,
    others: u64,
}

/// Stores the new rows of all batches, and where each endpoint stands after them.
pub(super) async fn rows(
    connection: &mut SqliteConnection,
    batches: &[RecordBatch],
    appended: &[Appended],
) -> Result<(), StoreError> {
    let mut samples = Vec::new();
    let mut progress: BTreeMap<i64, Progress> = BTreeMap::new();
    for (batch, one) in batches.iter().zip(appended).filter(|(batch, one)| one.new_from < batch.rows.len()) {
        let moved = progress.entry(batch.endpoint_key).or_default();
        moved.stored_sequence = one.stored_sequence;
        let new = batch.rows.iter().enumerate().filter(|(index, row)| one.is_new(*index, row.sequence));
        for (_, row) in new {
            match &row.body {
                Body::Sample { layout, step_seconds, row: numbers, absences } => samples.push(SampleRow {
                    endpoint_key: batch.endpoint_key,
                    at_ms: row.at_ms,
                    step_seconds: i64::from(*step_seconds),
                    layout: layout.cast_signed(),
                    row: numbers,
                    absences: absences.as_deref(),
                    received_ms: batch.received_ms,
                }),
                Body::Dropped { samples, others, .. } => {
                    moved.samples = moved.samples.saturating_add(*samples);
                    moved.others = moved.others.saturating_add(*others);
                    other(connection, batch, row.at_ms, &row.body).await?;
                }
                body => other(connection, batch, row.at_ms, body).await?,
            }
        }
    }
    SAMPLES.run(connection, &samples, bind_sample).await?;
    let progress: Vec<(i64, Progress)> = progress.into_iter().collect();
    PROGRESS.run(connection, &progress, bind_progress).await?;
    Ok(())
}

fn bind_sample<'q>(query: Binding<'q>, row: &'q SampleRow<'_>) -> Binding<'q> {
    query
        .bind(row.endpoint_key)
        .bind(row.at_ms)
        .bind(row.step_seconds)
        .bind(row.layout)
        .bind(row.row)
        .bind(row.absences)
        .bind(row.received_ms)
}

fn bind_progress<'q>(query: Binding<'q>, (key, progress): &'q (i64, Progress)) -> Binding<'q> {
    query.bind(*key).bind(signed(progress.stored_sequence)).bind(signed(progress.samples)).bind(signed(progress.others))
}

/// Stores a record that is not a sample. These are rare, so one statement each.
async fn other(
    connection: &mut SqliteConnection,
    batch: &RecordBatch,
    at_ms: i64,
    body: &Body,
) -> Result<(), sqlx::Error> {
    match body {
        Body::Sample { .. } | Body::Refused => Ok(()),
        Body::Event { series, fields, count } => sqlx::query(
            "INSERT INTO events (endpoint_key, at_ms, series, fields, count, received_ms)
                 VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(batch.endpoint_key)
        .bind(at_ms)
        .bind(series)
        .bind(fields)
        .bind(i64::from(*count))
        .bind(batch.received_ms)
        .execute(connection)
        .await
        .map(drop),
        Body::Inventory(values) => {
            for value in values {
                state(connection, batch.endpoint_key, value).await?;
            }
            Ok(())
        }
        Body::Mark(name) => {
            sqlx::query("INSERT INTO marks (endpoint_key, at_ms, mark, received_ms) VALUES ($1, $2, $3, $4)")
                .bind(batch.endpoint_key)
                .bind(at_ms)
                .bind(*name)
                .bind(batch.received_ms)
                .execute(connection)
                .await
                .map(drop)
        }
        Body::Dropped { first, last, samples, others } => sqlx::query(
            "INSERT INTO gaps (endpoint_key, first_sequence, last_sequence, samples, others, at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(batch.endpoint_key)
        .bind(signed(*first))
        .bind(signed(*last))
        .bind(signed(*samples))
        .bind(signed(*others))
        .bind(at_ms)
        .execute(connection)
        .await
        .map(drop),
    }
}

/// Notes numbers that are stored ahead of their turn.
pub(super) async fn ahead(
    connection: &mut SqliteConnection,
    endpoint_key: i64,
    numbers: &[u64],
) -> Result<(), StoreError> {
    for number in numbers {
        sqlx::query("INSERT INTO records_ahead (endpoint_key, sequence) VALUES ($1, $2)")
            .bind(endpoint_key)
            .bind(signed(*number))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Forgets numbers whose turn has come.
pub(super) async fn passed(
    connection: &mut SqliteConnection,
    endpoint_key: i64,
    stored: u64,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM records_ahead WHERE endpoint_key = $1 AND sequence <= $2")
        .bind(endpoint_key)
        .bind(signed(stored))
        .execute(connection)
        .await?;
    Ok(())
}

/// Moves a value of state; a value that differs from the one before is remembered as a change.
async fn state(connection: &mut SqliteConnection, endpoint_key: i64, value: &StateValue) -> Result<(), sqlx::Error> {
    let before: Option<(String, i64)> =
        sqlx::query_as("SELECT outcome, at_ms FROM inventory WHERE endpoint_key = $1 AND series = $2")
            .bind(endpoint_key)
            .bind(&value.series)
            .fetch_optional(&mut *connection)
            .await?;
    if let Some((before, at_ms)) = before {
        if at_ms > value.at_ms {
            return Ok(());
        }
        if before != value.outcome {
            sqlx::query(
                "INSERT INTO inventory_changes (endpoint_key, series, at_ms, outcome_before, outcome_after)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(endpoint_key)
            .bind(&value.series)
            .bind(value.at_ms)
            .bind(before)
            .bind(&value.outcome)
            .execute(&mut *connection)
            .await?;
        }
    }
    sqlx::query(
        "INSERT INTO inventory (endpoint_key, series, outcome, at_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (endpoint_key, series) DO UPDATE SET outcome = excluded.outcome, at_ms = excluded.at_ms",
    )
    .bind(endpoint_key)
    .bind(&value.series)
    .bind(&value.outcome)
    .bind(value.at_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// A count as the database keeps it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
