//! How tickets at other desks stand: read back, since people work there.
//!
//! Each open ticket is read every [`EVERY`], the one that was read longest ago first, a few at a time; one that ended is read
//! once more after its last change here. What still goes out to a ticket counts before what is read.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::debug;

use super::contract::{Found, TicketRef};
use super::outbox::{Outbox, OutboxError};
use super::tickets::{renamed, tidy};
use super::trouble::Trouble;
use crate::store::{Connection, sql};
use crate::ticket::{TicketState, display, unjudge_ticket};

/// How often an open ticket is read.
const EVERY: Duration = Duration::from_mins(10);
/// Tickets that are read at a time.
const AT_A_TIME: i64 = 2;

const DUE: &str = "SELECT d.ticket, d.desk, d.display_number, d.api_id FROM desk_tickets d
    JOIN tickets t ON t.number = d.ticket WHERE d.opening = ''
    AND ((t.state NOT IN ('resolved', 'closed') AND d.read_ms <= $1) OR d.read_ms < t.updated_at_ms)
    AND d.read_ms <= $2 ORDER BY d.read_ms, d.ticket LIMIT $3";

/// A ticket is not read again sooner, whatever is written onto it.
const AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// What was read of a ticket.
struct Stands {
    found: Found,
    /// What its state means; nothing when nobody knows.
    state: Option<TicketState>,
    closing: String,
}

impl Outbox {
    /// Reads tickets that were not read for long. To be called by the collector that keeps house.
    ///
    /// # Errors
    /// The database's; a desk that is away is asked again later.
    pub async fn follow(&self) -> Result<(), OutboxError> {
        let now = self.clock_now();
        let due: Vec<(i64, String, String, String)> = sql::query_as(DUE)
            .bind((now - EVERY).unix_ms())
            .bind((now - AT_MOST_EVERY).unix_ms())
            .bind(AT_A_TIME)
            .fetch_all(self.store().reads())
            .await?;
        let mut away: Vec<String> = Vec::new();
        for (number, desk, display_number, api_id) in due {
            if away.contains(&desk) {
                continue;
            }
            let read = self.stands(&desk, &TicketRef { display_number, api_id }).await;
            match read {
                Err(trouble) if trouble.passes() => {
                    debug!(desk, error = %trouble, "Tickets of desk {desk} cannot be read: {trouble}");
                    away.push(desk);
                }
                Err(_) | Ok(None) => self.read_at(number, None).await?,
                Ok(Some(stands)) => self.read_at(number, Some(stands)).await?,
            }
        }
        Ok(())
    }

    async fn stands(&self, desk: &str, ticket: &TicketRef) -> Result<Option<Stands>, Trouble> {
        let (settings, way) = self.desks().named(desk)?;
        let Some(found) = way.find(&ticket.display_number).await? else { return Ok(None) };
        let state = settings.meaning(&found.state);
        let ended = state.is_some_and(TicketState::is_over);
        let closing = if ended { way.closing(&found.ticket).await? } else { String::new() };
        Ok(Some(Stands { found, state, closing }))
    }

    async fn read_at(&self, number: i64, stands: Option<Stands>) -> Result<(), OutboxError> {
        let now = self.clock_now();
        let moved = self.store().write(move |tx| Box::pin(write_down(tx, number, stands, now))).await?;
        if moved {
            self.tell(&display(number));
        }
        Ok(())
    }
}

/// Writes down how a ticket stands; whether that is news.
async fn write_down(
    tx: &mut Connection,
    number: i64,
    stands: Option<Stands>,
    now: Timestamp,
) -> Result<bool, OutboxError> {
    let Some(Stands { found, state, closing }) = stands else {
        sql::query("UPDATE desk_tickets SET read_ms = $2 WHERE ticket = $1")
            .bind(number)
            .bind(now.unix_ms())
            .execute(tx)
            .await?;
        return Ok(false);
    };
    renamed(&mut *tx, number, found.ticket).await?;
    sql::query(
        "UPDATE desk_tickets SET read_ms = $2, url = $3, queue = $4, due_ms = $5, state_there = $6, closing = $7 \
         WHERE ticket = $1",
    )
    .bind(number)
    .bind(now.unix_ms())
    .bind(found.url)
    .bind(tidy(&found.queue))
    .bind(found.due.map(Timestamp::unix_ms))
    .bind(tidy(&found.state))
    .bind(tidy(&closing))
    .execute(&mut *tx)
    .await?;
    let Some(state) = state else { return Ok(false) };
    let moved = sql::query(
        "UPDATE tickets SET state = $2, updated_at_ms = $3 WHERE number = $1 AND state <> $2 AND NOT EXISTS \
         (SELECT 1 FROM outbox o WHERE o.ticket = $1 AND o.change <> '' AND o.state IN ('waiting', 'sending', 'failed'))",
    )
    .bind(number)
    .bind(state.name())
    .bind(now.unix_ms())
    .execute(&mut *tx)
    .await?;
    let moved = moved.rows_affected() > 0;
    if moved {
        unjudge_ticket(tx, number).await?;
    }
    Ok(moved)
}
