//! Rows of findings.

use firstline_diagnosis::detector::Transition;
use firstline_diagnosis::document::{Finding, FindingState};
use firstline_diagnosis::vocabulary::Timestamp;

use super::DetectError;
use crate::store::{Connection, Reads, sql};

/// A finding on its way into the table.
#[derive(Debug, Clone)]
pub(super) struct FindingRow {
    pub(super) finding: Finding,
    pub(super) state: FindingState,
    pub(super) changed_at: Timestamp,
}

impl From<Transition> for FindingRow {
    fn from(moved: Transition) -> Self {
        let finding = Finding { id: moved.check, instance: moved.instance, state: moved.to, ..moved.finding };
        Self { finding, state: moved.to, changed_at: moved.at }
    }
}

/// Stores where findings stand.
pub(super) async fn save(tx: &mut Connection, endpoint_id: &str, rows: &[FindingRow]) -> Result<(), DetectError> {
    for row in rows {
        let document = serde_json::to_string(&row.finding).map_err(|error| sql::Error::Encode(Box::new(error)))?;
        sql::query(
            "INSERT INTO findings (endpoint_id, check_id, instance, state, severity, onset_ms, changed_ms, document) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (endpoint_id, check_id, instance) DO UPDATE SET \
             state = excluded.state, severity = excluded.severity, onset_ms = excluded.onset_ms, \
             changed_ms = excluded.changed_ms, document = excluded.document",
        )
        .bind(endpoint_id)
        .bind(&row.finding.id)
        .bind(&row.finding.instance)
        .bind(row.state.name())
        .bind(row.finding.severity as i64 + 1)
        .bind(row.finding.onset.unix_ms())
        .bind(row.changed_at.unix_ms())
        .bind(document)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Brings rows that say that a finding holds in line with what does: what is not in `held` is ok.
pub(super) async fn close_others(
    tx: &mut Connection,
    endpoint_id: &str,
    held: &[Finding],
    now: Timestamp,
) -> Result<(), DetectError> {
    let rows: Vec<(String, String)> = sql::query_as(
        "SELECT check_id, instance FROM findings WHERE endpoint_id = $1 AND state IN ('active', 'recovering', 'stale')",
    )
    .bind(endpoint_id)
    .fetch_all(&mut *tx)
    .await?;
    for (check, instance) in rows {
        if held.iter().any(|finding| finding.id == check && finding.instance == instance) {
            continue;
        }
        sql::query(
            "UPDATE findings SET state = 'ok', changed_ms = $4 \
             WHERE endpoint_id = $1 AND check_id = $2 AND instance = $3",
        )
        .bind(endpoint_id)
        .bind(check)
        .bind(instance)
        .bind(now.unix_ms())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// What held on an endpoint when it was last judged, the worst first.
pub(super) async fn held(reads: &Reads, endpoint_id: &str) -> Result<Vec<Finding>, DetectError> {
    let rows: Vec<(String,)> = sql::query_as(
        "SELECT document FROM findings WHERE endpoint_id = $1 AND state IN ('active', 'recovering', 'stale') \
         ORDER BY severity DESC, onset_ms, check_id, instance",
    )
    .bind(endpoint_id)
    .fetch_all(reads)
    .await?;
    let read = |(document,): (String,)| {
        serde_json::from_str(&document).map_err(|error| sql::Error::Decode(Box::new(error)).into())
    };
    rows.into_iter().map(read).collect()
}
