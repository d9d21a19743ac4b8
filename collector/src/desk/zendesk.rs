//! Zendesk Support, by its ticketing interface and an API token.
//!
//! - A file is uploaded first, and bound to the note by the token that it got. What was really bound, and how long it is, is
//!   read from the ticket's comments.
//! - A comment has no place for a mark, so that it ends with it. A ticket's mark is its `external_id`, by which tickets are
//!   listed as they are; search indexes lag by minutes and are not asked.
//! - A new ticket goes out with its mark as idempotency key: the same order opens one ticket, even when two arrive at once.
//! - A ticket takes 30 updates in ten minutes. What it is already is not written again.
//! - A closed ticket takes nothing more. A merged one is closed and has a tag that says so; which one it became stands in its
//!   comments ([`merged`]).

mod notes;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::groups::Groups;
use super::http::{Http, basic};
use super::maps::{Known, WordMap};
use super::merged::{self, MERGES};
use super::pages::{self, PAGE};
use super::trouble::{Trouble, TroubleKind};
use super::values::{id, part, text};
use crate::config::DeskSettings;
use crate::ticket::ending::CLOSED_BY_MERGE;

/// The way to a Zendesk.
#[derive(Debug)]
pub(super) struct Zendesk {
    settings: DeskSettings,
    http: Http,
}

impl Zendesk {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        let token = settings.token(folder)?;
        let http = Http::new(settings, folder, [basic(&format!("{}/token", settings.user), &token)])?;
        Ok(Self { settings: settings.clone(), http })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let reply = self.http.get(&format!("/api/v2/{path}.json"), query).await;
        Ok(reply.map_err(words::told)?.body)
    }

    /// A page of a list.
    async fn page(&self, path: &str, name: &str, query: &[(&str, &str)], page: usize) -> Result<Vec<Value>, Trouble> {
        let (page, count) = (page.to_string(), PAGE.to_string());
        let query = [query, &[("page", page.as_str()), ("per_page", count.as_str())]].concat();
        pages::rows(self.get(path, &query).await?, name)
    }

    async fn groups(&self) -> Result<Groups, Trouble> {
        pages::all(|page| self.page("groups", "groups", &[], page)).await.map(Groups)
    }

    /// A ticket, with its group and its people beside it.
    async fn ticket(&self, id: &str) -> Result<Value, Trouble> {
        let document = self.get(&format!("tickets/{}", part(id)), &[("include", "users,groups")]).await?;
        if words::ticket_ref(&document["ticket"]).is_some_and(|names| names.api_id == id) {
            return Ok(document);
        }
        Err(Trouble::odd(format!("asked for ticket {id}, it gave another document")))
    }

    /// The ticket that this one is now. One that was merged into an unknown one comes with what is said on it.
    async fn present_document(&self, number: &str) -> Result<(Value, Option<Trouble>), Trouble> {
        let mut now = number.to_owned();
        for _ in 0..MERGES {
            let document = self.ticket(&now).await?;
            if !words::is_merged(&document["ticket"]) {
                return Ok((document, None));
            }
            match self.merged_into(&now).await? {
                Ok(other) => now = other,
                Err(unknown) => return Ok((document, Some(unknown))),
            }
        }
        Err(Trouble::refused(format!("ticket {number} was merged more than {MERGES} times")))
    }

    /// The ticket into which this one was merged, as far as both say so; else why it is not known.
    async fn merged_into(&self, number: &str) -> Result<Result<String, Trouble>, Trouble> {
        let said = self.said(number).await?;
        let last = merged::last_said(&said).cloned().unwrap_or_default();
        for other in merged::named(&last, number) {
            let there = match self.said(&other).await {
                Err(trouble) if trouble.kind == TroubleKind::NotFound => continue,
                there => there?,
            };
            if there.iter().any(|text| merged::names(text, number)) {
                return Ok(Ok(other));
            }
        }
        Ok(Err(merged::unknown(number, &last)))
    }

    /// What the comments of a ticket say, oldest first.
    async fn said(&self, number: &str) -> Result<Vec<String>, Trouble> {
        Ok(self.comments(number).await?.iter().map(|one| text(&one["plain_body"])).collect())
    }
}

#[async_trait]
impl Desk for Zendesk {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let me = self.get("users/me", &[]).await?["user"].clone();
        let role = text(&me["role"]);
        // Whoever is not known may be answered as somebody without a number.
        if id(&me["id"]).is_none() {
            let nobody = Trouble::new(TroubleKind::Unauthorized, "it answers, but knows nobody by this token");
            return Err(words::told(nobody));
        }
        if !matches!(role.as_str(), "agent" | "admin") {
            let said = format!("{} is no agent but {role:?}", self.settings.user);
            return Err(words::told(Trouble::new(TroubleKind::Forbidden, said)));
        }
        let mut seen = vec![format!("signed in as {} ({role})", text(&me["email"]))];
        seen.extend(self.groups().await?.seen(&self.settings.queues)?);
        Ok(Standing { product: "Zendesk Support".to_owned(), seen })
    }

    async fn known(&self) -> Result<Vec<Known>, Trouble> {
        Ok(vec![Known::of(WordMap::Queues, &self.groups().await?.0, "name")])
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let Some(number) = id(&json!(number.trim().trim_start_matches('#'))) else { return Ok(None) };
        match self.present_document(&number).await {
            Ok((document, _)) => Ok(words::found(&self.settings, &document)),
            Err(trouble) if trouble.kind == TroubleKind::NotFound => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let (document, unknown) = self.present_document(&ticket.api_id).await?;
        let now = words::ticket_ref(&document["ticket"]).ok_or_else(|| Trouble::odd("a ticket without an id"))?;
        unknown.map_or(Ok(now), Err)
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let groups = self.groups().await?;
        let ticket = words::opening(&self.settings, order, groups.number(order.destination(&self.settings)?)?);
        let request = self.http.request(Method::POST, "/api/v2/tickets.json");
        let request = request.header("idempotency-key", &order.mark).json(&json!({ "ticket": ticket }));
        let reply = self.http.send(request).await.map_err(words::told)?;
        let opened = words::ticket_ref(&reply.body["ticket"]);
        opened.ok_or_else(|| Trouble::odd("it opened a ticket without an id").unclear())
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let list = pages::rows(self.get("tickets", &[("external_id", mark)]).await?, "tickets")?;
        Ok(list.iter().find(|ticket| ticket["external_id"] == mark).and_then(words::ticket_ref))
    }

    fn found_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        let ticket = self.ticket(&ticket.api_id).await?["ticket"].take();
        if words::is_merged(&ticket) {
            return Ok(CLOSED_BY_MERGE.to_owned());
        }
        Ok(words::field(&ticket, &self.settings.closing_field))
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let mut wanted: Map<String, Value> = words::fields(&self.settings, change)?;
        if let Some(group) = &change.queue {
            wanted.insert("group_id".to_owned(), self.groups().await?.number(group)?.clone());
        }
        if words::hold(&self.ticket(&ticket.api_id).await?, &wanted).is_ok() {
            return Ok(());
        }
        let path = format!("/api/v2/tickets/{}.json", part(&ticket.api_id));
        self.http.write(Method::PUT, &path, &json!({ "ticket": wanted })).await.map_err(words::told)?;
        words::hold(&self.ticket(&ticket.api_id).await?, &wanted)
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let newest_first = [("sort_by", "id"), ("sort_order", "desc")];
        let (news, mark) = pages::newer(mark, |page| self.page("tickets", "tickets", &newest_first, page)).await?;
        let mut arrivals = Arrivals { tickets: Vec::new(), mark };
        if news.is_empty() {
            return Ok(arrivals);
        }
        let groups = self.groups().await?;
        let over = |ticket: &Value| matches!(ticket["status"].as_str(), Some("solved" | "closed"));
        let ours = |ticket: &Value| self.settings.queues.contains(&groups.name(&ticket["group_id"]));
        for ticket in news.iter().filter(|ticket| !over(ticket) && ours(ticket)) {
            arrivals.tickets.extend(self.find(&id(&ticket["id"]).unwrap_or_default()).await?);
        }
        Ok(arrivals)
    }
}
