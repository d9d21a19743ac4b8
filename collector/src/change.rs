//! What changed on an endpoint, from what is stored of it.
//!
//! Changes of states and events of updates are read ([`past`]) and given to `diagnosis`, which says what counts, what is
//! noise, and what may be related to a finding. What the fleet adds is how much oftener machines with the same change have
//! the finding ([`lift`]). Reads only.

mod lift;
mod past;
#[cfg(test)]
mod tests;

use std::time::Duration;

use firstline_diagnosis::change::{self, Past, main_signal, normalise};
use firstline_diagnosis::document::{ChangeRecord, Diagnosis, Finding, Role, Snapshot, SnapshotSeries};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use crate::detect::{Detect, DetectError};
use crate::history::History;
use crate::incident::Incidents;
use crate::store::{Store, StoreError};

/// How far back changes are looked for when nobody says.
const REACH: Duration = Duration::from_hours(14 * 24);

/// How far back the number is followed that a finding rests on.
const NUMBERS: Duration = Duration::from_hours(24);

/// What changed on an endpoint between two moments, newest first. What is as it was is not among it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeList {
    /// The earlier moment.
    pub since: Timestamp,
    /// The later one.
    pub until: Timestamp,
    /// Since when it is known what the machine is: of the time before, nothing can be said.
    pub known_since: Option<Timestamp>,
    /// What differs.
    pub changes: Vec<ChangeRecord>,
    /// How many changes explain nothing (addresses within one network, a dock that is back) and are left out.
    pub left_out: usize,
}

/// The changes of endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Changes {
    store: Store,
    history: History,
    detect: Detect,
    incidents: Incidents,
}

impl Changes {
    /// The changes of the endpoints in `store`.
    pub fn new(store: Store, history: History, detect: Detect, incidents: Incidents) -> Self {
        Self { store, history, detect, incidents }
    }

    /// What an endpoint (by id) has at `until` other than at `since`.
    ///
    /// # Errors
    /// The database's.
    pub async fn between(
        &self,
        endpoint_id: &str,
        since: Option<Timestamp>,
        until: Timestamp,
    ) -> Result<ChangeList, StoreError> {
        let since = since.unwrap_or(until - REACH);
        let past = past::of(&self.store, &self.history, endpoint_id, (since, until)).await?;
        let told = normalise(&change::net(&past.changes), &past.events, &past.marks, until);
        Ok(ChangeList { since, until, known_since: past.known_since, changes: told.records, left_out: told.noise })
    }

    /// The answer to a symptom from what is known of an endpoint (by id), with what changed before, and what others have.
    /// `began` is when the trouble began, if somebody says so.
    ///
    /// # Errors
    /// When there is no such endpoint, or the store cannot be read.
    pub async fn diagnose(
        &self,
        endpoint_id: &str,
        symptom: Option<&str>,
        began: Option<Timestamp>,
    ) -> Result<Diagnosis, DetectError> {
        let mut diagnosis = self.detect.diagnose(endpoint_id, symptom).await?;
        self.incidents.mark(&mut diagnosis, endpoint_id).await?;
        let primary = diagnosis.findings.iter().find(|finding| finding.role == Role::Primary);
        let Some(primary) = primary else { return Ok(diagnosis) };
        let earliest = began.map_or(primary.onset, |began| began.min(primary.onset));
        let past = past::of(&self.store, &self.history, endpoint_id, (earliest - REACH, diagnosis.at)).await?;
        let series = self.series(endpoint_id, primary, diagnosis.at).await?;
        let told = Past {
            changes: &past.changes,
            events: &past.events,
            marks: &past.marks,
            series: &series,
            known_since: past.known_since,
            stated: began,
            lift: &|_| None,
        };
        self.account(&mut diagnosis, told).await?;
        Ok(diagnosis)
    }

    /// Adds to the diagnosis of a snapshot what only the fleet knows: the incidents that the endpoint (by id) is one of, and
    /// how much oftener machines with the same change have the same finding.
    ///
    /// # Errors
    /// When the store cannot be read; the diagnosis is good without it.
    pub async fn add_fleet(
        &self,
        diagnosis: &mut Diagnosis,
        endpoint_id: &str,
        snapshot: &Snapshot,
    ) -> Result<(), DetectError> {
        self.incidents.mark(diagnosis, endpoint_id).await?;
        let own = Past::of(snapshot);
        let mut stored =
            past::of(&self.store, &self.history, endpoint_id, (diagnosis.at - REACH, diagnosis.at)).await?;
        stored.add(snapshot);
        let known_since = own.known_since.into_iter().chain(stored.known_since).min();
        let past = Past { changes: &stored.changes, events: &stored.events, known_since, ..own };
        Ok(self.account(diagnosis, past).await?)
    }

    async fn account(&self, diagnosis: &mut Diagnosis, past: Past<'_>) -> Result<(), StoreError> {
        let Some(primary) = diagnosis.answer() else { return Ok(()) };
        let lifts = lift::of(&self.store, &primary.id, &past, diagnosis.at).await?;
        let told = Past { lift: &|record| lifts.get(&record.reference).copied(), ..past };
        diagnosis.changes = change::account(diagnosis, &told);
        Ok(())
    }

    /// The numbers of the signal that a finding rests on.
    async fn series(
        &self,
        endpoint_id: &str,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<Vec<SnapshotSeries>, StoreError> {
        let Some((signal, _)) = main_signal(finding) else { return Ok(Vec::new()) };
        let stretches = self.history.series(endpoint_id, signal, (now - NUMBERS, now), now).await?;
        Ok(stretches.into_iter().map(|stretch| stretch.series).collect())
    }
}
