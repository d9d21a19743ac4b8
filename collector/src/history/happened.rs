use std::collections::BTreeMap;

use firstline_diagnosis::document::Change;
use firstline_diagnosis::vocabulary::{Event, Series, Timestamp, Value};

use crate::store::{Store, StoreError, sql};

/// Rows of each kind at most, newest first.
const ROWS: i64 = 200;

const EVENTS: &str = "SELECT series, at_ms, fields, count FROM events
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms >= $2 ORDER BY at_ms DESC LIMIT $3";
const CHANGES: &str = "SELECT series, at_ms, outcome_before, outcome_after FROM inventory_changes
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms >= $2 ORDER BY at_ms DESC LIMIT $3";
const MARKS: &str = "SELECT at_ms, mark FROM marks
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms >= $2 ORDER BY at_ms DESC LIMIT $3";

/// What happened on an endpoint and what changed there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Happened {
    /// Events, newest first.
    pub events: Vec<Event>,
    /// Changes of state, newest first. The reference is the printed series.
    pub changes: Vec<Change>,
    /// Boots, sleeps, wakes and network changes by name, newest first.
    pub marks: Vec<(Timestamp, String)>,
}

/// What happened since `from`.
pub(super) async fn of(store: &Store, endpoint_id: &str, from: Timestamp) -> Result<Happened, StoreError> {
    let from = from.unix_ms();
    let events: Vec<(String, i64, String, i64)> =
        sql::query_as(EVENTS).bind(endpoint_id).bind(from).bind(ROWS).fetch_all(store.reads()).await?;
    let changes: Vec<(String, i64, String, String)> =
        sql::query_as(CHANGES).bind(endpoint_id).bind(from).bind(ROWS).fetch_all(store.reads()).await?;
    let marks: Vec<(i64, String)> =
        sql::query_as(MARKS).bind(endpoint_id).bind(from).bind(ROWS).fetch_all(store.reads()).await?;
    Ok(Happened {
        events: events.into_iter().filter_map(event).collect(),
        changes: changes.into_iter().filter_map(change).collect(),
        marks: marks.into_iter().map(|(at, mark)| (Timestamp(at), mark)).collect(),
    })
}

fn event((series, at, fields, count): (String, i64, String, i64)) -> Option<Event> {
    let series: Series = series.parse().ok()?;
    let fields: BTreeMap<String, Value> = serde_json::from_str(&fields).ok()?;
    Some(Event { series, at: Timestamp(at), fields, count: u32::try_from(count).unwrap_or(u32::MAX) })
}

fn change((series, at, before, after): (String, i64, String, String)) -> Option<Change> {
    let parsed: Series = series.parse().ok()?;
    let kind = parsed.signal.to_string();
    Some(Change { reference: series, kind, at: Timestamp(at), from: words(&before), to: words(&after), score: None })
}

/// The value of an outcome as text; none when there was no value.
fn words(outcome: &str) -> Option<String> {
    let outcome: serde_json::Value = serde_json::from_str(outcome).ok()?;
    match outcome.get("value")? {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
