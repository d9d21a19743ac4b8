//! An endpoint's past for the methods of checks: steps from samples and roll-ups, states from their changes.
//!
//! Changes of state are forgotten with events, after weeks. What methods read of them is entered into `state_history` here,
//! value by value and only when it differs, and is kept as long as hours are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firstline_diagnosis::trend::{Form, Past, PastFinding, PastPoint, PastSeries, PastStates, Read};
use firstline_diagnosis::vocabulary::{Event, Mark, Series, Timestamp, Unknown, Value};

use super::outcome::outcome;
use super::roll::blocking;
use super::rollup::{Cell, Rollup};
use super::rows::{self, Layouted};
use super::tier::Tier;
use crate::config;
use crate::store::{Reads, Store, StoreError, sql};

/// Turns matter to methods that look at hours.
const MARKS: Duration = Duration::from_hours(48);

/// Findings that ended before are in no baseline.
const STOOD_WITHIN: Duration = Duration::from_hours(31 * 24);

/// Rows of changes and events of one endpoint that are looked at.
const ROWS_MAX: i64 = 20_000;

const KEPT: &str = "SELECT series, value, at_ms FROM state_history WHERE endpoint_key = $1 ORDER BY at_ms, id";
const CHANGED: &str = "SELECT series, outcome_before, outcome_after, at_ms FROM inventory_changes
    WHERE endpoint_key = $1 ORDER BY at_ms, id LIMIT $2";
const CURRENT: &str = "SELECT series, outcome, at_ms FROM inventory WHERE endpoint_key = $1";
const KEEP: &str = "INSERT INTO state_history (endpoint_key, series, at_ms, value) VALUES ($1, $2, $3, $4)";
const HAPPENED: &str = "SELECT series, at_ms, count FROM events
    WHERE endpoint_key = $1 AND at_ms >= $2 ORDER BY at_ms, id LIMIT $3";
const STOOD: &str = "SELECT check_id, instance, state, onset_ms, changed_ms FROM findings
    WHERE endpoint_id = (SELECT id FROM endpoints WHERE key = $1) AND (changed_ms >= $2 OR state <> 'ok')";
const TURNS: &str = "SELECT at_ms, mark FROM marks WHERE endpoint_key = $1 AND at_ms >= $2 ORDER BY at_ms, id";

/// What these reads ask of an endpoint.
pub(super) async fn of(
    store: &Store,
    keep: &config::History,
    key: i64,
    reads: &[&Read],
    now: Timestamp,
) -> Result<Past, StoreError> {
    let mut past = Past {
        since: rows::watched_since(store.reads(), key).await?,
        events_since: Some(now - keep.events()),
        marks: marks(store.reads(), key, now - MARKS).await?,
        stood: stood(store.reads(), key, now - STOOD_WITHIN).await?,
        ..Past::default()
    };
    for tier in [Tier::Minutes, Tier::FiveMinutes, Tier::Hours] {
        let of_tier = reads.iter().filter(|read| read.form() == Form::Steps && self::tier(read) == tier);
        let of_tier: Vec<&Read> = of_tier.copied().collect();
        past.series.extend(steps(store, key, &of_tier, tier, now).await?);
    }
    let names = |form: Form| -> Vec<&str> {
        reads.iter().filter(|read| read.form() == form).map(|read| read.signal.name.as_str()).collect()
    };
    let (states, events) = (names(Form::States), names(Form::Events));
    if !states.is_empty() {
        (past.states, past.absent) = self::states(store, key, &states, past.since.unwrap_or(now)).await?;
    }
    let longest = reads.iter().filter(|read| read.form() == Form::Events).map(|read| read.span).max();
    if let Some(span) = longest {
        past.events = self::events(store.reads(), key, &events, now - span).await?;
    }
    Ok(past)
}

/// The longest steps that are as fine as a read wants.
fn tier(read: &Read) -> Tier {
    match read.step.as_secs() {
        3600.. => Tier::Hours,
        300.. => Tier::FiveMinutes,
        _ => Tier::Minutes,
    }
}

async fn steps(
    store: &Store,
    key: i64,
    reads: &[&Read],
    tier: Tier,
    now: Timestamp,
) -> Result<Vec<PastSeries>, StoreError> {
    let Some(span) = reads.iter().map(|read| read.span).max() else { return Ok(Vec::new()) };
    let (from, signals) = (now - span, reads.iter().map(|read| read.signal.name.as_str()).collect::<BTreeSet<&str>>());
    if tier == Tier::Minutes {
        let samples = rows::samples(store, key, from, now).await?;
        let names: Vec<String> = signals.into_iter().map(str::to_owned).collect();
        return blocking(move || of_samples(&samples, &names)).await;
    }
    let rollup = rows::rolled(store, key, &signals, (from, now), tier).await?;
    Ok(of_rollup(rollup, now))
}

fn of_samples(samples: &[Layouted], signals: &[String]) -> Vec<PastSeries> {
    let mut found: BTreeMap<&Series, Vec<PastPoint>> = BTreeMap::new();
    for (layout, sample) in samples {
        let step_ms = i64::from(sample.step_seconds.max(1)) * 1000;
        for (series, value) in layout.series().iter().zip(&sample.values) {
            if value.is_finite() && signals.iter().any(|signal| **signal == *series.signal) {
                found.entry(series).or_default().push(PastPoint::of(sample.at, step_ms, *value));
            }
        }
    }
    found.into_iter().map(|(series, points)| PastSeries { series: series.clone(), points }).collect()
}

/// A step that is not over ends now.
fn of_rollup(rollup: Rollup, now: Timestamp) -> Vec<PastSeries> {
    let step_ms = rollup.step_ms();
    let point = |(step, cell): (i64, Cell)| PastPoint {
        at: Timestamp(step.saturating_add(1).saturating_mul(step_ms)).min(now),
        step_ms,
        count: cell.count as f32,
        mean: cell.mean(),
        low: cell.low,
        high: cell.high,
        last: cell.last,
    };
    let series = rollup.series.into_iter();
    series
        .map(|(series, rolled)| PastSeries { series, points: rolled.cells.into_iter().map(point).collect() })
        .collect()
}

/// What these states were since when, and why there is nothing of others. What is new is kept.
async fn states(
    store: &Store,
    key: i64,
    signals: &[&str],
    known_since: Timestamp,
) -> Result<(Vec<PastStates>, Vec<(String, Unknown)>), StoreError> {
    let wanted = |series: &str| {
        let name = series.split('{').next().unwrap_or_default();
        signals.contains(&name)
    };
    let mut known = Known::default();
    let kept: Vec<(String, String, i64)> = sql::query_as(KEPT).bind(key).fetch_all(store.reads()).await?;
    for (series, value, at) in kept.into_iter().filter(|row| wanted(&row.0)) {
        if let Ok(value) = serde_json::from_str(&value) {
            known.0.entry(series).or_default().push((Timestamp(at), value));
        }
    }
    let changed: Vec<(String, String, String, i64)> =
        sql::query_as(CHANGED).bind(key).bind(ROWS_MAX).fetch_all(store.reads()).await?;
    let mut fresh = Vec::new();
    for (series, before, after, at) in changed.into_iter().filter(|row| wanted(&row.0)) {
        if !known.0.contains_key(&series) {
            fresh.extend(known.learn(&series, value(&before), known_since.min(Timestamp(at))));
        }
        fresh.extend(known.learn(&series, value(&after), Timestamp(at)));
    }
    let current: Vec<(String, String, i64)> = sql::query_as(CURRENT).bind(key).fetch_all(store.reads()).await?;
    let mut absent = Vec::new();
    for (series, stored, at) in current.into_iter().filter(|row| wanted(&row.0)) {
        if let (false, Some(Err(why))) = (series.contains('{'), outcome(&stored)) {
            absent.push((series.clone(), why));
        }
        fresh.extend(known.learn(&series, value(&stored), Timestamp(at)));
    }
    keep_fresh(store, key, fresh).await?;
    let named =
        |(series, values): (String, Vec<(Timestamp, Value)>)| Some(PastStates { series: series.parse().ok()?, values });
    Ok((known.0.into_iter().filter_map(named).collect(), absent))
}

/// Values by series, each in order of time.
#[derive(Default)]
struct Known(BTreeMap<String, Vec<(Timestamp, Value)>>);

/// A value that is to be kept: its series, since when, and itself.
type Fresh = (String, Timestamp, Value);

impl Known {
    /// Takes in a value that is newer than what is known and differs from it.
    fn learn(&mut self, series: &str, value: Option<Value>, at: Timestamp) -> Option<Fresh> {
        let value = value?;
        let values = self.0.entry(series.to_owned()).or_default();
        if values.last().is_some_and(|(last_at, last)| at <= *last_at || *last == value) {
            return None;
        }
        values.push((at, value.clone()));
        Some((series.to_owned(), at, value))
    }
}

fn value(stored: &str) -> Option<Value> {
    outcome(stored)?.ok()
}

async fn keep_fresh(store: &Store, key: i64, fresh: Vec<Fresh>) -> Result<(), StoreError> {
    if fresh.is_empty() {
        return Ok(());
    }
    let write = store.write(move |tx| {
        Box::pin(async move {
            for (series, at, value) in &fresh {
                let value = serde_json::to_string(value).map_err(|error| sql::Error::Encode(Box::new(error)))?;
                sql::query(KEEP).bind(key).bind(series).bind(at.unix_ms()).bind(value).execute(&mut *tx).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    write.await
}

async fn events(reads: &Reads, key: i64, signals: &[&str], since: Timestamp) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<(String, i64, i64)> =
        sql::query_as(HAPPENED).bind(key).bind(since.unix_ms()).bind(ROWS_MAX).fetch_all(reads).await?;
    let event = |(series, at, count): (String, i64, i64)| {
        let series: Series = series.parse().ok()?;
        let count = u32::try_from(count).unwrap_or(1);
        let is_wanted = signals.contains(&&*series.signal);
        is_wanted.then(|| Event { series, at: Timestamp(at), fields: BTreeMap::new(), count })
    };
    Ok(rows.into_iter().filter_map(event).collect())
}

/// When findings stood; of each instance the last time is known.
async fn stood(reads: &Reads, key: i64, since: Timestamp) -> Result<Vec<PastFinding>, StoreError> {
    let rows: Vec<(String, String, String, i64, i64)> =
        sql::query_as(STOOD).bind(key).bind(since.unix_ms()).fetch_all(reads).await?;
    let finding = |(check, instance, state, onset, changed): (String, String, String, i64, i64)| {
        let to = (state == "ok").then_some(Timestamp(changed));
        PastFinding { check, instance, from: Timestamp(onset), to }
    };
    let is_raised = |(_, _, state, ..): &(String, String, String, i64, i64)| state != "pending" && state != "unknown";
    Ok(rows.into_iter().filter(is_raised).map(finding).collect())
}

async fn marks(reads: &Reads, key: i64, since: Timestamp) -> Result<Vec<(Timestamp, Mark)>, StoreError> {
    let rows: Vec<(i64, String)> = sql::query_as(TURNS).bind(key).bind(since.unix_ms()).fetch_all(reads).await?;
    let mark =
        |(at, name): (i64, String)| Some((Timestamp(at), Mark::ALL.into_iter().find(|mark| mark.name() == name)?));
    Ok(rows.into_iter().filter_map(mark).collect())
}
