//! Zammad, by its REST interface and an access token.
//!
//! - The number that people type is not the id. It is searched for; where the installation has no search index, the search is a
//!   plain text search over everything, so what it brings is held against the number.
//! - An article is stored before its attachments are checked: after a refusal the ticket is looked at before anything is said.
//! - Search indexes lag by seconds. Nothing that we wrote is searched for by them: notes are found in the list of a ticket's
//!   articles, by the mark in their subject.
//! - A merged ticket keeps its number and takes notes that nobody reads: it is followed to the one that its link names.

mod notes;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use reqwest::Method;
use serde_json::{Value, json};

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::http::Http;
use super::maps::{Known, WordMap, readable};
use super::pages::{self, PAGE};
use super::trouble::Trouble;
use super::values::{hold, id, marked, part, text};
use crate::config::DeskSettings;
use crate::ticket::Requester;
use words::ticket_ref;

/// How often a ticket may have been merged on the way to what it is now.
const MERGES: usize = 8;

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
        let http = Http::new(settings, folder, [(AUTHORIZATION, format!("Token token={token}"))])?;
        Ok(Self { settings: settings.clone(), http })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let reply = self.http.get(&format!("/api/v1{path}"), query).await;
        Ok(reply.map_err(words::told)?.body)
    }

    /// A page of all tickets, newest first.
    async fn page(&self, page: usize) -> Result<Vec<Value>, Trouble> {
        let (page, count) = (page.to_string(), PAGE.to_string());
        let query = [
            ("expand", "true"),
            ("sort_by", "id"),
            ("order_by", "desc"),
            ("per_page", count.as_str()),
            ("page", page.as_str()),
        ];
        pages::rows(self.get("/tickets", &query).await?, "")
    }

    /// The document of a ticket.
    async fn document(&self, id: &str) -> Result<Value, Trouble> {
        self.get(&format!("/tickets/{}", part(id)), &[("expand", "true")]).await
    }

    /// The document of the ticket that this one has become.
    async fn followed(&self, mut item: Value) -> Result<Value, Trouble> {
        for _ in 0..MERGES {
            if item["state"] != "merged" {
                return Ok(item);
            }
            let asked = id(&item["id"]).unwrap_or_default();
            let links =
                self.get("/links", &[("link_object", "Ticket"), ("link_object_value", &asked)]).await?["links"].take();
            item = self.document(&words::merged_into(&item, &links)?).await?;
        }
        Err(Trouble::refused(format!("ticket {} was merged more than {MERGES} times", text(&item["number"]))))
    }

    /// A ticket from its document, with who complains and what they say.
    async fn read(&self, item: &Value) -> Result<Found, Trouble> {
        let ticket = ticket_ref(item).ok_or_else(|| Trouble::odd("a ticket without id or number"))?;
        let requester = match id(&item["customer_id"]) {
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
}

#[async_trait]
impl Desk for Zammad {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let me = self.get("/users/me", &[]).await?;
        let name = text(&me["login"]);
        if name.is_empty() {
            return Err(Trouble::odd(format!("{} answers, but not as Zammad does", self.settings.url)));
        }
        Ok(Standing { product: "Zammad".to_owned(), seen: vec![format!("signed in as {name}")] })
    }

    async fn known(&self) -> Result<Vec<Known>, Trouble> {
        let mut known = Vec::new();
        for (map, path) in [
            (WordMap::Queues, "/groups"),
            (WordMap::States, "/ticket_states"),
            (WordMap::Priorities, "/ticket_priorities"),
        ] {
            let rows = readable(self.get(path, &[]).await.and_then(|list| pages::rows(list, "")))?;
            known.push(Known::of(map, &rows, "name"));
        }
        Ok(known)
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = number.trim().trim_start_matches('#');
        if number.is_empty() || number.len() > 40 || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        for query in [format!("number:{number}"), number.to_owned()] {
            let list =
                self.get("/tickets/search", &[("query", &query), ("per_page", "20"), ("expand", "true")]).await?;
            let items = list.as_array().ok_or_else(|| Trouble::odd("a search without a list"))?;
            if let Some(item) = items.iter().find(|item| text(&item["number"]) == number) {
                return self.read(&self.followed(item.clone()).await?).await.map(Some);
            }
        }
        Ok(None)
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let item = self.followed(self.document(&ticket.api_id).await?).await?;
        ticket_ref(&item).ok_or_else(|| Trouble::odd("a ticket without id or number"))
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let group = order.destination(&self.settings)?;
        let mut body = json!({
            "title": order.subject,
            "group": group,
            "article": {
                "subject": marked(&order.subject, &order.mark),
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

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
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

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        let field = self.settings.closing_field.as_str();
        if field.is_empty() {
            return Ok(String::new());
        }
        Ok(text(&self.document(&ticket.api_id).await?[field]))
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let wanted = words::fields(&self.settings, change);
        if wanted.is_empty() {
            return Ok(());
        }
        let path = format!("/api/v1/tickets/{}", part(&ticket.api_id));
        let order = Value::Object(wanted.clone());
        self.http.write(Method::PUT, &path, &order).await.map_err(words::told)?;
        hold(&self.document(&ticket.api_id).await?, &wanted)
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let (mut found, mark) = pages::newer(mark, |page| self.page(page)).await?;
        let over = ["closed", "merged", "removed"];
        found.retain(|item| {
            self.settings.queues.contains(&text(&item["group"])) && !over.contains(&text(&item["state"]).as_str())
        });
        let mut tickets = Vec::new();
        for item in &found {
            tickets.push(self.read(item).await?);
        }
        Ok(Arrivals { tickets, mark })
    }
}
