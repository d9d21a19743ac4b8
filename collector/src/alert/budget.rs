//! What people read of quotas: how much of a day's is spent, what was rolled up, and why nobody was told of a finding.

use firstline_diagnosis::document::Finding;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use metrics::gauge;

use super::announcement::{AlertBudget, CheckNoise, HeldBack, HeldBackList, HeldBackQuery, ReasonCount, RollUp};
use super::stage::quota;
use super::{AlertEndpoint, AlertError, Alerts, announce};
use crate::metrics::{ALERT_QUOTA, FINDINGS_HELD_BACK};
use crate::store::sql;

/// Findings on a page when nobody says how many, and at most.
const PAGE: (u32, u32) = (100, 500);

const OF_DAY: &str = "SELECT check_id, outcome, COUNT(*), CAST(SUM(to_user) AS BIGINT) FROM announcements
    WHERE day = $1 GROUP BY check_id, outcome ORDER BY check_id, outcome";

const ROLLED_UP: &str = "SELECT COUNT(*), COUNT(DISTINCT n.endpoint_id),
    CAST(COALESCE(SUM(CASE WHEN a.resolved_at_ms IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT)
    FROM announcements n JOIN alerts a ON a.id = n.alert_id WHERE n.day = $1 AND n.outcome = 'rolled_up'";

/// What holds and was not told. A decision outlives its finding; only what holds counts.
const HELD_BACK: &str =
    "SELECT d.check_id, d.endpoint_id, d.instance, d.stage, d.reason, d.words, d.at_ms, f.document, e.name
    FROM alert_decisions d
    JOIN findings f ON f.endpoint_id = d.endpoint_id AND f.check_id = d.check_id AND f.instance = d.instance
    JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.told = 0 AND f.state IN ('active', 'recovering', 'stale') AND ($1 IS NULL OR d.endpoint_id = $1)
    AND ($2 IS NULL OR d.check_id = $2) AND ($3 IS NULL OR d.reason = $3)
    ORDER BY d.at_ms DESC, d.fingerprint LIMIT $4";

const REASONS: &str = "SELECT d.reason, COUNT(*) FROM alert_decisions d
    JOIN findings f ON f.endpoint_id = d.endpoint_id AND f.check_id = d.check_id AND f.instance = d.instance
    WHERE d.told = 0 AND f.state IN ('active', 'recovering', 'stale') GROUP BY d.reason ORDER BY COUNT(*) DESC, d.reason";

/// Why a finding is held back.
const EVERY_REASON: [&str; 9] = [
    "not_active",
    "not_proactive",
    "severity_too_low",
    "confidence_too_low",
    "no_action",
    "explained_by_root",
    "explained_by_incident",
    "silenced",
    "quota_spent",
];

/// A finding that was held back.
#[derive(Debug, sqlx::FromRow)]
struct HeldBackRow {
    check_id: String,
    endpoint_id: String,
    instance: String,
    stage: String,
    reason: String,
    words: String,
    at_ms: i64,
    document: String,
    name: String,
}

impl Alerts {
    /// How much of a day's quota is spent, and what was rolled up; `day` as `2026-01-21`, else today (UTC).
    ///
    /// # Errors
    /// When that is no day, or the store cannot be read.
    pub async fn budget(&self, day: Option<&str>) -> Result<AlertBudget, AlertError> {
        let today = quota::day_of(self.clock.now());
        let wrong = || AlertError::Refused("a day is written 2026-01-21".to_owned());
        let day = day.map_or(Some(today), quota::read).ok_or_else(wrong)?;
        let reads = self.store.reads();
        let rows: Vec<(String, String, i64, i64)> = sql::query_as(OF_DAY).bind(day).fetch_all(reads).await?;
        let (alerts, endpoints, open): (i64, i64, i64) = sql::query_as(ROLLED_UP).bind(day).fetch_one(reads).await?;
        let fleet = announce::endpoints(reads).await?;
        let checks = noise(&rows);
        let loudest = checks.iter().filter(|one| one.rolled_up > 0).map(|one| one.check.as_str()).take(3);
        Ok(AlertBudget {
            day: quota::written(day),
            endpoints: fleet,
            allowed: self.policy.announced_a_day(fleet),
            announced: checks.iter().map(|one| one.announced).sum(),
            user_messages: rows.iter().map(|(.., to_user)| count(*to_user)).sum(),
            rolled_up: rolled_up(count(alerts), count(open), count(endpoints), &loudest.collect::<Vec<_>>()),
            checks,
        })
    }

    /// Findings that hold and of which nobody was told, with the reason.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn held_back(&self, query: &HeldBackQuery) -> Result<HeldBackList, AlertError> {
        let rows: Vec<HeldBackRow> = sql::query_as(HELD_BACK)
            .bind(query.endpoint.as_deref())
            .bind(query.check.as_deref())
            .bind(query.reason.as_deref())
            .bind(i64::from(query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1)))
            .fetch_all(self.store.reads())
            .await?;
        Ok(HeldBackList { held_back: rows.into_iter().map(HeldBack::from).collect(), reasons: self.reasons().await? })
    }

    async fn reasons(&self) -> Result<Vec<ReasonCount>, AlertError> {
        let reasons: Vec<(String, i64)> = sql::query_as(REASONS).fetch_all(self.store.reads()).await?;
        let reason = |(reason, findings)| ReasonCount { reason, findings: count(findings) };
        Ok(reasons.into_iter().map(reason).collect())
    }

    /// Puts today's quota and what was held back into the collector's metrics.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn measure(&self) -> Result<(), AlertError> {
        let (budget, reasons) = (self.budget(None).await?, self.reasons().await?);
        let kinds = [
            ("allowed", budget.allowed),
            ("announced", budget.announced),
            ("rolled_up", budget.rolled_up.alerts),
            ("user_messages", budget.user_messages),
        ];
        for (kind, count) in kinds {
            gauge!(ALERT_QUOTA, "kind" => kind).set(count as f64);
        }
        for reason in EVERY_REASON {
            let count = reasons.iter().find(|one| one.reason == reason).map_or(0, |one| one.findings);
            gauge!(FINDINGS_HELD_BACK, "reason" => reason).set(count as f64);
        }
        Ok(())
    }
}

fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// What each check did, the loudest first.
fn noise(rows: &[(String, String, i64, i64)]) -> Vec<CheckNoise> {
    let mut checks: Vec<CheckNoise> = Vec::new();
    for (check, outcome, times, _) in rows {
        if checks.last().is_none_or(|last| last.check != *check) {
            checks.push(CheckNoise { check: check.clone(), announced: 0, rolled_up: 0 });
        }
        if let Some(last) = checks.last_mut() {
            match outcome.as_str() {
                "announced" => last.announced += count(*times),
                "rolled_up" => last.rolled_up += count(*times),
                _ => {}
            }
        }
    }
    checks.retain(|one| one.announced + one.rolled_up > 0);
    checks.sort_by_key(|one| std::cmp::Reverse(one.announced + one.rolled_up));
    checks
}

fn rolled_up(alerts: u64, open: u64, endpoints: u64, loudest: &[&str]) -> RollUp {
    let many = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let words = if alerts == 0 {
        String::new()
    } else {
        format!(
            "{} on {} beyond the quota of the day, most of them {}; {open} of them true still.",
            many(alerts, "alert"),
            many(endpoints, "endpoint"),
            loudest.join(", ")
        )
    };
    RollUp { alerts, open, endpoints, words }
}

impl From<HeldBackRow> for HeldBack {
    fn from(row: HeldBackRow) -> Self {
        let finding: Option<Finding> = serde_json::from_str(&row.document).ok();
        Self {
            title: finding.as_ref().map_or_else(|| row.check_id.clone(), |finding| finding.title.clone()),
            severity: finding.map_or(Severity::Info, |finding| finding.severity),
            check: row.check_id,
            endpoint: AlertEndpoint { id: row.endpoint_id, name: row.name },
            instance: row.instance,
            stage: row.stage,
            reason: row.reason,
            words: row.words,
            at: Timestamp(row.at_ms),
        }
    }
}
