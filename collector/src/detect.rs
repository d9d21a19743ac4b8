//! Evaluates the catalogue over live endpoints.
//!
//! An endpoint is watched from its first record on: a detector holds its windows and states, and judges when data
//! arrives and when time passes (every five seconds where something is about to happen, else every minute). What moves
//! is stored as a finding and goes to [`crate::alert`].
//!
//! Detectors live in memory. After a restart, one is rebuilt from what is stored when its endpoint is first heard:
//! the last day goes through it in order of time, so that holds and states are as they were. Nobody is told about
//! what moved on the way; only where things stand at the end counts, and alerts know what they have told. Endpoints
//! are rebuilt one after the other, beside the streams: what they tell meanwhile waits and is taken in afterwards.
//!
//! What comes late is taken in and not judged at once: what an endpoint tells of its past, an hour's backlog or a
//! trouble that is over, would look like the present for as long as the rest is on its way. It is judged when the
//! endpoint tells of the present, or has been quiet for [`watch::BACKLOG_QUIET`].
//!
//! Where several collectors share the database, an endpoint is watched where its stream is ([`moves`]): a watch judges only
//! under the number under which the stream is held, and is given up when another collector holds it.
//!
//! At most [`ENDPOINTS`] are watched; beyond that, and after an hour without a word, the quietest is forgotten, and
//! rebuilt when it is heard again.

mod catalogues;
mod foresight;
mod moves;
pub(crate) mod orders;
pub(crate) mod past;
mod rebuild;
mod rows;
#[cfg(test)]
pub(crate) mod tests;
mod watch;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firstline_diagnosis::document::{Compared, Diagnosis, Finding};
use firstline_diagnosis::vocabulary::Timestamp;
use thiserror::Error;

pub(crate) use catalogues::is_for;
pub use catalogues::{CatalogueError, Catalogues};
pub(crate) use foresight::standing as foresight_of;

use crate::alert::{AlertError, Alerts, Held, Subject};
use crate::app::Clock;
use crate::fleet::{Fleet, FleetError, guard};
use crate::history::History;
use crate::ingest::Observation;
use crate::outage::say_of;
use crate::store::{Store, StoreError, sql};
use rebuild::{Rebuilding, Waiting};
use rows::FindingRow;
use watch::{Verdict, Watch};

/// Most endpoints that are watched at a time.
const ENDPOINTS: usize = 25_000;

/// The detection of one collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Detect {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    parts: DetectParts,
    watches: Mutex<HashMap<String, Place>>,
    /// Endpoints that were heard and whose watch is not there yet.
    waiting: Waiting,
    /// Endpoints that told something of which it is not known whether it is stored. Each goes when it is back.
    doubts: Mutex<HashSet<String>>,
}

/// One endpoint's place. The lock keeps its observations in order.
type Place = Arc<tokio::sync::Mutex<Seat>>;

/// Who sits there.
#[derive(Debug, Default)]
enum Seat {
    #[default]
    Empty,
    /// Its turn to be rebuilt has not come.
    Rebuilding(Rebuilding),
    Watched(Box<Watch>),
}

impl Seat {
    fn watch(&mut self) -> Option<&mut Watch> {
        match self {
            Self::Watched(watch) => Some(watch),
            Self::Empty | Self::Rebuilding(_) => None,
        }
    }
}

/// What detection stands on.
#[derive(Debug)]
pub struct DetectParts {
    /// The database.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whom findings are about.
    pub fleet: Fleet,
    /// Where findings go.
    pub alerts: Alerts,
    /// The rules.
    pub catalogues: Catalogues,
    /// What endpoints told earlier.
    pub history: History,
}

/// Why something could not be judged.
#[derive(Debug, Error)]
pub enum DetectError {
    /// There is no such endpoint.
    #[error(transparent)]
    Endpoint(#[from] FleetError),
    /// Findings could not be told.
    #[error(transparent)]
    Alert(#[from] AlertError),
    /// The rules failed on what is stored; the next observation tries again.
    #[error("the stored past could not be judged")]
    Rebuild,
    /// The store failed; the next evaluation tries again.
    #[error("findings could not be stored or read")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for DetectError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Detect {
    /// Detection that watches nobody yet.
    pub fn new(parts: DetectParts) -> Self {
        let (watches, waiting, doubts) = (Mutex::default(), Waiting::default(), Mutex::default());
        Self { shared: Arc::new(Shared { parts, watches, waiting, doubts }) }
    }

    /// Takes in what an endpoint told, after it was stored, and judges. A failure is logged: the data is safe, and the
    /// next evaluation judges it.
    pub async fn observe(&self, endpoint_id: &str, observations: &[Observation]) {
        let place = self.place(endpoint_id);
        let mut seat = place.lock().await;
        match &mut *seat {
            Seat::Watched(watch) => {
                watch.take_in(observations, self.now());
                self.judge_when_due(endpoint_id, &mut seat).await;
            }
            Seat::Rebuilding(rebuilding) => rebuilding.wait(observations),
            Seat::Empty => {
                // What was just told is stored already, so that the past holds it.
                *seat = Seat::Rebuilding(Rebuilding::under(self.parts().fleet.epoch(endpoint_id)));
                self.shared.waiting.add(endpoint_id);
            }
        }
    }

    /// Judges endpoints on which time may have moved something. Called every five seconds.
    pub async fn tick(&self) {
        let now = self.now();
        for (endpoint_id, place) in self.places() {
            let mut seat = place.lock().await;
            let Some(watch) = seat.watch() else { continue };
            if watch.is_forgotten(now) {
                // Whoever waits for the lock finds the seat empty.
                *seat = Seat::Empty;
                self.watches().remove(&endpoint_id);
            } else {
                self.judge_when_due(&endpoint_id, &mut seat).await;
            }
        }
    }

    /// Stops watching an endpoint (by id) that is no more, and resolves its alerts.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn end(&self, endpoint_id: &str) -> Result<(), DetectError> {
        let place = self.watches().remove(endpoint_id);
        if let Some(place) = place {
            // Whoever waits for the lock finds the seat empty.
            *place.lock().await = Seat::Empty;
        }
        let (now, id) = (self.now(), endpoint_id.to_owned());
        let write =
            self.parts().store.write(move |tx| Box::pin(async move { rows::close_others(tx, &id, &[], now).await }));
        write.await?;
        Ok(self.parts().alerts.end(endpoint_id).await?)
    }

    /// What holds on an endpoint (by id), the primary first. Of one that is not watched, what held when it was.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn findings(&self, endpoint_id: &str) -> Result<Vec<Finding>, DetectError> {
        let place = self.watches().get(endpoint_id).cloned();
        if let Some(place) = place
            && let Some(watch) = self.ours(endpoint_id, &mut *place.lock().await)
        {
            return Ok(watch.findings(self.now()));
        }
        rows::held(self.parts().store.reads(), endpoint_id).await
    }

    /// The answer to a symptom (words of a ticket, or a symptom's id) from what is known of an endpoint (by id).
    ///
    /// # Errors
    /// When there is no such endpoint, or the store cannot be read.
    pub async fn diagnose(&self, endpoint_id: &str, symptom: Option<&str>) -> Result<Diagnosis, DetectError> {
        let known = self.parts().fleet.known(endpoint_id).await?;
        let place = self.watches().get(endpoint_id).cloned();
        if let Some(place) = place
            && let Some(watch) = self.ours(endpoint_id, &mut *place.lock().await)
        {
            return Ok(watch.diagnose(symptom, self.now()));
        }
        Ok(self.rebuilt(&known).await?.0.diagnose(symptom, self.now()))
    }

    /// What became of findings of an endpoint (by id) that were gone when `mended` was said.
    ///
    /// # Errors
    /// When there is no such endpoint, or the store cannot be read.
    pub async fn retest(&self, endpoint_id: &str, mended: &Compared) -> Result<Compared, DetectError> {
        let known = self.parts().fleet.known(endpoint_id).await?;
        let place = self.watches().get(endpoint_id).cloned();
        if let Some(place) = place
            && let Some(watch) = self.ours(endpoint_id, &mut *place.lock().await)
        {
            return Ok(watch.retest(mended, self.now()));
        }
        Ok(self.rebuilt(&known).await?.0.retest(mended, self.now()))
    }

    /// Takes in the administrator's files again; holds stay.
    ///
    /// # Errors
    /// When a file is bad; then everything stays as it was.
    pub async fn reload(&self) -> Result<String, CatalogueError> {
        let catalogue = self.parts().catalogues.reload()?;
        self.retagged_all().await;
        Ok(catalogue.version().to_owned())
    }

    /// Any endpoint may have other tags, or other files are in force.
    pub async fn retagged_all(&self) {
        for (endpoint_id, place) in self.places() {
            self.adopt(&endpoint_id, &place).await;
        }
    }

    /// An endpoint (by id) has other tags, perhaps: other files may be for it.
    pub async fn retagged(&self, endpoint_id: &str) {
        if self.parts().catalogues.is_uniform() {
            return;
        }
        let place = self.watches().get(endpoint_id).cloned();
        if let Some(place) = place {
            self.adopt(endpoint_id, &place).await;
        }
    }

    /// Goes on with what is in force for an endpoint; holds stay.
    async fn adopt(&self, endpoint_id: &str, place: &Place) {
        // Who is not there any more is judged by what is common, and ended soon.
        let tags = self.parts().fleet.known(endpoint_id).await.map(|known| known.endpoint.tags).unwrap_or_default();
        let catalogue = self.parts().catalogues.for_tags(&tags);
        if let Some(watch) = place.lock().await.watch() {
            watch.adopt(catalogue);
        }
    }

    /// The rules in force.
    pub fn catalogues(&self) -> &Catalogues {
        &self.parts().catalogues
    }

    /// Judges when something may have moved. A failure is logged, and the next evaluation tries again.
    async fn judge_when_due(&self, endpoint_id: &str, seat: &mut Seat) {
        let Some(watch) = seat.watch() else { return };
        if watch.is_due(self.now())
            && let Err(error) = self.judge(endpoint_id, watch).await
        {
            if error.is_of_move() {
                return self.leave(endpoint_id, seat);
            }
            say_of(endpoint_id, "it could not be judged", &error);
        }
    }

    async fn judge(&self, endpoint_id: &str, watch: &mut Watch) -> Result<(), DetectError> {
        let verdict = watch.evaluate(self.now());
        if verdict.transitions.is_empty() && verdict.held.is_none() {
            return Ok(());
        }
        let told = self.pass_on(endpoint_id, watch.epoch(), verdict).await;
        if told.is_err() {
            watch.untold();
        }
        told
    }

    async fn pass_on(&self, endpoint_id: &str, epoch: Option<i64>, verdict: Verdict) -> Result<(), DetectError> {
        self.store(endpoint_id, epoch, &verdict).await?;
        match verdict.held {
            Some(held) => self.tell(endpoint_id, epoch, held).await,
            None => Ok(()),
        }
    }

    async fn store(&self, endpoint_id: &str, epoch: Option<i64>, verdict: &Verdict) -> Result<(), DetectError> {
        let (now, endpoint_id) = (self.now(), endpoint_id.to_owned());
        let held = verdict.held.clone();
        let mut changes: Vec<FindingRow> = verdict.transitions.iter().cloned().map(FindingRow::from).collect();
        // What holds is stored as it is ranked, over what the transition said.
        let ranked = |finding: &Finding| FindingRow { finding: finding.clone(), state: finding.state, changed_at: now };
        changes.extend(held.iter().flatten().map(ranked));
        let write = self.parts().store.write(move |tx| {
            Box::pin(async move {
                guard(tx, &endpoint_id, epoch).await?;
                rows::save(tx, &endpoint_id, &changes).await?;
                match held {
                    Some(held) => rows::close_others(tx, &endpoint_id, &held, now).await,
                    None => Ok(()),
                }
            })
        });
        write.await
    }

    async fn tell(&self, endpoint_id: &str, epoch: Option<i64>, held: Vec<Finding>) -> Result<(), DetectError> {
        let known = self.parts().fleet.known(endpoint_id).await?;
        if known.revoked {
            return Ok(self.parts().alerts.end(endpoint_id).await?);
        }
        let endpoint = known.endpoint;
        let worst = held.iter().map(|finding| finding.severity).max();
        if worst != endpoint.worst_severity {
            self.parts().fleet.note_worst_severity(endpoint_id, worst).await?;
        }
        let catalogue = self.parts().catalogues.for_tags(&endpoint.tags);
        let with_check = |finding: Finding| {
            let check = catalogue.check(&finding.id);
            let title = check.map_or_else(|| finding.id.clone(), |check| check.title.clone());
            Held { title, proactive: check.is_some_and(|check| check.proactive), finding }
        };
        let subject = Subject { id: endpoint.id, name: endpoint.name, tags: endpoint.tags, epoch };
        Ok(self.parts().alerts.judge(subject, held.into_iter().map(with_check).collect()).await?)
    }

    /// The endpoint's place; makes room when there is none left.
    fn place(&self, endpoint_id: &str) -> Place {
        let mut watches = self.watches();
        if watches.len() >= ENDPOINTS && !watches.contains_key(endpoint_id) {
            let quiet = |place: &Place| place.try_lock().ok().and_then(|mut seat| Some(seat.watch()?.observed_at()));
            let quietest = watches.iter().filter_map(|(id, place)| Some((quiet(place)?, id.clone()))).min();
            if let Some((_, id)) = quietest {
                watches.remove(&id);
            }
        }
        Arc::clone(watches.entry(endpoint_id.to_owned()).or_default())
    }

    fn places(&self) -> Vec<(String, Place)> {
        self.watches().iter().map(|(id, place)| (id.clone(), Arc::clone(place))).collect()
    }

    fn watches(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.shared.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> &DetectParts {
        &self.shared.parts
    }

    fn now(&self) -> Timestamp {
        self.parts().clock.now()
    }
}
