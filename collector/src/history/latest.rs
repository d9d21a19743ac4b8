use std::collections::BTreeMap;

use firstline_diagnosis::document::{Quality, SnapshotReading};
use firstline_diagnosis::registry::{Registry, SignalKind, ValueType};
use firstline_diagnosis::vocabulary::{Reading, Sample, Series, Timestamp, Unknown, Value, Why};
use serde::Deserialize;

use super::rows;
use crate::store::{Store, StoreError, sql};

const INVENTORY: &str = "SELECT series, outcome, at_ms FROM inventory
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1)";

/// An outcome as the table keeps it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    Value { value: Value },
    Unknown(Unknown),
}

/// The newest reading of every series.
pub(super) async fn of(store: &Store, endpoint_id: &str) -> Result<Vec<SnapshotReading>, StoreError> {
    let mut newest: BTreeMap<Series, Reading> = BTreeMap::new();
    let sampled = rows::last(store, endpoint_id).await?;
    let sampled = sampled.iter().flat_map(|(layout, sample)| readings(layout.series(), sample));
    for reading in inventory(store, endpoint_id).await?.into_iter().chain(sampled) {
        let older = newest.get(&reading.series).is_none_or(|before| before.at <= reading.at);
        if older {
            newest.insert(reading.series.clone(), reading);
        }
    }
    Ok(newest.into_values().map(document).collect())
}

/// The values that are kept as state.
pub(super) async fn inventory(store: &Store, endpoint_id: &str) -> Result<Vec<Reading>, StoreError> {
    let rows: Vec<(String, String, i64)> = sql::query_as(INVENTORY).bind(endpoint_id).fetch_all(store.reads()).await?;
    Ok(rows.into_iter().filter_map(|(series, outcome, at_ms)| reading(&series, &outcome, at_ms)).collect())
}

fn reading(series: &str, outcome: &str, at_ms: i64) -> Option<Reading> {
    let outcome = match serde_json::from_str(outcome).ok()? {
        Outcome::Value { value } => Ok(value),
        Outcome::Unknown(unknown) => Err(unknown),
    };
    Some(Reading { series: series.parse().ok()?, outcome, at: Timestamp(at_ms) })
}

/// The numbers of a sample as readings. Counters are left out: an increment is not a value of its own.
fn readings(series: &[Series], sample: &Sample) -> Vec<Reading> {
    let why = |index: usize| {
        let found = sample.absences.iter().find(|(at, _)| *at as usize == index);
        Unknown::from(found.map_or(Why::Failed, |&(_, why)| why))
    };
    let mut readings = Vec::new();
    for (index, (series, &number)) in series.iter().zip(&sample.values).enumerate() {
        let spec = Registry::builtin().get(&series.signal);
        if spec.is_some_and(|spec| spec.kind == SignalKind::Counter) {
            continue;
        }
        let is_flag = spec.is_some_and(|spec| spec.value == ValueType::Flag);
        let outcome = match number {
            _ if number.is_nan() => Err(why(index)),
            _ if is_flag => Ok(Value::Flag(number >= 0.5)),
            _ => Ok(Value::Number(f64::from(number))),
        };
        readings.push(Reading { series: series.clone(), outcome, at: sample.at });
    }
    readings
}

fn document(reading: Reading) -> SnapshotReading {
    let unit = Registry::builtin().get(&reading.series.signal).map_or_else(String::new, |spec| spec.unit.clone());
    let (value, unknown) = match reading.outcome {
        Ok(value) => (Some(value), None),
        Err(unknown) => (None, Some(unknown)),
    };
    SnapshotReading {
        signal: reading.series.signal.to_string(),
        attrs: reading.series.attributes,
        quality: if value.is_some() { Quality::Ok } else { Quality::Unknown },
        value,
        unit,
        why: unknown.as_ref().map(|unknown| unknown.why),
        detail: unknown.map(|unknown| unknown.detail).unwrap_or_default(),
        at: reading.at,
    }
}
