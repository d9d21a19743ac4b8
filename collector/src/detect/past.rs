//! An endpoint's stored past, in the form in which it was told. From it a watch is rebuilt after a restart, a recording is
//! written, and a check is rehearsed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::registry::{Registry, ValueType};
use firstline_diagnosis::vocabulary::{Event, Mark, Reading, Timestamp};

use crate::history::outcome::reading;
use crate::history::rows;
use crate::ingest::Observation;
use crate::store::{Reads, Store, StoreError, sql};

/// How far back samples and marks are read.
pub(super) const SAMPLES: Duration = Duration::from_hours(24);

/// How far back events are read at least.
const EVENTS: Duration = Duration::from_hours(7 * 24);

/// What a sample stands for.
const MINUTE: Duration = Duration::from_mins(1);

/// What was told, with its moment.
pub(crate) type Told = (Timestamp, Observation);

/// Everything that is stored of an endpoint and still matters to the checks of `catalogue`, in order of time.
pub(super) async fn of(
    store: &Store,
    key: i64,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Vec<Told>, StoreError> {
    let day = (now - SAMPLES, Timestamp(i64::MAX));
    let mut past = samples(store, key, day).await?;
    past.extend(marks(store.reads(), key, day).await?);
    past.extend(states(store.reads(), key).await?);
    let long: BTreeMap<&str, Duration> = catalogue.windows().filter(|(_, window)| *window > SAMPLES).collect();
    let longest = long.values().copied().max().unwrap_or_default();
    past.extend(events(store.reads(), key, (now - EVENTS.max(longest), Timestamp(i64::MAX))).await?);
    if !long.is_empty() {
        past.extend(earlier(store, key, &long.keys().copied().collect(), (now - longest, day.0)).await?);
        past.extend(numbers(store.reads(), key, &long, now).await?);
    }
    past.sort_by_key(order);
    Ok(past)
}

/// Of what happened at the same moment marks come first, since they say how to read the rest.
fn order((at, observation): &Told) -> (Timestamp, bool) {
    (*at, !matches!(observation, Observation::Mark(..)))
}

/// Everything that an endpoint told after `from` and up to `to`, in order of time; of what is no longer kept by the minute
/// the numbers of `signals` in steps of five minutes.
pub(crate) async fn between(
    store: &Store,
    key: i64,
    signals: &BTreeSet<&str>,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Told>, StoreError> {
    let mut told = samples(store, key, (from + Duration::from_millis(1), to)).await?;
    let minutes = told.first().map_or(to, |(at, _)| *at - MINUTE);
    if minutes > from {
        let steps = earlier(store, key, signals, (from, minutes)).await?;
        told.extend(steps.into_iter().filter(|(at, _)| *at <= minutes));
    }
    let span = (from + Duration::from_millis(1), to);
    told.extend(events(store.reads(), key, span).await?);
    told.extend(marks(store.reads(), key, span).await?);
    told.extend(changes(store.reads(), key, span).await?.into_iter().filter_map(|change| change.after()));
    told.extend(first_told(store.reads(), key, span).await?);
    told.sort_by_key(order);
    Ok(told)
}

/// What an endpoint was at a moment, as far as it is known: what it is now, without what changed since.
pub(crate) async fn states_at(store: &Store, key: i64, at: Timestamp) -> Result<Vec<Reading>, StoreError> {
    let later = first_told(store.reads(), key, (at + Duration::from_millis(1), Timestamp(i64::MAX))).await?;
    let later: BTreeSet<String> = later.iter().filter_map(|(_, told)| told.series()).map(ToString::to_string).collect();
    let mut then: BTreeMap<String, Reading> = BTreeMap::new();
    for (_, observation) in states(store.reads(), key).await? {
        if let Observation::Reading(reading) = observation {
            then.insert(reading.series.to_string(), reading);
        }
    }
    let since = changes(store.reads(), key, (at + Duration::from_millis(1), Timestamp(i64::MAX))).await?;
    for change in since.into_iter().rev() {
        match change.before() {
            // Since when it had been so is not stored.
            Some(reading) => then.insert(change.series, Reading { at, ..reading }),
            None => then.remove(&change.series),
        };
    }
    // What was first told after that moment was not known then.
    then.retain(|series, reading| reading.at <= at && !later.contains(series));
    Ok(then.into_values().collect())
}

/// States that were told for the first time between two moments, as they were then.
async fn first_told(reads: &Reads, key: i64, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Told>, StoreError> {
    let rows: Vec<(String, i64, String)> = sql::query_as(
        "SELECT i.series, i.first_ms, COALESCE((SELECT c.outcome_before FROM inventory_changes c
         WHERE c.endpoint_key = i.endpoint_key AND c.series = i.series AND c.at_ms > i.first_ms
         ORDER BY c.at_ms, c.id LIMIT 1), i.outcome)
         FROM inventory i WHERE i.endpoint_key = $1 AND i.first_ms >= $2 AND i.first_ms <= $3 ORDER BY i.first_ms",
    )
    .bind(key)
    .bind(from.unix_ms())
    .bind(to.unix_ms())
    .fetch_all(reads)
    .await?;
    let told = |(series, at_ms, outcome): (String, i64, String)| {
        reading(&series, &outcome, Timestamp(at_ms)).map(|reading| (reading.at, Observation::Reading(reading)))
    };
    Ok(rows.into_iter().filter_map(told).collect())
}

/// Numbers of these signals in longer steps.
async fn earlier(
    store: &Store,
    key: i64,
    signals: &BTreeSet<&str>,
    span: (Timestamp, Timestamp),
) -> Result<Vec<Told>, StoreError> {
    let steps = rows::steps(store, key, signals, span).await?;
    Ok(steps.into_iter().map(|(layout, sample)| (sample.at, Observation::Sample(layout, sample))).collect())
}

/// Numbers that are told when they change, as long as windows look back.
async fn numbers(
    reads: &Reads,
    key: i64,
    long: &BTreeMap<&str, Duration>,
    now: Timestamp,
) -> Result<Vec<Told>, StoreError> {
    let longest = long.values().copied().max().unwrap_or_default();
    let changes = changes(reads, key, (now - longest, Timestamp(i64::MAX))).await?;
    let wanted = |change: &Changed| {
        let signal = change.series.split_once('{').map_or(change.series.as_str(), |(signal, _)| signal);
        // Of texts no past is kept.
        long.contains_key(signal) && Registry::builtin().get(signal).is_some_and(|spec| spec.value != ValueType::Text)
    };
    let (mut met, mut told) = (BTreeSet::new(), Vec::new());
    for change in changes.into_iter().filter(wanted) {
        if met.insert(change.series.clone()) {
            told.extend(change.earlier());
        }
        told.extend(change.after());
    }
    Ok(told)
}

/// A change of what an endpoint is.
struct Changed {
    series: String,
    at: Timestamp,
    before: String,
    after: String,
}

impl Changed {
    /// What it was until then.
    fn before(&self) -> Option<Reading> {
        reading(&self.series, &self.before, self.at - Duration::from_millis(1))
    }

    /// The same, as it was told.
    fn earlier(&self) -> Option<Told> {
        self.before().map(|reading| (reading.at, Observation::Reading(reading)))
    }

    /// What it became.
    fn after(&self) -> Option<Told> {
        reading(&self.series, &self.after, self.at).map(|reading| (reading.at, Observation::Reading(reading)))
    }
}

async fn changes(reads: &Reads, key: i64, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Changed>, StoreError> {
    let rows: Vec<(String, i64, String, String)> = sql::query_as(
        "SELECT series, at_ms, outcome_before, outcome_after FROM inventory_changes
         WHERE endpoint_key = $1 AND at_ms >= $2 AND at_ms <= $3 ORDER BY at_ms, id",
    )
    .bind(key)
    .bind(from.unix_ms())
    .bind(to.unix_ms())
    .fetch_all(reads)
    .await?;
    let change = |(series, at_ms, before, after)| Changed { series, at: Timestamp(at_ms), before, after };
    Ok(rows.into_iter().map(change).collect())
}

async fn samples(store: &Store, key: i64, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Told>, StoreError> {
    let samples = rows::samples(store, key, from - Duration::from_millis(1), to).await?;
    Ok(samples.into_iter().map(|(layout, sample)| (sample.at, Observation::Sample(layout, sample))).collect())
}

async fn events(reads: &Reads, key: i64, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Told>, StoreError> {
    let rows: Vec<(i64, String, String, i64)> = sql::query_as(
        "SELECT at_ms, series, fields, count FROM events
         WHERE endpoint_key = $1 AND at_ms >= $2 AND at_ms <= $3 ORDER BY at_ms, id",
    )
    .bind(key)
    .bind(from.unix_ms())
    .bind(to.unix_ms())
    .fetch_all(reads)
    .await?;
    let event = |(at_ms, series, fields, count): (i64, String, String, i64)| {
        let at = Timestamp(at_ms);
        let fields = serde_json::from_str(&fields).unwrap_or_default();
        let event = Event { series: series.parse().ok()?, at, fields, count: u32::try_from(count).unwrap_or(1) };
        Some((at, Observation::Event(event)))
    };
    Ok(rows.into_iter().filter_map(event).collect())
}

async fn marks(reads: &Reads, key: i64, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Told>, StoreError> {
    let rows: Vec<(i64, String)> = sql::query_as(
        "SELECT at_ms, mark FROM marks WHERE endpoint_key = $1 AND at_ms >= $2 AND at_ms <= $3 ORDER BY at_ms, id",
    )
    .bind(key)
    .bind(from.unix_ms())
    .bind(to.unix_ms())
    .fetch_all(reads)
    .await?;
    let mark = |(at_ms, name): (i64, String)| {
        let mark = Mark::ALL.into_iter().find(|mark| mark.name() == name)?;
        Some((Timestamp(at_ms), Observation::Mark(Timestamp(at_ms), mark)))
    };
    Ok(rows.into_iter().filter_map(mark).collect())
}

async fn states(reads: &Reads, key: i64) -> Result<Vec<Told>, StoreError> {
    let rows: Vec<(String, String, i64)> =
        sql::query_as("SELECT series, outcome, at_ms FROM inventory WHERE endpoint_key = $1")
            .bind(key)
            .fetch_all(reads)
            .await?;
    let state = |(series, outcome, at_ms): (String, String, i64)| {
        reading(&series, &outcome, Timestamp(at_ms)).map(|reading| (reading.at, Observation::Reading(reading)))
    };
    Ok(rows.into_iter().filter_map(state).collect())
}
