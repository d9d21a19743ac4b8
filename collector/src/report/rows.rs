//! Rows that a report counts.
//!
//! Diagnoses have rows of their own since migration [`KEPT_SINCE`]. Of what was diagnosed before, the notes on the tickets and the
//! snapshots that came with them are read; their model, site and build are not told.

use firstline_diagnosis::document::Diagnosis;
use firstline_diagnosis::vocabulary::Timestamp;

use crate::store::{Reads, StoreError, sql};
use crate::ticket::answer::primary;

/// The migration that made the rows of diagnoses.
const KEPT_SINCE: i64 = 171;

/// A ticket that was opened.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Opened {
    pub(super) desk: String,
    pub(super) since_ms: i64,
    /// When it should be solved, as its desk says.
    pub(super) due_ms: Option<i64>,
    first_ms: Option<i64>,
    /// The same of what has no row.
    noted_ms: Option<i64>,
}

impl Opened {
    /// When its first diagnosis was written.
    pub(super) fn first(&self) -> Option<i64> {
        self.first_ms.into_iter().chain(self.noted_ms).min()
    }
}

/// A diagnosis on a ticket.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Diagnosed {
    pub(super) desk: String,
    pub(super) ticket: i64,
    pub(super) endpoint_id: String,
    pub(super) endpoint_name: String,
    pub(super) check_id: String,
    pub(super) model: String,
    pub(super) site: String,
    pub(super) build: String,
}

/// A diagnosis on a ticket that has no row of its own.
#[derive(Debug, sqlx::FromRow)]
struct Noted {
    desk: String,
    ticket: i64,
    endpoint_id: String,
    endpoint_name: String,
    diagnosis: String,
}

impl From<Noted> for Diagnosed {
    fn from(noted: Noted) -> Self {
        let diagnosis: Option<Diagnosis> = serde_json::from_str(&noted.diagnosis).ok();
        let check = diagnosis.as_ref().and_then(primary).map(|finding| finding.id.clone());
        Self {
            desk: noted.desk,
            ticket: noted.ticket,
            endpoint_id: noted.endpoint_id,
            endpoint_name: noted.endpoint_name,
            check_id: check.unwrap_or_default(),
            model: String::new(),
            site: String::new(),
            build: String::new(),
        }
    }
}

/// Since when each diagnosis has a row.
async fn kept_since(reads: &Reads) -> Result<i64, StoreError> {
    let at: Option<i64> = sql::query_scalar("SELECT applied_at_ms FROM schema_migrations WHERE number = $1")
        .bind(KEPT_SINCE)
        .fetch_optional(reads)
        .await?;
    Ok(at.unwrap_or(i64::MAX))
}

/// Tickets that were opened in a time, the newest first.
pub(super) async fn opened(
    reads: &Reads,
    from: Timestamp,
    to: Timestamp,
    most: i64,
) -> Result<Vec<Opened>, StoreError> {
    let rows = sql::query_as(
        "SELECT COALESCE(d.desk, 'builtin') AS desk, t.opened_at_ms AS since_ms,
         d.due_ms, (SELECT MIN(x.at_ms) FROM diagnoses x WHERE x.ticket = t.number) AS first_ms,
         CASE WHEN t.opened_at_ms < $4 THEN (SELECT MIN(n.at_ms) FROM ticket_notes n
         JOIN snapshots s ON s.pull_id = n.pull_id WHERE n.ticket = t.number) END AS noted_ms
         FROM tickets t LEFT JOIN desk_tickets d ON d.ticket = t.number
         WHERE t.opened_at_ms >= $1 AND t.opened_at_ms < $2 ORDER BY t.opened_at_ms DESC LIMIT $3",
    );
    let rows = rows.bind(from.unix_ms()).bind(to.unix_ms()).bind(most).bind(kept_since(reads).await?);
    Ok(rows.fetch_all(reads).await?)
}

/// Diagnoses that were written in a time, the newest first.
pub(super) async fn diagnosed(
    reads: &Reads,
    from: Timestamp,
    to: Timestamp,
    most: i64,
) -> Result<Vec<Diagnosed>, StoreError> {
    let rows = sql::query_as(
        "SELECT COALESCE(d.desk, 'builtin') AS desk, x.ticket, x.endpoint_id,
         COALESCE(e.name, x.endpoint_id) AS endpoint_name, x.check_id, x.model, x.site, x.build
         FROM diagnoses x LEFT JOIN desk_tickets d ON d.ticket = x.ticket LEFT JOIN endpoints e ON e.id = x.endpoint_id
         WHERE x.at_ms >= $1 AND x.at_ms < $2 ORDER BY x.at_ms DESC LIMIT $3",
    );
    let mut diagnosed: Vec<Diagnosed> =
        rows.bind(from.unix_ms()).bind(to.unix_ms()).bind(most).fetch_all(reads).await?;
    let to = to.unix_ms().min(kept_since(reads).await?);
    let left = most - i64::try_from(diagnosed.len()).unwrap_or(most);
    if from.unix_ms() < to && left > 0 {
        diagnosed.extend(noted(reads, from.unix_ms(), to, left).await?);
    }
    Ok(diagnosed)
}

/// Those that have no row.
async fn noted(reads: &Reads, from_ms: i64, to_ms: i64, most: i64) -> Result<Vec<Diagnosed>, StoreError> {
    let rows = sql::query_as(
        "SELECT COALESCE(d.desk, 'builtin') AS desk, n.ticket, s.endpoint_id,
         COALESCE(e.name, s.endpoint_id) AS endpoint_name, s.diagnosis
         FROM ticket_notes n JOIN snapshots s ON s.pull_id = n.pull_id
         LEFT JOIN desk_tickets d ON d.ticket = n.ticket LEFT JOIN endpoints e ON e.id = s.endpoint_id
         WHERE n.at_ms >= $1 AND n.at_ms < $2 AND NOT EXISTS (SELECT 1 FROM diagnoses x WHERE x.pull_id = n.pull_id)
         ORDER BY n.at_ms DESC LIMIT $3",
    );
    let rows: Vec<Noted> = rows.bind(from_ms).bind(to_ms).bind(most).fetch_all(reads).await?;
    Ok(rows.into_iter().map(Diagnosed::from).collect())
}

/// When the first diagnosis of a ticket was written.
pub(super) async fn first_of(reads: &Reads, ticket: i64) -> Result<Option<Timestamp>, StoreError> {
    let kept: Option<i64> =
        sql::query_scalar("SELECT MIN(at_ms) FROM diagnoses WHERE ticket = $1").bind(ticket).fetch_one(reads).await?;
    let noted: Option<i64> = sql::query_scalar(
        "SELECT MIN(n.at_ms) FROM ticket_notes n JOIN snapshots s ON s.pull_id = n.pull_id WHERE n.ticket = $1",
    )
    .bind(ticket)
    .fetch_one(reads)
    .await?;
    Ok(kept.into_iter().chain(noted).min().map(Timestamp))
}
