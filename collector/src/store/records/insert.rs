//! The statements that store records.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::state::{self, Told};
use super::table::Table;
use super::{Appended, Body, RecordBatch};
use crate::store::StoreError;
use crate::store::connection::Connection;
use crate::store::sql::{self, Value};

static SAMPLES: LazyLock<Table<7>> = LazyLock::new(|| {
    let columns = ["endpoint_key", "at_ms", "step_seconds", "layout", "row", "absences", "received_ms"];
    Table::new("samples", columns, "")
});

static EVENTS: LazyLock<Table<6>> =
    LazyLock::new(|| Table::new("events", ["endpoint_key", "at_ms", "series", "fields", "count", "received_ms"], ""));

static MARKS: LazyLock<Table<4>> =
    LazyLock::new(|| Table::new("marks", ["endpoint_key", "at_ms", "mark", "received_ms"], ""));

static GAPS: LazyLock<Table<6>> = LazyLock::new(|| {
    Table::new("gaps", ["endpoint_key", "first_sequence", "last_sequence", "samples", "others", "at_ms"], "")
});

static PROGRESS: LazyLock<Table<4>> = LazyLock::new(|| {
    let columns = ["endpoint_key", "stored_sequence", "dropped_samples", "dropped_others"];
    let tail = "ON CONFLICT (endpoint_key) DO UPDATE SET stored_sequence = excluded.stored_sequence,
        dropped_samples = endpoint_progress.dropped_samples + excluded.dropped_samples,
        dropped_others = endpoint_progress.dropped_others + excluded.dropped_others";
    Table::new("endpoint_progress", columns, tail)
});

static AHEAD: LazyLock<Table<2>> = LazyLock::new(|| Table::new("records_ahead", ["endpoint_key", "sequence"], ""));

/// Rows on their way into the tables.
#[derive(Default)]
struct Rows<'a> {
    samples: Vec<[Value<'a>; 7]>,
    events: Vec<[Value<'a>; 6]>,
    marks: Vec<[Value<'a>; 4]>,
    gaps: Vec<[Value<'a>; 6]>,
    states: Vec<Told<'a>>,
    progress: BTreeMap<i64, Progress>,
}

/// What changes in an endpoint's progress.
#[derive(Default)]
struct Progress {
    stored_sequence: u64,
    samples: u64,
    others: u64,
}

/// Stores the new rows of all batches, and where each endpoint stands after them. Says of which endpoints how many series of
/// state were left out.
pub(super) async fn rows(
    connection: &mut Connection,
    batches: &[RecordBatch],
    appended: &[Appended],
) -> Result<BTreeMap<i64, u64>, StoreError> {
    let mut rows = Rows::default();
    for (batch, one) in batches.iter().zip(appended).filter(|(batch, one)| one.new_from < batch.rows.len()) {
        rows.progress.entry(batch.endpoint_key).or_default().stored_sequence = one.stored_sequence;
        let new = batch.rows.iter().enumerate().filter(|(index, row)| one.is_new(*index, row.sequence));
        for (_, row) in new {
            rows.add(batch, row.at_ms, &row.body);
        }
    }
    let progress = rows.progress.into_iter().map(|(key, moved)| moved.row(key)).collect();
    SAMPLES.insert(connection, rows.samples).await?;
    EVENTS.insert(connection, rows.events).await?;
    MARKS.insert(connection, rows.marks).await?;
    GAPS.insert(connection, rows.gaps).await?;
    let over = state::store(connection, &rows.states).await?;
    PROGRESS.insert(connection, progress).await?;
    Ok(over)
}

impl<'a> Rows<'a> {
    fn add(&mut self, batch: &RecordBatch, at_ms: i64, body: &'a Body) {
        let (key, received_ms) = (batch.endpoint_key, batch.received_ms);
        match body {
            Body::Sample { layout, step_seconds, row, absences } => self.samples.push([
                key.into(),
                at_ms.into(),
                i64::from(*step_seconds).into(),
                layout.cast_signed().into(),
                row.into(),
                absences.as_deref().into(),
                received_ms.into(),
            ]),
            Body::Event { series, fields, count } => self.events.push([
                key.into(),
                at_ms.into(),
                series.into(),
                fields.into(),
                i64::from(*count).into(),
                received_ms.into(),
            ]),
            Body::Inventory(values) => self.states.extend(values.iter().map(|value| (key, value))),
            Body::Mark(name) => self.marks.push([key.into(), at_ms.into(), (*name).into(), received_ms.into()]),
            Body::Dropped { first, last, samples, others } => {
                let moved = self.progress.entry(key).or_default();
                moved.samples = moved.samples.saturating_add(*samples);
                moved.others = moved.others.saturating_add(*others);
                self.gaps.push([
                    key.into(),
                    signed(*first).into(),
                    signed(*last).into(),
                    signed(*samples).into(),
                    signed(*others).into(),
                    at_ms.into(),
                ]);
            }
            Body::Refused => {}
        }
    }
}

impl Progress {
    fn row(&self, key: i64) -> [Value<'static>; 4] {
        [key.into(), signed(self.stored_sequence).into(), signed(self.samples).into(), signed(self.others).into()]
    }
}

/// Notes numbers that are stored ahead of their turn.
pub(super) async fn ahead(connection: &mut Connection, endpoint_key: i64, numbers: &[u64]) -> Result<(), StoreError> {
    let rows = numbers.iter().map(|number| [endpoint_key.into(), signed(*number).into()]).collect();
    Ok(AHEAD.insert(connection, rows).await?)
}

/// Forgets numbers whose turn has come.
pub(super) async fn passed(connection: &mut Connection, endpoint_key: i64, stored: u64) -> Result<(), StoreError> {
    sql::query("DELETE FROM records_ahead WHERE endpoint_key = $1 AND sequence <= $2")
        .bind(endpoint_key)
        .bind(signed(stored))
        .execute(connection)
        .await?;
    Ok(())
}

/// A count as the database keeps it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
