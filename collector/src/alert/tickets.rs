//! Alerts as tickets.
//!
//! The configuration says which alerts become tickets at which desk ([`TicketRule`]). An alert that has stood for long enough gets
//! its page here, its way out to the desk and the memory of both in one transaction, so that retries, restarts and several
//! collectors make one ticket of it. What is true again while its ticket is open is a note on that ticket. An incident has one
//! ticket that lists its endpoints, whose own alerts are quiet and become none.
//!
//! When an alert is over, its ticket is told or resolved as the rule says; one that nobody but Firstline resolved is opened
//! again when the same alert comes back. How tickets end is counted for each check ([`verdict`]).

mod rows;
mod telling;
#[cfg(test)]
mod tests;
pub(super) mod verdict;
mod words;

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::{info, warn};

use super::{Alert, AlertError, rank};
use crate::app::App;
use crate::config::TicketRule;
use crate::feed::FeedItem;
use crate::pull::{PullError, PullOrder};
use crate::store::sql;
use crate::ticket::{AUTHOR, DeskError, display};

/// Alerts, tickets and pulls of one turn.
const AT_A_TIME: i64 = 500;

/// Alerts that are no ticket as they fired last.
const UNTOLD: &str = "SELECT a.document FROM alerts a WHERE a.resolved_at_ms IS NULL AND a.severity >= $1
    AND a.fired_at_ms <= $2 AND NOT EXISTS
    (SELECT 1 FROM alert_tickets t WHERE t.alert_id = a.id AND t.fired_ms = a.fired_at_ms)
    ORDER BY a.fired_at_ms DESC LIMIT $3";

const OVER: &str = "SELECT t.ticket FROM alert_tickets t JOIN alerts a ON a.id = t.alert_id
    WHERE t.over_ms IS NULL AND a.resolved_at_ms IS NOT NULL ORDER BY t.ticket LIMIT $1";

const UNDIAGNOSED: &str = "SELECT l.ticket, t.endpoint_id FROM alert_tickets l JOIN tickets t ON t.number = l.ticket
    WHERE l.undiagnosed = 1 AND t.endpoint_id IS NOT NULL ORDER BY l.ticket LIMIT $1";

const INCIDENTS: &str = "SELECT t.ticket, t.incident_id FROM alert_tickets t
    WHERE t.incident_id IS NOT NULL AND t.over_ms IS NULL ORDER BY t.ticket LIMIT $1";

impl From<DeskError> for AlertError {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound(what) => Self::NotFound(what),
            DeskError::Refused(why) => Self::Refused(why),
            DeskError::Store(error) => Self::Store(error),
        }
    }
}

/// Makes tickets of alerts, tells tickets what became of theirs, and counts how tickets ended. To be called by the collector
/// that keeps house.
///
/// # Errors
/// The first that failed; the next turn tries again.
pub(crate) async fn run(app: &App) -> Result<(), AlertError> {
    for (alert, rule) in untold(app).await? {
        open(app, &alert, rule).await?;
    }
    grow(app).await?;
    end(app).await?;
    diagnose(app).await?;
    verdict::judge(app).await
}

/// Alerts that are to become tickets, the one that fired first before others.
async fn untold(app: &App) -> Result<Vec<(Alert, &TicketRule)>, AlertError> {
    let rules = &app.config.alerts.tickets;
    let Some(least) = rules.iter().map(|rule| rank(rule.least_severity)).min() else { return Ok(Vec::new()) };
    let wait = rules.iter().map(|rule| rule.after_seconds).min().unwrap_or_default();
    let now = app.clock.now();
    let rows: Vec<String> = sql::query_scalar(UNTOLD)
        .bind(least)
        .bind((now - Duration::from_secs(wait)).unix_ms())
        .bind(AT_A_TIME)
        .fetch_all(app.store.reads())
        .await?;
    let alerts = rows.iter().rev().map(|document| super::rows::read(document)).collect::<Result<Vec<Alert>, _>>()?;
    let ruled = |alert: Alert| rule_for(rules, &alert, now).map(|rule| (alert, rule));
    Ok(alerts.into_iter().filter_map(ruled).collect())
}

/// The rule by which an alert becomes a ticket now.
fn rule_for<'r>(rules: &'r [TicketRule], alert: &Alert, now: Timestamp) -> Option<&'r TicketRule> {
    let rule =
        rules.iter().find(|rule| alert.severity >= rule.least_severity && rule.takes(&alert.finding.category))?;
    (alert.is_told(rule.beyond_quota) && now.since(alert.fired_at) >= Duration::from_secs(rule.after_seconds))
        .then_some(rule)
}

async fn open(app: &App, alert: &Alert, rule: &TicketRule) -> Result<(), AlertError> {
    let incident = match &alert.incident {
        Some(id) => Some(app.incidents.show(id).await?),
        None => None,
    };
    let order = telling::Order { alert: alert.clone(), rule: rule.clone(), incident };
    let now = app.clock.now();
    let told = app.store.for_people().write(move |tx| Box::pin(telling::tell(tx, order, now))).await?;
    if let Some(number) = told {
        let ticket = display(number);
        info!(alert.id = %alert.id, desk = %rule.desk, "Alert {} of {} is on ticket {ticket}", alert.check, alert.endpoint.name);
        announce(app, number);
    }
    Ok(())
}

/// Tells tickets of incidents which endpoints joined.
async fn grow(app: &App) -> Result<(), AlertError> {
    let rows: Vec<(i64, String)> = sql::query_as(INCIDENTS).bind(AT_A_TIME).fetch_all(app.store.reads()).await?;
    for (number, incident) in rows {
        let (incident, now) = (app.incidents.show(&incident).await?, app.clock.now());
        let store = app.store.for_people();
        if store.write(move |tx| Box::pin(telling::grown(tx, number, incident, now))).await? {
            announce(app, number);
        }
    }
    Ok(())
}

/// Tells tickets that their alert is over.
async fn end(app: &App) -> Result<(), AlertError> {
    let rows: Vec<i64> = sql::query_scalar(OVER).bind(AT_A_TIME).fetch_all(app.store.reads()).await?;
    for number in rows {
        let now = app.clock.now();
        app.store.for_people().write(move |tx| Box::pin(telling::over(tx, number, now))).await?;
        announce(app, number);
    }
    Ok(())
}

/// Has the endpoints of new tickets asked for their diagnosis. A pull that is asked for twice is one.
async fn diagnose(app: &App) -> Result<(), AlertError> {
    let rows: Vec<(i64, String)> = sql::query_as(UNDIAGNOSED).bind(AT_A_TIME).fetch_all(app.store.reads()).await?;
    for (number, endpoint) in rows {
        let ticket = display(number);
        let order = PullOrder {
            endpoint,
            ticket: Some(ticket.clone()),
            requested_by: AUTHOR.to_owned(),
            ..PullOrder::default()
        };
        match app.pulls.start(order).await {
            Err(PullError::Store(error)) => return Err(error.into()),
            Err(error) => warn!("Ticket {ticket} could not be diagnosed by itself: {error}"),
            Ok(_) => {}
        }
        app.store.for_people().write(move |tx| Box::pin(rows::diagnosed(tx, number))).await?;
    }
    Ok(())
}

fn announce(app: &App, number: i64) {
    app.feed.publish(FeedItem::Ticket { number: display(number) });
}
