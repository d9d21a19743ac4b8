//! Rows of the outbox.

use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::OutboxError;
use crate::desk::contract::{Change, Noted, TicketRef};
use crate::desk::{Delivery, DeliveryState};
use crate::store::{Connection, Reads, sql};
use crate::ticket::{display, number_of};

/// A row that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) desk: String,
    /// The ticket's number here.
    pub(super) number: i64,
    /// The ticket there.
    pub(super) ticket: TicketRef,
    pub(super) order: Order,
    pub(super) attempts: i64,
    pub(super) unclear: bool,
}

/// What a row tells.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// The note with this id.
    Note(String),
    /// Fields.
    Change(Change),
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) state: DeliveryState,
    pub(super) unclear: bool,
    pub(super) next: Timestamp,
    pub(super) said: String,
    pub(super) outcome: Option<Noted>,
}

/// A row as it is stored.
#[derive(Debug, sqlx::FromRow)]
struct DeliveryRow {
    id: String,
    desk: String,
    ticket: i64,
    display_number: String,
    note_id: Option<String>,
    change: String,
    state: String,
    attempts: i64,
    made_ms: i64,
    next_ms: i64,
    changed_ms: i64,
    said: String,
    outcome: String,
}

/// Puts a note into the outbox, when its ticket is another desk's.
pub(crate) async fn push_note(tx: &mut Connection, ticket: i64, note: &str, now: Timestamp) -> Result<(), sql::Error> {
    push(tx, ticket, Some(note), "", now).await
}

/// Puts changed fields into the outbox, when their ticket is another desk's.
pub(crate) async fn push_change(
    tx: &mut Connection,
    ticket: i64,
    change: &Change,
    now: Timestamp,
) -> Result<(), sql::Error> {
    let change = serde_json::to_string(change).map_err(|error| sql::Error::Encode(Box::new(error)))?;
    push(tx, ticket, None, &change, now).await
}

async fn push(
    tx: &mut Connection,
    ticket: i64,
    note: Option<&str>,
    change: &str,
    now: Timestamp,
) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO outbox (id, desk, ticket, note_id, change, state, attempts, unclear, run_id, made_ms, next_ms, \
         changed_ms, said, outcome) SELECT $1, desk, ticket, $3, $4, 'waiting', 0, 0, '', $5, $5, $5, '', '' \
         FROM desk_tickets WHERE ticket = $2",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(ticket)
    .bind(note)
    .bind(change)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Desks with rows whose time has come.
pub(super) async fn due(reads: &Reads, now: Timestamp) -> Result<Vec<String>, OutboxError> {
    let desks =
        sql::query_scalar("SELECT DISTINCT desk FROM outbox WHERE state = 'waiting' AND next_ms <= $1 ORDER BY desk");
    Ok(desks.bind(now.unix_ms()).fetch_all(reads).await?)
}

/// Takes the oldest row of a desk whose time has come and before which nothing waits on its ticket.
pub(super) async fn claim(
    tx: &mut Connection,
    desk: String,
    run_id: String,
    now: Timestamp,
) -> Result<Option<Job>, OutboxError> {
    type Row = (String, i64, Option<String>, String, i64, i64, String, String);
    let row: Option<Row> = sql::query_as(
        "SELECT o.id, o.ticket, o.note_id, o.change, o.attempts, o.unclear, d.display_number, d.api_id \
         FROM outbox o JOIN desk_tickets d ON d.ticket = o.ticket \
         WHERE o.desk = $1 AND o.state = 'waiting' AND o.next_ms <= $2 AND NOT EXISTS (SELECT 1 FROM outbox e \
         WHERE e.ticket = o.ticket AND e.state IN ('waiting', 'sending') AND e.id < o.id) ORDER BY o.id LIMIT 1",
    )
    .bind(desk.as_str())
    .bind(now.unix_ms())
    .fetch_optional(&mut *tx)
    .await?;
    let Some((id, number, note, change, attempts, unclear, display_number, api_id)) = row else { return Ok(None) };
    sql::query(
        "UPDATE outbox SET state = 'sending', run_id = $2, attempts = attempts + 1, changed_ms = $3 WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(run_id)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    let order = match note {
        Some(note) => Order::Note(note),
        // What we wrote ourselves reads back; fields that a newer program knows are left as they are.
        None => Order::Change(serde_json::from_str(&change).unwrap_or_default()),
    };
    let ticket = TicketRef { display_number, api_id };
    Ok(Some(Job { id, desk, number, ticket, order, attempts: attempts + 1, unclear: unclear != 0 }))
}

/// Writes down how an attempt ended, unless the row was taken over meanwhile.
pub(super) async fn end(
    tx: &mut Connection,
    job: Job,
    run_id: String,
    end: End,
    now: Timestamp,
) -> Result<(), OutboxError> {
    let outcome = end.outcome.and_then(|outcome| serde_json::to_string(&outcome).ok()).unwrap_or_default();
    sql::query(
        "UPDATE outbox SET state = $4, unclear = $5, next_ms = $6, said = $7, outcome = $8, changed_ms = $9, run_id = '' \
         WHERE id = $1 AND run_id = $2 AND attempts = $3 AND state = 'sending'",
    )
    .bind(job.id)
    .bind(run_id)
    .bind(job.attempts)
    .bind(end.state.name())
    .bind(i64::from(end.unclear))
    .bind(end.next.unix_ms())
    .bind(end.said)
    .bind(outcome)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Rows under way: id, attempt and who sends them.
pub(super) async fn sending(reads: &Reads) -> Result<Vec<(String, i64, String)>, OutboxError> {
    let rows = sql::query_as("SELECT id, attempts, run_id FROM outbox WHERE state = 'sending' ORDER BY id");
    Ok(rows.fetch_all(reads).await?)
}

/// A row under way that nobody sends any more waits again.
pub(super) async fn orphan(tx: &mut Connection, id: String, now: Timestamp) -> Result<(), OutboxError> {
    sql::query(
        "UPDATE outbox SET state = 'waiting', unclear = 1, run_id = '', next_ms = $2, changed_ms = $2 \
         WHERE id = $1 AND state = 'sending'",
    )
    .bind(id)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Does what a person decided about a row.
pub(super) async fn decide(
    tx: &mut Connection,
    id: &str,
    to: DeliveryState,
    now: Timestamp,
) -> Result<(), OutboxError> {
    let state: Option<String> =
        sql::query_scalar("SELECT state FROM outbox WHERE id = $1").bind(id).fetch_optional(&mut *tx).await?;
    let state = state.ok_or_else(|| OutboxError::NotFound("such delivery".to_owned()))?;
    if !matches!(state.as_str(), "waiting" | "failed") {
        return Err(OutboxError::Refused(format!(
            "the delivery is {state}; only one that waits or failed can be changed"
        )));
    }
    sql::query("UPDATE outbox SET state = $2, next_ms = $3, changed_ms = $3 WHERE id = $1")
        .bind(id)
        .bind(to.name())
        .bind(now.unix_ms())
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets what ended well or was dropped before a moment.
pub(super) async fn forget(tx: &mut Connection, before: Timestamp) -> Result<(), OutboxError> {
    sql::query("DELETE FROM outbox WHERE state IN ('done', 'dropped') AND changed_ms < $1")
        .bind(before.unix_ms())
        .execute(tx)
        .await?;
    Ok(())
}

/// How many rows of each desk are in each state.
pub(super) async fn counts(reads: &Reads) -> Result<Vec<(String, String, i64)>, OutboxError> {
    let rows = sql::query_as("SELECT desk, state, COUNT(*) FROM outbox GROUP BY desk, state ORDER BY desk, state");
    Ok(rows.fetch_all(reads).await?)
}

/// Deliveries, newest first.
pub(super) async fn list(
    reads: &Reads,
    state: Option<DeliveryState>,
    ticket: Option<&str>,
    limit: i64,
) -> Result<Vec<Delivery>, OutboxError> {
    let number = ticket.map(number_of).transpose().map_err(|error| OutboxError::NotFound(error.to_string()))?;
    let rows: Vec<DeliveryRow> = sql::query_as(
        "SELECT o.*, d.display_number FROM outbox o JOIN desk_tickets d ON d.ticket = o.ticket \
         WHERE ($1 IS NULL OR o.state = $1) AND ($2 IS NULL OR o.ticket = $2) ORDER BY o.id DESC LIMIT $3",
    )
    .bind(state.map(DeliveryState::name))
    .bind(number)
    .bind(limit.clamp(1, 500))
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// One delivery.
pub(super) async fn one(reads: &Reads, id: &str) -> Result<Delivery, OutboxError> {
    let row: Option<DeliveryRow> = sql::query_as(
        "SELECT o.*, d.display_number FROM outbox o JOIN desk_tickets d ON d.ticket = o.ticket WHERE o.id = $1",
    )
    .bind(id)
    .fetch_optional(reads)
    .await?;
    row.map(Delivery::from).ok_or_else(|| OutboxError::NotFound("such delivery".to_owned()))
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        let state = DeliveryState::from_name(&row.state).unwrap_or(DeliveryState::Failed);
        let kind = if row.note_id.is_some() { "note" } else { "change" };
        Self {
            words: if row.note_id.is_some() { "a note".to_owned() } else { change_words(&row.change) },
            ticket: display(row.ticket),
            number: row.display_number,
            kind: kind.to_owned(),
            attempts: row.attempts,
            made_at: Timestamp(row.made_ms),
            next_at: (state == DeliveryState::Waiting).then_some(Timestamp(row.next_ms)),
            changed_at: Timestamp(row.changed_ms),
            said: row.said,
            outcome: serde_json::from_str(&row.outcome).ok(),
            id: row.id,
            desk: row.desk,
            state,
        }
    }
}

/// `state resolved, priority P2`.
fn change_words(change: &str) -> String {
    let change: Change = serde_json::from_str(change).unwrap_or_default();
    let words = [
        change.state.map(|state| format!("state {}", state.name())),
        change.category.map(|category| format!("category {category}")),
        change.priority.map(|priority| format!("priority {priority:?}")),
        change.queue.map(|queue| format!("queue {queue}")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
