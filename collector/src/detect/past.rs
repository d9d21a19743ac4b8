//! An endpoint's stored past, in the form in which it was told. From it a watch is rebuilt after a restart.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{
    Attributes, Event, Layout, Mark, Reading, Sample, Series, Timestamp, Unknown, Value,
};
use serde::Deserialize;

use super::DetectError;
use crate::ingest::Observation;
use crate::store::{Reads, sql};

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
pub(super) async fn of(reads: &Reads, key: i64, now: Timestamp) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let mut past = samples(reads, key, now - SAMPLES).await?;
    past.extend(events(reads, key, now - EVENTS).await?);
    past.extend(marks(reads, key, now - SAMPLES).await?);
    past.extend(states(reads, key).await?);
    // Of what happened at the same moment marks come first, since they say how to read the rest.
    past.sort_by_key(|(at, observation)| (*at, !matches!(observation, Observation::Mark(..))));
    Ok(past)
}

async fn samples(reads: &Reads, key: i64, since: Timestamp) -> Result<Vec<(Timestamp, Observation)>, DetectError> {
    let rows: Vec<(i64, i64, i64, Vec<u8>)> = sql::query_as(
        "SELECT at_ms, step_seconds, layout, row FROM samples WHERE endpoint_key = $1 AND at_ms >= $2 ORDER BY at_ms, id",
    )
    .bind(key)
    .bind(since.unix_ms())
    .fetch_all(reads)
    .await?;
    let mut layouts = BTreeMap::new();
    let mut samples = Vec::with_capacity(rows.len());
    for (at_ms, step_seconds, fingerprint, row) in rows {
        if let Entry::Vacant(place) = layouts.entry(fingerprint) {
            place.insert(layout(reads, fingerprint).await?);
        }
        let Some(layout) = layouts.get(&fingerprint).cloned().flatten() else { continue };
        let at = Timestamp(at_ms);
        let sample = Sample {
            at,
            step_seconds: u32::try_from(step_seconds).unwrap_or(0),
            layout: layout.fingerprint(),
            values: row
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .collect(),
            absences: Vec::new(),
        };
        samples.push((at, Observation::Sample(layout, sample)));
    }
    Ok(samples)
}

/// A layout; nothing when it is not known or does not read, and its samples say nothing then.
async fn layout(reads: &Reads, fingerprint: i64) -> Result<Option<Arc<Layout>>, DetectError> {
    let row: Option<(String,)> = sql::query_as("SELECT series FROM layouts WHERE fingerprint = $1")
        .bind(fingerprint)
        .fetch_optional(reads)
        .await?;
    let series = row.and_then(|(series,)| serde_json::from_str::<Vec<Series>>(&series).ok());
    Ok(series.map(|series| Arc::new(Layout::new(series))))
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
