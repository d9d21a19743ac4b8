//! Handing a ticket over to the queue that can solve it, with everything that is known.
//!
//! One order: the note by which it is handed over, with a page that opens without a network, and queue, category and priority
//! as the finding says, in the words of the ticket's own desk. All of it is one transaction, and handing over the same
//! diagnosis to the same queue again changes nothing.

use firstline_diagnosis::document::Diagnosis;
use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::config::DeskSettings;
use crate::desk::Change;
use crate::desk::outbox::push_change;
use crate::feed::FeedItem;
use crate::pull::{Pull, PullError, PullResult, PullState};
use crate::store::{Connection, sql};
use crate::ticket::answer::{self, Facts, HandOver};
use crate::ticket::rich_text::{clean, clean_line};
use crate::ticket::{
    NAME_LETTERS, NewFile, NewNote, Ticket, TicketState, TicketUpdate, Visibility, change_ticket, insert_note,
    number_of,
};

/// Longest reason, in letters.
const REASON_LETTERS: usize = 2000;

/// The order to hand a ticket over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EscalationOrder {
    /// To which queue; absent: the one that the finding names.
    pub queue: Option<String>,
    /// Why, for those who get it.
    pub reason: Option<String>,
}

/// A ticket that was handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// The ticket, FL-1042.
    pub ticket: String,
    /// The queue, in Firstline's words.
    pub queue: String,
    /// The queue at the ticket's own desk, in its words; absent where the desk's map has none, or it is the built-in one.
    pub queue_there: Option<String>,
    /// Its category; empty when no finding says.
    pub category: String,
    /// Its priority; absent when no finding says.
    pub priority: Option<Priority>,
    /// The note by which it was handed over.
    pub note_id: String,
    /// Whether it was handed over so before.
    pub repeated: bool,
}

/// Everything that is written at once.
#[derive(Debug)]
struct Writing {
    number: i64,
    queue: String,
    note: NewNote,
    update: TicketUpdate,
    change: Option<Change>,
}

/// Hands a ticket over in somebody's name.
///
/// # Errors
/// When there is no such ticket, no diagnosis on it, or nobody says to whom.
pub(crate) async fn escalate(
    app: &App,
    number: &str,
    order: EscalationOrder,
    who: &str,
) -> Result<Escalation, PullError> {
    let ticket = app.desk.show(number).await?;
    let (pull, result) = newest(app, &ticket).await?;
    let queue = to_whom(&order, &result.diagnosis)?;
    let reason = bounded(order.reason.as_deref().unwrap_or_default())?;
    let settings = app.config.desk.iter().find(|desk| desk.name == ticket.desk);
    let queue_there = settings.and_then(|settings| queue_at(settings, &queue, order.queue.is_some()));
    let others = match answer::primary(&result.diagnosis) {
        Some(finding) => app.incidents.others(&finding.id, &pull.endpoint.id).await?,
        None => 0,
    };
    let hand_over = HandOver { queue: &queue, who, reason: &reason, others };
    let note = note(app, &ticket, (&pull, &result), hand_over).await;
    let writing = writing(&ticket, &queue, queue_there.clone(), note, &result.diagnosis)?;
    let (category, now) = (writing.update.category.clone().unwrap_or_default(), app.clock.now());
    let written = app.store.for_people().write(move |tx| Box::pin(write(tx, writing, now))).await?;
    app.feed.publish(FeedItem::Ticket { number: ticket.number.clone() });
    let priority = answer::primary(&result.diagnosis).map(|finding| finding.priority);
    let (note_id, repeated) = written;
    Ok(Escalation { ticket: ticket.number, queue, queue_there, category, priority, note_id, repeated })
}

/// The newest diagnosis on a ticket.
async fn newest(app: &App, ticket: &Ticket) -> Result<(Pull, PullResult), PullError> {
    let pulls = app.pulls.of_ticket(&ticket.number).await?;
    let done = pulls.into_iter().filter(|pull| pull.state == PullState::Done);
    let missing = || {
        let why = format!("There is no diagnosis on {} to hand over. Pull one first.", ticket.number);
        PullError::Refused(why)
    };
    let pull = done.max_by_key(|pull| pull.finished_at).ok_or_else(missing)?;
    let result = app.pulls.result(&pull.id).await?.ok_or_else(missing)?;
    Ok((pull, result))
}

/// The queue that somebody named, else the one of the finding.
fn to_whom(order: &EscalationOrder, diagnosis: &Diagnosis) -> Result<String, PullError> {
    let named = order.queue.as_deref().map(clean_line).filter(|queue| !queue.is_empty());
    let found = || answer::primary(diagnosis).map(|finding| finding.escalation.queue.clone());
    match named.or_else(found).filter(|queue| !queue.is_empty()) {
        Some(queue) if queue.chars().count() > NAME_LETTERS => {
            Err(PullError::Refused(format!("The queue's name is longer than {NAME_LETTERS} letters.")))
        }
        Some(queue) => Ok(queue),
        None => Err(PullError::Refused("No finding says to whom to hand over. Name the queue.".to_owned())),
    }
}

/// The desk's own queue. What a person named and the map does not know is the desk's own word.
fn queue_at(settings: &DeskSettings, queue: &str, named: bool) -> Option<String> {
    settings.escalation_queues.get(queue).cloned().or_else(|| named.then(|| queue.to_owned()))
}

fn bounded(reason: &str) -> Result<String, PullError> {
    let reason = clean(reason).trim().to_owned();
    if reason.chars().count() > REASON_LETTERS {
        return Err(PullError::Refused(format!("The reason is longer than {REASON_LETTERS} letters.")));
    }
    Ok(reason)
}

/// The note with its page.
async fn note(app: &App, ticket: &Ticket, (pull, result): (&Pull, &PullResult), order: HandOver<'_>) -> NewNote {
    let catalogue = app.pulls.catalogue(&pull.endpoint.id).await;
    let facts = Facts {
        catalogue: &catalogue,
        snapshot: &result.snapshot,
        diagnosis: &result.diagnosis,
        ticket: Some(ticket),
        requested_by: &pull.requested_by,
    };
    let body = answer::hand_over(&facts, order);
    let page = answer::report_after(&facts, &body);
    let file =
        NewFile { name: "hand-over.html".to_owned(), media_type: "text/html".to_owned(), bytes: page.into_bytes() };
    NewNote {
        author: order.who.to_owned(),
        visibility: Visibility::Private,
        body,
        files: vec![file],
        key: format!("escalation:{}:{}", pull.id, order.queue),
    }
}

fn writing(
    ticket: &Ticket,
    queue: &str,
    queue_there: Option<String>,
    note: NewNote,
    diagnosis: &Diagnosis,
) -> Result<Writing, PullError> {
    let finding = answer::primary(diagnosis);
    let open = matches!(ticket.state, TicketState::New | TicketState::Resolved | TicketState::Closed);
    let update = TicketUpdate {
        state: open.then_some(TicketState::Open),
        category: finding.map(|finding| finding.category.clone()),
        impact: finding.map(|finding| finding.impact),
        urgency: finding.map(|finding| finding.urgency),
        ..TicketUpdate::default()
    };
    let change = queue_there.map(|queue| Change { queue: Some(queue), ..Change::default() });
    Ok(Writing { number: number_of(&ticket.number)?, queue: queue.to_owned(), note, update, change })
}

/// The note goes out first: in its new queue the desk's account may have fewer rights.
async fn write(tx: &mut Connection, writing: Writing, now: Timestamp) -> Result<(String, bool), PullError> {
    let Writing { number, queue, note, update, change } = writing;
    let noted = insert_note(tx, number, note, None, now).await?;
    if noted.repeated {
        return Ok((noted.note_id, true));
    }
    change_ticket(tx, number, update, now).await?;
    if let Some(change) = change {
        push_change(tx, number, &change, now).await?;
    }
    sql::query("UPDATE tickets SET handed_to = $2 WHERE number = $1").bind(number).bind(queue).execute(tx).await?;
    Ok((noted.note_id, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::standin::{StandIn, install};
    use crate::pull::tests::room::{Room, full_disk};

    #[tokio::test]
    async fn a_ticket_is_handed_over_once_with_its_evidence_to_the_queue_of_its_own_desk() {
        let mut room = Room::open().await;
        let desk = StandIn::default();
        desk.open("12", "My disk is full");
        let settings = DeskSettings {
            name: "helpdesk".to_owned(),
            escalation_queues: [("L2-Desktop".to_owned(), "Second line".to_owned())].into(),
            ..DeskSettings::default()
        };
        install(&mut room.app, settings, &desk);
        let app = &room.app;
        let ticket = app.outbox.bring("helpdesk", "12", "tess").await.expect("brought").number;
        let early = escalate(app, &ticket, EscalationOrder::default(), "tess").await.expect_err("no diagnosis");
        assert!(early.to_string().contains("Pull one first"), "{early}");
        let _stream = room.connect().await;
        let pull = room.order(Some(&ticket)).await;
        room.send(&pull.id, &room.signed(full_disk())).await;
        let order = EscalationOrder { queue: None, reason: Some("Second time this week.".to_owned()) };
        let first = escalate(app, &ticket, order.clone(), "tess").await.expect("handed over");
        assert_eq!((first.queue.as_str(), first.queue_there.as_deref()), ("L2-Desktop", Some("Second line")));
        let again = escalate(app, &ticket, order, "tess").await.expect("the same");
        assert!(again.repeated && again.note_id == first.note_id);
        app.outbox.turn().await.expect("sent");
        {
            let side = desk.side();
            let over: Vec<_> = side.notes.iter().filter(|note| note.text.contains("Handed over to")).collect();
            assert_eq!((over.len(), over[0].files), (1, 1));
            for part in [
                "Handed over to L2-Desktop by tess.",
                "Second time this week.",
                "RAW NUMBERS",
                "WHO ELSE HAS IT",
                "ALSO NEEDED",
            ] {
                assert!(over[0].text.contains(part), "{part}: {}", over[0].text);
            }
            let queue = side.changes.iter().find_map(|(_, change)| change.queue.clone());
            assert_eq!(queue.as_deref(), Some("Second line"));
            assert!(side.changes.iter().any(|(_, change)| change.priority.is_some() && change.category.is_some()));
        }
        let shown = app.desk.show(&ticket).await.expect("there");
        assert_eq!((shown.handed_to.as_str(), shown.state), ("L2-Desktop", TicketState::Open));
        assert!(shown.attachments.iter().any(|file| file.name == "hand-over.html"));
    }
}
