//! State: the newest value of each series, and when the series was first told; a value that differs from the one before
//! is remembered as a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::StateValue;
use super::table::Table;
use crate::store::connection::{Connection, Engine};
use crate::store::sql::{self, Value};

/// A value that an endpoint told.
pub(super) type Told<'a> = (i64, &'a StateValue);

/// What an endpoint's series holds, and since when.
type Held<'a> = BTreeMap<(i64, &'a str), (String, i64)>;

const ONE: &str = "SELECT outcome, at_ms FROM inventory WHERE endpoint_key = $1 AND series = $2";

const MANY: &str = "SELECT inventory.endpoint_key, inventory.series, inventory.outcome, inventory.at_ms
    FROM UNNEST($1, $2) AS told (endpoint_key, series)
    JOIN inventory ON inventory.endpoint_key = told.endpoint_key AND inventory.series = told.series";

static VALUES: LazyLock<Table<5>> = LazyLock::new(|| {
    let tail = "ON CONFLICT (endpoint_key, series) DO UPDATE SET outcome = excluded.outcome, at_ms = excluded.at_ms";
    Table::new("inventory", ["endpoint_key", "series", "outcome", "at_ms", "first_ms"], tail)
});

static CHANGES: LazyLock<Table<5>> = LazyLock::new(|| {
    Table::new("inventory_changes", ["endpoint_key", "series", "at_ms", "outcome_before", "outcome_after"], "")
});

/// Series of state that one endpoint may have: four times the packages of a well-filled workstation. They stay for as long as
/// the endpoint does.
pub(super) const SERIES_MAX: usize = 16_384;

const COUNT: &str = "SELECT COUNT(*) FROM inventory WHERE endpoint_key = $1";

/// Moves state on by what was told, in that order. What is older than what is held says nothing new. Says of which endpoints
/// how many series were left out, since they have too many.
pub(super) async fn store(connection: &mut Connection, told: &[Told<'_>]) -> Result<BTreeMap<i64, u64>, sql::Error> {
    if told.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut held = held(connection, told).await?;
    let mut new: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    let mut changes = Vec::new();
    let mut moved: BTreeMap<(i64, &str), &StateValue> = BTreeMap::new();
    for &(key, value) in told {
        let place = (key, value.series.as_str());
        if let Some((before, at_ms)) = held.get(&place) {
            if *at_ms > value.at_ms {
                continue;
            }
            if *before != value.outcome {
                let change = [
                    key.into(),
                    (&value.series).into(),
                    value.at_ms.into(),
                    before.clone().into(),
                    (&value.outcome).into(),
                ];
                changes.push((place, change));
            }
        } else {
            new.entry(key).or_default().insert(&value.series);
        }
        held.insert(place, (value.outcome.clone(), value.at_ms));
        moved.insert(place, value);
    }
    let mut over = BTreeMap::new();
    for (key, new) in new {
        let count: i64 = sql::query_scalar(COUNT).bind(key).fetch_one(&mut *connection).await?;
        let room = SERIES_MAX.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        for series in new.into_iter().skip(room) {
            moved.remove(&(key, series));
            *over.entry(key).or_default() += 1;
        }
    }
    changes.retain(|(place, _)| moved.contains_key(place));
    CHANGES.insert(connection, changes.into_iter().map(|(_, change)| change).collect()).await?;
    let row = |((key, series), value): ((i64, _), &'_ StateValue)| -> [Value<'_>; 5] {
        let at_ms = value.at_ms.into();
        [key.into(), Value::from(series), Value::from(value.outcome.clone()), at_ms, value.at_ms.into()]
    };
    VALUES.insert(connection, moved.into_iter().map(row).collect()).await?;
    Ok(over)
}

/// What is held of the series that were told.
async fn held<'a>(connection: &mut Connection, told: &[Told<'a>]) -> Result<Held<'a>, sql::Error> {
    let mut held = Held::new();
    if connection.engine() == Engine::Postgres {
        let keys = Value::column(told.iter().map(|(key, _)| (*key).into()).collect());
        let series = Value::column(told.iter().map(|(_, value)| (&value.series).into()).collect());
        let rows: Vec<(i64, String, String, i64)> =
            sql::query_as(MANY).bind(keys).bind(series).fetch_all(connection).await?;
        let mut rows: BTreeMap<(i64, String), (String, i64)> =
            rows.into_iter().map(|(key, series, outcome, at_ms)| ((key, series), (outcome, at_ms))).collect();
        for &(key, value) in told {
            if let Some(row) = rows.remove(&(key, value.series.clone())) {
                held.insert((key, value.series.as_str()), row);
            }
        }
        return Ok(held);
    }
    for &(key, value) in told {
        let row: Option<(String, i64)> =
            sql::query_as(ONE).bind(key).bind(&value.series).fetch_optional(&mut *connection).await?;
        if let Some(row) = row {
            held.insert((key, value.series.as_str()), row);
        }
    }
    Ok(held)
}
