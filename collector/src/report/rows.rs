//! Rows that a report counts.

use firstline_diagnosis::vocabulary::Timestamp;

use crate::store::{Reads, StoreError, sql};

/// A ticket that was opened.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Opened {
    pub(super) desk: String,
    pub(super) since_ms: i64,
    /// When its first diagnosis was written.
    pub(super) first_ms: Option<i64>,
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

/// Tickets that were opened in a time, the newest first.
pub(super) async fn opened(
    reads: &Reads,
    from: Timestamp,
    to: Timestamp,
    most: i64,
) -> Result<Vec<Opened>, StoreError> {
    let rows = sql::query_as(
        "SELECT COALESCE(d.desk, 'builtin') AS desk, t.opened_at_ms AS since_ms,
         (SELECT MIN(x.at_ms) FROM diagnoses x WHERE x.ticket = t.number) AS first_ms
         FROM tickets t LEFT JOIN desk_tickets d ON d.ticket = t.number
         WHERE t.opened_at_ms >= $1 AND t.opened_at_ms < $2 ORDER BY t.opened_at_ms DESC LIMIT $3",
    );
    Ok(rows.bind(from.unix_ms()).bind(to.unix_ms()).bind(most).fetch_all(reads).await?)
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
    Ok(rows.bind(from.unix_ms()).bind(to.unix_ms()).bind(most).fetch_all(reads).await?)
}

/// When the first diagnosis of a ticket was written.
pub(super) async fn first_of(reads: &Reads, ticket: i64) -> Result<Option<Timestamp>, StoreError> {
    let first: Option<i64> =
        sql::query_scalar("SELECT MIN(at_ms) FROM diagnoses WHERE ticket = $1").bind(ticket).fetch_one(reads).await?;
    Ok(first.map(Timestamp))
}
