//! The moment that a ticket names, by the clock of the machine that it is about.
//!
//! Who orders a pull may say when it was; else the words are read, of the order or of the ticket, as they were meant when
//! they were written. An endpoint that does not tell what its clock is ahead of UTC is read as UTC, as all else here is.

use std::time::Duration;

use firstline_diagnosis::document::Finding;
use firstline_diagnosis::stated::{self, Stated};
use firstline_diagnosis::vocabulary::{Timestamp, Value};
use tracing::warn;

use super::{Pull, PullError, PullOrder, Pulls};
use crate::alert::raised;
use crate::history;
use crate::ticket::Ticket;

/// No ticket is so vague that what lies farther from its moment is looked at.
const REACH: Duration = Duration::from_hours(2);

/// The state that tells what local time is ahead of UTC, seconds.
const AHEAD: &str = "endpoint.clock.utc_offset";

impl Pulls {
    /// The moment that an order means; none where nobody names one.
    ///
    /// # Errors
    /// When what the order says is no moment, or the store cannot be read.
    pub(super) async fn moment(
        &self,
        order: &PullOrder,
        endpoint_id: &str,
        ticket: Option<&Ticket>,
    ) -> Result<Option<Stated>, PullError> {
        let now = self.parts().clock.now();
        let ahead_seconds = self.ahead_seconds(endpoint_id).await?;
        if let Some(time) = given(order.around.as_deref()) {
            let at = stated::typed(time, now, ahead_seconds).map_err(PullError::Refused)?;
            return Ok(Some(Stated::exactly(at)));
        }
        Ok(match given(order.symptom.as_deref()) {
            Some(words) => stated::stated(words, now, ahead_seconds),
            None => ticket.and_then(|ticket| named(ticket, ahead_seconds)),
        })
    }

    /// What alerts told around the moment that a pull is for.
    pub(super) async fn raised_then(&self, pull: &Pull) -> Vec<Finding> {
        let Some(stated) = &pull.around else { return Vec::new() };
        let told = raised(self.parts().store.reads(), &pull.endpoint.id, stated.at - REACH, stated.at + REACH).await;
        told.unwrap_or_else(|error| {
            warn!(pull.id = %pull.id, error = %error, "Pull {} is diagnosed without earlier alerts", pull.id);
            Vec::new()
        })
    }

    /// What an endpoint's clock is ahead of UTC, as far as it told.
    async fn ahead_seconds(&self, endpoint_id: &str) -> Result<i32, PullError> {
        let states = history::states(&self.parts().store, endpoint_id).await?;
        let told = states.into_iter().find(|reading| &*reading.series.signal == AHEAD);
        Ok(match told.map(|reading| reading.outcome) {
            Some(Ok(Value::Number(seconds))) => seconds as i32,
            _ => 0,
        })
    }
}

/// The moment that a ticket's words name: those of the person say more than the line above them.
fn named(ticket: &Ticket, ahead_seconds: i32) -> Option<Stated> {
    let told = |words: &str, at: Timestamp| stated::stated(words, at, ahead_seconds);
    told(&ticket.text, ticket.opened_at).or_else(|| told(&ticket.subject, ticket.opened_at))
}

fn given(words: Option<&str>) -> Option<&str> {
    words.map(str::trim).filter(|words| !words.is_empty())
}
