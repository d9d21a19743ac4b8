//! Takes an alert's place in the day's quota, and gives it back.
//!
//! A place is a row, written in the transaction that stores the alert; jobs run one after the other, also where collectors
//! share the database, so that no two of them take the last place. It is decided when an alert would first be heard and
//! stays so until it is resolved for good, except that what grows as bad as is always told is told then. What an incident
//! tells in its place gives its place back, and is decided anew when the incident is over.

use firstline_diagnosis::vocabulary::Timestamp;

use super::stage::{decision, quota};
use super::{Alert, AlertError, AlertState, Announcement, incident};
use crate::config::Alerts as Policy;
use crate::store::{Connection, sql};

/// Days are forgotten after so many.
const KEPT_DAYS: i64 = 400;

const ENDPOINTS: &str =
    "SELECT COUNT(*) FROM endpoints WHERE revoked_at_ms IS NULL AND merged_into IS NULL AND left_at_ms IS NULL";

/// The endpoints of which the quota follows.
pub(super) async fn endpoints<'c>(on: impl sql::Executor<'c>) -> Result<u64, AlertError> {
    let (count,): (i64,) = sql::query_as(ENDPOINTS).fetch_one(on).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Decides whether people are told of an alert, where that is to be decided; gives it as it stands then.
pub(super) async fn settle(
    tx: &mut Connection,
    alert: Alert,
    policy: &Policy,
    now: Timestamp,
) -> Result<Alert, AlertError> {
    if alert.resolved_at.is_some() || alert.incident.is_some() {
        return Ok(alert);
    }
    if alert.inhibited_by.as_deref().is_some_and(incident::is_incident) {
        return give_back(tx, alert).await;
    }
    let undecided = alert
        .announcement
        .as_ref()
        .is_none_or(|before| !before.announced && quota::is_always_told(alert.severity, policy));
    let is_quiet = alert.silenced_by.is_some() || alert.inhibited_by.is_some();
    let announcement = match alert.announcement.clone() {
        Some(before) if !undecided => before,
        _ if is_quiet => return Ok(alert),
        _ => decide(tx, &alert, policy, now).await?,
    };
    Ok(with(alert, announcement, is_quiet))
}

/// The alert with what was decided of it.
fn with(alert: Alert, announcement: Announcement, is_quiet: bool) -> Alert {
    let mut alert = alert;
    if !announcement.announced && !is_quiet {
        alert.decision = decision("quota", &announcement.reason, announcement.words.clone(), announcement.at);
    }
    alert.announcement = Some(announcement);
    Alert { state: alert.standing(), ..alert }
}

async fn decide(
    tx: &mut Connection,
    alert: &Alert,
    policy: &Policy,
    now: Timestamp,
) -> Result<Announcement, AlertError> {
    let spent = spent(tx, &alert.endpoint.id, now).await?;
    let has_user_text = !alert.finding.texts.user.is_empty();
    let announcement = quota::judge(alert.severity, has_user_text, spent, policy, now);
    take(tx, alert, &announcement, now).await?;
    Ok(announcement)
}

/// What stands for a decision on an alert that was told before there was a quota.
pub(super) fn told_before(alert: Alert, now: Timestamp) -> Alert {
    if alert.announcement.is_some() || !matches!(alert.state, AlertState::Firing | AlertState::Acknowledged) {
        return alert;
    }
    let announcement = Announcement {
        announced: true,
        to_user: false,
        reason: "told_before".to_owned(),
        words: "People were told before there was a quota.".to_owned(),
        day: quota::written(quota::day_of(alert.fired_at)),
        at: now,
    };
    Alert { announcement: Some(announcement), ..alert }
}

/// What is spent of today's quota.
async fn spent(tx: &mut Connection, endpoint: &str, now: Timestamp) -> Result<quota::Spent, AlertError> {
    let day = quota::day_of(now);
    let (announced,): (i64,) =
        sql::query_as("SELECT COUNT(*) FROM announcements WHERE day = $1 AND outcome = 'announced'")
            .bind(day)
            .fetch_one(&mut *tx)
            .await?;
    let (to_user,): (i64,) =
        sql::query_as("SELECT COUNT(*) FROM announcements WHERE day = $1 AND to_user = 1 AND endpoint_id = $2")
            .bind(day)
            .bind(endpoint)
            .fetch_one(&mut *tx)
            .await?;
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(quota::Spent { endpoints: endpoints(&mut *tx).await?, announced: count(announced), to_user: count(to_user) })
}

/// Writes a decision down. What a user may have been told today stays so.
async fn take(
    tx: &mut Connection,
    alert: &Alert,
    announcement: &Announcement,
    now: Timestamp,
) -> Result<(), AlertError> {
    let day = quota::day_of(now);
    sql::query("DELETE FROM announcements WHERE day < $1").bind(day - KEPT_DAYS).execute(&mut *tx).await?;
    sql::query(
        "INSERT INTO announcements (alert_id, endpoint_id, check_id, day, outcome, to_user, at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (alert_id) DO UPDATE SET day = excluded.day, \
         outcome = excluded.outcome, at_ms = excluded.at_ms, to_user = CASE WHEN announcements.day = excluded.day \
         AND announcements.to_user = 1 THEN 1 ELSE excluded.to_user END",
    )
    .bind(&alert.id)
    .bind(&alert.endpoint.id)
    .bind(&alert.check)
    .bind(day)
    .bind(if announcement.announced { "announced" } else { "rolled_up" })
    .bind(i64::from(announcement.to_user))
    .bind(now.unix_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Gives the place of an alert back that is told with its incident.
async fn give_back(tx: &mut Connection, alert: Alert) -> Result<Alert, AlertError> {
    if alert.announcement.is_some() {
        sql::query("UPDATE announcements SET outcome = 'in_incident' WHERE alert_id = $1")
            .bind(&alert.id)
            .execute(&mut *tx)
            .await?;
    }
    Ok(Alert { announcement: None, ..alert })
}
