//! One cause seen on many endpoints.
//!
//! Once a minute one collector looks at what holds on the fleet ([`round`], [`look`]): which findings stand on several
//! endpoints, what these have in common ([`facts`]), who fell silent together. A recording is looked at in the same way
//! ([`replayed`]). `diagnosis` says what is no coincidence; here it becomes an incident, a row that survives a restart. Its
//! endpoints' alerts of that finding are told as one alert, its own; theirs are kept, quiet, and become loud again when it
//! closes. It closes when the finding has been hardly more frequent among those who share the cause than elsewhere for an
//! hour. Endpoints only join; the list says who is affected still.
//!
//! What was rolled out lately is compared once an hour ([`rollouts`]). Who was heard when is a row for each quarter of an hour
//! ([`presence`]).
//!
//! What is likely and not certain asks to be confirmed; a person confirms or dismisses it ([`verdict`]). Tickets of its
//! endpoints are told that they are part of it, and when it is over ([`tickets`]).
//!
//! A quiet fleet costs a few small statements a round: endpoints and what they share are read only when a finding stands on
//! several, or several are missed.

mod document;
mod facts;
mod hardware;
mod look;
mod mark;
mod presence;
mod reconcile;
pub mod replayed;
mod rollouts;
mod round;
mod rows;
mod standing;
#[cfg(test)]
mod tests;
pub mod tickets;
mod verdict;
mod words;

use std::sync::{Arc, LazyLock};

use firstline_diagnosis::fleet::Thresholds;
use firstline_diagnosis::vocabulary::Timestamp;
use tokio::sync::Mutex;

pub use document::{
    Confirmation, Incident, IncidentEndpoint, IncidentKind, IncidentList, IncidentNumbers, IncidentQuery,
    IncidentState, SharedBy,
};
pub use hardware::{WeakPart, WeakPartList};

pub(crate) use presence::Calendar;
pub(crate) use words::own_steps;

use crate::alert::{Alert, AlertError};
use crate::app::Clock;
use crate::config::Alerts as Policy;
use crate::detect::Catalogues;
use crate::feed::{Feed, FeedItem};
use crate::store::{Store, sql};

/// Incidents on a page when nobody says how many, and at most.
const PAGE: (u32, u32) = (50, 200);

static THRESHOLDS: LazyLock<Thresholds> = LazyLock::new(|| {
    Thresholds::parse(include_str!("../../diagnosis/catalogue/fleet.toml")).expect("a test reads the embedded file")
});

/// What a person said of the incident in a row, when somebody did.
pub(crate) fn confirmation(document: &str) -> Option<Confirmation> {
    rows::read(document).ok()?.confirmation
}

/// The incidents of the fleet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Incidents {
    store: Store,
    clock: Arc<dyn Clock>,
    feed: Feed,
    catalogues: Catalogues,
    policy: Arc<Policy>,
    rollouts: Arc<Mutex<Compared>>,
}

/// What was rolled out and made things worse, and when that was looked at.
type Compared = Option<(Timestamp, Vec<reconcile::Seen>)>;

impl Incidents {
    /// The incidents in `store`; people are told of them as `policy` says.
    pub fn new(store: Store, clock: Arc<dyn Clock>, feed: Feed, catalogues: Catalogues, policy: Arc<Policy>) -> Self {
        Self { store, clock, feed, catalogues, policy, rollouts: Arc::default() }
    }

    /// Incidents that match, what was opened last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, query: &IncidentQuery) -> Result<IncidentList, AlertError> {
        let limit = i64::from(query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1));
        let rows: Vec<(String,)> = sql::query_as(
            "SELECT document FROM incidents WHERE ($1 = 0 OR state = 'open') ORDER BY opened_at_ms DESC, id DESC LIMIT $2",
        )
        .bind(i64::from(query.open))
        .bind(limit)
        .fetch_all(self.store.reads())
        .await?;
        let read = |(document,): &(String,)| rows::read(document).map(|incident| self.asked(incident));
        Ok(IncidentList { incidents: rows.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// One incident, by id.
    ///
    /// # Errors
    /// When there is none.
    pub async fn show(&self, id: &str) -> Result<Incident, AlertError> {
        let row: Option<(String,)> = sql::query_as("SELECT document FROM incidents WHERE id = $1")
            .bind(id)
            .fetch_optional(self.store.reads())
            .await?;
        let (document,) = row.ok_or_else(|| AlertError::NotFound("such incident".to_owned()))?;
        let tickets = tickets::children(self.store.reads(), id).await?;
        let ticket = tickets::own(self.store.reads(), id).await?.map(|(number, _)| number);
        Ok(Incident { ticket, tickets, ..self.asked(rows::read(&document)?) })
    }

    /// The incident, with whether a person is asked to confirm it.
    fn asked(&self, incident: Incident) -> Incident {
        let asks = incident.state == IncidentState::Open && incident.confidence < self.policy.least_confidence;
        Incident { asks, ..incident }
    }

    /// Open incidents of which an endpoint (by id) is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_endpoint(&self, endpoint_id: &str) -> Result<Vec<Incident>, AlertError> {
        let rows: Vec<(String,)> = sql::query_as(
            "SELECT i.document FROM incident_members m JOIN incidents i ON i.id = m.incident_id \
             WHERE m.endpoint_id = $1 AND i.state = 'open' ORDER BY i.opened_at_ms, i.id",
        )
        .bind(endpoint_id)
        .fetch_all(self.store.reads())
        .await?;
        rows.iter().map(|(document,)| rows::read(document)).collect()
    }

    fn tell(&self, alerts: Vec<Alert>, incidents: Vec<Incident>) {
        for alert in alerts {
            self.feed.publish(FeedItem::Alert(Box::new(alert)));
        }
        for incident in incidents {
            self.feed.publish(FeedItem::Incident { id: incident.id });
        }
    }
}
