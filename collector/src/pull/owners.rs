//! Who sees to a pull, where several collectors share the database.
//!
//! A pull has one owner, a run: the one that holds the endpoint's stream. While nobody does, the keeper owns it, so that it
//! expires and says how it stands. Whoever gets the stream takes the pull over in one statement; what the owner before still
//! wants to store is refused, since it is no longer the owner. The order is a row first: a message only hurries the owner,
//! who looks for what nobody owns every few seconds anyway.

use std::time::Duration;

use metrics::counter;
use tokio::time::sleep;

use super::flight::Flight;
use super::{Pull, PullError, Pulls, rows};
use crate::metrics::MOVED;
use crate::replica::Message;
use crate::store::StoreError;

/// How long who gives up a pull of another collector waits for that.
const CANCEL_LOOKS: u32 = 20;
const CANCEL_LOOK_EVERY: Duration = Duration::from_millis(150);

/// Pulls of other collectors of which more is known than what is stored.
pub(super) const SEEN_MAX: usize = 1000;

impl Pulls {
    /// Takes over what this collector has to see to, of one endpoint or of all.
    ///
    /// # Errors
    /// When the store failed; the next look tries again.
    pub async fn attend(&self, endpoint_id: Option<&str>) -> Result<(), PullError> {
        let replicas = &self.parts().replicas;
        let Some(run_id) = replicas.run_id() else { return Ok(()) };
        let search = rows::Search { run_id: run_id.to_string(), endpoint_id: endpoint_id.map(str::to_owned) };
        let is_keeper = replicas.is_keeper();
        if rows::any_to_take(self.parts().store.reads(), &search, is_keeper).await? {
            let taken = self.parts().store.write(move |tx| Box::pin(rows::take(tx, search, is_keeper))).await?;
            self.take_over(taken).await?;
        }
        for (id, who) in rows::to_cancel(self.parts().store.reads(), &run_id).await? {
            self.cancel_own(&id, &who).await?;
        }
        Ok(())
    }

    /// Another collector tells how one of its pulls is going.
    pub fn saw(&self, pull: &Pull) {
        let mut seen = self.seen();
        if pull.state.is_final() || seen.len() >= SEEN_MAX {
            seen.remove(&pull.id);
        } else {
            seen.insert(pull.id.clone(), pull.clone());
        }
    }

    /// What other collectors told may be old by now.
    pub fn forget_seen(&self) {
        self.seen().clear();
    }

    /// The others have given this collector up: none of the pulls is its own.
    pub fn expelled(&self) {
        self.flights().clear();
    }

    /// A pull as the other collectors told, when that is more than what is stored.
    pub(super) fn as_seen(&self, stored: Pull) -> Pull {
        if stored.state.is_final() {
            return stored;
        }
        self.seen().get(&stored.id).filter(|seen| seen.attempts >= stored.attempts).cloned().unwrap_or(stored)
    }

    /// Stores a pull that nobody owns yet, unless there is the same; and lets it be taken.
    pub(super) async fn order_among_others(&self, pull: Pull) -> Result<Pull, PullError> {
        let endpoint_id = pull.endpoint.id.clone();
        let ordered = self.parts().store.write(move |tx| Box::pin(rows::order(tx, pull))).await?;
        self.tell(ordered.clone());
        self.attend(Some(&endpoint_id)).await?;
        if !self.flights().contains_key(&ordered.id) {
            self.parts().replicas.tell(Message::Pulls { endpoint_id });
        }
        self.show(&ordered.id).await
    }

    /// Asks the owner of a pull to give it up, and waits a little for that.
    pub(super) async fn cancel_among_others(&self, id: &str, who: &str) -> Result<(), PullError> {
        let (pull, who) = (id.to_owned(), who.to_owned());
        let wanted = self.parts().store.write(move |tx| Box::pin(rows::want_cancelled(tx, pull, who))).await?;
        let Some(endpoint_id) = wanted else { return Ok(()) };
        self.parts().replicas.tell(Message::Pulls { endpoint_id });
        for _ in 0..CANCEL_LOOKS {
            if rows::by_id(self.parts().store.reads(), id).await?.state.is_final() {
                break;
            }
            sleep(CANCEL_LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Goes on with pulls that are this collector's from now on.
    async fn take_over(&self, taken: Vec<Pull>) -> Result<(), PullError> {
        let ids: Vec<String> = taken.iter().map(|pull| pull.id.clone()).collect();
        {
            let mut flights = self.flights();
            flights.extend(taken.into_iter().map(|pull| (pull.id.clone(), Flight::new(pull))));
        }
        self.take_up(&ids, "Another collector took over while the computer was answering. It is asked again.").await?;
        for id in ids {
            self.ask(&id).await?;
        }
        Ok(())
    }

    /// Whether a pull was stored; when it is another collector's by now, it is forgotten here.
    pub(super) fn still_own(&self, id: &str, stored: Result<(), PullError>) -> Result<bool, PullError> {
        match stored {
            Err(PullError::Store(StoreError::Moved | StoreError::Expelled)) => {
                counter!(MOVED, "kind" => "pull").increment(1);
                self.flights().remove(id);
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }
}
