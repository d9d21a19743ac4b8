//! Entries about looks, made while the database takes nothing in: a full disk keeps nobody from seeing what is wrong.
//!
//! They wait in memory, at most [`WAITING`], and stand in the collector's log at once, so that a kill takes none of them away
//! unseen. They are written down with their own time as soon as that is possible. Changes do not wait: without their entry they
//! are not made.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::warn;

use super::AccessError;
use super::audit::{Audit, Entry, append};
use crate::outage::is_passing;

/// Entries that may wait. When there are more, looking is refused, too.
const WAITING: usize = 4096;

/// Entries that are not in the log yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Late(Mutex<VecDeque<(Entry, Timestamp)>>);

impl Late {
    fn keep(&self, entry: Entry, at: Timestamp) -> bool {
        let mut waiting = self.lock();
        let room = waiting.len() < WAITING;
        if room {
            waiting.push_back((entry, at));
        }
        room
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Entry, Timestamp)>> {
        // Every change under this lock is one call, so a panic elsewhere leaves it usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audit<'_> {
    /// Takes over an entry that could not be written down because of `cause`, when it is about a look and will pass.
    pub(super) fn later(&self, entry: Entry, at: Timestamp, cause: AccessError) -> Result<(), AccessError> {
        let words = entry.words();
        if !entry.is_of_look() || !is_passing(&cause) || !self.late.keep(entry, at) {
            return Err(cause);
        }
        warn!("The audit log takes nothing in now, and has this later: {words}");
        Ok(())
    }

    /// Writes down what waits.
    ///
    /// # Errors
    /// When the store fails; then it waits on.
    pub async fn catch_up(&self) -> Result<(), AccessError> {
        let waiting: Vec<_> = self.late.lock().iter().cloned().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let count = waiting.len();
        let write = self.store.write(move |tx| {
            Box::pin(async move {
                for (entry, at) in waiting {
                    append(tx, entry, at).await?;
                }
                Ok::<_, AccessError>(())
            })
        });
        write.await?;
        self.late.lock().drain(..count);
        Ok(())
    }
}
