//! Pages here for tickets of other desks.

use firstline_diagnosis::vocabulary::Timestamp;

use super::contract::{Found, TicketRef};
use super::outbox::{Outbox, OutboxError};
use crate::store::{Connection, sql};
use crate::ticket::rich_text::clean_line;
use crate::ticket::{DeskError, NewTicket, Ticket, bounded_order, insert_ticket};

/// Longest word of another desk that is kept, in letters.
const WORD_LETTERS: usize = 200;

impl Outbox {
    /// The page of the ticket that people at `desk` call `number`; made when there is none.
    ///
    /// # Errors
    /// When there is no such desk or ticket, or the desk refuses.
    pub async fn bring(&self, desk: &str, number: &str, who: &str) -> Result<Ticket, OutboxError> {
        if !self.desks().all().iter().any(|one| one.settings.name == desk) {
            let names: Vec<&str> = self.desks().all().iter().map(|one| one.settings.name.as_str()).collect();
            let there =
                if names.is_empty() { "none is set up".to_owned() } else { format!("there are: {}", names.join(", ")) };
            return Err(OutboxError::NotFound(format!("desk {desk:?}; {there}")));
        }
        let refused = |trouble| OutboxError::Desk(desk.to_owned(), trouble);
        let (_, way) = self.desks().named(desk).map_err(refused)?;
        let found = way.find(number).await.map_err(refused)?;
        let found = found.ok_or_else(|| OutboxError::NotFound(format!("ticket {number:?} at desk {desk}")))?;
        let (number, _) = self.page(desk, found, who, true).await?;
        self.read(number).await
    }

    /// The number of a ticket's page here, and whether it is new. One that a person fetched is seen to by that person.
    pub(super) async fn page(
        &self,
        desk: &str,
        found: Found,
        who: &str,
        attended: bool,
    ) -> Result<(i64, bool), OutboxError> {
        let (desk, who, now) = (desk.to_owned(), who.to_owned(), self.now());
        self.store().write(move |tx| Box::pin(make(tx, desk, found, who, attended, now))).await
    }

    /// A ticket by its number here.
    pub(super) async fn read(&self, number: i64) -> Result<Ticket, OutboxError> {
        self.builtin().show(&number.to_string()).await.map_err(OutboxError::from)
    }
}

async fn make(
    tx: &mut Connection,
    desk: String,
    found: Found,
    who: String,
    attended: bool,
    now: Timestamp,
) -> Result<(i64, bool), OutboxError> {
    let there: Option<i64> = sql::query_scalar("SELECT ticket FROM desk_tickets WHERE desk = $1 AND api_id = $2")
        .bind(desk.as_str())
        .bind(found.ticket.api_id.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(number) = there {
        return Ok((number, false));
    }
    let order = NewTicket { requester: found.requester, subject: found.subject, text: found.text, endpoint: None };
    let number = insert_ticket(tx, bounded_order(order), who, now).await?;
    sql::query(
        "INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, due_ms, attended, why) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '')",
    )
    .bind(number)
    .bind(desk)
    .bind(tidy(&found.ticket.display_number))
    .bind(found.ticket.api_id)
    .bind(found.url)
    .bind(tidy(&found.queue))
    .bind(tidy(&found.device))
    .bind(found.due.map(Timestamp::unix_ms))
    .bind(i64::from(attended))
    .execute(tx)
    .await?;
    Ok((number, true))
}

/// Writes down by which names the ticket of a page goes now; not when it has become one that has a page of its own. Whether the
/// page goes by them.
pub(super) async fn renamed(tx: &mut Connection, number: i64, ticket: TicketRef) -> Result<bool, OutboxError> {
    let renamed = sql::query(
        "UPDATE desk_tickets SET display_number = $2, api_id = $3 WHERE ticket = $1 AND NOT EXISTS \
         (SELECT 1 FROM desk_tickets d WHERE d.desk = desk_tickets.desk AND d.api_id = $3 AND d.ticket <> $1)",
    )
    .bind(number)
    .bind(tidy(&ticket.display_number))
    .bind(ticket.api_id)
    .execute(tx)
    .await?;
    Ok(renamed.rows_affected() > 0)
}

/// A word of another desk as it is kept: on one line, and not endless.
pub(super) fn tidy(text: &str) -> String {
    clean_line(text).chars().take(WORD_LETTERS).collect()
}

impl From<DeskError> for OutboxError {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound(what) => Self::NotFound(what),
            DeskError::Refused(why) => Self::Refused(why),
            DeskError::Store(error) => Self::Store(error),
        }
    }
}
