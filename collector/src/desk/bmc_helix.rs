//! BMC Helix ITSM's incidents, by the REST interface of its AR System.
//!
//! - A name and a password buy a token, which is a bare text and lasts for an hour as a rule. It may hold a licence, so it is given
//!   back.
//! - The number that people type, the id of the entry and that of the form with which it was made look alike and are not: the
//!   entry is looked for by its number, and addressed by its `Request ID`.
//! - A work log entry takes three files. What is more goes into entries of its own, before the one with the text.
//! - Fields that a change leaves out might be reset by some forms: after a change the others are held against what they were.
//! - Text is plain; the report that comes with it is not.
//!
//! A ticket is found again by `mark_field`, which holds the mark; a note by its summary.

mod notes;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::http::Http;
use super::session::{Door, FORM, Session, SignIn, form_of};
use super::since::Since;
use super::trouble::{Trouble, TroubleKind};
use super::values::{bounded, hold, part, text};
use crate::config::DeskSettings;
use crate::ticket::Requester;
use words::{entries, is, values_of};

/// Entries of a page.
const PAGE: usize = 100;
/// Pages that are looked through.
const PAGES: usize = 10;
/// The form in which incidents are read and changed.
const INCIDENTS: &str = "HPD:IncidentInterface";
/// The form in which they are made.
const NEW_INCIDENTS: &str = "HPD:IncidentInterface_Create";
/// What is read of an incident. One of its names has been written wrongly from the beginning.
const FIELDS: &str = "Incident Number,Request ID,Status,Impact,Urgency,Description,Detailed Decription,First Name,\
    Last Name,Customer Login ID,Internet E-mail,Assigned Group,HPD_CI,Submit Date";

/// The way to a BMC Helix.
#[derive(Debug)]
pub(super) struct BmcHelix {
    settings: DeskSettings,
    way: Session,
}

/// What buys a token.
#[derive(Debug)]
struct Account {
    door: Door,
    user: String,
    password: String,
}

#[async_trait]
impl SignIn for Account {
    async fn sign_in(&self) -> Result<Http, Trouble> {
        let form = form_of(&[("username", &self.user), ("password", &self.password)]);
        let bare = self.door.with([])?;
        let request = bare.request(Method::POST, "/api/jwt/login").header(CONTENT_TYPE, FORM).body(form);
        let token = bare.fetch(request).await.map_err(words::told)?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        if token.is_empty() || token.contains(|letter: char| letter.is_whitespace() || letter == '<') {
            return Err(Trouble::odd("a sign-in that brings no token"));
        }
        let headers = [
            (AUTHORIZATION, format!("AR-JWT {token}")),
            (HeaderName::from_static("x-requested-by"), "XMLHttpRequest".to_owned()),
        ];
        self.door.with(headers)
    }

    async fn sign_out(&self, way: &Http) -> Result<(), Trouble> {
        way.fetch(way.request(Method::POST, "/api/jwt/logout")).await.map(drop)
    }
}

impl BmcHelix {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        let password = settings.token(folder)?;
        let account = Account { door: Door::new(settings, folder), user: settings.user.clone(), password };
        Ok(Self { settings: settings.clone(), way: Session::through(account) })
    }

    /// A page of the entries of a form, newest first.
    async fn page(&self, form: &str, query: &str, fields: &str, page: usize) -> Result<Vec<Value>, Trouble> {
        let (limit, offset, fields) = (PAGE.to_string(), (page * PAGE).to_string(), format!("values({fields})"));
        let parameters = [
            ("q", query),
            ("fields", fields.as_str()),
            ("sort", "Submit Date.desc"),
            ("limit", limit.as_str()),
            ("offset", offset.as_str()),
        ];
        let reply = self.way.get(&words::path(form), &parameters).await.map_err(words::told)?;
        entries(&reply.body)
    }

    /// The entry of a form in which a field is what was asked for.
    async fn one(&self, form: &str, field: &str, wanted: &str, fields: &str) -> Result<Option<Value>, Trouble> {
        let found = self.page(form, &is(field, wanted), fields, 0).await?;
        let found = found.into_iter().map(|entry| values_of(&entry));
        Ok(found.into_iter().find(|values| text(&values[field]) == wanted))
    }

    /// The field by which a ticket of ours is found.
    fn mark_field(&self) -> &str {
        match self.settings.mark_field.as_str() {
            "" => "Vendor Ticket Number",
            field => field,
        }
    }

    fn fields(&self) -> String {
        let own = [&self.settings.device_field, &self.settings.category_field];
        let own = own.into_iter().filter(|field| !field.is_empty());
        own.fold(FIELDS.to_owned(), |fields, field| format!("{fields},{field}"))
    }

    /// An incident by the number that people type.
    async fn incident(&self, number: &str) -> Result<Option<Value>, Trouble> {
        self.one(INCIDENTS, "Incident Number", number, &self.fields()).await
    }

    fn read(&self, values: &Value) -> Result<Found, Trouble> {
        let field = match self.settings.device_field.as_str() {
            "" => "HPD_CI",
            field => field,
        };
        let name = format!("{} {}", text(&values["First Name"]), text(&values["Last Name"]));
        Ok(Found {
            ticket: words::ticket_ref(values).ok_or_else(|| Trouble::odd("an incident without number or id"))?,
            // Where people look at it is another server, which is not told.
            url: self.settings.url.clone(),
            subject: text(&values["Description"]),
            text: bounded(&text(&values["Detailed Decription"])),
            requester: Requester {
                name: name.trim().to_owned(),
                email: text(&values["Internet E-mail"]),
                sign_in: text(&values["Customer Login ID"]),
            },
            queue: words::queue_of(&self.settings, &text(&values["Assigned Group"])),
            state: text(&values["Status"]),
            device: text(&values[field]),
            due: None,
        })
    }

    /// Who a ticket is made for: whoever complains, else the account itself.
    async fn customer(&self, requester: &Requester) -> Result<Map<String, Value>, Trouble> {
        for (field, wanted) in [
            ("Internet E-mail", &requester.email),
            ("Remedy Login ID", &requester.sign_in),
            ("Remedy Login ID", &self.settings.user),
        ] {
            let fields = "First Name,Last Name,Remedy Login ID,Internet E-mail";
            if !wanted.is_empty()
                && let Some(person) = self.one("CTM:People", field, wanted, fields).await?
            {
                return Ok(words::customer(&person));
            }
        }
        Err(Trouble::refused("a ticket has to be for somebody: the account needs an entry of its own in CTM:People"))
    }
}

#[async_trait]
impl Desk for BmcHelix {
    async fn verify(&self) -> Result<Standing, Trouble> {
        self.page(INCIDENTS, "", "Incident Number", 0).await?;
        let seen = vec![format!("signed in as {}", self.settings.user), "incidents are seen".to_owned()];
        Ok(Standing { product: "BMC Helix ITSM".to_owned(), seen })
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = number.trim().to_ascii_uppercase();
        if number.is_empty() || number.len() > 40 || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        self.incident(&number).await?.map(|values| self.read(&values)).transpose()
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let first = self.settings.queues.first().map_or("", String::as_str);
        let mut values = words::group(if order.queue.is_empty() { first } else { &order.queue });
        values.extend(self.customer(&order.requester).await?);
        values.extend(words::made(order, self.mark_field()));
        let path = format!("{}?fields=values(Incident%20Number)", words::path(NEW_INCIDENTS));
        let made = self.way.write(Method::POST, &path, &json!({ "values": values })).await.map_err(words::told)?;
        let number = text(&made.body["values"]["Incident Number"]);
        let ticket =
            self.one(INCIDENTS, self.mark_field(), &order.mark, &format!("{FIELDS},{}", self.mark_field())).await;
        match ticket.map_err(Trouble::unclear)?.as_ref().and_then(words::ticket_ref) {
            Some(ticket) => Ok(ticket),
            None => Err(Trouble::refused(format!(
                "{number} was opened, but is not found by its {:?}; name another field as mark_field",
                self.mark_field()
            ))),
        }
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let fields = format!("{FIELDS},{}", self.mark_field());
        let found = self.one(INCIDENTS, self.mark_field(), mark, &fields).await?;
        Ok(found.as_ref().and_then(words::ticket_ref))
    }

    fn found_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        let field = match self.settings.closing_field.as_str() {
            "" => "Status_Reason",
            field => field,
        };
        let fields = format!("Incident Number,{field}");
        let values = self.one(INCIDENTS, "Incident Number", &ticket.display_number, &fields).await?;
        Ok(values.map(|values| text(&values[field])).unwrap_or_default())
    }

    async fn close(&self) {
        self.way.close().await;
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let mut wanted = words::fields(&self.settings, change)?;
        if let Some(queue) = &change.queue {
            wanted.extend(words::group(queue));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let gone =
            || Trouble::new(TroubleKind::NotFound, format!("there is no ticket {} any more", ticket.display_number));
        let before = self.incident(&ticket.display_number).await?.ok_or_else(gone)?;
        let mut order = wanted.clone();
        order.extend(words::reasons(&self.settings, change));
        let path = format!("{}/{}", words::path(INCIDENTS), part(&ticket.api_id));
        self.way.write(Method::PUT, &path, &json!({ "values": order })).await.map_err(words::told)?;
        let now = self.incident(&ticket.display_number).await?.ok_or_else(gone)?;
        hold(&now, &words::kept(&before, &wanted))?;
        // Of a group's names, only its own is read.
        wanted.retain(|field, _| !field.starts_with("Assigned Support"));
        hold(&now, &wanted)
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let names: Vec<&str> = self.settings.queues.iter().map(|queue| words::group_name(queue)).collect();
        let groups: Vec<String> = names.iter().map(|name| is("Assigned Group", name)).collect();
        let query = groups.join(" OR ");
        let since = mark.and_then(Since::read);
        let mut rows = Vec::new();
        for page in 0..PAGES {
            let found: Vec<Value> =
                self.page(INCIDENTS, &query, &self.fields(), page).await?.iter().map(values_of).collect();
            let last = found.len() < PAGE;
            let oldest = found.last().and_then(words::made_at);
            rows.extend(found);
            if last || since.as_ref().is_none_or(|since| oldest.is_some_and(|oldest| oldest < since.at)) {
                break;
            }
        }
        let ours = |values: &Value| {
            let asked = names.contains(&text(&values["Assigned Group"]).as_str());
            words::made_at(values).filter(|_| asked).map(|at| (at, text(&values["Incident Number"])))
        };
        let (news, next) = since.clone().unwrap_or_default().news(rows, ours);
        let mut tickets = Vec::new();
        if since.is_some() {
            for values in news.iter().filter(|values| !words::is_over(values)) {
                tickets.push(self.read(values)?);
            }
        }
        Ok(Arrivals { tickets, mark: next.to_string() })
    }
}
