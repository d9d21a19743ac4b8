//! Reading: rows that are not sealed yet and columns, as if there were no difference.
//!
//! One statement reads both, so it sees a sample in one of them and never in both (`history_progress` says up to which row
//! the columns go). A question about longer steps reads these, and beside them what is not rolled up yet.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use firstline_diagnosis::vocabulary::{Layout, Sample, Timestamp, Why};
use tracing::warn;

use super::minutes::{self, Minute};
use super::roll::blocking;
use super::rollup::Rollup;
use super::tier::Tier;
use crate::ingest::Layouts;
use crate::store::{Reads, Store, StoreError, sql};

/// A sample with its layout.
pub(crate) type Layouted = (Arc<Layout>, Sample);

/// What a row of an answer is: 0 a sample, 1 sealed minutes, 2 a roll-up; its number; then a sample's time, step and
/// layout, its numbers or columns, and its reasons.
type Row = (i64, i64, i64, i64, i64, Vec<u8>, Option<Vec<u8>>);

/// Where an endpoint's progress stands.
macro_rules! progress {
    ($column:literal) => {
        concat!("COALESCE((SELECT ", $column, " FROM history_progress WHERE endpoint_key = $1), 0)")
    };
}

/// Samples that are not sealed.
macro_rules! samples {
    () => {
        concat!(
            "SELECT CAST(0 AS BIGINT) AS kind, id, at_ms, step_seconds, layout, row AS body, absences FROM samples
            WHERE endpoint_key = $1 AND at_ms > $2 AND at_ms <= $3 AND id > ",
            progress!("samples_id")
        )
    };
}

/// Columns of a table; with a column of progress only those that are not rolled up.
macro_rules! columns {
    ($kind:literal, $table:literal) => {
        concat!(
            " UNION ALL SELECT CAST(",
            $kind,
            " AS BIGINT), id, from_ms, to_ms, CAST(0 AS BIGINT), body, NULL FROM ",
            $table,
            " WHERE endpoint_key = $1 AND to_ms > $2 AND from_ms <= $3"
        )
    };
    ($kind:literal, $table:literal, $progress:literal) => {
        concat!(columns!($kind, $table), " AND id > ", progress!($progress))
    };
}

const MINUTES: &str = concat!(samples!(), columns!(1, "sealed_minutes"));

const FIVE_MINUTES: &str =
    concat!(samples!(), columns!(1, "sealed_minutes", "minutes_id"), columns!(2, "sealed_five_minutes"));

const HOURS: &str = concat!(
    samples!(),
    columns!(1, "sealed_minutes", "minutes_id"),
    columns!(2, "sealed_five_minutes", "five_minutes_id"),
    columns!(2, "sealed_hours")
);

const LAST: &str = "SELECT at_ms FROM samples WHERE endpoint_key = $1 ORDER BY at_ms DESC LIMIT 1";
const LAST_SEALED: &str = "SELECT to_ms FROM sealed_minutes WHERE endpoint_key = $1 ORDER BY to_ms DESC LIMIT 1";

/// The key of an endpoint.
pub(super) async fn key(store: &Store, endpoint_id: &str) -> Result<Option<i64>, StoreError> {
    let key = sql::query_scalar("SELECT key FROM endpoints WHERE id = $1").bind(endpoint_id);
    Ok(key.fetch_optional(store.reads()).await?)
}

/// Since when an endpoint is watched: what happened to it since then would be known.
pub(crate) async fn watched_since(reads: &Reads, key: i64) -> Result<Option<Timestamp>, StoreError> {
    let enrolled = sql::query_scalar("SELECT enrolled_at_ms FROM endpoints WHERE key = $1").bind(key);
    let enrolled: Option<i64> = enrolled.fetch_optional(reads).await?;
    Ok(enrolled.map(Timestamp))
}

/// Samples of an endpoint after `from` and up to `to` with their layouts, in order of time. A sample whose layout is gone
/// is left out.
pub(crate) async fn samples(
    store: &Store,
    key: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Layouted>, StoreError> {
    let rows = read(store.reads(), MINUTES, key, from, to).await?;
    let minutes = blocking(move || {
        let mut minutes: Vec<Minute> = rows.into_iter().flat_map(|row| minutes_of(key, row)).collect();
        minutes.retain(|minute| from.unix_ms() < minute.at_ms && minute.at_ms <= to.unix_ms());
        minutes.sort_by_key(|minute| minute.at_ms);
        minutes
    });
    with_layouts(store, minutes.await?).await
}

/// Series of `signals` of an endpoint in the steps of `tier` from that of `from` to that of `to`.
pub(super) async fn rolled(
    store: &Store,
    key: i64,
    signals: &BTreeSet<&str>,
    (from, to): (Timestamp, Timestamp),
    tier: Tier,
) -> Result<Rollup, StoreError> {
    let statement = if tier == Tier::Hours { HOURS } else { FIVE_MINUTES };
    let rows = read(store.reads(), statement, key, from, to).await?;
    let names: BTreeSet<String> = signals.iter().map(|signal| (*signal).to_owned()).collect();
    let wanted = names.clone();
    let opened = blocking(move || {
        let (mut rollup, mut minutes) = (Rollup::new(tier.step_seconds()), Vec::new());
        for row in rows {
            if row.0 < 2 {
                minutes.extend(minutes_of(key, row));
                continue;
            }
            let wanted = |series: &str| names.contains(series.split_once('{').map_or(series, |(signal, _)| signal));
            match Rollup::open(&row.5, wanted) {
                Ok(part) => rollup.merge(&part),
                Err(damage) => warn!(endpoint.key = key, error = %damage, "Roll-up {} is left out: {damage}", row.1),
            }
        }
        (rollup, minutes)
    });
    let (mut rollup, minutes) = opened.await?;
    let samples = with_layouts(store, minutes).await?;
    blocking(move || {
        for (layout, sample) in &samples {
            rollup.add(layout, sample, |series| wanted.contains(&*series.signal));
        }
        rollup.limit(from, to);
        rollup
    })
    .await
}

/// The numbers of `signals` of an endpoint in steps of five minutes, as if they had been told so, in order of time.
pub(crate) async fn steps(
    store: &Store,
    key: i64,
    signals: &BTreeSet<&str>,
    span: (Timestamp, Timestamp),
) -> Result<Vec<Layouted>, StoreError> {
    let rollup = rolled(store, key, signals, span, Tier::FiveMinutes).await?;
    blocking(move || super::series::samples(&rollup)).await
}

/// The newest sample of an endpoint.
pub(super) async fn last(store: &Store, key: i64) -> Result<Option<Layouted>, StoreError> {
    // A row that is sealed between the two statements is in the answer of the second.
    let row: Option<i64> = sql::query_scalar(LAST).bind(key).fetch_optional(store.reads()).await?;
    let sealed: Option<i64> = sql::query_scalar(LAST_SEALED).bind(key).fetch_optional(store.reads()).await?;
    let Some(at) = row.max(sealed) else { return Ok(None) };
    Ok(samples(store, key, Timestamp(at.saturating_sub(1)), Timestamp(at)).await?.pop())
}

async fn read(
    reads: &Reads,
    statement: &'static str,
    key: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Row>, StoreError> {
    let query = sql::query_as(statement).bind(key).bind(from.unix_ms()).bind(to.unix_ms());
    Ok(query.fetch_all(reads).await?)
}

/// The samples of a row; none when its columns are damaged, which is said.
fn minutes_of(key: i64, (kind, id, at_ms, step_seconds, layout, body, absences): Row) -> Vec<Minute> {
    if kind == 0 {
        return vec![Minute { at_ms, step_seconds, layout, row: body, absences }];
    }
    minutes::open(&body).unwrap_or_else(|damage| {
        warn!(endpoint.key = key, error = %damage, "Sealed minutes {id} of endpoint {key} are left out: {damage}");
        Vec::new()
    })
}

/// Rows as samples, with their layouts. A row whose layout is gone is left out.
pub(super) async fn with_layouts(store: &Store, minutes: Vec<Minute>) -> Result<Vec<Layouted>, StoreError> {
    let layouts = Layouts::new(store.clone());
    let mut held: HashMap<i64, Option<Arc<Layout>>> = HashMap::new();
    for fingerprint in minutes.iter().map(|minute| minute.layout).collect::<BTreeSet<_>>() {
        held.insert(fingerprint, layouts.find(fingerprint.cast_unsigned()).await?);
    }
    let with_layout = |minute: Minute| Some((held.get(&minute.layout)?.clone()?, sample(minute)));
    Ok(minutes.into_iter().filter_map(with_layout).collect())
}

fn sample(minute: Minute) -> Sample {
    let number = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map_or(f32::NAN, f32::from_le_bytes);
    Sample {
        at: Timestamp(minute.at_ms),
        step_seconds: u32::try_from(minute.step_seconds).unwrap_or(60).max(1),
        layout: minute.layout.cast_unsigned(),
        values: minute.row.chunks_exact(4).map(number).collect(),
        absences: minute.absences.unwrap_or_default().chunks_exact(5).filter_map(absence).collect(),
    }
}

fn absence(bytes: &[u8]) -> Option<(u32, Why)> {
    let (index, code) = bytes.split_at_checked(4)?;
    let why = Why::ALL.get(usize::from(*code.first()?).checked_sub(1)?)?;
    Some((u32::from_le_bytes(index.try_into().ok()?), *why))
}
