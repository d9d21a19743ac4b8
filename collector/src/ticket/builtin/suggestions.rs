//! The machines that a ticket may be about.

use super::{number, serials};
use crate::directory::Person;
use crate::store::{Reads, sql};
use crate::ticket::suggest::{Candidate, Past, Signs, rank};
use crate::ticket::{DeskError, Suggestion, Ticket, TicketEndpoint};

/// Past tickets that are looked at.
const PAST_TICKETS: i64 = 20;

/// Suggestions for `ticket`, whose requester is `person` in a directory, the likeliest first.
pub(super) async fn of(reads: &Reads, ticket: &Ticket, person: Option<&Person>) -> Result<Vec<Suggestion>, DeskError> {
    let candidates = candidates(reads).await?;
    let device = ticket.outside.as_ref().map(|outside| outside.device.as_str()).unwrap_or_default();
    let signs = Signs {
        past: past(reads, ticket).await?,
        serial_in_field: serials::named(reads, device).await?,
        serial_in_text: serials::named(reads, &format!("{} {}", ticket.subject, ticket.text)).await?,
        person,
    };
    Ok(rank(ticket, &candidates, &signs))
}

async fn candidates(reads: &Reads) -> Result<Vec<Candidate>, DeskError> {
    let rows: Vec<(String, String, String)> =
        sql::query_as("SELECT id, name, users FROM endpoints WHERE state <> 'revoked'").fetch_all(reads).await?;
    let candidate = |(id, name, users): (String, String, String)| Candidate {
        endpoint: TicketEndpoint { id, name },
        users: serde_json::from_str(&users).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(candidate).collect())
}

/// Earlier tickets of the same person, newest first.
async fn past(reads: &Reads, ticket: &Ticket) -> Result<Vec<Past>, DeskError> {
    let own = number::parse(&ticket.api_id)?;
    let rows: Vec<(i64, String)> = sql::query_as(
        "SELECT number, endpoint_id FROM tickets WHERE number < $1 AND endpoint_id IS NOT NULL \
         AND ((requester_sign_in <> '' AND LOWER(requester_sign_in) = LOWER($2)) \
         OR (requester_email <> '' AND LOWER(requester_email) = LOWER($3))) ORDER BY number DESC LIMIT $4",
    )
    .bind(own)
    .bind(&ticket.requester.sign_in)
    .bind(&ticket.requester.email)
    .bind(PAST_TICKETS)
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().map(|(number, endpoint)| Past { number: number::display(number), endpoint }).collect())
}
