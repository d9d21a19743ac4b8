//! Minutes, kept in arrival order and forgotten by age.
//!
//! A sample is a row of 32-bit floats against a layout; here rows become series again: on an even grid, thinned for
//! charts by what the registry says a signal's numbers mean. Also the current state of an endpoint (its inventory and
//! its last sample), and the task that forgets.

mod happened;
mod latest;
mod retention;
mod rows;
mod series;

use firstline_diagnosis::document::{SnapshotReading, SnapshotSeries};
use firstline_diagnosis::vocabulary::Timestamp;

use crate::config;
use crate::store::{Store, StoreError};

pub use happened::Happened;
pub use retention::Forgotten;

/// What endpoints told earlier. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History {
    store: Store,
}

impl History {
    /// Over `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// All series of `signal` on an endpoint, from `from` to `to`, at most 1,500 points each.
    ///
    /// # Errors
    /// The database's.
    pub async fn series(
        &self,
        endpoint_id: &str,
        signal: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SnapshotSeries>, StoreError> {
        let samples = rows::samples(&self.store, endpoint_id, from, to).await?;
        Ok(series::of(&samples, signal))
    }

    /// The newest value of every series of an endpoint, by signal and instance.
    ///
    /// # Errors
    /// The database's.
    pub async fn latest(&self, endpoint_id: &str) -> Result<Vec<SnapshotReading>, StoreError> {
        latest::of(&self.store, endpoint_id).await
    }

    /// Events, changes of state and marks of an endpoint since `from`, newest first, at most 200 of each.
    ///
    /// # Errors
    /// The database's.
    pub async fn happened(&self, endpoint_id: &str, from: Timestamp) -> Result<Happened, StoreError> {
        happened::of(&self.store, endpoint_id, from).await
    }

    /// Forgets what is older than it has to be kept. Idempotent; works in small steps so that others can write.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget(&self, keep: &config::History, now: Timestamp) -> Result<Forgotten, StoreError> {
        retention::run(&self.store, keep, now).await
    }
}

#[cfg(test)]
mod tests;
