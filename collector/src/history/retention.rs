//! Forgetting. Rows lie in order of arrival, so what is old is at the low end of the ids: a step takes so many rows
//! from there and deletes those that arrived before the limit, until a step finds none.
//!
//! Columns that are not rolled up are not forgotten, however old they are. The newest row of a table of samples or columns
//! stays, since an id that is given twice would be taken for one that is sealed or rolled up already.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use crate::config;
use crate::store::{Store, StoreError, sql};

/// Rows that one step looks at.
const STEP_ROWS: i64 = 5000;
/// Rows of columns, which are larger.
const STEP_COLUMNS: i64 = 200;

/// A layout that nobody announced for so long beyond the samples is forgotten; streams announce theirs twice a day.
const LAYOUT_MARGIN: Duration = Duration::from_hours(48);

/// How many rows went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Samples.
    pub samples: u64,
    /// Events, marks, changes and gaps.
    pub others: u64,
    /// Rows of columns.
    pub columns: u64,
    /// Layouts.
    pub layouts: u64,
}

/// Deletes the oldest rows of a table in small steps.
macro_rules! oldest {
    ($table:literal) => {
        concat!(oldest!($table, "received_ms"), " AND id < (SELECT MAX(id) FROM ", $table, ")")
    };
    ($table:literal, rolled $progress:literal) => {
        concat!(
            oldest!($table),
            " AND id <= (SELECT ",
            $progress,
            " FROM history_progress p WHERE p.endpoint_key = ",
            $table,
            ".endpoint_key)"
        )
    };
    ($table:literal, $arrived:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE id IN (SELECT id FROM ",
            $table,
            " ORDER BY id LIMIT $2) AND ",
            $arrived,
            " < $1"
        )
    };
}

const SAMPLES: &str = oldest!("samples");
const MINUTES: &str = oldest!("sealed_minutes", rolled "minutes_id");
const FIVE_MINUTES: &str = oldest!("sealed_five_minutes", rolled "five_minutes_id");
const HOURS: &str = oldest!("sealed_hours");
const OTHERS: [&str; 4] = [
    oldest!("events", "received_ms"),
    oldest!("marks", "received_ms"),
    oldest!("inventory_changes", "at_ms"),
    oldest!("gaps", "at_ms"),
];
const STATES: &str = oldest!("state_history", "at_ms");
const LAYOUTS: &str = "DELETE FROM layouts WHERE used_ms < $1 AND $2 > 0";

pub(super) async fn run(store: &Store, keep: &config::History, now: Timestamp) -> Result<Forgotten, StoreError> {
    let mut forgotten =
        Forgotten { samples: delete(store, SAMPLES, STEP_ROWS, now - keep.minutes()).await?, ..Forgotten::default() };
    for (statement, kept) in [(MINUTES, keep.minutes()), (FIVE_MINUTES, keep.five_minutes()), (HOURS, keep.hours())] {
        forgotten.columns += delete(store, statement, STEP_COLUMNS, now - kept).await?;
    }
    for statement in OTHERS {
        forgotten.others += delete(store, statement, STEP_ROWS, now - keep.events()).await?;
    }
    forgotten.others += delete(store, STATES, STEP_ROWS, now - keep.hours()).await?;
    forgotten.layouts = once(store, LAYOUTS, STEP_ROWS, now - keep.minutes() - LAYOUT_MARGIN).await?;
    Ok(forgotten)
}

/// Repeats a statement until a step is not full.
async fn delete(store: &Store, statement: &'static str, rows: i64, limit: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let step = once(store, statement, rows, limit).await?;
        deleted += step;
        if step < rows.unsigned_abs() {
            return Ok(deleted);
        }
    }
}

async fn once(store: &Store, statement: &'static str, rows: i64, limit: Timestamp) -> Result<u64, StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let done = sql::query(statement).bind(limit.unix_ms()).bind(rows).execute(tx).await?;
                Ok::<_, StoreError>(done.rows_affected())
            })
        })
        .await
}
