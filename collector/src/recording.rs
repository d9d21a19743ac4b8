//! What endpoints told, once more: written out as recordings ([`export`]), and judged by checks that are not in force
//! yet ([`rehearse`]).
//!
//! Both read a day of one endpoint at a time, beside the ingest, and stop when nobody waits for the answer any more. Of
//! days that are no longer kept by the minute they see steps of five minutes.

mod episode;
mod export;
mod rehearse;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Reading, Timestamp};

use crate::detect::past::{self, Told};
use crate::store::{Store, StoreError};

pub use episode::{Episode, OfCheck};
pub use export::{Wanted, export};
pub use rehearse::{Progress, Rehearsal, RehearseError, Report, rehearse};

/// What is read of an endpoint at a time.
const CHUNK: Duration = Duration::from_hours(24);

/// An endpoint's past between two moments, chunk by chunk.
struct Past<'a> {
    store: &'a Store,
    key: i64,
    signals: BTreeSet<&'a str>,
    next: Timestamp,
    to: Timestamp,
}

impl<'a> Past<'a> {
    fn new(store: &'a Store, key: i64, signals: BTreeSet<&'a str>, (from, to): (Timestamp, Timestamp)) -> Self {
        Self { store, key, signals, next: from, to }
    }

    /// What the endpoint was when the past begins.
    async fn states(&self) -> Result<Vec<Reading>, StoreError> {
        let mut states = past::states_at(self.store, self.key, self.next).await?;
        states.retain(|reading| self.signals.contains(&*reading.series.signal));
        states.sort_by_key(|reading| reading.at);
        Ok(states)
    }

    /// What it told next; nothing at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<Told>>, StoreError> {
        if self.next >= self.to {
            return Ok(None);
        }
        let (from, to) = (self.next, (self.next + CHUNK).min(self.to));
        self.next = to;
        past::between(self.store, self.key, &self.signals, (from, to)).await.map(Some)
    }
}
