//! Which findings stand on several endpoints.

use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use crate::alert::AlertError;
use crate::store::{Reads, sql};

/// With fewer endpoints nothing is ever told.
pub(super) const SEVERAL: i64 = 3;

/// Rows of one finding at most.
const ROWS: i64 = 50_000;

const SEVERAL_HAVE: &str = "SELECT check_id FROM findings WHERE state IN ('active', 'recovering')
    GROUP BY check_id HAVING COUNT(DISTINCT endpoint_id) >= $1 ORDER BY check_id";

/// What follows from another finding on its endpoint is told with that one, and says nothing here.
const OF_CHECK: &str = "SELECT endpoint_id, instance, state, severity, onset_ms,
    CAST(CASE WHEN document LIKE '%\"consequence_of\":\"%' THEN 1 ELSE 0 END AS BIGINT) FROM findings
    WHERE check_id = $1 AND state IN ('active', 'recovering', 'pending', 'stale', 'unknown') LIMIT $2";

/// A finding and where it stands.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// By endpoint, when it began there.
    pub(super) affected: BTreeMap<String, Timestamp>,
    /// Endpoints of which it cannot be told, or not yet.
    pub(super) untold: Vec<String>,
    /// Instance and endpoint of each that is affected.
    pub(super) instances: Vec<(String, String)>,
    /// The worst of it: severity, and who has it.
    pub(super) worst: Option<(i64, String, String)>,
}

/// Findings that several endpoints have, by check, and those of `watched` whoever has them.
pub(super) async fn of(reads: &Reads, watched: &[String]) -> Result<BTreeMap<String, Standing>, AlertError> {
    let rows: Vec<(String,)> = sql::query_as(SEVERAL_HAVE).bind(SEVERAL).fetch_all(reads).await?;
    let mut checks: Vec<String> = rows.into_iter().map(|(check,)| check).collect();
    checks.extend(watched.iter().cloned());
    checks.sort();
    checks.dedup();
    let mut standings = BTreeMap::new();
    for check in checks {
        let standing = of_check(reads, &check).await?;
        standings.insert(check, standing);
    }
    Ok(standings)
}

async fn of_check(reads: &Reads, check: &str) -> Result<Standing, AlertError> {
    let rows: Vec<(String, String, String, i64, i64, i64)> =
        sql::query_as(OF_CHECK).bind(check).bind(ROWS).fetch_all(reads).await?;
    let mut standing = Standing::default();
    for (endpoint, instance, state, severity, onset_ms, follows) in rows {
        let holds = state == "active" || state == "recovering";
        standing.take(endpoint, instance, holds && follows == 0, severity, Timestamp(onset_ms));
    }
    standing.settle();
    Ok(standing)
}

impl Standing {
    /// Takes in how the finding stands on an instance of an endpoint; `holds` is false when that cannot be told, or not yet.
    pub(super) fn take(&mut self, endpoint: String, instance: String, holds: bool, severity: i64, since: Timestamp) {
        if !holds {
            self.untold.push(endpoint);
            return;
        }
        let onset = self.affected.entry(endpoint.clone()).or_insert(since);
        *onset = (*onset).min(since);
        self.instances.push((instance.clone(), endpoint.clone()));
        if self.worst.as_ref().is_none_or(|(worst, ..)| severity > *worst) {
            self.worst = Some((severity, endpoint, instance));
        }
    }

    /// Of who has an instance on which it holds, it can be told.
    pub(super) fn settle(&mut self) {
        let Self { affected, untold, .. } = self;
        untold.retain(|endpoint| !affected.contains_key(endpoint));
    }

    /// How bad the worst of it is.
    pub(super) fn severity(&self) -> Severity {
        let ranks = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let rank = self.worst.as_ref().map_or(0, |(rank, ..)| usize::try_from(rank - 1).unwrap_or_default());
        ranks.get(rank).copied().unwrap_or(Severity::Info)
    }
}
