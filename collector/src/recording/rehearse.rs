use std::sync::Arc;

use firstline_diagnosis::catalogue::{Catalogue, Check};
use firstline_diagnosis::recording::Player;
use firstline_diagnosis::vocabulary::{Reading, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Past;
use super::episode::{Episode, Episodes, OfCheck};
use crate::detect::past::Told;
use crate::fleet::{Fleet, FleetError, Known};
use crate::history;
use crate::ingest::Observation;
use crate::store::{Store, StoreError};

/// Episodes that a report shows; all of them are counted.
const EPISODES_SHOWN: usize = 200;

/// Checks on trial, and the time over which they are judged.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The checks alone.
    pub catalogue: Arc<Catalogue>,
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub to: Timestamp,
}

/// How far a rehearsal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Endpoints that were judged.
    pub done: usize,
    /// Endpoints in all.
    pub of: usize,
}

/// What checks would have said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub to: Timestamp,
    /// Endpoints that were judged.
    pub endpoints: usize,
    /// Of those, the ones that told something within that time.
    pub endpoints_heard: usize,
    /// Check by check.
    pub checks: Vec<OfCheck>,
    /// What they would have said, in order of time; the first 200.
    pub episodes: Vec<Episode>,
}

/// Why a rehearsal ended early.
#[derive(Debug, Error)]
pub enum RehearseError {
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An endpoint cannot be read.
    #[error(transparent)]
    Endpoint(#[from] FleetError),
    /// The rules failed on what is stored.
    #[error("the stored past could not be judged")]
    Judge,
    /// Nobody waits for it any more.
    #[error("nobody waits for the rehearsal")]
    Abandoned,
}

/// Runs the checks over the stored past of these endpoints (by id), one after the other. `tell` hears of each, and says whether
/// somebody still waits.
///
/// # Errors
/// When the past cannot be read or judged, or nobody waits.
pub async fn rehearse(
    store: &Store,
    fleet: &Fleet,
    rehearsal: &Rehearsal,
    endpoints: &[String],
    tell: impl Fn(Progress) -> bool,
) -> Result<Report, RehearseError> {
    let (mut episodes, mut heard) = (Vec::new(), 0);
    for (done, id) in endpoints.iter().enumerate() {
        if !tell(Progress { done, of: endpoints.len() }) {
            return Err(RehearseError::Abandoned);
        }
        if let Some(more) = of_endpoint(store, rehearsal, &fleet.known(id).await?).await? {
            episodes.extend(more);
            heard += 1;
        }
    }
    let span = (rehearsal.from, rehearsal.to);
    let checks = rehearsal.catalogue.checks().iter().map(|check| OfCheck::of(&check.id, &episodes, span)).collect();
    episodes.sort_by(|one, other| (one.from, &one.name, &one.check).cmp(&(other.from, &other.name, &other.check)));
    episodes.truncate(EPISODES_SHOWN);
    let (from, to) = span;
    Ok(Report { from, to, endpoints: endpoints.len(), endpoints_heard: heard, checks, episodes })
}

/// The episodes of one endpoint; nothing when it told nothing within the time.
async fn of_endpoint(
    store: &Store,
    rehearsal: &Rehearsal,
    known: &Known,
) -> Result<Option<Vec<Episode>>, RehearseError> {
    let signals = rehearsal.catalogue.windows().map(|(signal, _)| signal).collect();
    let mut past = Past::new(store, known.key, signals, (rehearsal.from, rehearsal.to));
    let since = history::watched_since(store.reads(), known.key).await?;
    let mut course = Course::new(rehearsal, known, since, past.states().await?);
    let mut heard = false;
    while let Some(told) = past.chunk().await? {
        heard |= !told.is_empty();
        course = tokio::task::spawn_blocking(move || course.play(told)).await.map_err(|_| RehearseError::Judge)?;
    }
    Ok(heard.then(|| course.finish()))
}

/// One endpoint's way through a rehearsal.
struct Course {
    player: Player,
    episodes: Episodes,
    catalogue: Arc<Catalogue>,
    endpoint: String,
    name: String,
    to: Timestamp,
}

impl Course {
    /// What it was when the rehearsal begins holds from its first moment on.
    fn new(rehearsal: &Rehearsal, known: &Known, since: Option<Timestamp>, states: Vec<Reading>) -> Self {
        let catalogue = Arc::clone(&rehearsal.catalogue);
        let player = Player::new(Arc::clone(&catalogue), &known.endpoint.os.os_type);
        let asks_methods = catalogue.checks().iter().any(|check| check.method.is_some());
        let mut player = if asks_methods { player.with_diary() } else { player };
        player.advance(rehearsal.from, &mut |_| {});
        if let Some(since) = since {
            player.tell(|detector| detector.watched_since(since));
        }
        for state in states {
            player.tell(|detector| detector.reading(&state));
        }
        let (endpoint, name) = (known.endpoint.id.clone(), known.endpoint.name.clone());
        Self { player, episodes: Episodes::default(), catalogue, endpoint, name, to: rehearsal.to }
    }

    fn play(mut self, told: Vec<Told>) -> Self {
        for (at, observation) in told {
            self.advance(at);
            self.player.tell(|detector| match &observation {
                Observation::Sample(layout, sample) => detector.sample(layout, sample),
                Observation::Reading(reading) => detector.reading(reading),
                Observation::Event(event) => detector.event(event),
                Observation::Mark(at, mark) => detector.mark(*at, *mark),
            });
        }
        self
    }

    fn advance(&mut self, at: Timestamp) {
        let Self { player, episodes, catalogue, endpoint, name, .. } = self;
        player.advance(at, &mut |moved| {
            let proactive = catalogue.check(&moved.check).is_some_and(|check: &Check| check.proactive);
            episodes.moved(moved, (endpoint, name), proactive);
        });
    }

    fn finish(mut self) -> Vec<Episode> {
        self.advance(self.to);
        self.episodes.finish()
    }
}
