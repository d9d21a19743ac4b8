//! How much oftener machines with the same change have a finding than machines without it.

use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::change::{Past, normalise};
use firstline_diagnosis::document::ChangeRecord;
use firstline_diagnosis::vocabulary::Timestamp;

use crate::store::{Store, StoreError, sql};

/// With fewer machines that have the same change nothing can be said.
const COMPARABLE: i64 = 8;

/// Changes that are held against the fleet at most; the newest count.
const CHANGES: usize = 30;

/// How far back a change of another machine counts.
const REACH: Duration = Duration::from_hours(14 * 24);

/// Endpoints that are there, and those with the finding.
const ALL: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM findings f WHERE f.endpoint_id = e.id
    AND f.check_id = $1 AND f.state IN ('active', 'recovering')) THEN 1 ELSE 0 END), 0) FROM endpoints e
    WHERE e.revoked_at_ms IS NULL AND e.merged_into IS NULL AND e.left_at_ms IS NULL";

/// The same of those whose state became the same.
const STATE: &str =
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM findings f WHERE f.endpoint_id = e.id
    AND f.check_id = $1 AND f.state IN ('active', 'recovering')) THEN 1 ELSE 0 END), 0) FROM endpoints e
    WHERE e.revoked_at_ms IS NULL AND e.merged_into IS NULL AND e.left_at_ms IS NULL AND e.key IN
    (SELECT c.endpoint_key FROM inventory_changes c WHERE c.series = $2 AND c.at_ms >= $3 AND c.outcome_after = $4)";

/// The same of those where the same was installed.
const EVENT: &str =
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN EXISTS (SELECT 1 FROM findings f WHERE f.endpoint_id = e.id
    AND f.check_id = $1 AND f.state IN ('active', 'recovering')) THEN 1 ELSE 0 END), 0) FROM endpoints e
    WHERE e.revoked_at_ms IS NULL AND e.merged_into IS NULL AND e.left_at_ms IS NULL AND e.key IN
    (SELECT c.endpoint_key FROM events c WHERE c.series = $2 AND c.at_ms >= $3 AND c.fields LIKE $4 ESCAPE '!'
    AND c.series >= 'endpoint.software.change' AND c.series < 'endpoint.software.changf')";

/// The lift of each change by its reference; none of those that too few machines share.
pub(super) async fn of(
    store: &Store,
    check: &str,
    past: &Past<'_>,
    now: Timestamp,
) -> Result<BTreeMap<String, f64>, StoreError> {
    let mut lifts = BTreeMap::new();
    let records = normalise(past.changes, past.events, past.marks, now).records;
    if records.is_empty() {
        return Ok(lifts);
    }
    let all: Counted = sql::query_as(ALL).bind(check).fetch_one(store.reads()).await?;
    for record in records.iter().take(CHANGES) {
        if let Some(same) = same(store, check, record, now).await?
            && let Some(lift) = lift(all, same)
        {
            lifts.insert(record.reference.clone(), lift);
        }
    }
    Ok(lifts)
}

/// How many machines, and how many of them with the finding.
type Counted = (i64, i64);

/// Machines on which the same changed to the same.
async fn same(
    store: &Store,
    check: &str,
    record: &ChangeRecord,
    now: Timestamp,
) -> Result<Option<Counted>, StoreError> {
    let (Some(to), Some((series, _))) = (&record.to, record.reference.rsplit_once('@')) else { return Ok(None) };
    let text = serde_json::Value::from(to.as_str()).to_string();
    let (statement, after) = if series.starts_with("endpoint.software.change") {
        let pattern = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        (EVENT, format!("%\"to\":{pattern}%"))
    } else {
        let is_text = to.parse::<f64>().is_err() && to != "true" && to != "false";
        (STATE, format!("{{\"value\":{}}}", if is_text { text } else { to.clone() }))
    };
    let counted = sql::query_as(statement)
        .bind(check)
        .bind(series)
        .bind((now - REACH).unix_ms())
        .bind(after)
        .fetch_one(store.reads())
        .await?;
    Ok(Some(counted))
}

/// The rate among those with the change over that among the others.
fn lift((all, affected): Counted, (with, affected_with): Counted) -> Option<f64> {
    if with < COMPARABLE || all - with < COMPARABLE {
        return None;
    }
    let without = ((affected - affected_with) as f64 + 0.5) / ((all - with) as f64 + 1.0);
    Some(affected_with as f64 / with as f64 / without)
}

#[cfg(test)]
mod tests {
    use super::lift;

    #[test]
    fn a_rate_is_held_against_that_of_the_others_when_there_are_enough_of_both() {
        assert_eq!(lift((100, 10), (7, 7)), None);
        assert_eq!(lift((20, 10), (15, 7)), None);
        let much = lift((109, 10), (10, 9)).expect("comparable");
        assert!((much - 0.9 / (1.5 / 100.0)).abs() < 1e-9, "{much}");
        let none = lift((109, 10), (10, 0)).expect("comparable");
        assert!(none.abs() < 1e-9, "{none}");
    }
}
