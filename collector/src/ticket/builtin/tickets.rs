//! Rows of tickets.

use firstline_diagnosis::vocabulary::{Impact, Priority, Timestamp, Urgency};

use super::number;
use crate::desk::outbox::push_change;
use crate::desk::{Change, Outside};
use crate::store::{Connection, Reads, StoreError, sql};
use crate::ticket::{
    ClosingCode, DeskError, NewTicket, Requester, Ticket, TicketEndpoint, TicketList, TicketQuery, TicketState,
    TicketUpdate,
};

/// Tickets on a page when nobody says how many, and at most.
const PAGE: (u32, u32) = (100, 500);

/// A ticket as it is stored, with the endpoint's name as it is now.
#[derive(Debug, sqlx::FromRow)]
struct TicketRow {
    number: i64,
    subject: String,
    body: String,
    requester_name: String,
    requester_email: String,
    requester_sign_in: String,
    endpoint_id: Option<String>,
    endpoint_name: Option<String>,
    state: String,
    closing: String,
    category: String,
    impact: Option<String>,
    urgency: Option<String>,
    opened_at_ms: i64,
    updated_at_ms: i64,
    opened_by: String,
    handed_to: String,
    outside_desk: Option<String>,
    display_number: Option<String>,
    api_id: Option<String>,
    url: Option<String>,
    queue: Option<String>,
    state_there: Option<String>,
    closing_there: Option<String>,
    device: Option<String>,
    due_ms: Option<i64>,
    why: Option<String>,
}

impl TicketRow {
    /// Where it stands, when it is another desk's.
    fn outside(&mut self) -> Option<Outside> {
        Some(Outside {
            desk: self.outside_desk.take()?,
            number: self.display_number.take()?,
            api_id: self.api_id.take()?,
            url: self.url.take()?,
            queue: self.queue.take()?,
            state: self.state_there.take()?,
            closing: self.closing_there.take()?,
            device: self.device.take()?,
            due: self.due_ms.map(Timestamp),
            why: self.why.take()?,
        })
    }
}

/// Stores a ticket and gives its number.
pub(crate) async fn insert(
    tx: &mut Connection,
    order: NewTicket,
    who: String,
    now: Timestamp,
) -> Result<i64, DeskError> {
    let (number,): (i64,) = sql::query_as("SELECT COALESCE(MAX(number) + 1, $1) FROM tickets")
        .bind(number::FIRST)
        .fetch_one(&mut *tx)
        .await?;
    sql::query(
        "INSERT INTO tickets (number, subject, body, requester_name, requester_email, requester_sign_in, endpoint_id, \
         state, category, opened_at_ms, updated_at_ms, opened_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $9, $10)",
    )
    .bind(number)
    .bind(order.subject)
    .bind(order.text)
    .bind(order.requester.name)
    .bind(order.requester.email)
    .bind(order.requester.sign_in)
    .bind(order.endpoint)
    .bind(TicketState::New.name())
    .bind(now.unix_ms())
    .bind(who)
    .execute(&mut *tx)
    .await?;
    Ok(number)
}

/// Changes what is said, and the time of the last change.
pub(super) async fn update(
    tx: &mut Connection,
    number: i64,
    update: TicketUpdate,
    now: Timestamp,
) -> Result<(), DeskError> {
    // What is opened again has not ended.
    let reopened = update.state.is_some_and(|state| !state.is_over()).then_some("");
    let done = sql::query(
        "UPDATE tickets SET state = COALESCE($2, state), subject = COALESCE($3, subject), \
         endpoint_id = COALESCE($4, endpoint_id), category = COALESCE($5, category), impact = COALESCE($6, impact), \
         urgency = COALESCE($7, urgency), closing = COALESCE($9, closing), updated_at_ms = $8 WHERE number = $1",
    )
    .bind(number)
    .bind(update.state.map(TicketState::name))
    .bind(update.subject)
    .bind(update.endpoint)
    .bind(update.category)
    .bind(update.impact.map(|impact| format!("{impact:?}")))
    .bind(update.urgency.map(|urgency| format!("{urgency:?}")))
    .bind(now.unix_ms())
    .bind(update.closing.map(ClosingCode::name).or(reopened))
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Err(missing(number));
    }
    // Where it is another desk's, how it stands there is read soon.
    sql::query("UPDATE desk_tickets SET next_read_ms = 0 WHERE ticket = $1").bind(number).execute(tx).await?;
    Ok(())
}

/// Changes what is said, here and at the ticket's own desk.
pub(crate) async fn change(
    tx: &mut Connection,
    number: i64,
    order: TicketUpdate,
    now: Timestamp,
) -> Result<(), DeskError> {
    let change = outgoing(tx, number, &order).await?;
    if order.closing.is_some() {
        closes(tx, number, &order).await?;
    }
    let ends = order.state.is_some() || order.closing.is_some();
    update(tx, number, order, now).await?;
    if ends {
        unjudge(tx, number).await?;
    }
    if !change.is_empty() {
        push_change(tx, number, &change, now).await?;
    }
    Ok(())
}

/// Refuses a closing code where there is nothing to close.
async fn closes(tx: &mut Connection, number: i64, update: &TicketUpdate) -> Result<(), DeskError> {
    let row: Option<(String, Option<String>)> = sql::query_as(
        "SELECT t.state, d.desk FROM tickets t LEFT JOIN desk_tickets d ON d.ticket = t.number WHERE t.number = $1",
    )
    .bind(number)
    .fetch_optional(tx)
    .await?;
    let (state, desk) = row.ok_or_else(|| missing(number))?;
    let number = number::display(number);
    if let Some(desk) = desk {
        return Err(DeskError::Refused(format!("how {number} ended is said at desk {desk}, whose ticket it is")));
    }
    let state = update.state.or_else(|| TicketState::from_name(&state)).unwrap_or_default();
    if state.is_over() {
        return Ok(());
    }
    Err(DeskError::Refused(format!(
        "{number} is {}: a closing code goes with the state resolved or closed",
        state.name()
    )))
}

/// What was said of an alert's ticket when it ended is said anew.
pub(crate) async fn unjudge(tx: &mut Connection, number: i64) -> Result<(), StoreError> {
    sql::query("UPDATE alert_tickets SET verdict = '', closing = '' WHERE ticket = $1 AND verdict <> ''")
        .bind(number)
        .execute(tx)
        .await?;
    Ok(())
}

/// What an update changes of what another desk has, too.
async fn outgoing(tx: &mut Connection, number: i64, update: &TicketUpdate) -> Result<Change, DeskError> {
    let now: Option<(Option<String>, Option<String>)> =
        sql::query_as("SELECT impact, urgency FROM tickets WHERE number = $1").bind(number).fetch_optional(tx).await?;
    let (was_impact, was_urgency) = now.unwrap_or_default();
    let moved = update.impact.is_some() || update.urgency.is_some();
    let impact = update.impact.or_else(|| was_impact.as_deref().and_then(impact));
    let urgency = update.urgency.or_else(|| was_urgency.as_deref().and_then(urgency));
    let priority = impact.zip(urgency).map(|(impact, urgency)| Priority::of(impact, urgency));
    Ok(Change {
        state: update.state,
        category: update.category.clone(),
        priority: priority.filter(|_| moved),
        queue: None,
    })
}

/// The ticket without notes and attachments.
pub(super) async fn row(reads: &Reads, number: i64) -> Result<Ticket, DeskError> {
    let row: Option<TicketRow> = sql::query_as(
        "SELECT t.*, e.name AS endpoint_name, d.desk AS outside_desk, d.display_number, d.api_id, d.url, d.queue, d.state_there, \
         d.closing AS closing_there, d.device, d.due_ms, d.why FROM tickets t LEFT JOIN endpoints e ON e.id = t.endpoint_id \
         LEFT JOIN desk_tickets d ON d.ticket = t.number WHERE t.number = $1",
    )
    .bind(number)
    .fetch_optional(reads)
    .await?;
    row.map(Ticket::from).ok_or_else(|| missing(number))
}

/// Tickets that match, newest first.
pub(super) async fn list(reads: &Reads, query: &TicketQuery) -> Result<TicketList, DeskError> {
    let limit = i64::from(query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1));
    let after = query.after.as_deref().map(number::parse).transpose()?;
    let words = query.search.as_deref().map(str::trim).filter(|words| !words.is_empty()).map(sql::containing);
    let rows: Vec<TicketRow> = sql::query_as(
        "SELECT t.*, e.name AS endpoint_name, d.desk AS outside_desk, d.display_number, d.api_id, d.url, d.queue, d.state_there, \
         d.closing AS closing_there, d.device, d.due_ms, d.why FROM tickets t LEFT JOIN endpoints e ON e.id = t.endpoint_id \
         LEFT JOIN desk_tickets d ON d.ticket = t.number WHERE ($1 IS NULL OR t.number < $1) AND ($2 IS NULL OR t.state = $2) \
         AND ($3 = 0 OR t.state NOT IN ('resolved', 'closed')) AND ($4 IS NULL OR t.endpoint_id = $4) \
         AND ($5 IS NULL OR LOWER('fl-' || t.number || ' ' || t.subject || ' ' || t.requester_name || ' ' || \
         t.requester_email || ' ' || t.requester_sign_in || ' ' || COALESCE(e.name, '') || ' ' || \
         COALESCE(d.desk || ' ' || d.display_number, '')) LIKE $5 ESCAPE '!') \
         ORDER BY t.number DESC LIMIT $6",
    )
    .bind(after)
    .bind(query.state.map(TicketState::name))
    .bind(i64::from(query.open))
    .bind(query.endpoint.as_deref())
    .bind(words)
    .bind(limit + 1)
    .fetch_all(reads)
    .await?;
    let mut tickets: Vec<Ticket> = rows.into_iter().map(Ticket::from).collect();
    let more = tickets.len() as i64 > limit;
    tickets.truncate(limit as usize);
    let next = more.then(|| tickets.last().map(|ticket| ticket.number.clone())).flatten();
    Ok(TicketList { tickets, next })
}

/// Remembers that something about the ticket changed; an error when there is no such ticket.
pub(super) async fn touch(tx: &mut Connection, number: i64, now: Timestamp) -> Result<(), DeskError> {
    update(tx, number, TicketUpdate::default(), now).await
}

fn missing(number: i64) -> DeskError {
    DeskError::NotFound(format!("ticket {}", number::display(number)))
}

impl From<TicketRow> for Ticket {
    fn from(mut row: TicketRow) -> Self {
        let outside = row.outside();
        let impact = row.impact.as_deref().and_then(impact);
        let urgency = row.urgency.as_deref().and_then(urgency);
        let name = row.endpoint_name;
        let endpoint = row.endpoint_id.map(|id| TicketEndpoint { name: name.unwrap_or_else(|| id.clone()), id });
        Self {
            desk: outside.as_ref().map_or(super::NAME, |outside| outside.desk.as_str()).to_owned(),
            outside,
            number: number::display(row.number),
            api_id: row.number.to_string(),
            subject: row.subject,
            text: row.body,
            requester: Requester {
                name: row.requester_name,
                email: row.requester_email,
                sign_in: row.requester_sign_in,
            },
            endpoint,
            state: TicketState::from_name(&row.state).unwrap_or_default(),
            closing: ClosingCode::from_name(&row.closing),
            category: row.category,
            impact,
            urgency,
            priority: impact.zip(urgency).map(|(impact, urgency)| Priority::of(impact, urgency)),
            opened_at: Timestamp(row.opened_at_ms),
            updated_at: Timestamp(row.updated_at_ms),
            opened_by: row.opened_by,
            handed_to: row.handed_to,
            notes: Vec::new(),
            attachments: Vec::new(),
        }
    }
}

fn impact(name: &str) -> Option<Impact> {
    [Impact::I1, Impact::I2, Impact::I3].into_iter().find(|impact| format!("{impact:?}") == name)
}

fn urgency(name: &str) -> Option<Urgency> {
    [Urgency::U1, Urgency::U2, Urgency::U3].into_iter().find(|urgency| format!("{urgency:?}") == name)
}
