//! Rows of alerts, of their lives, and of decisions.

use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use super::{Alert, AlertError, DecisionRecord};
use crate::store::{Connection, sql};

/// A step in an alert's life, on its way into the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct LifeStep<'a> {
    pub(super) at: Timestamp,
    pub(super) change: &'a str,
    pub(super) by: &'a str,
    pub(super) note: &'a str,
}

/// Stores an alert, new or changed.
pub(super) async fn save(tx: &mut Connection, alert: &Alert) -> Result<(), AlertError> {
    let document = serde_json::to_string(alert).map_err(|error| AlertError::Refused(error.to_string()))?;
    sql::query(
        "INSERT INTO alerts (id, fingerprint, check_id, endpoint_id, state, severity, fired_at_ms, resolved_at_ms, \
         document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET state = excluded.state, \
         severity = excluded.severity, fired_at_ms = excluded.fired_at_ms, \
         resolved_at_ms = excluded.resolved_at_ms, document = excluded.document",
    )
    .bind(&alert.id)
    .bind(&alert.fingerprint)
    .bind(&alert.check)
    .bind(&alert.endpoint.id)
    .bind(alert.state.name())
    .bind(rank(alert.severity))
    .bind(alert.fired_at.unix_ms())
    .bind(alert.resolved_at.map(Timestamp::unix_ms))
    .bind(document)
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Remembers a step in an alert's life.
pub(super) async fn note_change(tx: &mut Connection, alert: &str, step: LifeStep<'_>) -> Result<(), AlertError> {
    sql::query("INSERT INTO alert_changes (alert_id, at_ms, change, by_whom, note) VALUES ($1, $2, $3, $4, $5)")
        .bind(alert)
        .bind(step.at.unix_ms())
        .bind(step.change)
        .bind(step.by)
        .bind(step.note)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Stores a decision when it is another than the last one.
pub(super) async fn record(tx: &mut Connection, record: &DecisionRecord) -> Result<(), AlertError> {
    sql::query(
        "INSERT INTO alert_decisions (fingerprint, check_id, endpoint_id, instance, told, stage, reason, words, at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (fingerprint) DO UPDATE SET told = excluded.told, \
         stage = excluded.stage, reason = excluded.reason, words = excluded.words, at_ms = excluded.at_ms \
         WHERE alert_decisions.reason <> excluded.reason OR alert_decisions.told <> excluded.told",
    )
    .bind(&record.fingerprint)
    .bind(&record.check)
    .bind(&record.endpoint)
    .bind(&record.instance)
    .bind(i64::from(record.told))
    .bind(&record.decision.stage)
    .bind(&record.decision.reason)
    .bind(&record.decision.words)
    .bind(record.decision.at.unix_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The newest alert of each fingerprint of an endpoint, of those that are open or were resolved after `since`.
pub(super) async fn newest_of_endpoint(
    tx: &mut Connection,
    endpoint: &str,
    since: Timestamp,
) -> Result<BTreeMap<String, Alert>, AlertError> {
    let rows: Vec<(String,)> = sql::query_as(
        "SELECT document FROM alerts WHERE endpoint_id = $1 AND (resolved_at_ms IS NULL OR resolved_at_ms >= $2) \
         ORDER BY fired_at_ms",
    )
    .bind(endpoint)
    .bind(since.unix_ms())
    .fetch_all(&mut *tx)
    .await?;
    rows.iter().map(|(document,)| read(document).map(|alert| (alert.fingerprint.clone(), alert))).collect()
}

/// An alert with its endpoint's tags.
pub(super) async fn by_id(tx: &mut Connection, id: &str) -> Result<Alert, AlertError> {
    let row: Option<(String,)> =
        sql::query_as("SELECT document FROM alerts WHERE id = $1").bind(id).fetch_optional(&mut *tx).await?;
    read(&row.ok_or_else(missing)?.0)
}

/// Open alerts, each with its endpoint's tags.
pub(super) async fn open(tx: &mut Connection) -> Result<Vec<(Alert, BTreeMap<String, String>)>, AlertError> {
    let rows: Vec<(String, Option<String>)> = sql::query_as(
        "SELECT a.document, e.tags FROM alerts a LEFT JOIN endpoints e ON e.id = a.endpoint_id \
         WHERE a.resolved_at_ms IS NULL ORDER BY a.fired_at_ms",
    )
    .fetch_all(&mut *tx)
    .await?;
    let tags = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    rows.into_iter().map(|(document, text)| Ok((read(&document)?, tags(text)))).collect()
}

/// The alert in a row. What we wrote reads back; a later release only adds fields.
pub(super) fn read(document: &str) -> Result<Alert, AlertError> {
    serde_json::from_str(document).map_err(|error| StoreReads(error).into())
}

/// A stored document that does not read.
struct StoreReads(serde_json::Error);

impl From<StoreReads> for AlertError {
    fn from(StoreReads(error): StoreReads) -> Self {
        sql::Error::Decode(Box::new(error)).into()
    }
}

/// No alert has this name.
pub(super) fn missing() -> AlertError {
    AlertError::NotFound("such alert".to_owned())
}

/// Severity as a number that sorts: 1 info to 5 critical.
pub(crate) fn rank(severity: Severity) -> i64 {
    severity as i64 + 1
}
