use firstline_diagnosis::vocabulary::{Event, Mark, Timestamp, Value};

use super::{latest, rows};
use crate::ingest::Observation;
use crate::store::{Store, StoreError};

const EVENTS: &str = "SELECT series, fields, count, at_ms FROM events
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms > $2 ORDER BY at_ms";

const MARKS: &str = "SELECT mark, at_ms FROM marks
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms > $2 ORDER BY at_ms";

/// The state, then everything else since `from` in order of time.
pub(super) async fn of(store: &Store, endpoint_id: &str, from: Timestamp) -> Result<Vec<Observation>, StoreError> {
    let state = latest::inventory(store, endpoint_id).await?;
    let mut told: Vec<(Timestamp, Observation)> = Vec::new();
    for (layout, sample) in rows::samples(store, endpoint_id, from, Timestamp(i64::MAX)).await? {
        told.push((sample.at, Observation::Sample(layout, sample)));
    }
    let rows: Vec<(String, String, i64, i64)> =
        sqlx::query_as(EVENTS).bind(endpoint_id).bind(from.unix_ms()).fetch_all(store.reads()).await?;
    told.extend(rows.into_iter().filter_map(event));
    let rows: Vec<(String, i64)> =
        sqlx::query_as(MARKS).bind(endpoint_id).bind(from.unix_ms()).fetch_all(store.reads()).await?;
    told.extend(rows.into_iter().filter_map(mark));
    told.sort_by_key(|(at, _)| *at);
    let told = told.into_iter().map(|(_, observation)| observation);
    Ok(state.into_iter().map(Observation::Reading).chain(told).collect())
}

fn event((series, fields, count, at_ms): (String, String, i64, i64)) -> Option<(Timestamp, Observation)> {
    let at = Timestamp(at_ms);
    let fields: std::collections::BTreeMap<String, Value> = serde_json::from_str(&fields).ok()?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Some((at, Observation::Event(Event { series: series.parse().ok()?, at, fields, count })))
}

fn mark((name, at_ms): (String, i64)) -> Option<(Timestamp, Observation)> {
    let mark = Mark::ALL.into_iter().find(|mark| mark.name() == name)?;
    Some((Timestamp(at_ms), Observation::Mark(Timestamp(at_ms), mark)))
}
