//! Rows of silences, and what their beginning and end does to open alerts.

use firstline_diagnosis::vocabulary::Timestamp;

use super::rows::{self, LifeStep};
use super::stage::silence::{Facts, judge};
use super::{Alert, AlertError, Matchers, Silence, announce};
use crate::config::Alerts as Policy;
use crate::store::{Connection, Reads, sql};

type SilenceRow = (String, String, String, String, i64, i64);

/// The silences in force.
pub(super) async fn in_force<'c>(on: impl sql::Executor<'c>, now: Timestamp) -> Result<Vec<Silence>, AlertError> {
    let rows: Vec<SilenceRow> = sql::query_as(
        "SELECT id, matchers, by_whom, comment, created_at_ms, until_ms FROM silences WHERE until_ms > $1 ORDER BY id",
    )
    .bind(now.unix_ms())
    .fetch_all(on)
    .await?;
    Ok(rows.into_iter().map(silence).collect())
}

/// The silences in force, for a list.
pub(super) async fn list(reads: &Reads, now: Timestamp) -> Result<Vec<Silence>, AlertError> {
    in_force(reads, now).await
}

fn silence((id, matchers, by, comment, created_at_ms, until_ms): SilenceRow) -> Silence {
    // A row that does not read matches nothing, which is the safe side: people hear of things.
    let matchers: Matchers = serde_json::from_str(&matchers).unwrap_or_default();
    Silence { id, matchers, by, comment, created_at: Timestamp(created_at_ms), until: Timestamp(until_ms) }
}

/// Stores a silence and silences what it matches.
pub(super) async fn begin(
    tx: &mut Connection,
    silence: Silence,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    let matchers = serde_json::to_string(&silence.matchers).map_err(|error| AlertError::Refused(error.to_string()))?;
    sql::query(
        "INSERT INTO silences (id, matchers, by_whom, comment, created_at_ms, until_ms) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&silence.id)
    .bind(matchers)
    .bind(&silence.by)
    .bind(&silence.comment)
    .bind(silence.created_at.unix_ms())
    .bind(silence.until.unix_ms())
    .execute(&mut *tx)
    .await?;
    apply(tx, &silence.by, policy, now).await
}

/// Ends a silence and tells of what it kept quiet.
pub(super) async fn end(
    tx: &mut Connection,
    id: String,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    let done = sql::query("UPDATE silences SET until_ms = $2 WHERE id = $1 AND until_ms > $2")
        .bind(id)
        .bind(now.unix_ms())
        .execute(&mut *tx)
        .await?;
    if done.rows_affected() == 0 {
        return Err(AlertError::NotFound("such silence in force".to_owned()));
    }
    apply(tx, "", policy, now).await
}

/// Tells of alerts whose silence has ended by itself.
pub(super) async fn end_expired(
    tx: &mut Connection,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    apply(tx, "", policy, now).await
}

/// Whether an open alert waits for a silence that has ended.
pub(super) async fn any_to_end(reads: &Reads, now: Timestamp) -> Result<bool, AlertError> {
    let rows: Vec<(String,)> =
        sql::query_as("SELECT document FROM alerts WHERE state = 'silenced' AND resolved_at_ms IS NULL")
            .fetch_all(reads)
            .await?;
    let over = |alert: Alert| alert.silenced_by.is_some_and(|by| by.until <= now);
    Ok(rows.iter().any(|(document,)| rows::read(document).is_ok_and(over)))
}

/// Holds every open alert against the silences in force; gives those that changed.
async fn apply(tx: &mut Connection, by: &str, policy: &Policy, now: Timestamp) -> Result<Vec<Alert>, AlertError> {
    let silences = in_force(&mut *tx, now).await?;
    let mut changed = Vec::new();
    for (alert, tags) in rows::open(tx).await? {
        let facts = Facts { check: &alert.check, endpoint: &alert.endpoint.id, tags: &tags };
        let (silenced_by, decision) = judge(facts, &silences, now).unzip();
        if silenced_by == alert.silenced_by {
            continue;
        }
        let change = if silenced_by.is_some() { "silenced" } else { "unsilenced" };
        let ended = || super::stage::decision("silence", "silence_ended", "Its silence has ended.", now);
        let decision = decision.unwrap_or_else(ended);
        let alert = Alert { silenced_by, decision, updated_at: now, ..alert };
        let alert = Alert { state: alert.standing(), ..alert };
        let alert = announce::settle(tx, alert, policy, now).await?;
        rows::save(tx, &alert).await?;
        rows::note_change(tx, &alert.id, LifeStep { at: now, change, by, note: &alert.decision.words }).await?;
        changed.push(alert);
    }
    Ok(changed)
}
