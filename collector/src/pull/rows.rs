//! Rows of pulls and snapshots.

use std::fmt::Write as _;

use firstline_diagnosis::document::{Diagnosis, Snapshot};
use firstline_diagnosis::vocabulary::Timestamp;
use sha2::{Digest, Sha256};

use super::{Pull, PullError};
use crate::store::{Connection, Reads, StoreError, sql};

/// Stores a pull, new or changed. Among several collectors, only its owner changes it.
pub(super) async fn save(tx: &mut Connection, pull: &Pull, owner: Option<String>) -> Result<(), PullError> {
    let document = json(pull)?;
    let saved = sql::query(
        "INSERT INTO pulls (id, endpoint_id, ticket, state, requested_at_ms, expires_at_ms, document, owner) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, document = excluded.document \
         WHERE excluded.owner IS NULL OR excluded.owner = pulls.owner",
    )
    .bind(&pull.id)
    .bind(&pull.endpoint.id)
    .bind(&pull.ticket)
    .bind(pull.state.name())
    .bind(pull.requested_at.unix_ms())
    .bind(pull.expires_at.unix_ms())
    .bind(document)
    .bind(owner)
    .execute(&mut *tx)
    .await?;
    if saved.rows_affected() == 0 { Err(StoreError::Moved.into()) } else { Ok(()) }
}

/// Whose pulls are looked for.
pub(super) struct Search {
    /// The collector that looks.
    pub(super) run_id: String,
    /// Only of this endpoint.
    pub(super) endpoint_id: Option<String>,
}

/// Pulls that are not $1's and should be: it holds the endpoint's stream; or it is the keeper ($3 = 1), and neither the
/// stream nor the pull is another member's.
macro_rules! to_take {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            " WHERE state IN ('queued', 'sent', 'running', 'receiving') AND ($2 = '' OR endpoint_id = $2) \
             AND (owner IS NULL OR owner <> $1) AND (EXISTS (SELECT 1 FROM endpoint_progress p \
             JOIN endpoints e ON e.key = p.endpoint_key WHERE e.id = pulls.endpoint_id AND p.holder = $1) \
             OR ($3 = 1 AND NOT EXISTS (SELECT 1 FROM replicas r WHERE r.run_id = pulls.owner) \
             AND NOT EXISTS (SELECT 1 FROM endpoint_progress p JOIN endpoints e ON e.key = p.endpoint_key \
             JOIN replicas r ON r.run_id = p.holder WHERE e.id = pulls.endpoint_id))) ",
            $tail
        )
    };
}

/// Whether there is anything to take over.
pub(super) async fn any_to_take(reads: &Reads, search: &Search, is_keeper: bool) -> Result<bool, PullError> {
    let found = sql::query(to_take!("SELECT id FROM pulls", "LIMIT 1"))
        .bind(&search.run_id)
        .bind(search.endpoint_id.as_deref().unwrap_or_default())
        .bind(i64::from(is_keeper))
        .fetch_optional(reads)
        .await?;
    Ok(found.is_some())
}

/// The pull that brought a snapshot.
pub(super) async fn of_snapshot(reads: &Reads, snapshot_id: &str) -> Result<Option<Pull>, PullError> {
    let row: Option<(String,)> =
        sql::query_as("SELECT p.document FROM pulls p JOIN snapshots s ON s.pull_id = p.id WHERE s.id = $1")
            .bind(snapshot_id)
            .fetch_optional(reads)
            .await?;
    row.map(|(document,)| read(&document)).transpose()
}

/// Takes over what is to be taken over.
pub(super) async fn take(tx: &mut Connection, search: Search, is_keeper: bool) -> Result<Vec<Pull>, PullError> {
    let rows: Vec<(String,)> = sql::query_as(to_take!("UPDATE pulls SET owner = $1", "RETURNING document"))
        .bind(search.run_id)
        .bind(search.endpoint_id.unwrap_or_default())
        .bind(i64::from(is_keeper))
        .fetch_all(tx)
        .await?;
    rows.iter().map(|(document,)| read(document)).collect()
}

/// Stores a pull that nobody owns, unless one of the same endpoint and ticket is under way; gives the one that is.
pub(super) async fn order(tx: &mut Connection, pull: Pull) -> Result<Pull, PullError> {
    let row: Option<(String,)> = sql::query_as(
        "SELECT document FROM pulls WHERE endpoint_id = $1 AND COALESCE(ticket, '') = $2 \
         AND state IN ('queued', 'sent', 'running', 'receiving') ORDER BY requested_at_ms, id LIMIT 1",
    )
    .bind(&pull.endpoint.id)
    .bind(pull.ticket.as_deref().unwrap_or_default())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some((document,)) = row {
        return read(&document);
    }
    save(tx, &pull, None).await?;
    Ok(pull)
}

/// Notes that somebody wants a pull given up; whose it is, when it has not ended.
pub(super) async fn want_cancelled(tx: &mut Connection, id: String, who: String) -> Result<Option<String>, PullError> {
    let row: Option<(String,)> = sql::query_as(
        "UPDATE pulls SET cancelled_by = $2 WHERE id = $1 AND state IN ('queued', 'sent', 'running', 'receiving') \
         RETURNING endpoint_id",
    )
    .bind(id)
    .bind(who)
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|(endpoint_id,)| endpoint_id))
}

/// Pulls of an owner that somebody wants given up, and who.
pub(super) async fn to_cancel(reads: &Reads, owner: &str) -> Result<Vec<(String, String)>, PullError> {
    Ok(sql::query_as(
        "SELECT id, cancelled_by FROM pulls WHERE owner = $1 AND cancelled_by IS NOT NULL \
         AND state IN ('queued', 'sent', 'running', 'receiving')",
    )
    .bind(owner)
    .fetch_all(reads)
    .await?)
}

/// One pull.
pub(super) async fn by_id(reads: &Reads, id: &str) -> Result<Pull, PullError> {
    let row: Option<(String,)> =
        sql::query_as("SELECT document FROM pulls WHERE id = $1").bind(id).fetch_optional(reads).await?;
    let (document,) = row.ok_or_else(|| PullError::NotFound("such pull".to_owned()))?;
    read(&document)
}

/// Pulls that have not ended, oldest first.
pub(super) async fn open(reads: &Reads) -> Result<Vec<Pull>, PullError> {
    let rows: Vec<(String,)> = sql::query_as(
        "SELECT document FROM pulls WHERE state IN ('queued', 'sent', 'running', 'receiving') \
         ORDER BY requested_at_ms, id",
    )
    .fetch_all(reads)
    .await?;
    rows.iter().map(|(document,)| read(document)).collect()
}

/// The newest pulls of a ticket, newest first.
pub(super) async fn of_ticket(reads: &Reads, ticket: &str) -> Result<Vec<Pull>, PullError> {
    let rows: Vec<(String,)> =
        sql::query_as("SELECT document FROM pulls WHERE ticket = $1 ORDER BY requested_at_ms DESC, id DESC LIMIT 50")
            .bind(ticket)
            .fetch_all(reads)
            .await?;
    rows.iter().map(|(document,)| read(document)).collect()
}

/// The newest pulls of an endpoint, newest first.
pub(super) async fn of_endpoint(reads: &Reads, endpoint: &str) -> Result<Vec<Pull>, PullError> {
    let rows: Vec<(String,)> = sql::query_as(
        "SELECT document FROM pulls WHERE endpoint_id = $1 ORDER BY requested_at_ms DESC, id DESC LIMIT 50",
    )
    .bind(endpoint)
    .fetch_all(reads)
    .await?;
    rows.iter().map(|(document,)| read(document)).collect()
}

/// A verified snapshot on its way into the table.
pub(super) struct Verified {
    pub(super) snapshot: Snapshot,
    pub(super) document: Vec<u8>,
    pub(super) diagnosis: Diagnosis,
}

/// Stores what a pull brought, once, and the pull that points at it.
pub(super) async fn store_result(
    tx: &mut Connection,
    pull: &Pull,
    owner: Option<String>,
    verified: &Verified,
    now: Timestamp,
) -> Result<(), PullError> {
    let sha256 = sha256_hex(&verified.document);
    sql::query("INSERT INTO blobs (sha256, bytes) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING")
        .bind(&sha256)
        .bind(&verified.document)
        .execute(&mut *tx)
        .await?;
    sql::query(
        "INSERT INTO snapshots (id, pull_id, endpoint_id, taken_at_ms, received_at_ms, document_sha256, diagnosis) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&verified.snapshot.id)
    .bind(&pull.id)
    .bind(&pull.endpoint.id)
    .bind(verified.snapshot.taken_at.unix_ms())
    .bind(now.unix_ms())
    .bind(sha256)
    .bind(json(&verified.diagnosis)?)
    .execute(&mut *tx)
    .await?;
    save(tx, pull, owner).await
}

/// What a pull brought: the document as it was signed, and the diagnosis.
pub(super) async fn result(reads: &Reads, pull: &str) -> Result<Option<Verified>, PullError> {
    let row: Option<(Vec<u8>, String)> = sql::query_as(
        "SELECT b.bytes, s.diagnosis FROM snapshots s JOIN blobs b ON b.sha256 = s.document_sha256 \
         WHERE s.pull_id = $1",
    )
    .bind(pull)
    .fetch_optional(reads)
    .await?;
    let verified = |(document, diagnosis): (Vec<u8>, String)| {
        let snapshot = serde_json::from_slice(&document).map_err(unreadable)?;
        let diagnosis = serde_json::from_str(&diagnosis).map_err(unreadable)?;
        Ok(Verified { snapshot, document, diagnosis })
    };
    row.map(verified).transpose()
}

fn read(document: &str) -> Result<Pull, PullError> {
    serde_json::from_str(document).map_err(unreadable)
}

fn json(value: &impl serde::Serialize) -> Result<String, PullError> {
    serde_json::to_string(value).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> PullError {
    sql::Error::Decode(Box::new(error)).into()
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
