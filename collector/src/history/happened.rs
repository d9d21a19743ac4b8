use std::collections::BTreeMap;

use firstline_diagnosis::document::Change;
use firstline_diagnosis::registry::{Registry, SignalSpec};
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

/// A change of what the machine is. A number that is read seldom is told in the same way and moves all the time: it is no
/// change, and neither is another reason for knowing nothing.
fn change((series, at, before, after): (String, i64, String, String)) -> Option<Change> {
    let parsed: Series = series.parse().ok()?;
    let kind = parsed.signal.to_string();
    let is_state = Registry::builtin().get(&kind).is_some_and(SignalSpec::is_state);
    let (from, to) = (words(&before), words(&after));
    let changed = is_state && from != to;
    changed.then_some(Change { reference: series, kind, at: Timestamp(at), from, to, score: None })
}

/// The value of an outcome as text; none when there was no value.
fn words(outcome: &str) -> Option<String> {
    let outcome: serde_json::Value = serde_json::from_str(outcome).ok()?;
    match outcome.get("value")? {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(series: &str, before: &str, after: &str) -> Option<(Option<String>, Option<String>)> {
        let row = (series.to_owned(), 0, before.to_owned(), after.to_owned());
        change(row).map(|change| (change.from, change.to))
    }

    #[test]
    fn only_what_the_machine_is_can_change() {
        let (old, new) = (r#"{"value":"12.1"}"#, r#"{"value":"12.2"}"#);
        assert_eq!(told("os.version", old, new), Some((Some("12.1".to_owned()), Some("12.2".to_owned()))));
        assert_eq!(told("os.version", r#"{"why":"timeout"}"#, r#"{"why":"failed"}"#), None);
        assert_eq!(told("endpoint.tcp.ephemeral_used", r#"{"value":0.1}"#, r#"{"value":0.2}"#), None);
    }
}
