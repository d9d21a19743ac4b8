//! Whether the database does its work, told once for everybody whom it fails.
//!
//! A server that goes away fails dozens of tasks, streams and people at the same moment. They only note that ([`Standing::note`]),
//! and say nothing of it in the log; one task looks ([`Store::look_after`](super::Store::look_after)) and says what stands in
//! the way in the database's own words, once when it begins, once a minute while it lasts, and once when it is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::StoreError;
use crate::outage::Outage;

/// What is known of the database. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What somebody was told, when nobody has looked since.
    noted: Option<String>,
    /// Batches that were refused since it was last well.
    refused: u64,
    /// Since when it is known not to be well.
    since: Option<Instant>,
    outage: Outage,
    /// Failures that were over when somebody looked.
    moments: Outage,
}

impl Standing {
    /// The database failed somebody.
    pub(crate) fn note(&self, cause: impl ToString) {
        self.state().noted.get_or_insert_with(|| cause.to_string());
    }

    /// It refused a batch, and its senders were told.
    pub(super) fn refused(&self, cause: &StoreError) {
        self.note(cause);
        self.state().refused += 1;
    }

    /// Whether somebody has to look.
    pub(super) fn is_in_doubt(&self) -> bool {
        let state = self.state();
        state.noted.is_some() || state.since.is_some()
    }

    /// Somebody looked, and it fails.
    pub(super) fn is_away(&self, cause: &StoreError, now: Instant) {
        let mut state = self.state();
        state.noted = None;
        let since = *state.since.get_or_insert(now);
        let (seconds, refused) = (now.duration_since(since).as_secs(), state.refused);
        if state.outage.failed(now).is_none() {
            return;
        }
        if seconds == 0 {
            error!(error = %cause, "The database fails: {cause}. Who sends or asks is told to come again");
        } else {
            error!(error = %cause, seconds, refused, "The database has failed for {seconds} s, {refused} batches were refused: {cause}");
        }
    }

    /// Somebody looked, and it does its work.
    pub(super) fn is_well(&self, now: Instant) {
        let mut state = self.state();
        let (noted, refused) = (state.noted.take(), std::mem::take(&mut state.refused));
        let _ = state.outage.is_over();
        if let Some(since) = state.since.take() {
            let seconds = now.duration_since(since).as_secs();
            // Who waited meanwhile hears of it in the next seconds, which is nothing new.
            state.moments = Outage::default();
            let _ = state.moments.failed(now);
            info!(
                seconds,
                refused,
                "The database works again after {seconds} s; {refused} batches were refused, and their senders told"
            );
        } else if let (Some(cause), Some(count)) = (noted, state.moments.failed(now)) {
            let times = if count > 1 { format!("{count} times") } else { "for a moment".to_owned() };
            warn!(error = %cause, refused, "The database failed {times} and works again: {cause}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
