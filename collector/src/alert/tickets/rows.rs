//! Which alert is on which ticket.

use firstline_diagnosis::vocabulary::Timestamp;

use crate::alert::{Alert, AlertError};
use crate::config::WhenOver;
use crate::store::{Connection, sql};
use crate::ticket::TicketState;

const OF: &str = "SELECT l.*, t.state FROM alert_tickets l JOIN tickets t ON t.number = l.ticket
    WHERE ($1 IS NULL OR l.ticket = $1) AND ($2 IS NULL OR l.fingerprint = $2) ORDER BY l.ticket DESC LIMIT 1";

/// A ticket that an alert opened.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Link {
    /// Its number here.
    pub(super) ticket: i64,
    state: String,
    /// The alert that it was last told of.
    pub(super) alert_id: String,
    /// When that fired.
    pub(super) fired_ms: i64,
    /// Endpoints of the incident that it was told of.
    pub(super) endpoints: i64,
    when_over: String,
    resolved_here: i64,
}

impl Link {
    /// Whether somebody is, or may be, at work on it.
    pub(super) fn is_open(&self) -> bool {
        !matches!(TicketState::from_name(&self.state), Some(TicketState::Resolved | TicketState::Closed))
    }

    /// Whether it was resolved since this alert was over, by nobody.
    pub(super) fn rests(&self, alert: &Alert) -> bool {
        self.resolved_here != 0 && self.alert_id == alert.id
    }

    /// What happens to it when its alert is over.
    pub(super) fn when_over(&self) -> WhenOver {
        WhenOver::from_name(&self.when_over).unwrap_or_default()
    }
}

/// The newest ticket of the same trouble.
pub(super) async fn newest(tx: &mut Connection, fingerprint: &str) -> Result<Option<Link>, AlertError> {
    Ok(sql::query_as(OF).bind(None::<i64>).bind(Some(fingerprint)).fetch_optional(tx).await?)
}

/// What is known of a ticket.
pub(super) async fn of(tx: &mut Connection, ticket: i64) -> Result<Link, AlertError> {
    let link: Option<Link> = sql::query_as(OF).bind(Some(ticket)).bind(None::<&str>).fetch_optional(tx).await?;
    link.ok_or_else(|| AlertError::NotFound("ticket of an alert with this number".to_owned()))
}

/// Remembers the ticket of an alert.
pub(super) async fn insert(
    tx: &mut Connection,
    ticket: i64,
    alert: &Alert,
    (when_over, diagnose): (WhenOver, bool),
    endpoints: i64,
) -> Result<(), AlertError> {
    sql::query(
        "INSERT INTO alert_tickets (ticket, fingerprint, check_id, alert_id, fired_ms, incident_id, endpoints, when_over, \
         over_ms, resolved_here, undiagnosed, verdict, closing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, 0, $9, '', '')",
    )
    .bind(ticket)
    .bind(&alert.fingerprint)
    .bind(&alert.check)
    .bind(&alert.id)
    .bind(alert.fired_at.unix_ms())
    .bind(alert.incident.as_deref())
    .bind(endpoints)
    .bind(when_over.name())
    .bind(i64::from(diagnose && alert.incident.is_none()))
    .execute(tx)
    .await?;
    Ok(())
}

/// The alert of a ticket fired again.
pub(super) async fn fired(tx: &mut Connection, ticket: i64, alert: &Alert) -> Result<(), AlertError> {
    sql::query(
        "UPDATE alert_tickets SET alert_id = $2, fired_ms = $3, over_ms = NULL, resolved_here = 0, verdict = '', closing = '' \
         WHERE ticket = $1",
    )
    .bind(ticket)
    .bind(&alert.id)
    .bind(alert.fired_at.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// The incident of a ticket has so many endpoints, as it was told.
pub(super) async fn grown(tx: &mut Connection, ticket: i64, endpoints: i64) -> Result<(), AlertError> {
    sql::query("UPDATE alert_tickets SET endpoints = $2 WHERE ticket = $1")
        .bind(ticket)
        .bind(endpoints)
        .execute(tx)
        .await?;
    Ok(())
}

/// The alert of a ticket is over.
pub(super) async fn over(
    tx: &mut Connection,
    ticket: i64,
    resolved_here: bool,
    now: Timestamp,
) -> Result<(), AlertError> {
    sql::query("UPDATE alert_tickets SET over_ms = $2, resolved_here = $3 WHERE ticket = $1")
        .bind(ticket)
        .bind(now.unix_ms())
        .bind(i64::from(resolved_here))
        .execute(tx)
        .await?;
    Ok(())
}

/// The endpoint of a ticket was asked.
pub(super) async fn diagnosed(tx: &mut Connection, ticket: i64) -> Result<(), AlertError> {
    sql::query("UPDATE alert_tickets SET undiagnosed = 0 WHERE ticket = $1").bind(ticket).execute(tx).await?;
    Ok(())
}
