//! Freshservice and Freshdesk, by the second version of their interfaces and the key of an agent.
//!
//! Both are of one family: files go with a note in one form, states and priorities are numbers, errors name fields. What they
//! do not share stands in [`Product`].
//!
//! - An order that arrives twice is done twice, and search indexes lag by minutes. So a note ends with its mark and is looked
//!   for among the ticket's conversations; what a new ticket says ends with its mark, and it is looked for among the newest
//!   tickets with the tag `firstline`.
//! - The files of a ticket have one limit together. A note whose files are refused goes out without them.
//! - A ticket has to be somebody's: what nobody asked for is the agent's own.
//! - A merged ticket keeps its number and is closed, and still takes notes that nobody reads. Which one it became stands in its
//!   last note ([`merged`]).

mod notes;
mod product;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::groups::Groups;
use super::http::{Http, basic};
use super::maps::{Known, WordMap};
use super::merged::{self, MERGES};
use super::pages::{self, PAGE};
use super::trouble::{Trouble, TroubleKind};
use super::values::{ending_with_mark, holds_mark, id, text};
use crate::config::DeskSettings;
use crate::ticket::Requester;
use product::Product;
pub(super) use product::{FRESHDESK, FRESHSERVICE};
use words::TAG;

/// The way to a Freshservice or a Freshdesk.
#[derive(Debug)]
pub(super) struct Freshworks {
    product: &'static Product,
    settings: DeskSettings,
    http: Http,
}

impl Freshworks {
    /// The way to the `product` that `settings` names.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub(super) fn new(product: &'static Product, settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        // The key is the name, and what stands in the place of the password means nothing.
        let http = Http::new(settings, folder, [basic(&settings.token(folder)?, "X")])?;
        Ok(Self { product, settings: settings.clone(), http })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let reply = self.http.get(&format!("/api/v2/{path}"), query).await;
        Ok(reply.map_err(|trouble| self.product.told(trouble))?.body)
    }

    async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
        let reply = self.http.write(method, &format!("/api/v2/{path}"), body).await;
        Ok(reply.map_err(|trouble| self.product.told(trouble))?.body)
    }

    /// A page of a list.
    async fn page(&self, path: &str, name: &str, query: &[(&str, &str)], page: usize) -> Result<Vec<Value>, Trouble> {
        let (page, count) = (page.to_string(), PAGE.to_string());
        let query = [query, &[("page", page.as_str()), ("per_page", count.as_str())]].concat();
        pages::rows(self.get(path, &query).await?, self.product.outer(name))
    }

    /// A page of all tickets, which come newest first.
    async fn tickets(&self, page: usize) -> Result<Vec<Value>, Trouble> {
        let workspace = self.settings.workspace.map(|workspace| workspace.to_string());
        let query: Vec<(&str, &str)> = workspace.iter().map(|number| ("workspace_id", number.as_str())).collect();
        self.page("tickets", "tickets", &query, page).await
    }

    async fn groups(&self) -> Result<Groups, Trouble> {
        pages::all(|page| self.page("groups", "groups", &[], page)).await.map(Groups)
    }

    async fn ticket(&self, id: &str) -> Result<Value, Trouble> {
        let document = self.get(&format!("tickets/{id}"), &[("include", self.product.beside)]).await?;
        let ticket = self.product.inner(document, "ticket");
        if words::ticket_ref(&ticket).is_some_and(|names| names.api_id == id) {
            return Ok(ticket);
        }
        Err(Trouble::odd(format!("asked for ticket {id}, it gave another document")))
    }

    /// The ticket that this one is now, as far as both say so. One that was merged into an unknown one comes with what is said
    /// on it.
    async fn present_ticket(&self, number: &str) -> Result<(Value, Option<Trouble>), Trouble> {
        let mut now = number.to_owned();
        for _ in 0..MERGES {
            let ticket = self.ticket(&now).await?;
            if !words::is_closed(&ticket) {
                return Ok((ticket, None));
            }
            let said = self.said(&now).await?;
            let last = merged::last_said(&said).cloned().unwrap_or_default();
            match self.merged_into(&now, &last).await? {
                Some(other) => now = other,
                None if words::tells_of_a_merge(&last) => return Ok((ticket, Some(merged::unknown(&now, &last)))),
                None => return Ok((ticket, None)),
            }
        }
        Err(Trouble::refused(format!("ticket {number} was merged more than {MERGES} times")))
    }

    /// The ticket that the last note on a closed one names, and that names it.
    async fn merged_into(&self, number: &str, last: &str) -> Result<Option<String>, Trouble> {
        for other in merged::named(last, number) {
            let Some(found) = there(self.ticket(&other).await)? else { continue };
            let is_there = found["deleted"] != true && found["spam"] != true;
            if is_there && self.said(&other).await?.iter().any(|text| merged::names(text, number)) {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// What the conversations of a ticket say, oldest first.
    async fn said(&self, number: &str) -> Result<Vec<String>, Trouble> {
        Ok(self.conversations(number).await?.iter().map(|one| text(&one["body_text"])).collect())
    }

    /// Who complains, who may be an agent, whose documents lie elsewhere.
    async fn requester(&self, ticket: &Value) -> Result<Requester, Trouble> {
        let known = words::person(&ticket["requester"]);
        let Some(person) = id(&ticket["requester_id"]).filter(|_| known.email.is_empty()) else { return Ok(known) };
        for (place, name) in self.product.people {
            match self.get(&format!("{place}/{person}"), &[]).await {
                Ok(document) => return Ok(words::person(&self.product.inner(document, name))),
                Err(trouble) if matches!(trouble.kind, TroubleKind::NotFound | TroubleKind::Forbidden) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(known)
    }

    async fn read(&self, ticket: &Value, groups: &Groups) -> Result<Option<Found>, Trouble> {
        let requester = self.requester(ticket).await?;
        let queue = groups.name(&ticket["group_id"]);
        Ok(words::found(&self.settings, ticket, requester, queue))
    }
}

#[async_trait]
impl Desk for Freshworks {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let (probe, query) = self.product.probe;
        let answer = self.get(probe, query).await?;
        let mut seen = self.product.standing(answer)?;
        seen.extend(self.groups().await?.seen(&self.settings.queues)?);
        Ok(Standing { product: self.product.name.to_owned(), seen })
    }

    async fn known(&self) -> Result<Vec<Known>, Trouble> {
        Ok(vec![Known::of(WordMap::Queues, &self.groups().await?.0, "name")])
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = self.product.bare(number);
        let Some(number) = id(&json!(number)) else { return Ok(None) };
        match there(self.present_ticket(&number).await)? {
            Some((ticket, _)) => self.read(&ticket, &self.groups().await?).await,
            None => Ok(None),
        }
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let (now, unknown) = self.present_ticket(&ticket.api_id).await?;
        let now = words::ticket_ref(&now).ok_or_else(|| Trouble::odd("a ticket without an id"))?;
        unknown.map_or(Ok(now), Err)
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let groups = self.groups().await?;
        let own = &self.settings.user;
        let mut body = json!({
            "subject": order.subject,
            "description": ending_with_mark(&order.body, "Opened by Firstline", &order.mark).to_html(),
            "email": if order.requester.email.is_empty() { own } else { &order.requester.email },
            "status": words::OPEN,
            "priority": words::MEDIUM,
            "source": self.product.source,
            "group_id": groups.number(order.destination(&self.settings)?)?,
            "tags": [TAG],
        });
        match self.settings.ticket_type_or(self.product.ticket_type) {
            "" => {}
            kind => body["type"] = json!(kind),
        }
        // Zero stands for all of them.
        if let Some(workspace) = self.settings.workspace.filter(|workspace| *workspace > 0) {
            body["workspace_id"] = json!(workspace);
        }
        let opened = self.product.inner(self.write(Method::POST, "tickets", &body).await?, "ticket");
        words::ticket_ref(&opened).ok_or_else(|| Trouble::odd("it opened a ticket without an id").unclear())
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let (newest, _) = pages::newer(Some("0"), |page| self.tickets(page)).await?;
        let ours = |ticket: &&Value| ticket["tags"].as_array().into_iter().flatten().any(|tag| tag == TAG);
        for names in newest.iter().rev().filter(ours).filter_map(words::ticket_ref) {
            let ticket = self.ticket(&names.api_id).await?;
            if holds_mark(&text(&ticket["description_text"]), mark) {
                return Ok(Some(names));
            }
        }
        Ok(None)
    }

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        Ok(text(&self.ticket(&ticket.api_id).await?["custom_fields"][self.settings.closing_field.as_str()]))
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let mut wanted = words::fields(&self.settings, change)?;
        if let Some(group) = &change.queue {
            wanted.insert("group_id".to_owned(), self.groups().await?.number(group)?.clone());
        }
        if words::hold(&self.ticket(&ticket.api_id).await?, &wanted).is_ok() {
            return Ok(());
        }
        let body = Value::Object(wanted.clone());
        self.write(Method::PUT, &format!("tickets/{}", ticket.api_id), &body).await?;
        words::hold(&self.ticket(&ticket.api_id).await?, &wanted)
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let (news, mark) = pages::newer(mark, |page| self.tickets(page)).await?;
        let mut arrivals = Arrivals { tickets: Vec::new(), mark };
        if news.is_empty() {
            return Ok(arrivals);
        }
        let groups = self.groups().await?;
        let ours = |ticket: &&Value| self.settings.queues.contains(&groups.name(&ticket["group_id"]));
        for ticket in news.iter().filter(|ticket| !words::is_over(ticket)).filter(ours) {
            if let Some(ticket) = there(self.ticket(&id(&ticket["id"]).unwrap_or_default()).await)? {
                arrivals.tickets.extend(self.read(&ticket, &groups).await?);
            }
        }
        Ok(arrivals)
    }
}

/// What was read, unless it is not there.
fn there<T>(read: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(trouble) if trouble.kind == TroubleKind::NotFound => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
