//! New tickets of the desks' queues: each gets its page here, and when it is clear which machine it is about, that machine is
//! asked for its diagnosis. When it is not clear, the ticket is told which machines it could be, and a person chooses.
//!
//! - A desk is asked for what came after the last ticket that was looked at. What was there before Firstline is left alone.
//! - The page and the mark are stored together, then the ticket is attended to: whatever dies in between, each ticket is
//!   attended to once, since a pull that is asked for twice is one, and so is a note with its key.
//! - Clear means: [`SURE`] or more, and [`AHEAD`] more than the next. A ticket that is linked by a person is theirs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::{info, warn};

use super::contract::Arrivals;
use super::outbox::{Outbox, OutboxError};
use super::trial::TEST_SUBJECT;
use crate::config::DeskSettings;
use crate::pull::{PullError, PullOrder, Pulls};
use crate::store::{Connection, sql};
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, NewNote, Suggestion, Ticket, Visibility};

/// How sure it must be which machine a ticket is about, to be diagnosed without asking.
const SURE: f64 = 0.85;
/// How much surer than of any other machine.
const AHEAD: f64 = 0.2;
/// Tickets that are attended to at a time.
const AT_A_TIME: i64 = 20;

/// When each desk was last asked for new tickets.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<HashMap<String, Timestamp>>);

impl Asked {
    /// When a desk was last asked.
    fn last(&self, desk: &str) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(desk).copied()
    }

    /// A desk is asked now.
    fn begin(&self, desk: &str, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(desk.to_owned(), now);
    }
}

impl Outbox {
    /// Looks for new tickets, and attends to those that nobody attends to. To be called by the collector that keeps house.
    ///
    /// # Errors
    /// The database's, when everything was tried. A desk that is away is seen on its page.
    pub async fn look_for_arrivals(&self, pulls: &Pulls) -> Result<(), OutboxError> {
        let mut first = Ok(());
        for configured in self.desks().all() {
            let settings = &configured.settings;
            let every = Duration::from_secs(settings.poll_seconds);
            if settings.queues.is_empty() || self.is_limited(&settings.name) || !self.is_due(settings, every).await? {
                continue;
            }
            let looked = self.asked_for_arrivals(&settings.name, self.look(&settings.name).await);
            if first.is_ok() {
                first = looked;
            }
        }
        let attended = self.attend(pulls).await;
        first.and(attended)
    }

    /// Whether it is time to ask a desk again, or it called; it counts as asked then.
    async fn is_due(&self, settings: &DeskSettings, every: Duration) -> Result<bool, OutboxError> {
        let now = self.now();
        let due = match self.asked().last(&settings.name) {
            Some(last) if now.since(last) < every => {
                settings.hook.is_some() && self.called_since(&settings.name, last).await?
            }
            _ => true,
        };
        if due {
            self.asked().begin(&settings.name, now);
        }
        Ok(due)
    }

    /// Asks one desk, until it has nothing more.
    async fn look(&self, desk: &str) -> Result<(), OutboxError> {
        let refused = |trouble| OutboxError::Desk(desk.to_owned(), trouble);
        let (settings, way) = self.desks().named(desk).map_err(refused)?;
        let mark: Option<String> = sql::query_scalar("SELECT mark FROM desk_marks WHERE desk = $1")
            .bind(desk)
            .fetch_optional(self.store().reads())
            .await?;
        let Arrivals { tickets, mark: next } = way.arrivals(mark.as_deref()).await.map_err(refused)?;
        if self.may_be_ours(desk).await? {
            // They are looked at when it is known what ours is called there.
            return Ok(());
        }
        // What `firstline desk test` opened is about no computer.
        for found in tickets.into_iter().filter(|found| found.subject != TEST_SUBJECT) {
            let (there, itself) = (found.ticket.display_number.clone(), settings.pull_by_itself);
            let (number, is_new) = self.page(desk, found, desk, !itself).await?;
            if is_new {
                info!(desk, "Ticket {there} of desk {desk} has come in as {}", crate::ticket::display(number));
            }
        }
        if mark.as_deref() != Some(&next) {
            let (desk, now) = (desk.to_owned(), self.now());
            let keep = self.store().write(move |tx| {
                Box::pin(async move { keep_mark(tx, desk, next, now).await.map_err(OutboxError::from) })
            });
            keep.await?;
        }
        Ok(())
    }

    /// Attends to tickets that came in.
    async fn attend(&self, pulls: &Pulls) -> Result<(), OutboxError> {
        let waiting: Vec<i64> =
            sql::query_scalar("SELECT ticket FROM desk_tickets WHERE attended = 0 ORDER BY ticket LIMIT $1")
                .bind(AT_A_TIME)
                .fetch_all(self.store().reads())
                .await?;
        for number in waiting {
            let ticket = self.read(number).await?;
            let why = match ticket.endpoint {
                // A person was quicker.
                Some(_) => String::new(),
                None => self.begin(pulls, &ticket).await?,
            };
            self.store().write(move |tx| Box::pin(attended(tx, number, why))).await?;
        }
        Ok(())
    }

    /// Has the machine asked that a ticket is about, or asks which it is. Gives the reason for the machine.
    async fn begin(&self, pulls: &Pulls, ticket: &Ticket) -> Result<String, OutboxError> {
        let suggestions = self.builtin().suggest(&ticket.number).await?;
        let Some(best) = clear(&suggestions) else {
            self.ask(ticket, &suggestions).await?;
            return Ok(String::new());
        };
        let why = format!("{} ({} % sure)", best.reason, (best.confidence * 100.0).round());
        let number = ticket.api_id.parse().unwrap_or_default();
        let words = why.clone();
        self.store().write(move |tx| Box::pin(explain(tx, number, words))).await?;
        let order = PullOrder {
            endpoint: best.endpoint.id.clone(),
            ticket: Some(ticket.number.clone()),
            requested_by: AUTHOR.to_owned(),
            ..PullOrder::default()
        };
        match pulls.start(order).await {
            Ok(pull) => info!(pull.id = %pull.id, "Ticket {} is about {}: {why}", ticket.number, best.endpoint.name),
            Err(PullError::Store(error)) => return Err(error.into()),
            Err(error) => warn!("Ticket {} could not be diagnosed by itself: {error}", ticket.number),
        }
        Ok(why)
    }

    /// Tells the ticket which machines it could be about, and what needs none of them to be known.
    async fn ask(&self, ticket: &Ticket, suggestions: &[Suggestion]) -> Result<(), OutboxError> {
        let one = |one: &Suggestion| {
            let sure = format!(" ({} %): ", (one.confidence * 100.0).round());
            Line::default().bold(&one.endpoint.name).text(sure).text(&one.reason)
        };
        let choose = format!("Choose it on {} in Firstline, and its diagnosis comes here.", ticket.number);
        let asked = self.builtin().ask_directories(&ticket.number).await?;
        let trouble =
            asked.and_then(|asked| asked.trouble()).map(|words| Block::paragraph(Line::default().bold(words)));
        let mut blocks: Vec<Block> = trouble.into_iter().collect();
        blocks.push(Block::paragraph("It is not clear which computer this ticket is about."));
        if suggestions.is_empty() {
            blocks.push(Block::paragraph("Nothing it says fits a computer that is known."));
        } else {
            blocks.push(Block::bullets(suggestions.iter().map(one)));
        }
        blocks.push(Block::paragraph(choose));
        let note = NewNote {
            author: AUTHOR.to_owned(),
            visibility: Visibility::Private,
            body: RichText(blocks).bounded(),
            key: "which-machine".to_owned(),
            ..NewNote::default()
        };
        self.builtin().note(&ticket.number, note).await.map(drop).map_err(OutboxError::from)
    }
}

/// The machine that a ticket is about, when that is clear.
fn clear(suggestions: &[Suggestion]) -> Option<&Suggestion> {
    let best = suggestions.first()?;
    let next = suggestions.get(1).map_or(0.0, |next| next.confidence);
    (best.confidence >= SURE && best.confidence - next >= AHEAD).then_some(best)
}

/// Remembers up to where a desk was looked at, or an output was told.
pub(crate) async fn keep_mark(
    tx: &mut Connection,
    desk: String,
    mark: String,
    now: Timestamp,
) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO desk_marks (desk, mark, at_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (desk) DO UPDATE SET mark = excluded.mark, at_ms = excluded.at_ms",
    )
    .bind(desk)
    .bind(mark)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

async fn explain(tx: &mut Connection, number: i64, why: String) -> Result<(), OutboxError> {
    sql::query("UPDATE desk_tickets SET why = $2 WHERE ticket = $1").bind(number).bind(why).execute(tx).await?;
    Ok(())
}

async fn attended(tx: &mut Connection, number: i64, why: String) -> Result<(), OutboxError> {
    sql::query("UPDATE desk_tickets SET attended = 1, why = $2 WHERE ticket = $1")
        .bind(number)
        .bind(why)
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::TicketEndpoint;

    fn suggestion(name: &str, confidence: f64) -> Suggestion {
        let endpoint = TicketEndpoint { id: name.to_owned(), name: name.to_owned() };
        Suggestion { endpoint, confidence, reason: "because".to_owned() }
    }

    #[test]
    fn only_what_is_sure_and_alone_is_clear() {
        assert!(clear(&[]).is_none());
        assert!(clear(&[suggestion("a", 0.7)]).is_none(), "not sure");
        assert!(clear(&[suggestion("a", 0.95), suggestion("b", 0.9)]).is_none(), "two fit");
        let found = [suggestion("a", 0.95), suggestion("b", 0.5)];
        assert_eq!(clear(&found).map(|one| one.endpoint.name.as_str()), Some("a"));
    }
}
