//! Findings that people must be told about.
//!
//! What holds on an endpoint passes six stages, one file each: [`stage::qualify`] (is it bad, sure and actionable
//! enough to call somebody), [`stage::group`] (which line of the feed it belongs to), [`stage::inhibit`] (does another
//! finding explain it), [`stage::silence`] (does anybody want to hear of it now), [`stage::dedup`] (is it told
//! already), [`stage::quota`] (is there room for it in what people are told today; what is not is rolled up). Each is a
//! function of facts and `now`; the last word of each finding is kept with its reason, so that "why was I not called"
//! has an answer.
//!
//! An alert's state is never set: it follows from whether it is resolved, silenced, inhibited or acknowledged. What
//! was told stays told until it clears, also when it stops qualifying. What fires again within a day is the same alert.

mod announce;
mod announcement;
mod budget;
mod document;
pub(crate) mod incident;
mod judge;
mod lists;
pub(crate) mod outputs;
mod people;
mod rows;
mod silences;
mod spells;
pub(crate) mod stage;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod tickets;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use firstline_diagnosis::document::Finding;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use announcement::{
    AlertBudget, Announcement, CheckNoise, HeldBack, HeldBackList, HeldBackQuery, ReasonCount, RollUp,
};
pub use document::{
    Acknowledgement, Alert, AlertChange, AlertDetail, AlertEndpoint, AlertList, AlertQuery, AlertState, Decision,
    DecisionRecord, Matchers, NewSilence, Silence, SilencedBy,
};

pub use tickets::verdict::{CheckUsefulness, UsefulnessList};

pub(crate) use rows::rank;
pub(crate) use spells::raised;
pub(crate) use stage::qualify::calls_somebody;

use crate::app::Clock;
use crate::config::Alerts as Policy;
use crate::feed::{Feed, FeedItem};
use crate::store::{Store, StoreError, sql};

/// Longest note or comment, in letters.
const NOTE_LETTERS: usize = 1000;

/// The alerts of one collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alerts {
    store: Store,
    clock: Arc<dyn Clock>,
    feed: Feed,
    policy: Arc<Policy>,
}

/// The endpoint whose findings are judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Identity.
    pub id: String,
    /// Name now.
    pub name: String,
    /// Tags, for silences and groups.
    pub tags: BTreeMap<String, String>,
    /// The number under which its stream was held when it was judged, where collectors share the database.
    pub epoch: Option<i64>,
}

/// A finding that holds, with what its check says about telling.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The finding; `consequence_of` names what explains it.
    pub finding: Finding,
    /// The check's title.
    pub title: String,
    /// Whether the check may call people without a ticket.
    pub proactive: bool,
}

/// Why something was not done with an alert.
#[derive(Debug, Error)]
pub enum AlertError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The order cannot be followed; the text says what to change.
    #[error("{0}")]
    Refused(String),
    /// The store failed; trying again may help.
    #[error("the alert could not be stored or read")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for AlertError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Alerts {
    /// The alerts in `store`, told as `policy` says.
    pub fn new(store: Store, clock: Arc<dyn Clock>, feed: Feed, policy: Policy) -> Self {
        Self { store, clock, feed, policy: Arc::new(policy) }
    }

    /// Of what people are told, and how often.
    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Judges all that holds on an endpoint now: fires, changes and resolves its alerts. What is not in `held` no
    /// longer holds.
    ///
    /// # Errors
    /// When the store failed; nothing changed then.
    pub async fn judge(&self, subject: Subject, held: Vec<Held>) -> Result<(), AlertError> {
        let (now, policy) = (self.clock.now(), Arc::clone(&self.policy));
        let judged =
            self.store.write(move |tx| Box::pin(async move { judge::judge(tx, subject, held, &policy, now).await }));
        let changed = judged.await?;
        self.tell(changed);
        Ok(())
    }

    /// Resolves what is told of an endpoint (by id) that is no more.
    ///
    /// # Errors
    /// When the store failed; nothing changed then.
    pub async fn end(&self, endpoint_id: &str) -> Result<(), AlertError> {
        let (now, id) = (self.clock.now(), endpoint_id.to_owned());
        let changed = self.store.write(move |tx| Box::pin(async move { judge::end(tx, &id, now).await })).await?;
        self.tell(changed);
        Ok(())
    }

    /// Tells of alerts whose silence has ended. Called on a period; does nothing when there is nothing to do.
    ///
    /// # Errors
    /// When the store failed; nothing changed then.
    pub async fn tick(&self) -> Result<(), AlertError> {
        let now = self.clock.now();
        if silences::any_to_end(self.store.reads(), now).await? {
            let policy = Arc::clone(&self.policy);
            let ended =
                self.store.write(move |tx| Box::pin(async move { silences::end_expired(tx, &policy, now).await }));
            let changed = ended.await?;
            self.tell(changed);
        }
        Ok(())
    }

    fn tell(&self, changed: Vec<Alert>) {
        for alert in changed {
            self.feed.publish(FeedItem::Alert(Box::new(alert)));
        }
    }
}

/// The name of the same trouble for ever.
pub(crate) fn fingerprint(check: &str, endpoint: &str, instance: &str) -> String {
    let digest = Sha256::digest(format!("{check}\u{1f}{endpoint}\u{1f}{instance}"));
    digest[..8].iter().fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
