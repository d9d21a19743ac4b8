//! Tickets that are opened from here.
//!
//! A desk may find a new ticket only after a while, so after an answer that is not clear it is looked for when that time is over
//! ([`Outbox::looked_for_at`]), and only then opened again. Until it is there nothing else is sent for it. Should it have come
//! in or been brought meanwhile, the page that was made then is the one that goes on.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::rows::{AtTicket, Job};
use super::{Outbox, OutboxError};
use crate::desk::contract::{Desk, OutgoingTicket, TicketRef};
use crate::desk::trouble::Trouble;
use crate::store::{Connection, Reads, sql};
use crate::ticket::TicketState;

impl Outbox {
    /// Opens a ticket, unless the desk has it already.
    pub(super) async fn open(
        &self,
        job: &Job<AtTicket>,
        desk: &dyn Desk,
        order: &OutgoingTicket,
    ) -> Result<(), Trouble> {
        let there = if job.unclear { desk.created(&job.id).await? } else { None };
        let ticket = match there {
            Some(ticket) => ticket,
            None => desk.create(&OutgoingTicket { mark: job.id.clone(), ..order.clone() }).await?,
        };
        let (id, number, now) = (job.id.clone(), job.what.number, self.now());
        let stored = self.parts().store.write(move |tx| Box::pin(named(tx, id, number, ticket, now))).await;
        stored.map_err(|error: OutboxError| Trouble::away(error.to_string()).unclear())
    }

    /// When a row is tried again whose last attempt may have opened a ticket; at once when it opens none.
    pub(super) fn looked_for_at(&self, desk: &str, opens: bool, now: Timestamp) -> Timestamp {
        let found_within = self.parts().desks.named(desk).map_or(Duration::ZERO, |(_, way)| way.found_within());
        if opens { now + found_within } else { now }
    }

    /// Whether a ticket that is new at `desk` may be one that is being opened from here.
    pub(in crate::desk) async fn may_be_ours(&self, desk: &str) -> Result<bool, OutboxError> {
        may_be_ours(self.parts().store.reads(), desk).await
    }
}

async fn may_be_ours(reads: &Reads, desk: &str) -> Result<bool, OutboxError> {
    let count: i64 = sql::query_scalar(
        "SELECT COUNT(*) FROM outbox WHERE desk = $1 AND opening <> '' \
         AND (state = 'sending' OR (state = 'waiting' AND unclear = 1))",
    )
    .bind(desk)
    .fetch_one(reads)
    .await?;
    Ok(count > 0)
}

/// Writes down what a ticket is called there.
async fn named(
    tx: &mut Connection,
    id: String,
    number: i64,
    ticket: TicketRef,
    now: Timestamp,
) -> Result<(), OutboxError> {
    let other: Option<i64> = sql::query_scalar(
        "SELECT d.ticket FROM desk_tickets d JOIN outbox o ON o.desk = d.desk \
         WHERE o.id = $1 AND d.api_id = $2 AND d.ticket <> $3",
    )
    .bind(id.as_str())
    .bind(ticket.api_id.as_str())
    .bind(number)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(other) = other {
        return go_on_as(tx, number, other, now).await;
    }
    sql::query("UPDATE desk_tickets SET display_number = $2, api_id = $3, opening = '' WHERE ticket = $1")
        .bind(number)
        .bind(ticket.display_number)
        .bind(ticket.api_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// What was opened here has another page already: what waits goes there, and so does what alerts say from now on.
async fn go_on_as(tx: &mut Connection, number: i64, other: i64, now: Timestamp) -> Result<(), OutboxError> {
    for statement in [
        "UPDATE outbox SET ticket = $2 WHERE ticket = $1",
        "UPDATE alert_tickets SET ticket = $2 WHERE ticket = $1",
        "UPDATE tickets SET endpoint_id = (SELECT t.endpoint_id FROM tickets t WHERE t.number = $1) \
         WHERE number = $2 AND endpoint_id IS NULL",
    ] {
        sql::query(statement).bind(number).bind(other).execute(&mut *tx).await?;
    }
    sql::query("DELETE FROM desk_tickets WHERE ticket = $1").bind(number).execute(&mut *tx).await?;
    close(tx, number, now).await
}

/// The page of a ticket that is not opened stays as one of the built-in desk, and nothing goes out from it.
pub(super) async fn give_up(tx: &mut Connection, id: &str, now: Timestamp) -> Result<(), OutboxError> {
    let given_up: Option<i64> = sql::query_scalar("SELECT ticket FROM desk_tickets WHERE opening = $1")
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(number) = given_up else { return Ok(()) };
    sql::query(
        "UPDATE outbox SET state = 'dropped', changed_ms = $2 WHERE ticket = $1 AND state IN ('waiting', 'failed')",
    )
    .bind(number)
    .bind(now.unix_ms())
    .execute(&mut *tx)
    .await?;
    sql::query("DELETE FROM desk_tickets WHERE ticket = $1").bind(number).execute(tx).await?;
    Ok(())
}

async fn close(tx: &mut Connection, number: i64, now: Timestamp) -> Result<(), OutboxError> {
    sql::query("UPDATE tickets SET state = $2, updated_at_ms = $3 WHERE number = $1")
        .bind(number)
        .bind(TicketState::Closed.name())
        .bind(now.unix_ms())
        .execute(tx)
        .await?;
    Ok(())
}
