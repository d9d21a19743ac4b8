//! How tickets at other desks stand: read back, since people work there.
//!
//! A ticket is read the less often the longer nothing has happened on it ([`AGES`]), the one whose time came first, a few at a
//! time. One that ended is read again for [`REOPENED_WITHIN`], since people open tickets again and say later how they
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

const DUE: &str = "SELECT ticket, display_number, api_id FROM desk_tickets
    WHERE desk = $1 AND opening = '' AND next_read_ms <= $2 AND read_ms <= $3 ORDER BY next_read_ms, ticket LIMIT $4";

/// When a ticket is read again that was read now; one that is left alone never is.
pub(crate) fn next_read(is_over: bool, updated_at: Timestamp, now: Timestamp) -> Timestamp {
    let ages = if is_over { &[(REOPENED_WITHIN, DAY)] } else { AGES.as_slice() };
    let times = ages.iter().map(|(age, every)| (now + *every, updated_at + *age));
    times.filter(|(next, until)| next < until).map(|(next, _)| next).min().unwrap_or(Timestamp(i64::MAX))
}

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
        for (number, display_number, api_id) in self.due_to_read(desk).await? {
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

    /// Tickets of a desk whose time has come, the one first whose came first.
    async fn due_to_read(&self, desk: &str) -> Result<Vec<(i64, String, String)>, OutboxError> {
        let now = self.now();
        let due = sql::query_as(DUE).bind(desk).bind(now.unix_ms()).bind((now - AT_MOST_EVERY).unix_ms());
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
        let now = self.now();
        let moved = self.store().write(move |tx| Box::pin(write_down(tx, number, stands, now))).await?;
        if moved {
            self.tell(&display(number));
        }
        Ok(())
    }
}

/// Writes down how a ticket stands, and when it is read again; whether that is news.
async fn write_down(
    tx: &mut Connection,
    number: i64,
    stands: Option<Stands>,
    now: Timestamp,
) -> Result<bool, OutboxError> {
    let is_news = match stands {
        Some(stands) => is_news(&mut *tx, number, stands, now).await?,
        None => false,
    };
    let (state, updated_at): (String, i64) =
        sql::query_as("SELECT state, updated_at_ms FROM tickets WHERE number = $1")
            .bind(number)
            .fetch_one(&mut *tx)
            .await?;
    let is_over = TicketState::from_name(&state).is_some_and(TicketState::is_over);
    sql::query("UPDATE desk_tickets SET read_ms = $2, next_read_ms = $3 WHERE ticket = $1")
        .bind(number)
        .bind(now.unix_ms())
        .bind(next_read(is_over, Timestamp(updated_at), now).unix_ms())
        .execute(tx)
        .await?;
    Ok(is_news)
}

/// Writes down what was read of a ticket; whether that is news.
async fn is_news(
    tx: &mut Connection,
    number: i64,
    Stands { found, state, closing }: Stands,
    now: Timestamp,
) -> Result<bool, OutboxError> {
    let is_own = renamed(&mut *tx, number, found.ticket.clone()).await?;
    // What it is part of now has a page of its own, and ends there.
    let words = if is_own { (tidy(&found.state), tidy(&closing)) } else { (MERGED.to_owned(), String::new()) };
    let said = kept(&mut *tx, number, found, words).await?;
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
) -> Result<bool, OutboxError> {
    let before: Option<(String, String)> =
        sql::query_as("SELECT state_there, closing FROM desk_tickets WHERE ticket = $1")
            .bind(number)
            .fetch_optional(&mut *tx)
            .await?;
    sql::query(
        "UPDATE desk_tickets SET url = $2, queue = $3, due_ms = $4, state_there = $5, closing = $6 WHERE ticket = $1",
    )
    .bind(number)
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
