//! Holds endpoints on PostgreSQL, so that nobody else stores their records until the transaction ends.

use std::collections::{BTreeSet, HashMap};

use super::Standing;
use crate::store::connection::Connection;
use crate::store::sql::{self, Value};

/// In order of keys, so that two writers never wait for each other.
const LOCK: &str = "SELECT endpoint_key, stored_sequence, epoch FROM endpoint_progress WHERE endpoint_key = ANY($1)
    ORDER BY endpoint_key FOR UPDATE";

/// Gives new endpoints a row that can be locked.
const BEGIN: &str = "INSERT INTO endpoint_progress (endpoint_key, stored_sequence, dropped_samples, dropped_others)
    SELECT key, 0, 0, 0 FROM UNNEST($1) AS new (key) ORDER BY key ON CONFLICT (endpoint_key) DO NOTHING";

const AHEAD: &str = "SELECT endpoint_key, sequence FROM records_ahead WHERE endpoint_key = ANY($1)";

/// Locks endpoints by their keys, and says where each stands.
pub(super) async fn standings(
    connection: &mut Connection,
    keys: &BTreeSet<i64>,
) -> Result<HashMap<i64, Standing>, sql::Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let mut locked = lock(connection, keys).await?;
    if locked.len() < keys.len() {
        let new = keys.iter().copied().filter(|key| !locked.iter().any(|(one, ..)| one == key)).collect();
        sql::query(BEGIN).bind(column(&new)).execute(&mut *connection).await?;
        locked.extend(lock(connection, &new).await?);
    }
    let standing =
        |stored: i64, epoch| Standing { stored: u64::try_from(stored).unwrap_or(0), ahead: BTreeSet::new(), epoch };
    let mut standings: HashMap<i64, Standing> =
        locked.into_iter().map(|(key, stored, epoch)| (key, standing(stored, epoch))).collect();
    let ahead: Vec<(i64, i64)> = sql::query_as(AHEAD).bind(column(keys)).fetch_all(connection).await?;
    for (key, sequence) in ahead {
        standings.entry(key).or_default().ahead.insert(sequence.cast_unsigned());
    }
    Ok(standings)
}

async fn lock(connection: &mut Connection, keys: &BTreeSet<i64>) -> Result<Vec<(i64, i64, i64)>, sql::Error> {
    sql::query_as(LOCK).bind(column(keys)).fetch_all(connection).await
}

fn column(keys: &BTreeSet<i64>) -> Value<'static> {
    Value::Integers(keys.iter().copied().map(Some).collect())
}
