//! Asks the methods of checks about the past of watched endpoints, each as often as its check says.
//!
//! A paced job: endpoint by endpoint, for about [`TURN`] at a time, so that streams and people keep the machine; only reads,
//! but for what was found. A machine's turn within a check's period depends on its id, so that a fleet that was enrolled in
//! one hour is not asked about in one hour. What a method said is stored, told to the endpoint's detector, and stands until
//! the next time: after a restart, and for the diagnosis of what is pulled.

mod rows;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::metrics::{counter, histogram};
use firstline_diagnosis::Foresight;
use firstline_diagnosis::catalogue::{Catalogue, Check};
use firstline_diagnosis::trend::{Outlook, outlook};
use firstline_diagnosis::vocabulary::Timestamp;
use tracing::warn;

use super::{Detect, DetectError};
use crate::fleet::guard;
use crate::metrics as names;
use crate::store::Reads;

/// How long the job works in one go.
const TURN: Duration = Duration::from_millis(500);
/// Periods are longer by up to this share, another one for each endpoint.
const SPREAD: u32 = 8;

/// When each check's method was last asked about an endpoint.
#[derive(Debug, Default)]
pub(super) struct Asked {
    at: BTreeMap<String, Timestamp>,
    /// Until then nothing is due.
    next: Option<Timestamp>,
}

impl Asked {
    /// That the method of a check was asked.
    pub(super) fn note(&mut self, outlook: &Outlook) {
        self.at.insert(outlook.check.clone(), outlook.at);
        self.next = None;
    }

    /// Another catalogue: everything is looked at again.
    pub(super) fn forget(&mut self) {
        self.at.clear();
        self.next = None;
    }

    /// The checks whose methods are to be asked about an endpoint now.
    pub(super) fn due(
        &mut self,
        catalogue: &Catalogue,
        endpoint_id: &str,
        os_type: &str,
        now: Timestamp,
    ) -> Vec<String> {
        if self.next.is_some_and(|next| now < next) {
            return Vec::new();
        }
        let (mut due, mut next) = (Vec::new(), now + Duration::from_hours(1));
        for check in catalogue.checks().iter().filter(|check| check.runs_on(os_type)) {
            let Some(method) = &check.method else { continue };
            let at = self.at.get(&check.id).map(|at| *at + method.every + offset(endpoint_id, method.every));
            match at.filter(|at| *at > now) {
                Some(at) => next = next.min(at),
                None => due.push(check.id.clone()),
            }
        }
        self.next = due.is_empty().then_some(next);
        due
    }
}

/// What an endpoint's period is longer than the check's.
fn offset(endpoint_id: &str, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    endpoint_id.hash(&mut hasher);
    every / SPREAD * (hasher.finish() % 1000) as u32 / 1000
}

impl Detect {
    /// Asks what is due of watched endpoints. Called every few seconds.
    pub async fn foresee(&self) {
        let started = Instant::now();
        for (endpoint_id, place) in self.places() {
            if started.elapsed() >= TURN {
                return;
            }
            let now = self.now();
            let (catalogue, due) = match place.lock().await.watch() {
                Some(watch) => (watch.catalogue(), watch.due_methods(&endpoint_id, now)),
                None => continue,
            };
            if due.is_empty() {
                continue;
            }
            if let Err(error) = self.foresee_of(&endpoint_id, &catalogue, due, now).await
                && !error.is_of_move()
            {
                warn!(host.id = %endpoint_id, error = %error, "The past of endpoint {endpoint_id} could not be looked at");
            }
        }
    }

    async fn foresee_of(
        &self,
        endpoint_id: &str,
        catalogue: &Arc<Catalogue>,
        due: Vec<String>,
        now: Timestamp,
    ) -> Result<(), DetectError> {
        let started = Instant::now();
        let known = self.parts().fleet.known(endpoint_id).await?;
        let outlooks = self.asked(known.key, catalogue, due, now).await?;
        let place = self.place(endpoint_id);
        let mut seat = place.lock().await;
        let Some(watch) = seat.watch() else { return Ok(()) };
        let (key, id, epoch) = (known.key, endpoint_id.to_owned(), watch.epoch());
        for outlook in &outlooks {
            watch.foresee(outlook);
        }
        let count = outlooks.len() as u64;
        let write = self.parts().store.write(move |tx| {
            Box::pin(async move {
                guard(tx, &id, epoch).await?;
                rows::save(tx, key, &outlooks).await
            })
        });
        write.await?;
        counter!(names::OUTLOOKS).increment(count);
        histogram!(names::OUTLOOK_SECONDS).record(started.elapsed().as_secs_f64());
        self.judge_when_due(endpoint_id, &mut seat).await;
        Ok(())
    }

    /// What the methods of these checks say of an endpoint's past.
    async fn asked(
        &self,
        key: i64,
        catalogue: &Arc<Catalogue>,
        due: Vec<String>,
        now: Timestamp,
    ) -> Result<Vec<Outlook>, DetectError> {
        let checks: Vec<&Check> = due.iter().filter_map(|id| catalogue.check(id)).collect();
        let reads: Vec<_> = checks.iter().filter_map(|check| check.method.as_ref()).flat_map(|of| &of.reads).collect();
        let past = self.parts().history.past(key, &reads, now).await?;
        let catalogue = Arc::clone(catalogue);
        let asked = tokio::task::spawn_blocking(move || {
            let checks = due.iter().filter_map(|id| catalogue.check(id));
            checks.filter_map(|check| outlook(check, &past, now)).collect()
        });
        asked.await.map_err(|_| DetectError::Rebuild)
    }
}

/// What methods last said of an endpoint (by id), and what holds of that: for the diagnosis of what it sends.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn standing(reads: &Reads, endpoint_id: &str) -> Result<Foresight, DetectError> {
    let held = super::rows::held(reads, endpoint_id).await?;
    let standing = held.into_iter().filter(|finding| finding.forecast.is_some()).collect();
    Ok(Foresight { outlooks: rows::of(reads, endpoint_id).await?, standing, ..Foresight::default() })
}

/// What methods last said of an endpoint (by id).
pub(super) async fn stored(reads: &Reads, endpoint_id: &str) -> Result<Vec<Outlook>, DetectError> {
    rows::of(reads, endpoint_id).await
}
