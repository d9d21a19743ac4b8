//! Request Tracker 5, by its second REST interface and an authentication token.
//!
//! Its answers have to be read with care:
//! - A change that was refused is answered with 200 and the reason in a list: what was changed is read back.
//! - A merged ticket answers with the ticket that it became, under another id; lists do not know the old one.
//! - Where the administrator limits attachments, a note is answered with 201 and holds less than was sent: every file is read
//!   back and its digest compared.
//! - Whoever may not see something gets an empty list, and `pages` may be `0.0` or null: no number in a list is believed.
//!
//! A note is found again by its subject, which holds the mark; a ticket by a link that it refers to. Both are plain SQL there,
//! so that what was written is found at once.

mod notes;
mod rows;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use reqwest::Method;
use serde_json::{Value, json};

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::http::Http;
use super::maps::{Known, WordMap, readable};
use super::trouble::{Trouble, TroubleKind};
use super::values;
use crate::config::DeskSettings;
use words::{lacks, quoted};

/// Tickets of one look for new ones.
const AT_A_TIME: &str = "20";

/// Queues of a page.
const PAGE: usize = 100;
/// Pages of queues that are looked through.
const PAGES: usize = 20;

/// The way to a Request Tracker.
#[derive(Debug)]
pub(super) struct RequestTracker {
    settings: DeskSettings,
    http: Http,
}

impl RequestTracker {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        let token = settings.token(folder)?;
        let http = Http::new(settings, folder, [(AUTHORIZATION, format!("token {token}"))])?;
        Ok(Self { settings: settings.clone(), http })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        Ok(self.http.get(&format!("/REST/2.0{path}"), query).await?.body)
    }

    /// What a refused token means.
    fn signed_in(trouble: Trouble) -> Trouble {
        if trouble.kind != TroubleKind::Unauthorized {
            return trouble;
        }
        let said = format!("{}; the token is wrong, was revoked, or its user is disabled", trouble.said);
        Trouble { said, ..trouble }
    }

    /// The id that a ticket has now, which is another one when it was merged.
    async fn present_id(&self, id: &str) -> Result<Option<String>, Trouble> {
        match self.get(&format!("/ticket/{id}"), &[]).await {
            Ok(ticket) => values::id(&ticket["id"]).map(Some).ok_or_else(|| Trouble::odd("a ticket without an id")),
            Err(trouble) if trouble.kind == TroubleKind::NotFound => Ok(None),
            Err(trouble) if trouble.kind == TroubleKind::Forbidden => Err(lacks(trouble, "ShowTicket", "its queue")),
            Err(trouble) => Err(trouble),
        }
    }

    /// Rows of tickets.
    async fn tickets(&self, query: &str, count: &str, order: &str) -> Result<Vec<Value>, Trouble> {
        let parameters = [
            ("query", query),
            ("fields", "Subject,Status,Requestor,Queue,CustomFields,Due,Created"),
            ("fields[Requestor]", "Name,EmailAddress,RealName"),
            ("fields[Queue]", "Name"),
            ("orderby", "id"),
            ("order", order),
            ("per_page", count),
        ];
        rows::items(self.get("/tickets", &parameters).await?)
    }

    /// A ticket from its row, with what the person says.
    async fn read(&self, item: &Value) -> Result<Found, Trouble> {
        let id = values::id(&item["id"]).ok_or_else(|| Trouble::odd("a ticket without an id"))?;
        let text = self.first_text(&id).await?;
        Ok(rows::found(item, id, text, &self.settings))
    }
}

#[async_trait]
impl Desk for RequestTracker {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let rt = self.get("/rt", &[]).await.map_err(Self::signed_in)?;
        let version = rt["Version"].as_str().ok_or_else(|| {
            Trouble::odd(format!("{} answers, but not as a Request Tracker 5 does", self.settings.url))
        })?;
        let mut seen = Vec::new();
        for queue in &self.settings.queues {
            let path = format!("/queue/{}", values::part(queue));
            let found = self.get(&path, &[]).await.map_err(|trouble| match trouble.kind {
                TroubleKind::Forbidden | TroubleKind::NotFound => {
                    lacks(trouble, "SeeQueue", &format!("queue {queue}, which may also not exist"))
                }
                _ => trouble,
            })?;
            seen.push(format!("queue {} is seen", found["Name"].as_str().unwrap_or(queue)));
        }
        Ok(Standing { product: format!("Request Tracker {version}"), seen })
    }

    async fn known(&self) -> Result<Vec<Known>, Trouble> {
        let mut queues = Vec::new();
        for page in 1..=PAGES {
            let (page, count) = (page.to_string(), PAGE.to_string());
            let query = [("fields", "Name"), ("per_page", count.as_str()), ("page", page.as_str())];
            let found = readable(self.get("/queues/all", &query).await.and_then(rows::items))?;
            let last = found.len() < PAGE;
            queues.extend(found);
            if last {
                break;
            }
        }
        Ok(vec![Known::of(WordMap::Queues, &queues, "Name")])
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = number.trim().trim_start_matches('#');
        if number.is_empty() || number.len() > 18 || !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return Ok(None);
        }
        let Some(id) = self.present_id(number).await? else { return Ok(None) };
        let list = self.tickets(&format!("id = {id}"), "1", "ASC").await?;
        let Some(item) = list.first() else {
            let trouble = Trouble::new(TroubleKind::Forbidden, format!("ticket {id} is there, but not in any list"));
            return Err(lacks(trouble, "ShowTicket", "its queue"));
        };
        let found = self.read(item).await?;
        if found.ticket.api_id == id {
            Ok(Some(found))
        } else {
            Err(Trouble::odd(format!("asked for ticket {id}, it gave another")))
        }
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let gone =
            || Trouble::new(TroubleKind::NotFound, format!("there is no ticket {} any more", ticket.display_number));
        let id = self.present_id(&ticket.api_id).await?.ok_or_else(gone)?;
        Ok(TicketRef { display_number: id.clone(), api_id: id })
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let queue = order.destination(&self.settings)?;
        let body = json!({
            "Queue": queue,
            "Subject": order.subject,
            "Requestor": order.requester.email,
            "Content": order.body.to_html(),
            "ContentType": "text/html",
            "RefersTo": words::link(&order.mark),
        });
        let reply =
            self.http.write(Method::POST, "/REST/2.0/ticket", &body).await.map_err(|trouble| match trouble.kind {
                TroubleKind::Forbidden => lacks(trouble, "CreateTicket", &format!("queue {queue}")),
                _ => trouble,
            })?;
        let id =
            values::id(&reply.body["id"]).ok_or_else(|| Trouble::odd("it opened a ticket without an id").unclear())?;
        Ok(TicketRef { display_number: id.clone(), api_id: id })
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let query = format!("RefersTo = {}", quoted(&words::link(mark)));
        let id = self.tickets(&query, "1", "ASC").await?.first().and_then(|item| values::id(&item["id"]));
        Ok(id.map(|id| TicketRef { display_number: id.clone(), api_id: id }))
    }

    fn found_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        let list = self.tickets(&format!("id = {}", ticket.api_id), "1", "ASC").await?;
        Ok(list.first().and_then(|item| rows::field(item, &self.settings.closing_field)).unwrap_or_default())
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let wanted = words::fields(&self.settings, change)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let id = &ticket.api_id;
        let path = format!("/REST/2.0/ticket/{id}");
        let reply = self.http.write(Method::PUT, &path, &wanted.body()).await.map_err(|trouble| {
            if trouble.kind == TroubleKind::Forbidden { lacks(trouble, "ModifyTicket", "its queue") } else { trouble }
        })?;
        let said: Vec<&str> = reply.body.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let now = self.tickets(&format!("id = {id}"), "1", "ASC").await?;
        let priority = self.get(&format!("/ticket/{id}"), &[]).await?["Priority"].clone();
        match now.first().map(|item| wanted.missing(item, &priority)) {
            Some(missing) if missing.is_empty() => Ok(()),
            Some(missing) => Err(words::not_done(&missing, &said)),
            None => Err(Trouble::new(TroubleKind::Forbidden, "the changed ticket cannot be seen any more")),
        }
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let queues: Vec<String> =
            self.settings.queues.iter().map(|queue| format!("Queue = {}", quoted(queue))).collect();
        let among = format!("( {} )", queues.join(" OR "));
        let Some(mark) = mark.filter(|mark| !mark.is_empty() && mark.bytes().all(|digit| digit.is_ascii_digit()))
        else {
            let newest = self.tickets(&format!("id > 0 AND {among}"), "1", "DESC").await?;
            let mark = newest.first().and_then(|item| values::id(&item["id"])).unwrap_or_else(|| "0".to_owned());
            return Ok(Arrivals { tickets: Vec::new(), mark });
        };
        let active = format!("id > {mark} AND {among} AND Status = '__Active__'");
        let items = self.tickets(&active, AT_A_TIME, "ASC").await?;
        let mut arrivals = Arrivals { tickets: Vec::new(), mark: mark.to_owned() };
        for item in &items {
            let found = self.read(item).await?;
            arrivals.mark.clone_from(&found.ticket.api_id);
            arrivals.tickets.push(found);
        }
        Ok(arrivals)
    }
}
