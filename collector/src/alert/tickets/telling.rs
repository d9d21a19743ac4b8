//! What happens to tickets of alerts, each in one transaction.

use firstline_diagnosis::vocabulary::Timestamp;

use super::{rows, words};
use crate::alert::rows::by_id;
use crate::alert::{Alert, AlertError};
use crate::config::{BUILTIN, TicketRule, WhenOver};
use crate::desk::Change;
use crate::desk::OutgoingTicket;
use crate::desk::outbox::{push_change, push_opening};
use crate::incident::Incident;
use crate::store::Connection;
use crate::ticket::rich_text::RichText;
use crate::ticket::{
    AUTHOR, NewNote, NewTicket, Requester, TicketState, TicketUpdate, bounded_order, change_ticket, insert_note,
    insert_ticket,
};

/// An alert that is to be on a ticket.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) alert: Alert,
    pub(super) rule: TicketRule,
    /// The incident that it is the alert of.
    pub(super) incident: Option<Incident>,
}

/// Puts an alert onto its ticket: the open one of the same trouble, else a new one. Gives the number, unless the alert
/// turned out to be over.
pub(super) async fn tell(tx: &mut Connection, order: Order, now: Timestamp) -> Result<Option<i64>, AlertError> {
    let alert = by_id(tx, &order.alert.id).await?;
    if alert.resolved_at.is_some() {
        return Ok(None);
    }
    let Some(link) = rows::newest(tx, &alert.fingerprint).await? else {
        return open(tx, order, now).await.map(Some);
    };
    if (&link.alert_id, link.fired_ms) == (&alert.id, alert.fired_at.unix_ms()) {
        return Ok(None);
    }
    if !link.is_open() {
        if !link.rests(&alert) {
            return open(tx, order, now).await.map(Some);
        }
        let again = TicketUpdate { state: Some(TicketState::Open), ..TicketUpdate::default() };
        change_ticket(tx, link.ticket, again, now).await?;
    }
    rows::fired(tx, link.ticket, &alert).await?;
    let key = format!("alert:{}:{}", alert.id, alert.fired_at.unix_ms());
    write(tx, link.ticket, key, words::again(&alert), now).await?;
    Ok(Some(link.ticket))
}

async fn open(tx: &mut Connection, order: Order, now: Timestamp) -> Result<i64, AlertError> {
    let Order { alert, rule, incident } = order;
    let body = words::opened(&alert, incident.as_ref());
    let endpoint = Some(alert.endpoint.id.clone()).filter(|id| !id.is_empty());
    let ticket = bounded_order(NewTicket {
        requester: Requester::default(),
        subject: words::subject(&alert),
        text: body.to_plain(),
        endpoint,
    });
    let outgoing = OutgoingTicket {
        mark: String::new(),
        queue: rule.queue.clone(),
        subject: ticket.subject.clone(),
        body,
        requester: Requester::default(),
    };
    let number = insert_ticket(tx, ticket, AUTHOR.to_owned(), now).await?;
    let finding = &alert.finding;
    let update = TicketUpdate {
        category: Some(finding.category.clone()),
        impact: Some(finding.impact),
        urgency: Some(finding.urgency),
        ..TicketUpdate::default()
    };
    change_ticket(tx, number, update, now).await?;
    if rule.desk != BUILTIN {
        push_opening(tx, number, &rule.desk, &outgoing, now).await?;
        let category = Some(finding.category.clone()).filter(|category| !category.is_empty());
        let change = Change { category, priority: Some(alert.priority), ..Change::default() };
        push_change(tx, number, &change, now).await?;
    }
    let endpoints = incident.as_ref().map_or(0, |incident| count(incident.endpoints.len()));
    rows::insert(tx, number, &alert, (rule.when_over, rule.diagnose), endpoints).await?;
    Ok(number)
}

/// Tells the ticket of an incident which endpoints joined, when they became half as many more since it was last told.
pub(super) async fn grown(
    tx: &mut Connection,
    ticket: i64,
    incident: Incident,
    now: Timestamp,
) -> Result<bool, AlertError> {
    let link = rows::of(tx, ticket).await?;
    let endpoints = count(incident.endpoints.len());
    if !link.is_open() || endpoints * 2 < link.endpoints * 3 {
        return Ok(false);
    }
    write(tx, ticket, format!("incident:{}:{endpoints}", incident.id), words::grown(&incident), now).await?;
    rows::grown(tx, ticket, endpoints).await?;
    Ok(true)
}

/// Tells a ticket that its alert is over.
pub(super) async fn over(tx: &mut Connection, ticket: i64, now: Timestamp) -> Result<(), AlertError> {
    let link = rows::of(tx, ticket).await?;
    let alert = by_id(tx, &link.alert_id).await?;
    let when_over = link.when_over();
    if alert.resolved_at.is_none() {
        return Ok(());
    }
    if when_over != WhenOver::Nothing && link.is_open() {
        let key = format!("alert:{}:{}:over", alert.id, alert.fired_at.unix_ms());
        write(tx, ticket, key, words::over(&alert), now).await?;
    }
    let resolves = when_over == WhenOver::Resolve && link.is_open();
    if resolves {
        let update = TicketUpdate { state: Some(TicketState::Resolved), ..TicketUpdate::default() };
        change_ticket(tx, ticket, update, now).await?;
    }
    rows::over(tx, ticket, resolves, now).await
}

async fn write(
    tx: &mut Connection,
    ticket: i64,
    key: String,
    body: RichText,
    now: Timestamp,
) -> Result<(), AlertError> {
    let note = NewNote { author: AUTHOR.to_owned(), body, key, ..NewNote::default() };
    insert_note(tx, ticket, note, None, now).await?;
    Ok(())
}

fn count(endpoints: usize) -> i64 {
    i64::try_from(endpoints).unwrap_or(i64::MAX)
}
