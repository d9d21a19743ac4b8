//! Zammad, by its REST interface and an access token.
//!
//! - The number that people type is not the id. It is searched for; where the installation has no search index, the search is a
//!   plain text search over everything, so what it brings is held against the number.
//! - An article is stored before its attachments are checked: after a refusal the ticket is looked at before anything is said.
//! - Search indexes lag by seconds. Nothing that we wrote is searched for by them: notes are found in the list of a ticket's
//!   articles, by the mark in their subject.
//! - A merged ticket keeps its number and takes notes; it is not followed.

mod notes;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::contract::{
    Answer, Arrivals, Change, Desk, Found, Noted, OutgoingNote, OutgoingTicket, Standing, TicketRef,
};
use super::http::Http;
use super::trouble::Trouble;
use crate::config::DeskSettings;
use crate::ticket::Requester;
use words::{id_of, part, text, ticket_ref};

/// Tickets of a page.
const PAGE: usize = 100;
/// Pages that are looked through for new tickets.
const PAGES: usize = 5;

/// The way to a Zammad.
#[derive(Debug)]
pub(super) struct Zammad {
    settings: DeskSettings,
    http: Http,
}

impl Zammad {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        let token = settings.token(folder)?;
        let http = Http::new(settings, folder, ("authorization", format!("Token token={token}")))?;
        Ok(Self { settings: settings.clone(), http })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let reply = self.http.get(&format!("/api/v1{path}"), query).await;
        Ok(reply.map_err(words::told)?.body)
    }

    async fn standing(&self) -> Result<Standing, Trouble> {
        let me = self.get("/users/me", &[]).await?;
        let name = text(&me["login"]);
        if name.is_empty() {
            return Err(Trouble::odd(format!("{} answers, but not as Zammad does", self.settings.url)));
        }
        Ok(Standing { product: "Zammad".to_owned(), seen: vec![format!("signed in as {name}")] })
    }

    async fn found(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = number.trim().trim_start_matches('#');
        if number.is_empty() || number.len() > 40 || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        for query in [format!("number:{number}"), number.to_owned()] {
            let list =
                self.get("/tickets/search", &[("query", &query), ("per_page", "20"), ("expand", "true")]).await?;
            let items = list.as_array().ok_or_else(|| Trouble::odd("a search without a list"))?;
            if let Some(item) = items.iter().find(|item| text(&item["number"]) == number) {
                return self.read(item).await.map(Some);
            }
        }
        Ok(None)
    }

    /// A ticket from its document, with who complains and what they say.
    async fn read(&self, item: &Value) -> Result<Found, Trouble> {
        let ticket = ticket_ref(item).ok_or_else(|| Trouble::odd("a ticket without id or number"))?;
        let requester = match id_of(&item["customer_id"]) {
            Some(id) => words::requester(&self.get(&format!("/users/{id}"), &[("expand", "true")]).await?),
            None => Requester::default(),
        };
        let said = self.first_text(&ticket.api_id).await?;
        let device = &self.settings.device_field;
        Ok(Found {
            url: format!("{}/#ticket/zoom/{}", self.settings.url.trim_end_matches('/'), ticket.api_id),
            subject: text(&item["title"]),
            text: said,
            requester,
            queue: text(&item["group"]),
            state: text(&item["state"]),
            device: if device.is_empty() { String::new() } else { text(&item[device.as_str()]) },
            due: item["escalation_at"].as_str().and_then(|at| at.parse().ok()),
            ticket,
        })
    }

    async fn open(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let first = self.settings.queues.first().map_or("", String::as_str);
        let group = if order.queue.is_empty() { first } else { order.queue.as_str() };
        if group.is_empty() {
            return Err(Trouble::refused("the desk has no queues in the configuration"));
        }
        let mut body = json!({
            "title": order.subject,
            "group": group,
            "article": {
                "subject": words::subject(&order.subject, &order.mark),
                "body": order.body.to_html(),
                "content_type": "text/html",
                "type": "note",
                "internal": true,
            },
        });
        // A ticket has to be somebody's.
        body["customer_id"] = if order.requester.email.is_empty() {
            self.get("/users/me", &[]).await?["id"].clone()
        } else {
            json!(format!("guess:{}", order.requester.email))
        };
        let reply = self.http.write(Method::POST, "/api/v1/tickets", &body).await.map_err(words::told)?;
        ticket_ref(&reply.body).ok_or_else(|| Trouble::odd("it opened a ticket without id or number").unclear())
    }

    async fn opened(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let list = self.get("/tickets/search", &[("query", mark), ("per_page", "20"), ("expand", "true")]).await?;
        for item in list.as_array().into_iter().flatten() {
            let Some(ticket) = ticket_ref(item) else { continue };
            let articles = self.articles(&ticket.api_id).await?;
            if articles.iter().any(|one| text(&one["subject"]).contains(mark)) {
                return Ok(Some(ticket));
            }
        }
        Ok(None)
    }

    async fn set(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let wanted = words::fields(&self.settings, change);
        if wanted.is_empty() {
            return Ok(());
        }
        let path = format!("/tickets/{}", part(&ticket.api_id));
        let order = Value::Object(wanted.clone());
        self.http.write(Method::PUT, &format!("/api/v1{path}"), &order).await.map_err(words::told)?;
        let now = self.get(&path, &[("expand", "true")]).await?;
        let other = wanted.iter().filter(|(name, value)| now[name.as_str()] != **value);
        let other: Vec<String> =
            other.map(|(name, value)| format!("{name} is {}, not {value}", now[name.as_str()])).collect();
        if other.is_empty() {
            Ok(())
        } else {
            Err(Trouble::refused(format!("it answered with success, and {}", other.join(", "))))
        }
    }

    async fn new_ones(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let mark: Option<u64> = mark.and_then(|mark| mark.parse().ok());
        let (mut found, mut newest) = (Vec::new(), mark.unwrap_or(0));
        for page in 1..=PAGES {
            let (page, count) = (page.to_string(), PAGE.to_string());
            let query = [
                ("expand", "true"),
                ("sort_by", "id"),
                ("order_by", "desc"),
                ("per_page", count.as_str()),
                ("page", page.as_str()),
            ];
            let list = self.get("/tickets", &query).await?;
            let items = list.as_array().ok_or_else(|| Trouble::odd("a list of tickets that is none"))?;
            let ids: Vec<u64> = items.iter().filter_map(|item| item["id"].as_u64()).collect();
            if !ids.is_sorted_by(|one, next| one >= next) {
                return Err(Trouble::odd("tickets come in another order than was asked for"));
            }
            newest = newest.max(ids.first().copied().unwrap_or(0));
            let Some(mark) = mark else { break };
            let new = items.iter().filter(|item| item["id"].as_u64().is_some_and(|id| id > mark));
            found.extend(new.cloned());
            if items.len() < PAGE || ids.last().is_none_or(|oldest| *oldest <= mark) {
                break;
            }
        }
        let over = ["closed", "merged", "removed"];
        found.retain(|item| {
            self.settings.queues.contains(&text(&item["group"])) && !over.contains(&text(&item["state"]).as_str())
        });
        let mut tickets = Vec::new();
        for item in found.iter().rev() {
            tickets.push(self.read(item).await?);
        }
        Ok(Arrivals { tickets, mark: newest.to_string() })
    }
}

impl Desk for Zammad {
    fn verify(&self) -> Answer<'_, Standing> {
        Box::pin(self.standing())
    }

    fn find<'a>(&'a self, number: &'a str) -> Answer<'a, Option<Found>> {
        Box::pin(self.found(number))
    }

    fn note<'a>(&'a self, ticket: &'a TicketRef, note: &'a OutgoingNote) -> Answer<'a, Noted> {
        Box::pin(self.write_note(ticket, note))
    }

    fn noted<'a>(&'a self, ticket: &'a TicketRef, note: &'a OutgoingNote) -> Answer<'a, Option<Noted>> {
        Box::pin(self.look_for(ticket, note))
    }

    fn create<'a>(&'a self, order: &'a OutgoingTicket) -> Answer<'a, TicketRef> {
        Box::pin(self.open(order))
    }

    fn created<'a>(&'a self, mark: &'a str) -> Answer<'a, Option<TicketRef>> {
        Box::pin(self.opened(mark))
    }

    fn change<'a>(&'a self, ticket: &'a TicketRef, change: &'a Change) -> Answer<'a, ()> {
        Box::pin(self.set(ticket, change))
    }

    fn arrivals<'a>(&'a self, mark: Option<&'a str>) -> Answer<'a, Arrivals> {
        Box::pin(self.new_ones(mark))
    }
}
