//! An endpoint's stored past, in the form in which it was told. From it a watch is rebuilt after a restart.

use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Event, Mark, Reading, Series, Timestamp, Unknown, Value};
use serde::Deserialize;

use super::DetectError;
use crate::history::rows;
use crate::ingest::Observation;
use crate::store::{Reads, Store, sql};

/// How far back samples and marks are read.
pub(super) const SAMPLES: Duration = Duration::from_hours(24);

/// How far back events are read.
const EVENTS: Duration = Duration::from_hours(7 * 24);

/// A stored outcome: `{"value": ..}` or `{"why": .., "detail": ..}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    Value { value: Value },
    Unknown(Unknown),
}

/// Everything that is stored of an endpoint and still matters, in order of time.
pub(super) async fn of(store: &Store, key: i64, now: Timestamp) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let reads = store.reads();
    let mut past = samples(store, key, now - SAMPLES).await?;
    past.extend(events(reads, key, now - EVENTS).await?);
    past.extend(marks(reads, key, now - SAMPLES).await?);
    past.extend(states(reads, key).await?);
    // Of what happened at the same moment marks come first, since they say how to read the rest.
    past.sort_by_key(|(at, observation)| (*at, !matches!(observation, Observation::Mark(..))));
    Ok(past)
}

async fn samples(store: &Store, key: i64, since: Timestamp) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let before = Timestamp(since.unix_ms().saturating_sub(1));
    let samples = rows::samples(store, key, before, Timestamp(i64::MAX)).await?;
    Ok(samples.into_iter().map(|(layout, sample)| (sample.at, Observation::Sample(layout, sample))).collect())
}

async fn events(reads: &Reads, key: i64, since: Timestamp) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let rows: Vec<(i64, String, String, i64)> = sql::query_as(
        "SELECT at_ms, series, fields, count FROM events WHERE endpoint_key = $1 AND at_ms >= $2 ORDER BY at_ms, id",
    )
    .bind(key)
    .bind(since.unix_ms())
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

async fn marks(reads: &Reads, key: i64, since: Timestamp) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let rows: Vec<(i64, String)> =
        sql::query_as("SELECT at_ms, mark FROM marks WHERE endpoint_key = $1 AND at_ms >= $2 ORDER BY at_ms, id")
            .bind(key)
            .bind(since.unix_ms())
            .fetch_all(reads)
            .await?;
    let mark = |(at_ms, name): (i64, String)| {
        let mark = Mark::ALL.into_iter().find(|mark| mark.name() == name)?;
        Some((Timestamp(at_ms), Observation::Mark(Timestamp(at_ms), mark)))
    };
    Ok(rows.into_iter().filter_map(mark).collect())
}

async fn states(reads: &Reads, key: i64) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let rows: Vec<(String, String, i64)> =
        sql::query_as("SELECT series, outcome, at_ms FROM inventory WHERE endpoint_key = $1")
            .bind(key)
            .fetch_all(reads)
            .await?;
    let state = |(series, outcome, at_ms): (String, String, i64)| {
        let Series { signal, attributes } = series.parse().ok()?;
        let at = Timestamp(at_ms);
        let reading = reading(&signal, attributes, serde_json::from_str(&outcome).ok()?, at);
        Some((at, Observation::Reading(reading)))
    };
    Ok(rows.into_iter().filter_map(state).collect())
}

fn reading(signal: &str, attributes: Attributes, outcome: Outcome, at: Timestamp) -> Reading {
    match outcome {
        Outcome::Value { value } => Reading::value(signal, attributes, value, at),
        Outcome::Unknown(unknown) => Reading::unknown(signal, attributes, unknown, at),
    }
}
