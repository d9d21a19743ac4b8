//! What people do with pulls.

use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::flight::{Flight, waiting_sections};
use super::{Pull, PullEndpoint, PullError, PullOrder, PullResult, PullState, Pulls, rows};
use crate::ticket::rich_text::clean_line;
use crate::ticket::{Ticket, TicketUpdate};

/// How long a ticket waits for an endpoint that is away.
const TICKET_EXPIRY: Duration = Duration::from_hours(24);

/// How long somebody at a screen waits.
const SCREEN_EXPIRY: Duration = Duration::from_mins(10);

/// The longest wait.
const LONGEST_EXPIRY: Duration = Duration::from_hours(14 * 24);

/// Longest symptom, in letters; what is behind that is not read.
const SYMPTOM_LETTERS: usize = 4000;

/// Longest name of who asks, in letters.
const NAME_LETTERS: usize = 200;

impl Pulls {
    /// Asks an endpoint (by id or name) for a snapshot, now or when it connects. Asking again for the same endpoint
    /// and ticket while a pull is under way gives that one.
    ///
    /// # Errors
    /// When there is no such endpoint or ticket, or the expiry is out of bounds.
    pub async fn start(&self, order: PullOrder) -> Result<Pull, PullError> {
        let endpoint = self.parts().fleet.find(&order.endpoint).await?;
        if endpoint.state == EndpointState::Revoked {
            return Err(PullError::Refused(format!(
                "{} is revoked and connects no more; it must be enrolled again before it can be asked",
                endpoint.name
            )));
        }
        let endpoint = PullEndpoint { id: endpoint.id, name: endpoint.name };
        let ticket = match &order.ticket {
            Some(number) => Some(self.parts().desk.show(number).await?),
            None => None,
        };
        let number = ticket.as_ref().map(|ticket| ticket.number.clone());
        if let Some(pull) = self.under_way(&endpoint.id, number.as_deref()) {
            return Ok(pull);
        }
        let alone = self.parts().replicas.is_alone();
        if let Some(ticket) = &ticket {
            self.link(ticket, &endpoint).await?;
        }
        let pull = Box::pin(self.pull(order, endpoint, ticket)).await?;
        if !alone {
            return self.order_among_others(pull).await;
        }
        self.flights().insert(pull.id.clone(), Flight::new(pull.clone()));
        if let Err(error) = self.settle(pull.clone()).await {
            self.flights().remove(&pull.id);
            return Err(error);
        }
        self.ask(&pull.id).await?;
        self.show(&pull.id).await
    }

    /// One pull as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub async fn show(&self, id: &str) -> Result<Pull, PullError> {
        let flying = self.flights().get(id).map(|flight| flight.pull.clone());
        match flying {
            Some(pull) => Ok(pull),
            None => rows::by_id(self.parts().store.reads(), id).await.map(|pull| self.as_seen(pull)),
        }
    }

    /// The pulls of a ticket, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_ticket(&self, number: &str) -> Result<Vec<Pull>, PullError> {
        let stored = rows::of_ticket(self.parts().store.reads(), number).await?;
        Ok(self.as_they_are(stored))
    }

    /// The pulls of an endpoint, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_endpoint(&self, endpoint: &str) -> Result<Vec<Pull>, PullError> {
        let stored = rows::of_endpoint(self.parts().store.reads(), endpoint).await?;
        Ok(self.as_they_are(stored))
    }

    /// What a pull brought; nothing while it is under way.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn result(&self, id: &str) -> Result<Option<PullResult>, PullError> {
        let verified = rows::result(self.parts().store.reads(), id).await?;
        Ok(verified.map(|verified| PullResult { snapshot: verified.snapshot, diagnosis: verified.diagnosis }))
    }

    /// Gives up a pull; one that has ended stays as it is.
    ///
    /// # Errors
    /// When there is none.
    pub async fn cancel(&self, id: &str, who: &str) -> Result<Pull, PullError> {
        if !self.parts().replicas.is_alone() && !self.flights().contains_key(id) {
            self.cancel_among_others(id, who).await?;
        }
        self.cancel_own(id, who).await?;
        self.show(id).await
    }

    /// Gives up a pull that this collector sees to; any other stays as it is.
    pub(super) async fn cancel_own(&self, id: &str, who: &str) -> Result<(), PullError> {
        let why = format!("Given up by {}.", clean_line(who));
        let cancelled = {
            let mut flights = self.flights();
            flights.get_mut(id).map(|flight| {
                if flight.is_under_way() {
                    // When the endpoint is gone, there is nobody to tell.
                    let _ = self.parts().fleet.send(&flight.pull.endpoint.id, flight.cancellation());
                }
                flight.end(PullState::Cancelled, &why, self.parts().clock.now());
                flight.pull.clone()
            })
        };
        match cancelled {
            Some(pull) => self.settle(pull).await,
            None => Ok(()),
        }
    }

    pub(super) async fn pull(
        &self,
        order: PullOrder,
        endpoint: PullEndpoint,
        ticket: Option<Ticket>,
    ) -> Result<Pull, PullError> {
        let now = self.parts().clock.now();
        let around = self.moment(&order, &endpoint.id, ticket.as_ref()).await?;
        let words = |ticket: &Ticket| format!("{}\n{}", ticket.subject, ticket.text);
        let symptom = order.symptom.filter(|words| !words.trim().is_empty()).or(ticket.as_ref().map(words));
        Ok(Pull {
            id: Uuid::now_v7().to_string(),
            endpoint,
            symptom: symptom.map(|words| words.chars().take(SYMPTOM_LETTERS).collect()),
            around,
            requested_by: clean_line(&order.requested_by).chars().take(NAME_LETTERS).collect(),
            requested_at: now,
            expires_at: expiry(order.expires_in_seconds, ticket.is_some(), now)?,
            ticket: ticket.map(|ticket| ticket.number),
            state: PullState::Queued,
            why: "Ordered.".to_owned(),
            attempts: 0,
            sections: waiting_sections(),
            received_bytes: 0,
            total_bytes: 0,
            finished_at: None,
            snapshot_id: None,
            headline: None,
            error: None,
        })
    }

    /// A ticket that names no machine is about the one that is pulled for it.
    pub(super) async fn link(&self, ticket: &Ticket, endpoint: &PullEndpoint) -> Result<(), PullError> {
        if ticket.endpoint.is_none() {
            let update = TicketUpdate { endpoint: Some(endpoint.id.clone()), ..TicketUpdate::default() };
            self.parts().desk.update(&ticket.number, update, "").await?;
        }
        Ok(())
    }

    fn under_way(&self, endpoint: &str, ticket: Option<&str>) -> Option<Pull> {
        let flights = self.flights();
        let same = |pull: &&Pull| pull.endpoint.id == endpoint && pull.ticket.as_deref() == ticket;
        flights.values().map(|flight| &flight.pull).find(same).cloned()
    }

    fn as_they_are(&self, stored: Vec<Pull>) -> Vec<Pull> {
        let own = |id: &str| self.flights().get(id).map(|flight| flight.pull.clone());
        stored.into_iter().map(|pull| own(&pull.id).unwrap_or_else(|| self.as_seen(pull))).collect()
    }
}

fn expiry(seconds: Option<u64>, for_ticket: bool, now: Timestamp) -> Result<Timestamp, PullError> {
    let usual = if for_ticket { TICKET_EXPIRY } else { SCREEN_EXPIRY };
    let span = seconds.map_or(usual, Duration::from_secs);
    if span.is_zero() || span > LONGEST_EXPIRY {
        return Err(PullError::Refused("a pull expires after 1 second to 14 days".to_owned()));
    }
    Ok(now + span)
}
