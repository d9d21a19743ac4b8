//! One look at the fleet.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::document::Finding;
use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::look::{Look, WEEK, slot};
use super::presence::{self, Usual};
use super::reconcile::{Seen, Turn, turns};
use super::{Incident, IncidentState, Incidents, THRESHOLDS, facts, rollouts, rows, standing, words};
use crate::alert::AlertError;
use crate::alert::incident as alerts;
use crate::store::sql;

const SILENT: &str = "SELECT key, last_seen_ms FROM endpoints WHERE revoked_at_ms IS NULL AND merged_into IS NULL
    AND left_at_ms IS NULL AND paused = 0 AND state <> 'online'";

/// Fewer who are silent are nobody's outage.
const SEVERAL: usize = 2;

const FIRED: &str = "SELECT c.at_ms FROM alert_changes c JOIN alerts a ON a.id = c.alert_id
    WHERE a.check_id = $1 AND c.change IN ('fired', 'fired_again') AND c.at_ms >= $2 AND a.endpoint_id <> ''";

const FINDING: &str = "SELECT document FROM findings WHERE check_id = $1 AND endpoint_id = $2 AND instance = $3";

impl Incidents {
    /// Looks at the fleet: opens, refreshes and closes incidents. Called every minute by one collector.
    ///
    /// # Errors
    /// When the store failed; the next look tries again.
    pub async fn round(&self) -> Result<(), AlertError> {
        let (now, reads) = (self.clock.now(), self.store.reads());
        let open = rows::open(reads).await?;
        let watched: Vec<String> = open.iter().map(|incident| incident.check.clone()).collect();
        let standings = standing::of(reads, &watched).await?;
        presence::note(&self.store, now).await?;
        let rollouts = self.rollouts(now).await?;
        let usual = Usual::of(reads, now).await?;
        if open.is_empty() && standings.is_empty() && rollouts.is_empty() && !self.are_missed(&usual, now).await? {
            return Ok(());
        }
        let hosts = facts::of(reads, &THRESHOLDS, &usual, now).await?;
        let catalogue = self.catalogues.current();
        let look = Look { hosts: &hosts, standings: &standings, catalogue: &catalogue, now };
        let mut seen = look.seen();
        seen.extend(self.bursts(&look, &seen).await?);
        seen.extend(rollouts);
        self.reconcile(&look, open, seen).await
    }

    /// Whether several endpoints are silent that said nothing of it: lately, or at an hour at which they are usually there.
    async fn are_missed(&self, usual: &Usual, now: Timestamp) -> Result<bool, AlertError> {
        let lately = (now - Duration::from_mins(20)).unix_ms();
        let silent: Vec<(i64, Option<i64>)> = sql::query_as(SILENT).fetch_all(self.store.reads()).await?;
        let is_missed = |(key, seen): &&(i64, Option<i64>)| seen.is_some_and(|seen| seen >= lately) || usual.is(*key);
        Ok(silent.iter().filter(is_missed).take(SEVERAL).count() >= SEVERAL)
    }

    /// What was rolled out and made things worse, looked at once an hour.
    async fn rollouts(&self, now: Timestamp) -> Result<Vec<Seen>, AlertError> {
        let mut compared = self.rollouts.lock().await;
        if let Some((_, seen)) = compared.as_ref().filter(|(at, _)| now.since(*at) < rollouts::COMPARED_EVERY) {
            return Ok(seen.clone());
        }
        let seen = rollouts::of(self.store.reads(), now).await?;
        *compared = Some((now, seen.clone()));
        Ok(seen)
    }

    /// Findings that many got within a quarter of an hour, and that nothing else explains.
    async fn bursts(&self, look: &Look<'_>, seen: &[Seen]) -> Result<Vec<Seen>, AlertError> {
        let mut bursts = Vec::new();
        let since = look.now - WEEK * THRESHOLDS.rate_burst.weeks - slot();
        for maybe in look.maybe_bursts(seen) {
            let rows: Vec<(i64,)> =
                sql::query_as(FIRED).bind(&maybe.check).bind(since.unix_ms()).fetch_all(self.store.reads()).await?;
            let told: Vec<Timestamp> = rows.into_iter().map(|(at,)| Timestamp(at)).collect();
            bursts.extend(look.burst_of(&maybe, &told));
        }
        Ok(bursts)
    }

    async fn reconcile(&self, look: &Look<'_>, open: Vec<Incident>, seen: Vec<Seen>) -> Result<(), AlertError> {
        let mut known = Vec::new();
        for incident in open {
            let members = rows::members(self.store.reads(), &incident.id).await?;
            known.push((incident, members));
        }
        for turn in turns(look, known, seen, || Uuid::now_v7().to_string()) {
            self.keep(look, turn).await?;
        }
        Ok(())
    }

    /// Stores an incident as it is now, with those who joined, and what that means for alerts.
    async fn keep(&self, look: &Look<'_>, turn: Turn) -> Result<(), AlertError> {
        let Turn { before, after, joined } = turn;
        let changed = before.as_ref() != Some(&after);
        let (now, worst) = (look.now, self.worst(look, &after).await?);
        let whole = alerts::Whole {
            incident: after.id.clone(),
            words: after.words.clone(),
            count: after.endpoints.len(),
            finding: words::finding(&after, worst),
        };
        let (kept, policy) = (after.clone(), Arc::clone(&self.policy));
        let write = self.store.write(move |tx| {
            Box::pin(async move {
                if changed {
                    rows::save(tx, &kept).await?;
                }
                rows::join(tx, &kept.id, &joined, now).await?;
                match kept.state {
                    IncidentState::Open => Box::pin(alerts::tell(tx, &whole, &policy, now)).await,
                    IncidentState::Closed | IncidentState::Dismissed => {
                        Box::pin(alerts::end(tx, &whole, &policy, now)).await
                    }
                }
            })
        });
        let told = write.await?;
        self.tell(told, if changed { vec![after] } else { Vec::new() });
        Ok(())
    }

    /// The worst of an incident's findings.
    async fn worst(&self, look: &Look<'_>, incident: &Incident) -> Result<Option<Finding>, AlertError> {
        let worst = look.standings.get(&incident.check).and_then(|standing| standing.worst.as_ref());
        let Some((_, endpoint, instance)) = worst else { return Ok(None) };
        let row: Option<(String,)> = sql::query_as(FINDING)
            .bind(&incident.check)
            .bind(endpoint)
            .bind(instance)
            .fetch_optional(self.store.reads())
            .await?;
        Ok(row.and_then(|(document,)| serde_json::from_str(&document).ok()))
    }
}
