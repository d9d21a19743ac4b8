//! Runs the findings of one endpoint through the stages, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use firstline_diagnosis::document::{Finding, FindingState};
use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::rows::{self, LifeStep};
use super::stage::dedup::Step;
use super::stage::{decision, dedup, group, inhibit, qualify, silence};
use super::{
    Alert, AlertEndpoint, AlertError, AlertState, Decision, DecisionRecord, Held, Silence, SilencedBy, Subject,
    announce, fingerprint, incident, silences,
};
use crate::config::Alerts as Policy;
use crate::fleet::guard;
use crate::store::Connection;

/// Why an alert was resolved.
const CLEARED: &str = "Its clear condition has held for long enough.";
const LEFT: &str = "The endpoint is no more: revoked, merged into another, or taken out of service.";

/// What else matters for the findings of an endpoint.
#[derive(Clone, Copy)]
struct Around<'a> {
    /// Checks of which people hear.
    told: &'a BTreeSet<String>,
    in_force: &'a [Silence],
    /// Incidents that the endpoint is one of.
    explaining: &'a incident::Explaining,
    policy: &'a Policy,
}

/// What the stages say about a finding of which people could hear.
struct Quiet {
    silenced_by: Option<SilencedBy>,
    inhibited_by: Option<String>,
    decision: Decision,
}

/// Judges everything, stores what changed, and gives the alerts that changed.
pub(super) async fn judge(
    tx: &mut Connection,
    subject: Subject,
    mut held: Vec<Held>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Alert>, AlertError> {
    // What is worst is told first, as long as there is room for it today.
    held.sort_by_key(|held| std::cmp::Reverse(held.finding.severity));
    guard(tx, &subject.id, subject.epoch).await?;
    let in_force = silences::in_force(&mut *tx, now).await?;
    let mut known = rows::newest_of_endpoint(tx, &subject.id, now - dedup::SAME_ALERT_WITHIN).await?;
    let told = told(&subject, &held, &known, policy, now);
    let explaining = incident::explaining(tx, &subject.id).await?;
    let around = Around { told: &told, in_force: &in_force, explaining: &explaining, policy };
    let mut changed = Vec::new();
    for held in &held {
        let name = fingerprint(&held.finding.id, &subject.id, &held.finding.instance);
        let newest = known.remove(&name);
        changed.extend(one(tx, &subject, held, newest, around, now).await?);
    }
    for alert in known.into_values().filter(|alert| alert.resolved_at.is_none()) {
        changed.push(resolve(tx, alert, ("cleared", CLEARED), now).await?);
    }
    Ok(changed)
}

/// Resolves every alert of an endpoint that is no more.
pub(super) async fn end(tx: &mut Connection, endpoint: &str, now: Timestamp) -> Result<Vec<Alert>, AlertError> {
    let known = rows::newest_of_endpoint(tx, endpoint, now).await?;
    let mut changed = Vec::new();
    for alert in known.into_values().filter(|alert| alert.resolved_at.is_none()) {
        changed.push(resolve(tx, alert, ("left", LEFT), now).await?);
    }
    Ok(changed)
}

/// The checks on this endpoint that people hear of.
fn told(
    subject: &Subject,
    held: &[Held],
    known: &BTreeMap<String, Alert>,
    policy: &Policy,
    now: Timestamp,
) -> BTreeSet<String> {
    let open = |held: &&Held| {
        let name = fingerprint(&held.finding.id, &subject.id, &held.finding.instance);
        known.get(&name).is_some_and(|alert| alert.resolved_at.is_none())
    };
    let told = held.iter().filter(|held| open(held) || qualify::judge(held, policy, now).is_none());
    told.map(|held| held.finding.id.clone()).collect()
}

/// Judges one finding; gives its alert when that changed.
async fn one(
    tx: &mut Connection,
    subject: &Subject,
    held: &Held,
    newest: Option<Alert>,
    around: Around<'_>,
    now: Timestamp,
) -> Result<Option<Alert>, AlertError> {
    let step = dedup::judge(newest, now);
    if let (Step::Fire | Step::FireAgain(_), Some(no)) = (&step, qualify::judge(held, around.policy, now)) {
        // Of what holds and is told as an incident people hear, whatever it is worth on one endpoint.
        let holds = held.finding.state == FindingState::Active;
        let incident = inhibit::by_incident(&held.finding, around.explaining, now).filter(|_| holds);
        rows::record(tx, &record(subject, held, false, incident.map_or(no, |(_, why)| why))).await?;
        return Ok(None);
    }
    let quiet = quiet(subject, held, around, now);
    let is_new = !matches!(step, Step::Told(_));
    if is_new && quiet.inhibited_by.is_some() {
        // What is explained by another finding is never told on its own, not even quietly.
        rows::record(tx, &record(subject, held, false, quiet.decision)).await?;
        return Ok(None);
    }
    let (before, fresh) = match step {
        Step::Told(before) => {
            let before = announce::told_before(*before, now);
            (Some(before.clone()), refreshed(before, held, quiet, now))
        }
        Step::Fire => (None, new_alert(subject, held, quiet, now)),
        Step::FireAgain(earlier) => (None, fired_again(*earlier, new_alert(subject, held, quiet, now))),
    };
    let alert = announce::settle(tx, fresh, around.policy, now).await?;
    rows::record(tx, &record(subject, held, alert.state != AlertState::Silenced, alert.decision.clone())).await?;
    match before {
        Some(before) => refresh(tx, &before, alert, now).await,
        None => fire(tx, alert, now).await.map(Some),
    }
}

/// An alert that fires again is the same, and what was decided of it stays.
fn fired_again(earlier: Alert, alert: Alert) -> Alert {
    let times_fired = earlier.times_fired + 1;
    let alert = Alert { id: earlier.id, announcement: earlier.announcement, times_fired, ..alert };
    Alert { state: alert.standing(), ..alert }
}

fn quiet(subject: &Subject, held: &Held, around: Around<'_>, now: Timestamp) -> Quiet {
    let facts = silence::Facts { check: &held.finding.id, endpoint: &subject.id, tags: &subject.tags };
    let mut quiet = Quiet {
        silenced_by: None,
        inhibited_by: None,
        decision: decision("dedup", "told", "People are told: it is bad, sure, and something can be done.", now),
    };
    if let Some((by, why)) = silence::judge(facts, around.in_force, now) {
        quiet = Quiet { silenced_by: Some(by), decision: why, ..quiet };
    }
    let by_incident = || inhibit::by_incident(&held.finding, around.explaining, now);
    if let Some((root, why)) = inhibit::judge(&held.finding, around.told, now).or_else(by_incident) {
        quiet = Quiet { inhibited_by: Some(root), decision: why, ..quiet };
    }
    quiet
}

fn new_alert(subject: &Subject, held: &Held, quiet: Quiet, now: Timestamp) -> Alert {
    let finding = held.finding.clone();
    let alert = Alert {
        id: Uuid::now_v7().to_string(),
        fingerprint: fingerprint(&finding.id, &subject.id, &finding.instance),
        check: finding.id.clone(),
        title: held.title.clone(),
        endpoint: AlertEndpoint { id: subject.id.clone(), name: subject.name.clone() },
        instance: finding.instance.clone(),
        state: AlertState::Firing,
        severity: finding.severity,
        priority: finding.priority,
        summary: finding.texts.tech.clone(),
        started_at: finding.onset,
        fired_at: now,
        updated_at: now,
        resolved_at: None,
        times_fired: 1,
        acknowledgement: None,
        silenced_by: quiet.silenced_by,
        inhibited_by: quiet.inhibited_by,
        incident: None,
        announcement: None,
        group: group::key(&finding.id, &subject.tags),
        decision: quiet.decision,
        finding,
    };
    Alert { state: alert.standing(), ..alert }
}

async fn fire(tx: &mut Connection, alert: Alert, now: Timestamp) -> Result<Alert, AlertError> {
    rows::save(tx, &alert).await?;
    let change = if alert.times_fired > 1 { "fired_again" } else { "fired" };
    let note = alert.summary.clone();
    rows::note_change(tx, &alert.id, LifeStep { at: now, change, by: "", note: &note }).await?;
    Ok(alert)
}

/// An alert that is told already, as it is now.
fn refreshed(before: Alert, held: &Held, quiet: Quiet, now: Timestamp) -> Alert {
    let finding = match held.finding.state {
        // It stays on record with what was wrong, not with the numbers that end it.
        FindingState::Recovering => Finding { state: FindingState::Recovering, ..before.finding.clone() },
        _ => held.finding.clone(),
    };
    let after = Alert {
        severity: finding.severity,
        priority: finding.priority,
        summary: finding.texts.tech.clone(),
        silenced_by: quiet.silenced_by,
        inhibited_by: quiet.inhibited_by,
        decision: quiet.decision,
        finding,
        updated_at: now,
        ..before
    };
    Alert { state: after.standing(), ..after }
}

/// Stores an alert that is told already; gives it when anything but its numbers changed.
async fn refresh(
    tx: &mut Connection,
    before: &Alert,
    after: Alert,
    now: Timestamp,
) -> Result<Option<Alert>, AlertError> {
    rows::save(tx, &after).await?;
    let Some(change) = difference(before, &after) else { return Ok(None) };
    let note = after.decision.words.clone();
    rows::note_change(tx, &after.id, LifeStep { at: now, change, by: "", note: &note }).await?;
    Ok(Some(after))
}

/// What happened to an alert, in one word.
fn difference(before: &Alert, after: &Alert) -> Option<&'static str> {
    if before.state != after.state {
        return Some(if after.state == AlertState::Silenced { "silenced" } else { "unsilenced" });
    }
    let finding_moved = before.finding.state != after.finding.state;
    (before.severity != after.severity).then_some("severity_changed").or(finding_moved.then_some("finding_changed"))
}

async fn resolve(
    tx: &mut Connection,
    alert: Alert,
    (reason, words): (&str, &str),
    now: Timestamp,
) -> Result<Alert, AlertError> {
    let alert = Alert {
        resolved_at: Some(now),
        updated_at: now,
        state: AlertState::Resolved,
        decision: decision("dedup", reason, words, now),
        ..alert
    };
    rows::save(tx, &alert).await?;
    rows::note_change(tx, &alert.id, LifeStep { at: now, change: "resolved", by: "", note: words }).await?;
    let record = DecisionRecord {
        fingerprint: alert.fingerprint.clone(),
        check: alert.check.clone(),
        endpoint: alert.endpoint.id.clone(),
        instance: alert.instance.clone(),
        told: false,
        decision: alert.decision.clone(),
    };
    rows::record(tx, &record).await?;
    Ok(alert)
}

fn record(subject: &Subject, held: &Held, told: bool, decision: Decision) -> DecisionRecord {
    DecisionRecord {
        fingerprint: fingerprint(&held.finding.id, &subject.id, &held.finding.instance),
        check: held.finding.id.clone(),
        endpoint: subject.id.clone(),
        instance: held.finding.instance.clone(),
        told,
        decision,
    }
}
