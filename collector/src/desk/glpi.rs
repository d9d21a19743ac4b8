//! GLPI, by its first REST interface (`apirest.php`): in GLPI 11 it is the only one that takes files.
//!
//! - Credentials buy a session, which starts in one entity; ours looks at all that the account may see.
//! - A change that was refused may be answered with 200 and `false`: what was changed is read back.
//! - Messages are in the language of the server: errors are told apart by their codes alone.
//! - GLPI 10 writes the HTML of a text with entities, GLPI 11 as it is: both are read.
//! - A file is a document that is linked with the ticket. One with the same bytes is the same document, under the name that it
//!   had first, so files are recognised by their digest, and one that is linked is not sent again.
//! - Its times have no zone: without `time_zone` in the configuration no due time is told.
//! - A merged ticket is closed, in the bin, and linked with the one that it became, if whoever merged them wished so. One in the bin
//!   that has no such link is refused.
//!
//! A ticket is found again by its `externalid`, which holds the mark; a note by its first line. Queues are groups: a ticket is in
//! that to which it is assigned.

mod notes;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, HeaderName};
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::http::{Http, basic};
use super::session::{Door, Session, SignIn};
use super::trouble::{Trouble, TroubleKind};
use super::values::{bounded, hold, id, part, text};
use crate::config::DeskSettings;
use crate::ticket::{Requester, TicketState};
use words::{ASSIGNED, REQUESTER};

/// Rows of a page.
const PAGE: usize = 50;
/// Pages that are looked through.
const PAGES: usize = 20;
/// How often a ticket may have been merged on the way to what it is now.
const MERGES: usize = 8;
/// The range of what belongs to one item.
const PARTS: &str = "0-899";

/// The way to a GLPI.
#[derive(Debug)]
pub(super) struct Glpi {
    settings: DeskSettings,
    /// That of its times.
    zone: Option<TimeZone>,
    way: Session,
}

/// What buys a session.
#[derive(Debug)]
struct Account {
    door: Door,
    /// What stands in the request for a session.
    credentials: (HeaderName, String),
    /// What the application is known by, where there is one.
    app: Vec<(HeaderName, String)>,
}

#[async_trait]
impl SignIn for Account {
    async fn sign_in(&self) -> Result<Http, Trouble> {
        let with = |header: (HeaderName, String)| {
            let fixed = [header, (HeaderName::from_static("x-glpi-sanitized-content"), "false".to_owned())];
            self.door.with(fixed.into_iter().chain(self.app.clone()))
        };
        let reply =
            with(self.credentials.clone())?.get("/apirest.php/initSession", &[]).await.map_err(words::denied)?;
        let token =
            reply.body["session_token"].as_str().ok_or_else(|| Trouble::odd("a sign-in that brings no session"))?;
        let way = with((HeaderName::from_static("session-token"), token.to_owned()))?;
        let all = json!({ "entities_id": "all", "is_recursive": true });
        match way.write(Method::POST, "/apirest.php/changeActiveEntities", &all).await {
            // There may be but one.
            Err(trouble) if trouble.kind != TroubleKind::Refused => Err(trouble),
            _ => Ok(way),
        }
    }

    async fn sign_out(&self, way: &Http) -> Result<(), Trouble> {
        way.get("/apirest.php/killSession", &[]).await.map(drop)
    }
}

impl Glpi {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When a secret cannot be read, or there is no such time zone.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        let secret = settings.token(folder)?;
        let credentials = match settings.user.as_str() {
            "" => (AUTHORIZATION, format!("user_token {secret}")),
            user => basic(user, &secret),
        };
        let app = settings.app_token(folder)?.map(|token| (HeaderName::from_static("app-token"), token));
        let account = Account { door: Door::new(settings, folder), credentials, app: app.into_iter().collect() };
        let zone = settings.zone()?;
        Ok(Self { settings: settings.clone(), zone, way: Session::through(account) })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let reply = self.way.get(&format!("/apirest.php{path}"), query).await;
        Ok(reply.map_err(words::told)?.body)
    }

    async fn post(&self, item: &str, input: Value) -> Result<Value, Trouble> {
        let path = format!("/apirest.php/{item}");
        let reply = self.way.write(Method::POST, &path, &json!({ "input": input })).await;
        Ok(reply.map_err(words::told)?.body)
    }

    /// What there is at `path`, if there is anything that we may see.
    async fn seen(&self, path: &str) -> Result<Option<Value>, Trouble> {
        match self.get(path, &[("get_hateoas", "false")]).await {
            Ok(item) => Ok(Some(item)),
            Err(trouble) if matches!(trouble.kind, TroubleKind::NotFound | TroubleKind::Forbidden) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// A list. That it is over before it begins is an error there.
    async fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Trouble> {
        let query: Vec<(&str, &str)> = query.iter().copied().chain([("get_hateoas", "false")]).collect();
        match self.get(path, &query).await {
            Ok(list) => Ok(words::items(list)),
            Err(trouble) if trouble.said.contains("ERROR_RANGE_EXCEED_TOTAL") => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        }
    }

    /// A page of a list, newest first, and whether it is the last.
    async fn newest(&self, path: &str, page: usize) -> Result<(Vec<Value>, bool), Trouble> {
        let range = format!("{}-{}", page * PAGE, (page + 1) * PAGE - 1);
        let items = self.list(path, &[("range", range.as_str()), ("sort", "id"), ("order", "DESC")]).await?;
        let last = items.len() < PAGE;
        Ok((items, last))
    }

    /// What belongs to an item; nothing where we may not look.
    async fn parts(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        match self.list(path, &[("range", PARTS)]).await {
            Err(trouble) if matches!(trouble.kind, TroubleKind::NotFound | TroubleKind::Forbidden) => Ok(Vec::new()),
            parts => parts,
        }
    }

    /// The items whose `field` is `wanted`, letter for letter.
    async fn with(&self, kind: &str, field: &str, wanted: &str) -> Result<Vec<Value>, Trouble> {
        let (name, anchored) = (format!("searchText[{field}]"), format!("^{wanted}$"));
        let mut items = self.list(&format!("/{kind}"), &[(name.as_str(), anchored.as_str()), ("range", "0-9")]).await?;
        items.retain(|item| words::raw(&item[field]) == wanted);
        Ok(items)
    }

    /// A ticket by its id, also one in the bin.
    async fn item(&self, id: &str) -> Result<Option<Value>, Trouble> {
        let query = [("expand_dropdowns", "false"), ("get_hateoas", "false")];
        match self.get(&format!("/Ticket/{}", part(id)), &query).await {
            Ok(item) if super::values::id(&item["id"]).as_deref() == Some(id) => Ok(Some(item)),
            Ok(_) => Err(Trouble::odd(format!("asked for ticket {id}, it gave another"))),
            Err(trouble) if trouble.kind == TroubleKind::NotFound => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// A ticket that is there: the one that it became when it was merged.
    async fn followed(&self, number: &str) -> Result<Option<Value>, Trouble> {
        let mut number = number.to_owned();
        for _ in 0..MERGES {
            let Some(item) = self.item(&number).await? else { return Ok(None) };
            if id(&item["is_deleted"]).as_deref() != Some("1") {
                return Ok(Some(item));
            }
            let links = self.parts(&format!("/Ticket/{number}/Ticket_Ticket")).await?;
            number = words::merged_into(&item, &links).ok_or_else(|| words::in_the_bin(&number, &links))?;
        }
        Err(Trouble::refused(format!("ticket {number} was merged more than {MERGES} times")))
    }

    /// The group of this name, as the desk has it.
    async fn group(&self, name: &str) -> Result<Value, Trouble> {
        match self.with("Group", "name", name).await?.as_slice() {
            [group] => Ok(group.clone()),
            [] => Err(Trouble::refused(format!("there is no group {name:?}, or the account may not see it"))),
            _ => Err(Trouble::refused(format!("there are several groups {name:?}; give one another name"))),
        }
    }

    /// Links of a ticket with its groups, those first to which it is assigned.
    async fn assigned(&self, ticket: &str) -> Result<Vec<Value>, Trouble> {
        let mut links = self.parts(&format!("/Ticket/{ticket}/Group_Ticket")).await?;
        links.retain(|link| id(&link["type"]).as_deref() == Some(ASSIGNED));
        Ok(links)
    }

    /// The name of the group that a ticket is assigned to; empty for none.
    async fn queue(&self, ticket: &str) -> Result<String, Trouble> {
        let Some(group) = self.assigned(ticket).await?.first().and_then(|link| id(&link["groups_id"])) else {
            return Ok(String::new());
        };
        Ok(self.seen(&format!("/Group/{group}")).await?.map(|group| words::raw(&group["name"])).unwrap_or_default())
    }

    async fn requester(&self, ticket: &str) -> Result<Requester, Trouble> {
        let people = self.parts(&format!("/Ticket/{ticket}/Ticket_User")).await?;
        let Some(link) = people.iter().find(|one| id(&one["type"]).as_deref() == Some(REQUESTER)) else {
            return Ok(Requester::default());
        };
        let alone = Requester { email: text(&link["alternative_email"]), ..Requester::default() };
        let Some(user) = id(&link["users_id"]).filter(|user| user != "0") else { return Ok(alone) };
        let Some(user_item) = self.seen(&format!("/User/{user}")).await? else { return Ok(alone) };
        let mails = self.parts(&format!("/User/{user}/UserEmail")).await?;
        Ok(words::requester(&user_item, &mails))
    }

    /// The first computer that a ticket is linked with, unless a field tells the device.
    async fn device(&self, ticket: &str, item: &Value) -> Result<String, Trouble> {
        let field = &self.settings.device_field;
        if !field.is_empty() {
            return Ok(words::raw(&item[field.as_str()]));
        }
        let links = self.parts(&format!("/Ticket/{ticket}/Item_Ticket")).await?;
        let computer = links.iter().find(|link| link["itemtype"] == "Computer").and_then(|link| id(&link["items_id"]));
        let Some(computer) = computer else { return Ok(String::new()) };
        let computer = self.seen(&format!("/Computer/{computer}")).await?;
        Ok(computer.map(|computer| words::raw(&computer["name"])).unwrap_or_default())
    }

    async fn read(&self, item: &Value, queue: String) -> Result<Found, Trouble> {
        let number = id(&item["id"]).ok_or_else(|| Trouble::odd("a ticket without an id"))?;
        Ok(Found {
            url: format!("{}/front/ticket.form.php?id={number}", self.settings.url.trim_end_matches('/')),
            subject: words::raw(&item["name"]),
            text: bounded(&words::said(&item["content"])),
            requester: self.requester(&number).await?,
            queue,
            state: words::word_of(&item["status"]),
            device: self.device(&number, item).await?,
            due: self.zone.as_ref().and_then(|zone| words::moment(&item["time_to_resolve"], zone)),
            ticket: TicketRef { display_number: number.clone(), api_id: number },
        })
    }

    /// Gives a ticket to a group, and takes it from others.
    async fn assign(&self, ticket: &str, name: &str) -> Result<(), Trouble> {
        let group = id(&self.group(name).await?["id"]).unwrap_or_default();
        let links = self.assigned(ticket).await?;
        let is_ours = |link: &Value| id(&link["groups_id"]).as_deref() == Some(&group);
        if !links.iter().any(is_ours) {
            self.post("Group_Ticket", json!({ "tickets_id": ticket, "groups_id": group, "type": ASSIGNED })).await?;
        }
        for link in links.iter().filter(|link| !is_ours(link)).filter_map(|link| id(&link["id"])) {
            let path = format!("/apirest.php/Group_Ticket/{link}");
            self.way.write(Method::DELETE, &path, &json!({ "input": { "id": link } })).await.map_err(words::told)?;
        }
        let now = self.queue(ticket).await?;
        if now == name {
            Ok(())
        } else {
            Err(Trouble::refused(format!("it answered with success, and the group is {now:?}")))
        }
    }
}

#[async_trait]
impl Desk for Glpi {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let profile = self.get("/getActiveProfile", &[]).await?["active_profile"].clone();
        let name = words::raw(&profile["name"]);
        if name.is_empty() {
            return Err(Trouble::odd(format!("{} answers, but not as GLPI does", self.settings.url)));
        }
        if profile["interface"] == "helpdesk" {
            let said = format!(
                "the account's profile {name:?} is one of the simplified interface, which writes no private notes"
            );
            return Err(Trouble::new(TroubleKind::Forbidden, said));
        }
        let mut seen = vec![format!("signed in with the profile {name}")];
        for queue in &self.settings.queues {
            self.group(queue).await?;
            seen.push(format!("group {queue} is seen"));
        }
        Ok(Standing { product: "GLPI".to_owned(), seen })
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = number.trim().trim_start_matches('#').trim_start_matches('0');
        if number.is_empty() || number.len() > 10 || !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return Ok(None);
        }
        let Some(item) = self.followed(number).await? else { return Ok(None) };
        let queue = self.queue(&id(&item["id"]).unwrap_or_default()).await?;
        self.read(&item, queue).await.map(Some)
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let gone = || Trouble::new(TroubleKind::NotFound, format!("there is no ticket {} any more", ticket.api_id));
        let number = id(&self.followed(&ticket.api_id).await?.ok_or_else(gone)?["id"]).unwrap_or_default();
        Ok(TicketRef { display_number: number.clone(), api_id: number })
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let first = self.settings.queues.first().map_or("", String::as_str);
        let group = self.group(if order.queue.is_empty() { first } else { order.queue.as_str() }).await?;
        let mut input = json!({
            "name": order.subject,
            "content": order.body.to_html(),
            "type": 1,
            "externalid": order.mark,
            "entities_id": group["entities_id"],
            "_groups_id_assign": group["id"],
        });
        if !order.requester.email.is_empty()
            && let [mail] = self.with("UserEmail", "email", &order.requester.email).await?.as_slice()
        {
            input["_users_id_requester"] = mail["users_id"].clone();
        }
        let made = self.post("Ticket", input).await?;
        let number = id(&made["id"]).ok_or_else(|| Trouble::odd("it opened a ticket without an id").unclear())?;
        let stored = self.item(&number).await?.is_some_and(|item| text(&item["externalid"]) == order.mark);
        if stored {
            return Ok(TicketRef { display_number: number.clone(), api_id: number });
        }
        Err(Trouble::refused(format!(
            "ticket {number} was opened without its externalid, by which it would be found again"
        )))
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let number = self.with("Ticket", "externalid", mark).await?.first().and_then(|item| id(&item["id"]));
        Ok(number.map(|number| TicketRef { display_number: number.clone(), api_id: number }))
    }

    fn found_within(&self) -> Duration {
        Duration::ZERO
    }

    /// The type of the solution that counts, which is the newest that nobody refused; or what the closing field holds.
    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        if !self.settings.closing_field.is_empty() {
            let item = self.item(&ticket.api_id).await?.unwrap_or_default();
            return Ok(words::raw(&item[self.settings.closing_field.as_str()]));
        }
        let solutions = self.parts(&format!("/Ticket/{}/ITILSolution", part(&ticket.api_id))).await?;
        let Some(kind) = words::kind_of_solution(&solutions) else { return Ok(String::new()) };
        let kind = self.seen(&format!("/SolutionType/{kind}")).await?;
        Ok(kind.map(|kind| words::raw(&kind["name"])).unwrap_or_default())
    }

    async fn close(&self) {
        self.way.close().await;
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        if let Some(queue) = &change.queue {
            self.assign(&ticket.api_id, queue).await?;
        }
        let wanted = words::fields(&self.settings, change)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let gone = || Trouble::new(TroubleKind::NotFound, format!("there is no ticket {} any more", ticket.api_id));
        let mut order = wanted.clone();
        if change.state == Some(TicketState::Resolved) && !self.settings.states.contains_key("resolved") {
            // A solution says why, and makes the state what it is.
            let status = self.item(&ticket.api_id).await?.ok_or_else(gone)?["status"].clone();
            if Some(&status) != wanted.get("status") {
                let content = "<p>Resolved in Firstline; the notes say why.</p>";
                self.post(
                    "ITILSolution",
                    json!({ "itemtype": "Ticket", "items_id": ticket.api_id, "content": content }),
                )
                .await?;
            }
            order.remove("status");
        }
        let mut said = Value::Null;
        if !order.is_empty() {
            let path = format!("/apirest.php/Ticket/{}", part(&ticket.api_id));
            let order = json!({ "input": order });
            said = self.way.write(Method::PUT, &path, &order).await.map_err(words::told)?.body[0].clone();
        }
        let now = self.item(&ticket.api_id).await?.ok_or_else(gone)?;
        hold(&now, &wanted).map_err(|trouble| words::not_done(trouble, &said))
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let mark: Option<u64> = mark.and_then(|mark| mark.parse().ok());
        let (mut found, mut newest) = (Vec::new(), mark.unwrap_or(0));
        for page in 0..PAGES {
            let (items, last) = self.newest("/Ticket", page).await?;
            let numbers: Vec<u64> = items.iter().filter_map(|item| id(&item["id"])?.parse().ok()).collect();
            newest = newest.max(numbers.iter().copied().max().unwrap_or(0));
            let Some(mark) = mark else { break };
            found.extend(items.into_iter().zip(&numbers).filter(|(_, number)| **number > mark).map(|(item, _)| item));
            if last || numbers.iter().any(|number| *number <= mark) {
                break;
            }
        }
        let mut tickets = Vec::new();
        for item in found.iter().rev().filter(|item| !words::is_over(item)) {
            let queue = self.queue(&id(&item["id"]).unwrap_or_default()).await?;
            if self.settings.queues.contains(&queue) {
                tickets.push(self.read(item, queue).await?);
            }
        }
        Ok(Arrivals { tickets, mark: newest.to_string() })
    }
}
