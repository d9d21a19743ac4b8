//! Rows of the outbox.

use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::{OutboxError, opening};
use crate::desk::contract::{Change, Noted, OutgoingTicket, TicketRef};
use crate::desk::output::Event;
use crate::desk::{Delivery, DeliveryState};
use crate::store::{Connection, Reads, sql};
use crate::ticket::{display, number_of};

/// A row that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Job<W> {
    pub(super) id: String,
    pub(super) desk: String,
    pub(super) attempts: i64,
    pub(super) unclear: bool,
    /// What it tells.
    pub(super) what: W,
}

/// What a row tells that is sent, for the outbox itself.
pub(super) trait Told {
    /// The number here of the ticket that it is for.
    fn ticket(&self) -> Option<i64>;
    /// Whether it opens that.
    fn opens(&self) -> bool;
}

/// What a row tells a desk.
#[derive(Debug, Clone)]
pub(super) struct AtTicket {
    /// The ticket's number here.
    pub(super) number: i64,
    /// The ticket there.
    pub(super) ticket: TicketRef,
    pub(super) order: Order,
}

impl Told for AtTicket {
    fn ticket(&self) -> Option<i64> {
        Some(self.number)
    }

    fn opens(&self) -> bool {
        matches!(self.order, Order::Open(_))
    }
}

impl Told for Event {
    fn ticket(&self) -> Option<i64> {
        None
    }

    fn opens(&self) -> bool {
        false
    }
}

/// What is ordered of a ticket.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// The note with this id.
    Note(String),
    /// Fields.
    Change(Change),
    /// The ticket itself.
    Open(Box<OutgoingTicket>),
}

/// How an attempt ended.
#[derive(Debug, Clone)]
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
    ticket: Option<i64>,
    display_number: Option<String>,
    note_id: Option<String>,
    change: String,
    opening: String,
    event: String,
    state: String,
    attempts: i64,
    made_ms: i64,
    next_ms: i64,
    changed_ms: i64,
    said: String,
    outcome: String,
}

/// Puts a new ticket into the outbox: the page here with this number is to be one at `desk`, too.
pub(crate) async fn push_opening(
    tx: &mut Connection,
    ticket: i64,
    desk: &str,
    order: &OutgoingTicket,
    now: Timestamp,
) -> Result<(), sql::Error> {
    let id = Uuid::now_v7().to_string();
    // Until it has its name there, it has that of the row that opens it.
    sql::query(
        "INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, due_ms, attended, why, opening) \
         VALUES ($1, $2, '', $3, '', $4, '', NULL, 1, '', $3)",
    )
    .bind(ticket)
    .bind(desk)
    .bind(id.as_str())
    .bind(order.queue.as_str())
    .execute(&mut *tx)
    .await?;
    push(tx, &id, ticket, What { opening: encoded(order)?, ..What::default() }, now).await
}

/// Puts a note into the outbox, when its ticket is another desk's.
pub(crate) async fn push_note(tx: &mut Connection, ticket: i64, note: &str, now: Timestamp) -> Result<(), sql::Error> {
    push(tx, &Uuid::now_v7().to_string(), ticket, What { note: Some(note), ..What::default() }, now).await
}

/// Puts changed fields into the outbox, when their ticket is another desk's.
pub(crate) async fn push_change(
    tx: &mut Connection,
    ticket: i64,
    change: &Change,
    now: Timestamp,
) -> Result<(), sql::Error> {
    let what = What { change: encoded(change)?, ..What::default() };
    push(tx, &Uuid::now_v7().to_string(), ticket, what, now).await
}

/// A document as it is stored.
pub(super) fn encoded(document: &impl serde::Serialize) -> Result<String, sql::Error> {
    serde_json::to_string(document).map_err(|error| sql::Error::Encode(Box::new(error)))
}

/// A document as it was stored.
pub(super) fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, sql::Error> {
    serde_json::from_str(text).map_err(|error| sql::Error::Decode(Box::new(error)))
}

/// What a new row tells: one of the three.
#[derive(Debug, Default)]
struct What<'a> {
    note: Option<&'a str>,
    change: String,
    opening: String,
}

async fn push(tx: &mut Connection, id: &str, ticket: i64, what: What<'_>, now: Timestamp) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO outbox (id, desk, ticket, note_id, change, opening, state, attempts, unclear, run_id, made_ms, next_ms, \
         changed_ms, said, outcome) SELECT $1, desk, ticket, $3, $4, $5, 'waiting', 0, 0, '', $6, $6, $6, '', '' \
         FROM desk_tickets WHERE ticket = $2",
    )
    .bind(id)
    .bind(ticket)
    .bind(what.note)
    .bind(what.change)
    .bind(what.opening)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Desks and outputs with rows whose time has come, and whether those are events.
pub(super) async fn due(reads: &Reads, now: Timestamp) -> Result<Vec<(String, bool)>, OutboxError> {
    let due: Vec<(String, i64)> = sql::query_as(
        "SELECT DISTINCT desk, CAST(CASE WHEN thread = '' THEN 0 ELSE 1 END AS BIGINT) FROM outbox \
         WHERE state = 'waiting' AND next_ms <= $1 ORDER BY desk",
    )
    .bind(now.unix_ms())
    .fetch_all(reads)
    .await?;
    Ok(due.into_iter().map(|(desk, events)| (desk, events != 0)).collect())
}

/// A row is on its way.
pub(super) async fn begin(tx: &mut Connection, id: &str, run_id: &str, now: Timestamp) -> Result<(), OutboxError> {
    sql::query(
        "UPDATE outbox SET state = 'sending', run_id = $2, attempts = attempts + 1, changed_ms = $3 WHERE id = $1",
    )
    .bind(id)
    .bind(run_id)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the oldest row of a desk whose time has come and before which nothing waits on its ticket. What is for a ticket that
/// is not there yet waits, whatever becomes of the row that opens it.
pub(super) async fn claim(
    tx: &mut Connection,
    desk: String,
    run_id: String,
    now: Timestamp,
) -> Result<Option<Job<AtTicket>>, OutboxError> {
    type Row = (String, i64, Option<String>, String, String, i64, i64, String, String);
    let row: Option<Row> = sql::query_as(
        "SELECT o.id, o.ticket, o.note_id, o.change, o.opening, o.attempts, o.unclear, d.display_number, d.api_id \
         FROM outbox o JOIN desk_tickets d ON d.ticket = o.ticket \
         WHERE o.desk = $1 AND o.state = 'waiting' AND o.next_ms <= $2 AND d.opening IN ('', o.id) AND NOT EXISTS (SELECT 1 FROM outbox e \
         WHERE e.ticket = o.ticket AND e.state IN ('waiting', 'sending') AND e.id < o.id) ORDER BY o.id LIMIT 1",
    )
    .bind(desk.as_str())
    .bind(now.unix_ms())
    .fetch_optional(&mut *tx)
    .await?;
    let Some((id, number, note, change, opening, attempts, unclear, display_number, api_id)) = row else {
        return Ok(None);
    };
    begin(tx, &id, &run_id, now).await?;
    let order = match note {
        Some(note) => Order::Note(note),
        None if !opening.is_empty() => Order::Open(decoded(&opening)?),
        // What we wrote ourselves reads back; fields that a newer program knows are left as they are.
        None => Order::Change(serde_json::from_str(&change).unwrap_or_default()),
    };
    let what = AtTicket { number, ticket: TicketRef { display_number, api_id }, order };
    Ok(Some(Job { id, desk, attempts: attempts + 1, unclear: unclear != 0, what }))
}

/// Writes down how the attempt at a row (by id and attempt) ended, unless it was taken over meanwhile.
pub(super) async fn end(
    tx: &mut Connection,
    (id, attempts): &(String, i64),
    run_id: &str,
    end: End,
    now: Timestamp,
) -> Result<(), OutboxError> {
    let outcome = end.outcome.and_then(|outcome| serde_json::to_string(&outcome).ok()).unwrap_or_default();
    sql::query(
        "UPDATE outbox SET state = $4, unclear = $5, next_ms = $6, said = $7, outcome = $8, changed_ms = $9, run_id = '' \
         WHERE id = $1 AND run_id = $2 AND attempts = $3 AND state = 'sending'",
    )
    .bind(id)
    .bind(run_id)
    .bind(*attempts)
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

/// A row under way.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Sending {
    pub(super) id: String,
    pub(super) desk: String,
    pub(super) attempts: i64,
    /// Who sends it.
    pub(super) run_id: String,
    /// What opens a ticket; empty otherwise.
    pub(super) opening: String,
}

/// Rows under way.
pub(super) async fn sending(reads: &Reads) -> Result<Vec<Sending>, OutboxError> {
    let rows =
        sql::query_as("SELECT id, desk, attempts, run_id, opening FROM outbox WHERE state = 'sending' ORDER BY id");
    Ok(rows.fetch_all(reads).await?)
}

/// A row under way that nobody sends any more waits again, until `next`.
pub(super) async fn orphan(
    tx: &mut Connection,
    id: String,
    next: Timestamp,
    now: Timestamp,
) -> Result<(), OutboxError> {
    sql::query(
        "UPDATE outbox SET state = 'waiting', unclear = 1, run_id = '', next_ms = $2, changed_ms = $3 \
         WHERE id = $1 AND state = 'sending'",
    )
    .bind(id)
    .bind(next.unix_ms())
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
    // A ticket that may be there is not opened anew before the desk can tell.
    sql::query(
        "UPDATE outbox SET state = $2, changed_ms = $3, next_ms = CASE WHEN opening <> '' AND unclear = 1 \
         AND next_ms > $3 THEN next_ms ELSE $3 END WHERE id = $1",
    )
    .bind(id)
    .bind(to.name())
    .bind(now.unix_ms())
    .execute(&mut *tx)
    .await?;
    if to == DeliveryState::Dropped { opening::give_up(tx, id, now).await } else { Ok(()) }
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
        "SELECT o.*, d.display_number FROM outbox o LEFT JOIN desk_tickets d ON d.ticket = o.ticket \
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
        "SELECT o.*, d.display_number FROM outbox o LEFT JOIN desk_tickets d ON d.ticket = o.ticket WHERE o.id = $1",
    )
    .bind(id)
    .fetch_optional(reads)
    .await?;
    row.map(Delivery::from).ok_or_else(|| OutboxError::NotFound("such delivery".to_owned()))
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        let state = DeliveryState::from_name(&row.state).unwrap_or(DeliveryState::Failed);
        let (kind, words) = match row.note_id {
            None if !row.event.is_empty() => ("event", event_words(&row.event)),
            Some(_) => ("note", "a note".to_owned()),
            None if row.opening.is_empty() => ("change", change_words(&row.change)),
            None => ("opening", "a new ticket".to_owned()),
        };
        Self {
            words,
            ticket: row.ticket.map(display).unwrap_or_default(),
            number: row.display_number.unwrap_or_default(),
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

/// `alert raised: The disk is nearly full (PC-17)`.
fn event_words(event: &str) -> String {
    decoded::<Event>(event).map_or_else(|_| "an event of a newer program".to_owned(), |event| event.words())
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
