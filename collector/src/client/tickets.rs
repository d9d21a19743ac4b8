use std::fmt::Write as _;
use std::path::Path;

use firstline_diagnosis::texts::moment;
use serde_json::json;

use super::Out;
use super::command::{PullTerms, Ticket as Order};
use super::connection::{Connection, part};
use super::failure::Failure;
use super::pulls;
use super::table::{Table, harmless, harmless_lines};
use crate::escalation::{Escalation, EscalationOrder};
use crate::pull::Pull;
use crate::ticket::{ClosingCode, NewTicket, NoteResult, Requester, Ticket, TicketList, TicketState, TicketUpdate};

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    match order {
        Order::Open { subject, text, requester, email, sign_in, endpoint } => {
            let requester = Requester { name: requester, email, sign_in };
            let order = NewTicket { requester, subject, text, endpoint };
            let ticket: Ticket = connection.post("/tickets", &order).await?;
            out.print(&ticket, || harmless(&format!("Ticket {} is open: {}", ticket.number, ticket.subject)))
        }
        Order::List { search, all } => {
            let mut query = vec![("limit", "500")];
            query.extend(search.as_deref().map(|search| ("search", search)));
            if !all {
                query.push(("open", "true"));
            }
            let list: TicketList = connection.get("/tickets", &query).await?;
            out.print(&list, || print(&list))
        }
        Order::Show { ticket } => {
            let ticket: Ticket = connection.get(&format!("/tickets/{}", part(&ticket)), &[]).await?;
            out.print(&ticket, || words(&ticket))
        }
        Order::Note { ticket, text } => {
            let result = note(connection, &ticket, &text).await?;
            out.print(&result, || harmless(&format!("The note is on {ticket}.")))
        }
        Order::Close { ticket, code, note: text } => {
            let order =
                TicketUpdate { state: Some(TicketState::Closed), closing: Some(code), ..TicketUpdate::default() };
            let closed: Ticket = connection.post(&format!("/tickets/{}", part(&ticket)), &order).await?;
            if let Some(text) = text {
                note(connection, &ticket, &text).await?;
            }
            out.print(&closed, || harmless(&format!("{} is closed: {}.", closed.number, code.words())))
        }
        Order::Reopen { ticket } => {
            let order = TicketUpdate { state: Some(TicketState::Open), ..TicketUpdate::default() };
            let open: Ticket = connection.post(&format!("/tickets/{}", part(&ticket)), &order).await?;
            out.print(&open, || harmless(&format!("{} is open again.", open.number)))
        }
        Order::Escalate { ticket, to, reason } => {
            let path = format!("/tickets/{}/escalate", part(&ticket));
            let order = EscalationOrder { queue: to, reason };
            let escalation: Escalation = connection.post(&path, &order).await?;
            out.print(&escalation, || handed_over(&escalation))
        }
        Order::Attach { ticket, endpoint, desk, file, terms } => {
            let ticket = if desk == "builtin" { ticket } else { bring(connection, &desk, &ticket).await? };
            if let Some(file) = file {
                return import(connection, &ticket, &file, &terms, out).await;
            }
            let order = json!({
                "endpoint": endpoint,
                "symptom": terms.symptom,
                "around": terms.around,
                "expires_in_seconds": terms.expires,
            });
            let pull: Pull = connection.post(&format!("/tickets/{}/attach", part(&ticket)), &order).await?;
            pulls::attach(connection, pull, &terms, out).await
        }
    }
}

async fn note(connection: &Connection, ticket: &str, text: &str) -> Result<NoteResult, Failure> {
    connection.post(&format!("/tickets/{}/notes", part(ticket)), &json!({ "text": text })).await
}

fn handed_over(escalation: &Escalation) -> String {
    let Escalation { ticket, queue, queue_there, repeated, .. } = escalation;
    let already = if *repeated { "was handed over already" } else { "is handed over" };
    let there = queue_there.as_ref().filter(|there| *there != queue);
    let there = there.map_or_else(String::new, |there| format!(" ({there} at its desk)"));
    harmless(&format!("{ticket} {already} to {queue}{there}."))
}

/// The number here of a ticket at another desk.
async fn bring(connection: &Connection, desk: &str, number: &str) -> Result<String, Failure> {
    let path = format!("/desks/{}/tickets/{}", part(desk), part(number));
    let ticket: Ticket = connection.post(&path, &json!({})).await?;
    Ok(ticket.number)
}

/// Sends a file that was saved at the endpoint, and prints what it says.
async fn import(
    connection: &Connection,
    ticket: &str,
    file: &Path,
    terms: &PullTerms,
    out: Out,
) -> Result<(), Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(unreadable)?;
    let path = format!("/tickets/{}/import", part(ticket));
    let pull: Pull = connection.upload(&path, terms.symptom.as_deref(), bytes).await?;
    pulls::attach(connection, pull, terms, out).await
}

fn print(list: &TicketList) -> String {
    let mut table = Table::new(["ticket", "state", "priority", "requester", "endpoint", "subject"]);
    for ticket in &list.tickets {
        table.row([
            ticket.number.clone(),
            ticket.state.name().to_owned(),
            ticket.priority.map_or_else(|| "-".to_owned(), |priority| format!("{priority:?}")),
            requester(ticket),
            ticket.endpoint.as_ref().map_or_else(String::new, |endpoint| endpoint.name.clone()),
            ticket.subject.clone(),
        ]);
    }
    table.print("No tickets.")
}

fn requester(ticket: &Ticket) -> String {
    let who = &ticket.requester;
    [&who.name, &who.email, &who.sign_in].into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default()
}

/// How a ticket ended; empty while nobody said.
fn ended(ticket: &Ticket) -> String {
    let there = ticket.outside.as_ref().map(|outside| outside.closing.as_str()).filter(|closing| !closing.is_empty());
    let code = ticket.closing.map(ClosingCode::name).or(there);
    code.map_or_else(String::new, |code| harmless(&format!("as {code}")))
}

fn words(ticket: &Ticket) -> String {
    let endpoint = ticket.endpoint.as_ref().map_or("not known", |endpoint| endpoint.name.as_str());
    let from = Some(requester(ticket)).filter(|who| !who.is_empty()).unwrap_or_else(|| "nobody named".to_owned());
    let mut text = format!(
        "{} ({}): {}\nfrom {}, about {}, opened {} by {}\n",
        harmless(&ticket.number),
        [ticket.state.name(), ended(ticket).as_str()].join(" ").trim(),
        harmless(&ticket.subject),
        harmless(&from),
        harmless(endpoint),
        moment(ticket.opened_at),
        harmless(&ticket.opened_by)
    );
    if let Some(outside) = &ticket.outside {
        let _ =
            writeln!(text, "at {}: {}, {}", harmless(&outside.desk), harmless(&outside.number), harmless(&outside.url));
    }
    if !ticket.text.is_empty() {
        let _ = writeln!(text, "\n{}", harmless_lines(&ticket.text));
    }
    for note in &ticket.notes {
        let _ =
            writeln!(text, "\n-- {} by {}\n{}", moment(note.at), harmless(&note.author), harmless_lines(&note.text));
    }
    if !ticket.attachments.is_empty() {
        text.push_str("\nAttachments:\n");
        for file in &ticket.attachments {
            let _ = writeln!(text, "  {} ({} bytes)", harmless(&file.name), file.size_bytes);
        }
    }
    text
}
