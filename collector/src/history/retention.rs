//! Forgetting. Rows lie in order of arrival, so what is old is at the low end of the ids: a step looks at so many rows from
//! there and deletes those that arrived before the limit, until a step finds one whose time has not come. Rows from the
//! future, which arrived while the clock was ahead, are passed over: their time comes, and nothing waits for that.
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

/// A table whose rows grow old: how a step looks at them, and how it deletes those that are old.
struct Aging {
    look: &'static str,
    delete: &'static str,
}

macro_rules! aging {
    ($table:literal) => {
        aging!($table, "received_ms", " AND id < (SELECT MAX(id) FROM ", $table, ")")
    };
    ($table:literal, rolled $progress:literal) => {
        aging!(
            $table,
            "received_ms",
            " AND id < (SELECT MAX(id) FROM ",
            $table,
            ") AND id <= (SELECT ",
            $progress,
            " FROM history_progress p WHERE p.endpoint_key = ",
            $table,
            ".endpoint_key)"
        )
    };
    ($table:literal, $arrived:literal $(, $also:literal)*) => {
        Aging {
            look: concat!("SELECT id, ", $arrived, " FROM ", $table, " WHERE id > $1 ORDER BY id LIMIT $2"),
            delete: concat!("DELETE FROM ", $table, " WHERE id > $1 AND id <= $2 AND ", $arrived, " < $3" $(, $also)*),
        }
    };
}

const SAMPLES: Aging = aging!("samples");
const MINUTES: Aging = aging!("sealed_minutes", rolled "minutes_id");
const FIVE_MINUTES: Aging = aging!("sealed_five_minutes", rolled "five_minutes_id");
const HOURS: Aging = aging!("sealed_hours");
const OTHERS: [Aging; 4] = [
    aging!("events", "received_ms"),
    aging!("marks", "received_ms"),
    aging!("inventory_changes", "at_ms"),
    aging!("gaps", "at_ms"),
];
const STATES: Aging = aging!("state_history", "at_ms");
const LAYOUTS: &str = "DELETE FROM layouts WHERE used_ms < $1";

pub(super) async fn run(store: &Store, keep: &config::History, now: Timestamp) -> Result<Forgotten, StoreError> {
    let forget = async |aging: &Aging, rows: i64, kept: Duration| delete(store, aging, rows, (now - kept, now)).await;
    let mut forgotten =
        Forgotten { samples: forget(&SAMPLES, STEP_ROWS, keep.minutes()).await?, ..Forgotten::default() };
    for (table, kept) in [(MINUTES, keep.minutes()), (FIVE_MINUTES, keep.five_minutes()), (HOURS, keep.hours())] {
        forgotten.columns += forget(&table, STEP_COLUMNS, kept).await?;
    }
    for table in OTHERS {
        forgotten.others += forget(&table, STEP_ROWS, keep.events()).await?;
    }
    forgotten.others += forget(&STATES, STEP_ROWS, keep.hours()).await?;
    let unused = (now - keep.minutes() - LAYOUT_MARGIN).unix_ms();
    forgotten.layouts = once(store, LAYOUTS, vec![unused]).await?;
    Ok(forgotten)
}

/// Deletes what arrived before `limit`, step by step.
async fn delete(
    store: &Store,
    aging: &Aging,
    rows: i64,
    (limit, now): (Timestamp, Timestamp),
) -> Result<u64, StoreError> {
    let (mut deleted, mut from) = (0, 0);
    loop {
        let step: Vec<(i64, i64)> = sql::query_as(aging.look).bind(from).bind(rows).fetch_all(store.reads()).await?;
        let Some((to, _)) = step.last().copied() else { return Ok(deleted) };
        if step.iter().any(|(_, arrived)| *arrived < limit.unix_ms()) {
            deleted += once(store, aging.delete, vec![from, to, limit.unix_ms()]).await?;
        }
        if step.iter().any(|(_, arrived)| (limit.unix_ms()..=now.unix_ms()).contains(arrived)) {
            return Ok(deleted);
        }
        from = to;
    }
}

async fn once(store: &Store, statement: &'static str, numbers: Vec<i64>) -> Result<u64, StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let query = numbers.into_iter().fold(sql::query(statement), sql::Query::bind);
                Ok::<_, StoreError>(query.execute(tx).await?.rows_affected())
            })
        })
        .await
}
