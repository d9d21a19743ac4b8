//! In which order the causes of what people say are looked at: as practice has it, until closed tickets show it better.
//!
//! Once a month (UTC) the keeper counts the closed tickets of the last year ([`closed`]) and stores the counts; every collector
//! takes them from there, also after a restart, so that all of them rank alike and a diagnosis is the same until the next count.
//! How likely a candidate is follows from the counts ([`crate::detect::orders`]); the order is in force for symptoms with enough
//! closed tickets, unless the administrator says otherwise (`diagnosis.reorder_symptoms`).
//!
//! Not here: what a technician found who looked elsewhere. A confirmed finding is the one that a diagnosis named and nobody
//! called useless, so an order speaks for itself to some degree; the counts are shown ([`list`]) for people to judge.

mod closed;
mod list;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use firstline_diagnosis::vocabulary::Timestamp;
use jiff::tz::TimeZone;
use tracing::info;

use crate::app::{App, Clock};
use crate::config::Config;
use crate::detect::Catalogues;
use crate::detect::orders::Counts;
use crate::store::{Store, StoreError};

pub use list::{Candidate, Standing, SymptomLine, SymptomList};

/// Tickets that were opened longer ago say nothing of the machines of today.
const COUNTED: Duration = Duration::from_hours(365 * 24);

/// What closed tickets showed, and how it is put in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Symptoms {
    store: Store,
    clock: Arc<dyn Clock>,
    config: Arc<Config>,
    catalogues: Catalogues,
    counted: Arc<ArcSwap<Counted>>,
}

/// A count, and when it was made.
#[derive(Debug, Default)]
struct Counted {
    at: Option<Timestamp>,
    counts: Counts,
}

impl Symptoms {
    /// Puts the order in force that was estimated last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Store,
        clock: Arc<dyn Clock>,
        config: Arc<Config>,
        catalogues: Catalogues,
    ) -> Result<Self, StoreError> {
        let symptoms = Self { store, clock, config, catalogues, counted: Arc::default() };
        symptoms.adopt().await?;
        Ok(symptoms)
    }

    /// Counts closed tickets, unless that was done this month.
    ///
    /// # Errors
    /// The database's.
    pub async fn estimate(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        if rows::counted_at(self.store.reads()).await?.is_some_and(|at| month(at) == month(now)) {
            return Ok(());
        }
        let mut counts = closed::count(self.store.reads(), now - COUNTED, &self.config.desk).await?;
        for symptom in self.catalogues.prior().symptoms() {
            counts.entry(symptom.id.clone()).or_default();
        }
        let tickets: u64 = counts.values().map(|one| one.tickets).sum();
        info!(count = tickets, "The candidates of symptoms were counted on {tickets} closed tickets");
        self.store.write(move |tx| Box::pin(async move { rows::keep(tx, now, &counts).await })).await
    }

    /// Takes over what was counted since; whether another order may be in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn adopt(&self) -> Result<bool, StoreError> {
        let reads = self.store.reads();
        if rows::counted_at(reads).await? == self.counted.load().at {
            return Ok(false);
        }
        let (at, counts) = rows::counted(reads).await?;
        if self.config.diagnosis.reorder_symptoms {
            self.catalogues.order_by(counts.clone());
        }
        self.counted.store(Arc::new(Counted { at, counts }));
        Ok(self.config.diagnosis.reorder_symptoms)
    }
}

/// Takes over what was counted since, here or at another replica, for whoever is watched already, too.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn follow(app: &App) -> Result<(), StoreError> {
    if app.symptoms.adopt().await? {
        app.detect.retagged_all().await;
    }
    Ok(())
}

/// The month of a moment in UTC; none beyond the calendar.
fn month(at: Timestamp) -> Option<(i16, i8)> {
    let at = jiff::Timestamp::from_millisecond(at.unix_ms()).ok()?.to_zoned(TimeZone::UTC);
    Some((at.year(), at.month()))
}
