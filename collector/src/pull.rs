//! A technician's request for a fresh snapshot, from order to verified document and note.
//!
//! ```text
//! queued -> sent -> running -> receiving -> done
//!    ^        |        |           |
//!    +--------+--------+-----------+   the endpoint vanished, fell silent, or its answer was damaged
//!    any of these -> failed, expired, cancelled
//! ```
//!
//! - A pull is a row before the endpoint is asked, and keeps its name however often it is asked. After a restart, what
//!   had not ended is taken up again.
//! - An endpoint that is away is asked when it connects, until the expiry that the technician sees.
//! - A document is believed only after [`verify`]; one that fails ends the pull, since asking a liar again is no use.
//! - Where several collectors share the database, each pull has one owner among them ([`owners`]).
//! - The snapshot is stored, then the note written under the pull's name, then the pull is done: whatever dies in
//!   between, there is one note.

mod answer;
mod assembly;
mod document;
mod flight;
mod import;
mod moment;
mod orders;
mod owners;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod traffic;
mod verify;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio_util::task::TaskTracker;

pub use assembly::{Assembly, Broken};
pub use document::{Headline, Pull, PullEndpoint, PullOrder, PullResult, PullSection, PullState};
pub use import::{FILE_BYTES_MAX, Import};
pub use verify::Refused;

use crate::app::Clock;
use crate::authority::Authority;
use crate::change::Changes;
use crate::detect::Catalogues;
use crate::feed::{Feed, FeedItem};
use crate::fleet::{Fleet, FleetError};
use crate::replica::Replicas;
use crate::store::{Store, StoreError, sql};
use crate::ticket::{BuiltinDesk, DeskError};
use flight::Flight;

/// The pulls of one collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulls {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    parts: PullParts,
    /// Pulls that have not ended, by id.
    flights: Mutex<BTreeMap<String, Flight>>,
    /// Pulls of other collectors as they told.
    seen: Mutex<BTreeMap<String, Pull>>,
    /// Answers that are being verified and written down.
    tasks: TaskTracker,
}

/// What pulls stand on.
#[derive(Debug)]
pub struct PullParts {
    /// The database.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub feed: Feed,
    /// Who else sees to pulls.
    pub replicas: Replicas,
    /// Where endpoints are reached.
    pub fleet: Fleet,
    /// Whose certificates are believed.
    pub authority: Arc<Authority>,
    /// Where notes go.
    pub desk: BuiltinDesk,
    /// What snapshots are diagnosed with.
    pub catalogues: Catalogues,
    /// What the fleet knows beside.
    pub changes: Changes,
}

/// Why something was not done with a pull.
#[derive(Debug, Error)]
pub enum PullError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The order cannot be followed; the text says what to change.
    #[error("{0}")]
    Refused(String),
    /// The file with a diagnosis is not taken.
    #[error("the file is refused: {0}")]
    File(String),
    /// The desk refused or failed.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The endpoint is not one, or not unique.
    #[error(transparent)]
    Endpoint(#[from] FleetError),
    /// The store failed; trying again may help.
    #[error("the pull could not be stored or read")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for PullError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Pulls {
    /// Takes up what had not ended when the collector last stopped.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(parts: PullParts) -> Result<Self, PullError> {
        // Among others, what had not ended is perhaps somebody else's by now.
        let open = if parts.replicas.is_alone() { rows::open(parts.store.reads()).await? } else { Vec::new() };
        let ids: Vec<String> = open.iter().map(|pull| pull.id.clone()).collect();
        let flights = open.into_iter().map(|pull| (pull.id.clone(), Flight::new(pull))).collect();
        let shared = Shared { parts, flights: Mutex::new(flights), seen: Mutex::default(), tasks: TaskTracker::new() };
        let pulls = Self { shared: Arc::new(shared) };
        pulls.take_up(&ids, "The collector was restarted while the computer was answering. It is asked again.").await?;
        Ok(pulls)
    }

    /// Waits for answers that are being written down. Called when the collector ends.
    pub async fn drain(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.tasks.reopen();
    }

    fn flights(&self) -> MutexGuard<'_, BTreeMap<String, Flight>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.shared.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, Pull>> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> &PullParts {
        &self.shared.parts
    }

    /// Stores a pull as it is now, tells watchers, and forgets it here when it has ended.
    async fn settle(&self, pull: Pull) -> Result<(), PullError> {
        let (stored, owner) = (pull.clone(), self.owner());
        let saved =
            self.parts().store.write(move |tx| Box::pin(async move { rows::save(tx, &stored, owner).await })).await;
        if !self.still_own(&pull.id, saved)? {
            return Ok(());
        }
        if pull.state.is_final() {
            self.flights().remove(&pull.id);
        }
        self.tell(pull);
        Ok(())
    }

    /// In whose name pulls are stored.
    fn owner(&self) -> Option<String> {
        self.parts().replicas.run_id().map(|run_id| run_id.to_string())
    }

    fn tell(&self, pull: Pull) {
        self.parts().feed.publish(FeedItem::Pull(Box::new(pull)));
    }
}
