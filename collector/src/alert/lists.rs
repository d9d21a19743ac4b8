//! What people read: lists, one alert with its life, decisions.

use firstline_diagnosis::vocabulary::Timestamp;

use super::rows::{missing, rank, read};
use super::{
    Alert, AlertChange, AlertDetail, AlertError, AlertList, AlertQuery, AlertState, Alerts, Decision, DecisionRecord,
    Silence, silences,
};
use crate::store::sql;
use crate::ticket::display;

/// Alerts on a page when nobody says how many, and at most.
const PAGE: (u32, u32) = (100, 500);

#[derive(Debug, sqlx::FromRow)]
struct DecisionRow {
    fingerprint: String,
    check_id: String,
    endpoint_id: String,
    instance: String,
    told: i64,
    stage: String,
    reason: String,
    words: String,
    at_ms: i64,
}

impl Alerts {
    /// Alerts that match, what fired last first.
    ///
    /// # Errors
    /// When the store cannot be read, or `after` is not what a list gave.
    pub async fn list(&self, query: &AlertQuery) -> Result<AlertList, AlertError> {
        let limit = i64::from(query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1));
        let after = query.after.as_deref().map(place).transpose()?;
        let (after_ms, after_id) = after.unwrap_or((i64::MAX, ""));
        let rows: Vec<(String, Option<i64>)> = sql::query_as(
            "SELECT document, (SELECT MAX(t.ticket) FROM alert_tickets t WHERE t.fingerprint = alerts.fingerprint) \
             FROM alerts WHERE (fired_at_ms < $1 OR (fired_at_ms = $1 AND id < $2)) \
             AND ($3 IS NULL OR state = $3) AND ($4 = 0 OR resolved_at_ms IS NULL) AND severity >= $5 \
             AND ($6 IS NULL OR endpoint_id = $6) AND ($7 IS NULL OR check_id = $7) \
             ORDER BY fired_at_ms DESC, id DESC LIMIT $8",
        )
        .bind(after_ms)
        .bind(after_id)
        .bind(query.state.map(AlertState::name))
        .bind(i64::from(query.open))
        .bind(query.severity.map_or(0, rank))
        .bind(query.endpoint.as_deref())
        .bind(query.check.as_deref())
        .bind(limit + 1)
        .fetch_all(self.store.reads())
        .await?;
        let mut alerts = rows.iter().map(|(document, _)| read(document)).collect::<Result<Vec<Alert>, _>>()?;
        let more = alerts.len() as i64 > limit;
        alerts.truncate(limit as usize);
        let last = alerts.last().filter(|_| more);
        let next = last.map(|alert| format!("{}.{}", alert.fired_at.unix_ms(), alert.id));
        let of = |(alert, (_, ticket)): (&Alert, &(String, Option<i64>))| Some((alert.id.clone(), display((*ticket)?)));
        let tickets = alerts.iter().zip(&rows).filter_map(of).collect();
        Ok(AlertList { alerts, tickets, next })
    }

    /// One alert with its life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn show(&self, id: &str) -> Result<AlertDetail, AlertError> {
        let row: Option<(String,)> = sql::query_as("SELECT document FROM alerts WHERE id = $1")
            .bind(id)
            .fetch_optional(self.store.reads())
            .await?;
        let alert = read(&row.ok_or_else(missing)?.0)?;
        let changes: Vec<(i64, String, String, String)> =
            sql::query_as("SELECT at_ms, change, by_whom, note FROM alert_changes WHERE alert_id = $1 ORDER BY id")
                .bind(id)
                .fetch_all(self.store.reads())
                .await?;
        let change = |(at_ms, change, by, note)| AlertChange { at: Timestamp(at_ms), change, by, note };
        let tickets: Vec<i64> =
            sql::query_scalar("SELECT ticket FROM alert_tickets WHERE fingerprint = $1 ORDER BY ticket DESC LIMIT 100")
                .bind(&alert.fingerprint)
                .fetch_all(self.store.reads())
                .await?;
        let tickets = tickets.into_iter().map(display).collect();
        Ok(AlertDetail { alert, tickets, changes: changes.into_iter().map(change).collect() })
    }

    /// The newest decision about each finding of an endpoint, told or not, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn decisions(&self, endpoint: &str) -> Result<Vec<DecisionRecord>, AlertError> {
        let rows: Vec<DecisionRow> =
            sql::query_as("SELECT * FROM alert_decisions WHERE endpoint_id = $1 ORDER BY at_ms DESC, fingerprint")
                .bind(endpoint)
                .fetch_all(self.store.reads())
                .await?;
        Ok(rows.into_iter().map(DecisionRecord::from).collect())
    }

    /// The silences in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn silences(&self) -> Result<Vec<Silence>, AlertError> {
        silences::list(self.store.reads(), self.clock.now()).await
    }
}

/// The place that [`AlertList::next`] names.
fn place(after: &str) -> Result<(i64, &str), AlertError> {
    let parts = after.split_once('.').and_then(|(ms, id)| Some((ms.parse().ok()?, id)));
    parts.ok_or_else(|| AlertError::Refused("`after` is not what a list of alerts gave".to_owned()))
}

impl From<DecisionRow> for DecisionRecord {
    fn from(row: DecisionRow) -> Self {
        Self {
            fingerprint: row.fingerprint,
            check: row.check_id,
            endpoint: row.endpoint_id,
            instance: row.instance,
            told: row.told != 0,
            decision: Decision { stage: row.stage, reason: row.reason, words: row.words, at: Timestamp(row.at_ms) },
        }
    }
}
