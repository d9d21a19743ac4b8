//! Watches from the stored past, one endpoint after the other.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use firstline_diagnosis::detector::{Detector, Host};
use firstline_diagnosis::document::Finding;
use firstline_diagnosis::registry::{Registry, SignalSpec};
use firstline_diagnosis::vocabulary::{Mark, Timestamp};

use super::watch::Watch;
use super::{Detect, DetectError, Place, Seat, foresight, past, rows};
use crate::fleet::Known;
use crate::history;
use crate::ingest::Observation;
use crate::outage::say_of;

/// While a watch is rebuilt, the last stretch is judged every minute, as it was; what is older every five minutes,
/// which is enough to know what has been active since.
const CLOSE_STRETCH: Duration = Duration::from_hours(2);
const CLOSE_STEP: Duration = Duration::from_mins(1);
const FAR_STEP: Duration = Duration::from_mins(5);

/// How long endpoints are rebuilt in one go.
const TURN: Duration = Duration::from_secs(1);
/// Observations that wait for one endpoint; when there are more, its past is read once more.
const WAITING: usize = 512;

/// Endpoints whose turn comes, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<VecDeque<(String, Instant)>>);

impl Waiting {
    pub(super) fn add(&self, endpoint_id: &str) {
        self.lock().push_back((endpoint_id.to_owned(), Instant::now()));
    }

    fn take(&self) -> Option<String> {
        self.lock().pop_front().map(|(endpoint_id, _)| endpoint_id)
    }

    /// How many wait, and how long the first has waited.
    fn queue(&self) -> (usize, Duration) {
        let waiting = self.lock();
        (waiting.len(), waiting.front().map_or(Duration::ZERO, |(_, since)| since.elapsed()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, Instant)>> {
        // Every change under this lock is one call, so a panic elsewhere leaves it usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an endpoint told since its turn was asked for.
#[derive(Debug, Default)]
pub(super) struct Rebuilding {
    told: Vec<Observation>,
    /// More was told than is kept; it is stored.
    overflowed: bool,
    /// The number under which the endpoint's stream is held.
    epoch: Option<i64>,
}

impl Rebuilding {
    pub(super) fn under(epoch: Option<i64>) -> Self {
        Self { epoch, ..Self::default() }
    }

    pub(super) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    pub(super) fn hold_under(&mut self, epoch: Option<i64>) {
        self.epoch = epoch;
    }

    pub(super) fn wait(&mut self, observations: &[Observation]) {
        if self.told.len() + observations.len() > WAITING {
            self.overflowed = true;
        } else {
            self.told.extend_from_slice(observations);
        }
    }
}

impl Detect {
    /// How many endpoints wait to be rebuilt before they are judged again, and how long the first has waited.
    pub fn rebuilds_waiting(&self) -> (usize, Duration) {
        self.shared.waiting.queue()
    }

    /// Rebuilds watches of endpoints that were heard, for about a second. One at a time, so that streams keep the
    /// machine; called again and again.
    pub async fn rebuild(&self) {
        let started = Instant::now();
        while started.elapsed() < TURN {
            let Some(endpoint_id) = self.shared.waiting.take() else { return };
            let place = self.place(&endpoint_id);
            if let Err(error) = self.take_place(&endpoint_id, &place).await {
                // The next observation asks again.
                *place.lock().await = Seat::Empty;
                say_of(&endpoint_id, "it could not be judged", &error);
            }
        }
    }

    async fn take_place(&self, endpoint_id: &str, place: &Place) -> Result<(), DetectError> {
        // The past is read with the door open: the stream goes on meanwhile.
        let known = self.parts().fleet.known(endpoint_id).await?;
        let (mut watch, marks) = self.rebuilt(&known).await?;
        let mut seat = place.lock().await;
        match std::mem::take(&mut *seat) {
            Seat::Rebuilding(rebuilding) if rebuilding.overflowed => {
                *seat = Seat::Rebuilding(Rebuilding::under(rebuilding.epoch));
                self.shared.waiting.add(endpoint_id);
                return Ok(());
            }
            Seat::Rebuilding(mut rebuilding) => {
                // A turn must not be taken twice: told late, it would speak of what came after it.
                rebuilding
                    .told
                    .retain(|told| !matches!(told, Observation::Mark(at, mark) if marks.contains(&(*at, *mark))));
                watch.hold_under(rebuilding.epoch);
                watch.take_in(&rebuilding.told, self.now());
            }
            // Somebody was faster.
            Seat::Watched(other) => watch = other,
            Seat::Empty => {}
        }
        *seat = Seat::Watched(watch);
        self.judge_when_due(endpoint_id, &mut seat).await;
        Ok(())
    }

    /// A watch that has seen the endpoint's stored past, and the turns in there.
    pub(super) async fn rebuilt(&self, known: &Known) -> Result<(Box<Watch>, Vec<(Timestamp, Mark)>), DetectError> {
        let now = self.now();
        let catalogue = self.parts().catalogues.for_tags(&known.endpoint.tags);
        let past = past::of(&self.parts().store, known.key, &catalogue, now).await?;
        let held = rows::held(self.parts().store.reads(), &known.endpoint.id).await?;
        let outlooks = foresight::stored(self.parts().store.reads(), &known.endpoint.id).await?;
        // What a method says stands on more than the past that is gone through here.
        let (foreseen, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|finding| finding.forecast.is_some());
        let (before, mut within): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|finding| finding.onset < now - past::SAMPLES);
        within.retain(is_told_seldom);
        within.sort_by_key(|finding| finding.onset);
        let host = Host { os_type: known.endpoint.os.os_type.clone() };
        let mut detector = Detector::new(catalogue, host);
        if let Some(since) = history::watched_since(self.parts().store.reads(), known.key).await? {
            detector.watched_since(since);
        }
        for finding in &before {
            detector.recall(finding);
        }
        let marks = past.iter().filter_map(|(_, told)| match told {
            Observation::Mark(at, mark) => Some((*at, *mark)),
            _ => None,
        });
        let marks = marks.collect();
        let replayed = tokio::task::spawn_blocking(move || {
            let mut watch = replay(Watch::new(detector, now), &past, &within, now);
            for finding in &foreseen {
                watch.recall(finding);
            }
            for outlook in &outlooks {
                watch.foresee(outlook);
            }
            watch.rebuilt(past.last().map(|(at, _)| *at), now);
            watch
        });
        let watch = replayed.await.map_err(|_| DetectError::Rebuild)?;
        Ok((Box::new(watch), marks))
    }
}

/// Whether a finding stands on nothing but what is told when it changes: of that only the newest is stored, so that a replay
/// would begin its hold anew.
fn is_told_seldom(finding: &Finding) -> bool {
    let is_sampled = |signal: &str| Registry::builtin().get(signal).is_none_or(SignalSpec::is_sampled);
    !finding.evidence.is_empty() && !finding.evidence.iter().any(|evidence| is_sampled(&evidence.signal))
}

/// Runs the past through a watch up to (not including) `now`. It judges as it was judged then: in the last stretch
/// whenever something arrived, and where nothing arrived, as time went by. Findings of `recalled`, in order of their
/// onset, hold from there on until something says otherwise.
fn replay(mut watch: Watch, past: &[(Timestamp, Observation)], recalled: &[Finding], now: Timestamp) -> Watch {
    let mut recalled = recalled.iter().peekable();
    let step_at = |at: Timestamp| if now.since(at) > CLOSE_STRETCH { FAR_STEP } else { CLOSE_STEP };
    let mut next = now - past::SAMPLES;
    for (index, (at, observation)) in past.iter().enumerate() {
        while next < *at && next < now {
            watch.step(next);
            next = next + step_at(next);
        }
        while let Some(finding) = recalled.next_if(|finding| finding.onset <= *at) {
            watch.recall(finding);
        }
        watch.observe(observation);
        let last_of_its_moment = past.get(index + 1).is_none_or(|(following, _)| following > at);
        let close = now.since(*at) <= CLOSE_STRETCH && *at < now;
        if close && last_of_its_moment {
            watch.step(*at);
            next = *at + CLOSE_STEP;
        }
    }
    for finding in recalled {
        watch.recall(finding);
    }
    while next < now {
        watch.step(next);
        next = next + step_at(next);
    }
    watch
}
