//! Two histories that become one, since they are of one machine.
//!
//! What is sealed or rolled up is told from what waits by its number ([`super::seal`], [`super::roll`]). So what waits, of both,
//! gets new numbers, beyond all others; then all that was there before is done with, and everything counts once. A task
//! that read before this cannot store after it, since the numbers from which it goes on have moved.

use crate::store::{Connection, StoreError, sql};

/// One kind of rows that wait to be done with.
struct Queue {
    /// The highest number so far.
    newest: &'static str,
    /// Gives what waits of `$1`, above `$2`, to `$3` under new numbers.
    again: &'static str,
    /// Takes it away under the old ones.
    taken: &'static str,
    /// Gives what is done with of `$1` to `$2`.
    done: &'static str,
}

/// The statements of a table.
macro_rules! queue {
    ($table:literal, $columns:literal) => {
        Queue {
            newest: concat!("SELECT COALESCE(MAX(id), 0) FROM ", $table),
            again: concat!(
                "INSERT INTO ",
                $table,
                " (endpoint_key, ",
                $columns,
                ") SELECT $3, ",
                $columns,
                " FROM ",
                $table,
                " WHERE endpoint_key = $1 AND id > $2 AND id <= $4 ORDER BY id"
            ),
            taken: concat!("DELETE FROM ", $table, " WHERE endpoint_key = $1 AND id > $2 AND id <= $3"),
            done: concat!("UPDATE ", $table, " SET endpoint_key = $2 WHERE endpoint_key = $1"),
        }
    };
}

const QUEUES: [Queue; 3] = [
    queue!("samples", "at_ms, step_seconds, layout, row, absences, received_ms"),
    queue!("sealed_minutes", "from_ms, to_ms, received_ms, body"),
    queue!("sealed_five_minutes", "from_ms, to_ms, received_ms, body"),
];

const HOURS: &str = "UPDATE sealed_hours SET endpoint_key = $2 WHERE endpoint_key = $1";

const PROGRESS: &str = "SELECT samples_id, minutes_id, five_minutes_id FROM history_progress WHERE endpoint_key = $1";

const MOVED: &str = "INSERT INTO history_progress
        (endpoint_key, samples_id, minutes_id, five_minutes_id, minutes_since_ms, five_minutes_since_ms)
    VALUES ($1, $2, $3, $4,
        (SELECT MIN(received_ms) FROM sealed_minutes WHERE endpoint_key = $1 AND id > $3),
        (SELECT MIN(received_ms) FROM sealed_five_minutes WHERE endpoint_key = $1 AND id > $4))
    ON CONFLICT (endpoint_key) DO UPDATE SET samples_id = excluded.samples_id, minutes_id = excluded.minutes_id,
        five_minutes_id = excluded.five_minutes_id, minutes_since_ms = excluded.minutes_since_ms,
        five_minutes_since_ms = excluded.five_minutes_since_ms";

const GONE: &str = "DELETE FROM history_progress WHERE endpoint_key = $1";

/// Makes the numbers of endpoint `from` those of endpoint `into` (keys).
///
/// # Errors
/// The database's; nothing may be kept then.
pub(crate) async fn join(tx: &mut Connection, from: i64, into: i64) -> Result<(), StoreError> {
    let (before, own) = (progress(&mut *tx, from).await?, progress(&mut *tx, into).await?);
    let mut newest = [0; QUEUES.len()];
    for (place, queue) in QUEUES.iter().enumerate() {
        newest[place] = sql::query_scalar(queue.newest).fetch_one(&mut *tx).await?;
        for (key, done_to) in [(from, before[place]), (into, own[place])] {
            let again = sql::query(queue.again).bind(key).bind(done_to).bind(into).bind(newest[place]);
            again.execute(&mut *tx).await?;
            let taken = sql::query(queue.taken).bind(key).bind(done_to).bind(newest[place]);
            taken.execute(&mut *tx).await?;
        }
        sql::query(queue.done).bind(from).bind(into).execute(&mut *tx).await?;
    }
    sql::query(HOURS).bind(from).bind(into).execute(&mut *tx).await?;
    let moved = sql::query(MOVED).bind(into).bind(newest[0]).bind(newest[1]).bind(newest[2]);
    moved.execute(&mut *tx).await?;
    sql::query(GONE).bind(from).execute(tx).await?;
    Ok(())
}

/// Up to which numbers an endpoint's rows are done with.
async fn progress(tx: &mut Connection, key: i64) -> Result<[i64; QUEUES.len()], StoreError> {
    let row: Option<(i64, i64, i64)> = sql::query_as(PROGRESS).bind(key).fetch_optional(tx).await?;
    let (samples, minutes, five_minutes) = row.unwrap_or_default();
    Ok([samples, minutes, five_minutes])
}
