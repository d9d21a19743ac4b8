//! The alert of an incident, and what becomes of the alerts of its endpoints.
//!
//! An incident has one alert, without an endpoint. While it is open, its endpoints' alerts of the same check are kept and
//! quiet; when it is over, those that are true still are told again.

use std::collections::{BTreeMap, BTreeSet};

use firstline_diagnosis::document::Finding;
use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::rows::{self, LifeStep};
use super::stage::{decision, dedup, group, qualify, silence};
use super::{Alert, AlertEndpoint, AlertError, AlertState, Held, announce, fingerprint, silences};
use crate::config::Alerts as Policy;
use crate::store::{Connection, sql};

/// An incident as a whole.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Its id.
    pub(crate) incident: String,
    /// What it is, in one sentence.
    pub(crate) words: String,
    /// How many endpoints it has.
    pub(crate) count: usize,
    /// What people are told.
    pub(crate) finding: Finding,
}

/// Open incidents that an endpoint is one of, by check: id and words.
pub(super) type Explaining = BTreeMap<String, (String, String)>;

/// The incidents that explain findings of an endpoint.
pub(super) async fn explaining(tx: &mut Connection, endpoint: &str) -> Result<Explaining, AlertError> {
    let rows: Vec<(String, String)> = sql::query_as(
        "SELECT i.check_id, i.id FROM incident_members m JOIN incidents i ON i.id = m.incident_id \
         WHERE m.endpoint_id = $1 AND i.state = 'open'",
    )
    .bind(endpoint)
    .fetch_all(&mut *tx)
    .await?;
    let explained = |(check, id): (String, String)| (check, (by(&id), "It is one of an incident.".to_owned()));
    Ok(rows.into_iter().map(explained).collect())
}

/// How what explains an alert begins, when it is an incident.
const BY: &str = "incident ";

/// What explains an alert, when it is an incident.
fn by(incident: &str) -> String {
    format!("{BY}{incident}")
}

/// Whether what explains an alert is an incident.
pub(super) fn is_incident(by: &str) -> bool {
    by.starts_with(BY)
}

/// Tells of an incident: its alert fires or is brought up to date, and those of its endpoints fall quiet.
pub(crate) async fn tell(
    tx: &mut Connection,
    whole: &Whole,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    let mut changed = Vec::new();
    let name = fingerprint(&whole.finding.id, "", &whole.incident);
    let known = rows::newest_of_endpoint(tx, "", now - dedup::SAME_ALERT_WITHIN).await?.remove(&name);
    let open = known.filter(|alert| alert.resolved_at.is_none());
    let in_force = silences::in_force(&mut *tx, now).await?;
    let tags = BTreeMap::new();
    let facts = silence::Facts { check: &whole.finding.id, endpoint: "", tags: &tags };
    let quiet = silence::judge(facts, &in_force, now).map(|(by, _)| by);
    let held = Held { finding: whole.finding.clone(), title: whole.finding.title.clone(), proactive: true };
    if open.is_some() || qualify::judge(&held, policy, now).is_none() {
        let mut after = alert(whole, open.as_ref(), now);
        after.silenced_by = quiet;
        after.state = after.standing();
        let moved = open.as_ref().is_none_or(|before| {
            (before.state, before.severity, &before.summary) != (after.state, after.severity, &after.summary)
        });
        if moved {
            rows::save(tx, &after).await?;
            let change = if open.is_some() { "finding_changed" } else { "fired" };
            let step = LifeStep { at: now, change, by: "", note: &after.summary };
            rows::note_change(tx, &after.id, step).await?;
            changed.push(after);
        }
    }
    changed.extend(quieten(tx, whole, policy, now).await?);
    explain(tx, whole, now).await?;
    Ok(changed)
}

/// What was held back on endpoints of the incident for a reason of its own is told now, as part of it.
async fn explain(tx: &mut Connection, whole: &Whole, now: Timestamp) -> Result<(), AlertError> {
    let why = decision("inhibit", "explained_by_incident", whole.words.clone(), now);
    sql::query(
        "UPDATE alert_decisions SET stage = $3, reason = $4, words = $5, at_ms = $6
         WHERE check_id = $1 AND told = 0 AND reason NOT IN ('not_active', $4)
         AND endpoint_id IN (SELECT endpoint_id FROM incident_members WHERE incident_id = $2)",
    )
    .bind(&whole.finding.id)
    .bind(&whole.incident)
    .bind(why.stage)
    .bind(why.reason)
    .bind(why.words)
    .bind(now.unix_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

fn alert(whole: &Whole, open: Option<&Alert>, now: Timestamp) -> Alert {
    let finding = whole.finding.clone();
    Alert {
        id: open.map_or_else(|| Uuid::now_v7().to_string(), |alert| alert.id.clone()),
        fingerprint: fingerprint(&finding.id, "", &whole.incident),
        check: finding.id.clone(),
        title: finding.title.clone(),
        endpoint: AlertEndpoint { id: String::new(), name: format!("{} endpoints", whole.count) },
        instance: String::new(),
        state: AlertState::Firing,
        severity: finding.severity,
        priority: finding.priority,
        summary: whole.words.clone(),
        started_at: finding.onset,
        fired_at: open.map_or(now, |alert| alert.fired_at),
        updated_at: now,
        resolved_at: None,
        times_fired: open.map_or(1, |alert| alert.times_fired),
        acknowledgement: open.and_then(|alert| alert.acknowledgement.clone()),
        silenced_by: None,
        inhibited_by: None,
        announcement: None,
        group: group::key(&finding.id, &BTreeMap::new()),
        incident: Some(whole.incident.clone()),
        decision: decision("dedup", "told", "One incident is told in the place of its endpoints' alerts.", now),
        finding,
    }
}

/// Alerts of the check on endpoints of the incident that are open.
async fn of_endpoints(tx: &mut Connection, whole: &Whole) -> Result<Vec<Alert>, AlertError> {
    let members: Vec<(String,)> = sql::query_as("SELECT endpoint_id FROM incident_members WHERE incident_id = $1")
        .bind(&whole.incident)
        .fetch_all(&mut *tx)
        .await?;
    let members: BTreeSet<String> = members.into_iter().map(|(endpoint,)| endpoint).collect();
    let rows: Vec<(String,)> = sql::query_as(
        "SELECT document FROM alerts WHERE check_id = $1 AND resolved_at_ms IS NULL AND endpoint_id <> ''",
    )
    .bind(&whole.finding.id)
    .fetch_all(&mut *tx)
    .await?;
    let alerts = rows.iter().map(|(document,)| rows::read(document)).collect::<Result<Vec<Alert>, _>>()?;
    Ok(alerts.into_iter().filter(|alert| members.contains(&alert.endpoint.id)).collect())
}

async fn quieten(
    tx: &mut Connection,
    whole: &Whole,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    let mut changed = Vec::new();
    for alert in of_endpoints(tx, whole).await?.into_iter().filter(|alert| alert.inhibited_by.is_none()) {
        let why = decision("inhibit", "explained_by_incident", whole.words.clone(), now);
        let alert = Alert { inhibited_by: Some(by(&whole.incident)), decision: why, ..alert };
        changed.push(turned(tx, alert, policy, now).await?);
    }
    Ok(changed)
}

/// The incident is over: its alert is resolved, and what is true still on an endpoint is told again.
pub(crate) async fn end(
    tx: &mut Connection,
    whole: &Whole,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    let mut changed = Vec::new();
    let name = fingerprint(&whole.finding.id, "", &whole.incident);
    let known = rows::newest_of_endpoint(tx, "", now).await?.remove(&name);
    if let Some(alert) = known.filter(|alert| alert.resolved_at.is_none()) {
        let why = decision("dedup", "cleared", "The incident is over.", now);
        let alert =
            Alert { resolved_at: Some(now), updated_at: now, state: AlertState::Resolved, decision: why, ..alert };
        rows::save(tx, &alert).await?;
        let step = LifeStep { at: now, change: "resolved", by: "", note: &alert.decision.words };
        rows::note_change(tx, &alert.id, step).await?;
        changed.push(alert);
    }
    let explained = by(&whole.incident);
    for alert in of_endpoints(tx, whole).await?.into_iter().filter(|one| one.inhibited_by.as_ref() == Some(&explained))
    {
        let why = decision("dedup", "told", "The incident that explained it is over.", now);
        changed.push(turned(tx, Alert { inhibited_by: None, decision: why, ..alert }, policy, now).await?);
    }
    Ok(changed)
}

/// Stores an alert that fell quiet, or was told again.
async fn turned(tx: &mut Connection, alert: Alert, policy: &Policy, now: Timestamp) -> Result<Alert, AlertError> {
    let alert = Alert { updated_at: now, ..alert };
    let alert = Alert { state: alert.standing(), ..alert };
    let alert = announce::settle(tx, alert, policy, now).await?;
    rows::save(tx, &alert).await?;
    let change = if alert.state == AlertState::Silenced { "silenced" } else { "unsilenced" };
    let step = LifeStep { at: now, change, by: "", note: &alert.decision.words };
    rows::note_change(tx, &alert.id, step).await?;
    Ok(alert)
}
