//! What endpoints told: minutes in the order of their arrival, then sealed into columns ([`seal`]), rolled up to five
//! minutes and to hours ([`roll`]), and forgotten by age ([`retention`]).
//!
//! A sample is a row of 32-bit floats against a layout; here rows become series again: on an even grid, thinned for
//! charts by what the registry says a signal's numbers mean. Who asks does not know how what it asks for is kept ([`rows`]);
//! the older it is and the more of it, the longer are the steps ([`tier`]). Also the current state of an endpoint: its
//! inventory and its last sample.
//!
//! Each of the tasks is idempotent, works in small steps beside the ingest, and may be killed at any moment.

mod columns;
mod happened;
mod inventory;
mod join;
mod latest;
pub mod minutes;
pub(crate) mod outcome;
mod past;
mod retention;
mod roll;
mod rollup;
pub(crate) mod rows;
mod seal;
mod series;
mod tier;

use std::collections::BTreeSet;

use firstline_diagnosis::document::SnapshotReading;
use firstline_diagnosis::trend::{Past, Read};
use firstline_diagnosis::vocabulary::Timestamp;

use crate::config;
use crate::store::{Store, StoreError};
use tier::Tier;

pub use columns::Damaged;
pub use happened::Happened;
pub use inventory::{Group, Inventory, Item, ProgramList};
pub(crate) use join::join;
pub(crate) use latest::inventory as states;
pub use retention::Forgotten;
pub(crate) use rows::watched_since;
pub use seal::Sealed;
pub use series::Stretch;

/// How many numbers a row of five minutes or of hours stands for.
///
/// # Errors
/// When the bytes are not what was sealed.
pub fn numbers_in(rolled: &[u8]) -> Result<u64, Damaged> {
    let rollup = rollup::Rollup::open(rolled, |_| true)?;
    let counts = rollup.series.values().flat_map(|rolled| rolled.cells.values().map(|cell| cell.count));
    Ok(counts.sum::<f64>() as u64)
}

/// What endpoints told earlier. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History {
    store: Store,
    keep: config::History,
}

impl History {
    /// Over `store`, which keeps things as long as `keep` says.
    pub fn new(store: Store, keep: config::History) -> Self {
        Self { store, keep }
    }

    /// All series of `signal` on an endpoint between two moments, at most 1,500 points each, in the shortest steps that are
    /// still there at `now` and that such a stretch can be shown in.
    ///
    /// # Errors
    /// The database's.
    pub async fn series(
        &self,
        endpoint_id: &str,
        signal: &str,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Vec<Stretch>, StoreError> {
        let Some(key) = rows::key(&self.store, endpoint_id).await? else { return Ok(Vec::new()) };
        match Tier::of(from, to, now, &self.keep) {
            Tier::Minutes => Ok(series::of(&rows::samples(&self.store, key, from, to).await?, signal)),
            tier => {
                let rollup = rows::rolled(&self.store, key, &BTreeSet::from([signal]), (from, to), tier).await?;
                Ok(series::rolled(rollup, signal))
            }
        }
    }

    /// What is known of an endpoint's past (by key), as far as these reads ask.
    ///
    /// # Errors
    /// The database's.
    pub async fn past(&self, key: i64, reads: &[&Read], now: Timestamp) -> Result<Past, StoreError> {
        past::of(&self.store, &self.keep, key, reads, now).await
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
    pub async fn forget(&self, now: Timestamp) -> Result<Forgotten, StoreError> {
        retention::run(&self.store, &self.keep, now).await
    }

    /// Seals the samples whose time has come.
    ///
    /// # Errors
    /// The database's.
    pub async fn seal(&self, now: Timestamp) -> Result<Sealed, StoreError> {
        seal::run(&self.store, &self.keep, now).await
    }

    /// Rolls up the columns whose time has come; says how many rows of columns that were.
    ///
    /// # Errors
    /// The database's.
    pub async fn roll_up(&self, now: Timestamp) -> Result<u64, StoreError> {
        roll::run(&self.store, &self.keep, now).await
    }
}

#[cfg(test)]
mod tests;
