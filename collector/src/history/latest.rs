use std::collections::BTreeMap;
use std::sync::Arc;

use firstline_diagnosis::document::{Quality, SnapshotReading};
use firstline_diagnosis::registry::{Registry, SignalKind, ValueType};
use firstline_diagnosis::vocabulary::{Attributes, Reading, Sample, Series, Timestamp, Unknown, Value, Why};

use super::outcome::reading;
use super::rows;
use crate::store::{Store, StoreError, sql};

const INVENTORY: &str = "SELECT series, outcome, at_ms FROM inventory
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1)";

/// The newest reading of every series.
pub(super) async fn of(store: &Store, endpoint_id: &str) -> Result<Vec<SnapshotReading>, StoreError> {
    let mut newest: BTreeMap<Series, Reading> = BTreeMap::new();
    let sampled = match rows::key(store, endpoint_id).await? {
        Some(key) => rows::last(store, key).await?,
        None => None,
    };
    let sampled = sampled.iter().flat_map(|(layout, sample)| readings(layout.series(), sample));
    for reading in inventory(store, endpoint_id).await?.into_iter().chain(sampled) {
        let older = newest.get(&reading.series).is_none_or(|before| before.at <= reading.at);
        if older {
            newest.insert(reading.series.clone(), reading);
        }
    }
    let mut newest: Vec<Reading> = newest.into_values().collect();
    forget_absences(&mut newest);
    Ok(newest.into_iter().map(document).collect())
}

/// That there is none of something, said before there was one, is not said beside it.
fn forget_absences(readings: &mut Vec<Reading>) {
    let mut named: BTreeMap<Arc<str>, Timestamp> = BTreeMap::new();
    for reading in readings.iter().filter(|reading| reading.series.attributes != Attributes::none()) {
        let at = named.entry(Arc::clone(&reading.series.signal)).or_insert(reading.at);
        *at = reading.at.max(*at);
    }
    readings.retain(|reading| {
        let is_nameless = reading.series.attributes == Attributes::none();
        let is_over = || named.get(&reading.series.signal).is_some_and(|at| *at > reading.at);
        !(reading.outcome.is_err() && is_nameless && is_over())
    });
}

/// The values that are kept as state.
pub(crate) async fn inventory(store: &Store, endpoint_id: &str) -> Result<Vec<Reading>, StoreError> {
    let rows: Vec<(String, String, i64)> = sql::query_as(INVENTORY).bind(endpoint_id).fetch_all(store.reads()).await?;
    Ok(rows.into_iter().filter_map(|(series, outcome, at_ms)| reading(&series, &outcome, Timestamp(at_ms))).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_told_until_something_appears_and_again_when_it_is_gone() {
        let none = |at| Reading::unknown("endpoint.session.active", Attributes::none(), Why::NotPresent, Timestamp(at));
        let ada = |at| Reading::value("endpoint.session.active", [("user", "ada")], true, Timestamp(at));
        let left = |mut readings: Vec<Reading>| {
            forget_absences(&mut readings);
            readings.len()
        };
        assert_eq!(left(vec![none(5)]), 1);
        assert_eq!(left(vec![none(5), ada(9)]), 1);
        assert_eq!(left(vec![none(9), ada(5)]), 2);
        let other = Reading::value("endpoint.session.users", Attributes::none(), 1.0, Timestamp(9));
        assert_eq!(left(vec![none(5), other]), 2, "another signal says nothing of it");
    }
}
