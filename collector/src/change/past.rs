//! What is stored of an endpoint's past that tells of changes.

use std::time::Duration;

use firstline_diagnosis::change::series_text;
use firstline_diagnosis::document::{Change, Snapshot};
use firstline_diagnosis::vocabulary::{Event, Mark, Timestamp};

use crate::history::History;
use crate::store::{Store, StoreError, sql};

/// Rows of each kind at most; the newest count.
const ROWS: i64 = 2000;

/// What is told of the same within this is the same: an endpoint's clock and ours differ.
const SAME_WITHIN: Duration = Duration::from_mins(10);

/// How a program is listed, and how its installation is told.
const LISTED: &str = "endpoint.software{";
const INSTALLED: &str = "endpoint.software.change";

const KNOWN: &str = "SELECT key, enrolled_at_ms FROM endpoints WHERE id = $1";

const UPDATES: &str = "SELECT series, at_ms, fields, count FROM events
    WHERE endpoint_key = $1 AND at_ms > $2 AND at_ms <= $3
    AND series >= 'endpoint.update.result' AND series < 'endpoint.update.resulu' ORDER BY at_ms DESC, id DESC LIMIT $4";

const BOOTS: &str = "SELECT at_ms FROM marks WHERE endpoint_key = $1 AND at_ms > $2 AND at_ms <= $3 AND mark = 'booted'
    ORDER BY at_ms DESC LIMIT $4";

/// What was stored between two moments, oldest first.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// Changes of states, and what was installed or removed.
    pub(super) changes: Vec<Change>,
    /// Runs of updates.
    pub(super) events: Vec<Event>,
    /// Boots.
    pub(super) marks: Vec<(Timestamp, Mark)>,
    pub(super) known_since: Option<Timestamp>,
}

impl Stored {
    /// Adds what a snapshot tells and nobody told before: the endpoint's own memory may reach further, or less far.
    pub(super) fn add(&mut self, snapshot: &Snapshot) {
        let near = |one: Timestamp, other: Timestamp| one.since(other).max(other.since(one)) <= SAME_WITHIN;
        let told: Vec<(String, Option<String>, Timestamp)> = self
            .changes
            .iter()
            .map(|change| (series_text(&change.reference).to_owned(), change.to.clone(), change.at))
            .collect();
        let is_told = |series: &str, to: Option<&str>, at: Timestamp| {
            told.iter().any(|one| one.0 == series && one.1.as_deref() == to && near(one.2, at))
        };
        let new = |change: &&Change| !is_told(series_text(&change.reference), change.to.as_deref(), change.at);
        self.changes.extend(snapshot.changes.iter().filter(new).cloned());
        let known = self.events.clone();
        let is_new = |event: &&Event| {
            let installed = event.fields.get("to").and_then(|value| match value {
                firstline_diagnosis::vocabulary::Value::Text(text) => (text != "none").then_some(text.as_str()),
                _ => None,
            });
            let is_told = is_told(&event.series.to_string(), installed, event.at);
            !is_told && !known.iter().any(|one| one.series == event.series && near(one.at, event.at))
        };
        self.events.extend(snapshot.events.iter().filter(is_new).cloned());
    }
}

/// What an endpoint (by id) told after `since` and until `until`; nothing of one that is not there.
pub(super) async fn of(
    store: &Store,
    history: &History,
    endpoint_id: &str,
    (since, until): (Timestamp, Timestamp),
) -> Result<Stored, StoreError> {
    let known: Option<(i64, i64)> = sql::query_as(KNOWN).bind(endpoint_id).fetch_optional(store.reads()).await?;
    let Some((key, enrolled_ms)) = known else { return Ok(Stored::default()) };
    let changes = history.inventory_changes(endpoint_id, since, until).await?;
    let (since, until) = (since.unix_ms(), until.unix_ms());
    let updates: Vec<(String, i64, String, i64)> =
        sql::query_as(UPDATES).bind(key).bind(since).bind(until).bind(ROWS).fetch_all(store.reads()).await?;
    let boots: Vec<(i64,)> =
        sql::query_as(BOOTS).bind(key).bind(since).bind(until).bind(ROWS).fetch_all(store.reads()).await?;
    Ok(Stored {
        changes: changes.into_iter().rev().map(installed).collect(),
        events: updates.into_iter().rev().filter_map(event).collect(),
        marks: boots.into_iter().rev().map(|(at,)| (Timestamp(at), Mark::Booted)).collect(),
        known_since: Some(Timestamp(enrolled_ms)),
    })
}

/// A program in a list is called as the event of its installation: kinds of changes know that.
fn installed(change: Change) -> Change {
    let Some(program) = change.reference.strip_prefix(LISTED) else { return change };
    Change { reference: format!("{INSTALLED}{{{program}"), kind: INSTALLED.to_owned(), ..change }
}

fn event((series, at_ms, fields, count): (String, i64, String, i64)) -> Option<Event> {
    Some(Event {
        series: series.parse().ok()?,
        at: Timestamp(at_ms),
        fields: serde_json::from_str(&fields).ok()?,
        count: u32::try_from(count).unwrap_or(u32::MAX),
    })
}
