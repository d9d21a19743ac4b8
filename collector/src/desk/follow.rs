//! How tickets at other desks stand: read back, since people work there.
//!
//! A ticket is read the less often the longer nothing has happened on it ([`AGES`]), the one that was read longest ago first, a
//! few at a time. One that ended is read again for [`REOPENED_WITHIN`], since people open tickets again and say later how they
//! ended; what follows from its words is judged anew then. A desk that is left alone is not read. What still goes out to a
//! ticket counts before what is read.

#[cfg(test)]
mod tests;

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::debug;

use super::contract::{Found, TicketRef};
use super::outbox::{Outbox, OutboxError};
use super::tickets::{renamed, tidy};
use super::trouble::{Trouble, TroubleKind};
use crate::store::{Connection, sql};
use crate::ticket::ending::MERGED;
use crate::ticket::{TicketState, display, unjudge_ticket};

const DAY: Duration = Duration::from_hours(24);
/// How often an open ticket is read that last changed within a time. One that has stood still for longer is left alone, until
/// something happens to it here or its desk calls.
const AGES: [(Duration, Duration); 3] = [
    (DAY, Duration::from_mins(10)),
    (Duration::from_hours(7 * 24), Duration::from_hours(1)),
    (Duration::from_hours(365 * 24), DAY),
];
/// How long after it ended a ticket is read, once a day.
const REOPENED_WITHIN: Duration = Duration::from_hours(30 * 24);
/// A ticket is not read again sooner, whatever is written onto it.
const AT_MOST_EVERY: Duration = Duration::from_mins(1);
/// Tickets of a desk that are read at a time.
const AT_A_TIME: i64 = 2;

const DUE: &str = "SELECT d.ticket, d.display_number, d.api_id FROM desk_tickets d
    JOIN tickets t ON t.number = d.ticket WHERE d.desk = $1 AND d.opening = '' AND d.read_ms <= $2
    AND (d.read_ms < t.updated_at_ms
    OR (t.state IN ('resolved', 'closed') AND d.read_ms <= $3 AND t.updated_at_ms > $4)
    OR (t.state NOT IN ('resolved', 'closed') AND ((d.read_ms <= $5 AND t.updated_at_ms > $6)
    OR (d.read_ms <= $7 AND t.updated_at_ms > $8) OR (d.read_ms <= $9 AND t.updated_at_ms > $10))))
    ORDER BY d.read_ms, d.ticket LIMIT $11";

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
        for configured in self.desks().all() {
            self.follow_at(&configured.settings.name).await?;
        }
        Ok(())
    }

    async fn follow_at(&self, desk: &str) -> Result<(), OutboxError> {
        if !self.may_read(desk) {
            return Ok(());
        }
        for (number, display_number, api_id) in self.unread(desk).await? {
            let read = self.stands(desk, &TicketRef { display_number, api_id }).await;
            let trouble = read.as_ref().err().filter(|trouble| trouble.passes());
            self.was_read(desk, trouble);
            if let Some(trouble) = trouble {
                debug!(desk, error = %trouble, "Tickets of desk {desk} cannot be read: {trouble}");
                // An answer that is none may be about this ticket alone: others come first the next time.
                if trouble.kind == TroubleKind::Odd {
                    self.read_at(number, None).await?;
                }
                return Ok(());
            }
            self.read_at(number, read.ok().flatten()).await?;
        }
        Ok(())
    }

    /// Tickets of a desk whose time has come.
    async fn unread(&self, desk: &str) -> Result<Vec<(i64, String, String)>, OutboxError> {
        let now = self.clock_now();
        let before = |age: Duration| (now - age).unix_ms();
        let due =
            sql::query_as(DUE).bind(desk).bind(before(AT_MOST_EVERY)).bind(before(DAY)).bind(before(REOPENED_WITHIN));
        let due = AGES.iter().fold(due, |due, (age, every)| due.bind(before(*every)).bind(before(*age)));
        Ok(due.bind(AT_A_TIME).fetch_all(self.store().reads()).await?)
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
    let is_own = renamed(&mut *tx, number, found.ticket.clone()).await?;
    // What it is part of now has a page of its own, and ends there.
    let words = if is_own { (tidy(&found.state), tidy(&closing)) } else { (MERGED.to_owned(), String::new()) };
    let said = kept(&mut *tx, number, found, words, now).await?;
    let moved = match state {
        Some(state) => stand(&mut *tx, number, state, now).await?,
        None => false,
    };
    if said || moved {
        unjudge_ticket(tx, number).await?;
    }
    Ok(said || moved)
}

/// Keeps what the desk says of a ticket; whether its state or its closing code is another one than before.
async fn kept(
    tx: &mut Connection,
    number: i64,
    found: Found,
    (state, closing): (String, String),
    now: Timestamp,
) -> Result<bool, OutboxError> {
    let before: Option<(String, String)> =
        sql::query_as("SELECT state_there, closing FROM desk_tickets WHERE ticket = $1")
            .bind(number)
            .fetch_optional(&mut *tx)
            .await?;
    sql::query(
        "UPDATE desk_tickets SET read_ms = $2, url = $3, queue = $4, due_ms = $5, state_there = $6, closing = $7 \
         WHERE ticket = $1",
    )
    .bind(number)
    .bind(now.unix_ms())
    .bind(found.url)
    .bind(tidy(&found.queue))
    .bind(found.due.map(Timestamp::unix_ms))
    .bind(state.as_str())
    .bind(closing.as_str())
    .execute(tx)
    .await?;
    Ok(before.is_some_and(|before| before != (state, closing)))
}

/// Moves the page to a state, unless what goes out changes it; whether it was in another one.
async fn stand(tx: &mut Connection, number: i64, state: TicketState, now: Timestamp) -> Result<bool, OutboxError> {
    let moved = sql::query(
        "UPDATE tickets SET state = $2, updated_at_ms = $3 WHERE number = $1 AND state <> $2 AND NOT EXISTS \
         (SELECT 1 FROM outbox o WHERE o.ticket = $1 AND o.change <> '' AND o.state IN ('waiting', 'sending', 'failed'))",
    )
    .bind(number)
    .bind(state.name())
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(moved.rows_affected() > 0)
}
