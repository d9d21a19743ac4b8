//! ServiceNow's incidents, by its table and attachment interfaces: with a name and password, an API key, or an OAuth client.
//!
//! Its answers have to be read with care:
//! - A term of a query that it does not know is left out, and every record comes: what comes is held against what was asked.
//! - A field that it does not know is ignored with success: what was written is read back.
//! - A page may hold fewer rows than its limit and not be the last, since what we may not see is taken out afterwards.
//! - Work notes cannot be read where they are written; they are rows of `sys_journal_field`, and are found there by the mark.
//! - Files belong to the incident and not to a note: one that is there alike is not sent again.
//!
//! A ticket is found again by its `correlation_id`, which holds the mark. Groups and people are looked up and written as ids,
//! since a name that fits nothing would be stored as nothing.

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
use super::http::{Http, basic};
use super::maps::{Known, WordMap, readable};
use super::session::{Door, FORM, Session, SignIn, form_of};
use super::since::Since;
use super::trouble::{Trouble, TroubleKind};
use super::values::{bounded, hold, part};
use crate::config::DeskSettings;
use words::{shown, term, value};

/// Rows of a page.
const PAGE: usize = 100;
/// Pages that are looked through.
const PAGES: usize = 20;
/// States in which nobody works on an incident any more: resolved, closed, cancelled.
const OVER: &str = "stateNOT IN6,7,8";
/// What is read of an incident.
const FIELDS: &str = "sys_id,number,short_description,description,state,impact,urgency,assignment_group,\
    assignment_group.name,caller_id.name,caller_id.email,caller_id.user_name,cmdb_ci.name,correlation_id,sys_created_on,due_date";

/// The way to a ServiceNow.
#[derive(Debug)]
pub(super) struct ServiceNow {
    settings: DeskSettings,
    way: Session,
}

/// An OAuth client, whose tokens last for half an hour as a rule.
#[derive(Debug)]
struct Client {
    door: Door,
    id: String,
    secret: String,
}

/// The way to an instance: with a name and password, an API key, or an OAuth client.
///
/// # Errors
/// When the secret cannot be read.
pub(super) fn way(settings: &DeskSettings, folder: &Path) -> Result<Session, String> {
    let secret = settings.token(folder)?;
    Ok(match (settings.client_id.as_str(), settings.user.as_str()) {
        ("", "") => Session::without(Http::new(settings, folder, [(HeaderName::from_static("x-sn-apikey"), secret)])?),
        ("", user) => Session::without(Http::new(settings, folder, [basic(user, &secret)])?),
        _ => Session::through(Client { door: Door::new(settings, folder), id: settings.client_id.clone(), secret }),
    })
}

impl ServiceNow {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        Ok(Self { settings: settings.clone(), way: way(settings, folder)? })
    }

    /// Rows of a table, with what stands in a field and how people are shown it.
    async fn page(&self, table: &str, query: &str, fields: &str, offset: usize) -> Result<(Vec<Value>, bool), Trouble> {
        let (limit, offset_text) = (PAGE.to_string(), offset.to_string());
        let parameters = [
            ("sysparm_query", query),
            ("sysparm_fields", fields),
            ("sysparm_display_value", "all"),
            ("sysparm_limit", limit.as_str()),
            ("sysparm_offset", offset_text.as_str()),
        ];
        let reply = self.way.get(&format!("/api/now/table/{table}"), &parameters).await.map_err(words::told)?;
        let rows = words::rows(&reply)?;
        Ok((rows, words::total(&reply).is_some_and(|total| total > offset + PAGE)))
    }

    /// All rows that a query brings.
    async fn all(&self, table: &str, query: &str, fields: &str) -> Result<Vec<Value>, Trouble> {
        let mut all = Vec::new();
        for page in 0..PAGES {
            let (rows, more) = self.page(table, query, fields, page * PAGE).await?;
            all.extend(rows);
            if !more {
                break;
            }
        }
        Ok(all)
    }

    /// The row in which a field is what was asked for; that none of many is, means that the field is not known there.
    async fn one(&self, table: &str, field: &str, wanted: &str, fields: &str) -> Result<Option<Value>, Trouble> {
        let (rows, _) = self.page(table, &term(field, wanted), fields, 0).await?;
        let count = rows.len();
        match rows.into_iter().find(|row| value(row, field) == wanted) {
            None if count > 0 => Err(Trouble::odd(format!(
                "asked for the {table} with the {field} {wanted:?}, it gave others; the account may not be allowed to read {field}"
            ))),
            found => Ok(found),
        }
    }

    /// The choices of a field of incidents: values, and how people are shown them.
    async fn choices(&self, field: &str) -> Result<Vec<(String, String)>, Trouble> {
        let query = format!("nameINincident,task^{}^inactive=false^language=en", term("element", field));
        let rows = readable(self.all("sys_choice", &query, "name,element,value,label").await)?;
        let ours = rows.iter().filter(|row| value(row, "element") == field);
        Ok(ours.map(|row| (value(row, "value"), value(row, "label"))).collect())
    }

    /// The id of a group by its name.
    async fn group(&self, name: &str) -> Result<String, Trouble> {
        let found = self.one("sys_user_group", "name", name, "sys_id,name").await?;
        let missing =
            || Trouble::refused(format!("there is no group {name:?}, or the account may not read sys_user_group"));
        found.map(|group| value(&group, "sys_id")).ok_or_else(missing)
    }

    fn fields(&self) -> String {
        let own = [&self.settings.device_field, &self.settings.category_field];
        let own = own.into_iter().filter(|field| !field.is_empty());
        own.fold(FIELDS.to_owned(), |fields, field| format!("{fields},{field}"))
    }

    fn read(&self, row: &Value) -> Result<Found, Trouble> {
        let ticket = words::ticket_ref(row).ok_or_else(|| Trouble::odd("an incident without sys_id or number"))?;
        let field = &self.settings.device_field;
        Ok(Found {
            url: format!("{}/incident.do?sys_id={}", self.settings.url.trim_end_matches('/'), part(&ticket.api_id)),
            subject: value(row, "short_description"),
            text: bounded(&value(row, "description")),
            requester: words::requester(row),
            queue: value(row, "assignment_group.name"),
            state: shown(row, "state"),
            device: if field.is_empty() { value(row, "cmdb_ci.name") } else { shown(row, field) },
            due: words::moment(&value(row, "due_date")),
            ticket,
        })
    }

    async fn patch(&self, ticket: &TicketRef, body: &Value) -> Result<(), Trouble> {
        let path = format!("/api/now/table/incident/{}", part(&ticket.api_id));
        self.way.write(Method::PATCH, &path, body).await.map_err(words::told).map(drop)
    }
}

#[async_trait]
impl SignIn for Client {
    async fn sign_in(&self) -> Result<Http, Trouble> {
        let fields = [("grant_type", "client_credentials"), ("client_id", &self.id), ("client_secret", &self.secret)];
        let bare = self.door.with([])?;
        let request = bare.request(Method::POST, "/oauth_token.do");
        let request = request.header(CONTENT_TYPE, FORM).body(form_of(&fields));
        let reply = bare.send(request).await.map_err(words::told)?;
        let token =
            reply.body["access_token"].as_str().ok_or_else(|| Trouble::odd("a sign-in that brings no token"))?;
        self.door.with([(AUTHORIZATION, format!("Bearer {token}"))])
    }
}

#[async_trait]
impl Desk for ServiceNow {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let me = "user_name=javascript:gs.getUserName()";
        let (users, _) = self.page("sys_user", me, "sys_id,user_name", 0).await?;
        let name = match users.as_slice() {
            [user] => value(user, "user_name"),
            _ => {
                return Err(Trouble::new(
                    TroubleKind::Forbidden,
                    "it does not say who is signed in; the account must read sys_user",
                ));
            }
        };
        let mut seen = vec![format!("signed in as {name}")];
        for queue in &self.settings.queues {
            self.group(queue).await?;
            seen.push(format!("group {queue} is seen"));
        }
        Ok(Standing { product: "ServiceNow".to_owned(), seen })
    }

    async fn known(&self) -> Result<Vec<Known>, Trouble> {
        let groups = readable(self.all("sys_user_group", "active=true^ORDERBYname", "sys_id,name").await)?;
        let states = self.choices("state").await?;
        let (impacts, urgencies) = (self.choices("impact").await?, self.choices("urgency").await?);
        let categories = match self.settings.category_field.as_str() {
            "" => Vec::new(),
            field => self.choices(field).await?,
        };
        let groups = groups.iter().map(|group| value(group, "name")).map(|name| (name.clone(), name)).collect();
        Ok(vec![
            Known { map: WordMap::Queues, words: groups },
            Known { map: WordMap::States, words: states },
            Known { map: WordMap::Priorities, words: words::pairs(&impacts, &urgencies) },
            Known { map: WordMap::Categories, words: categories },
        ])
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let number = number.trim().to_ascii_uppercase();
        if number.is_empty() || number.len() > 40 || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let row = self.one("incident", "number", &number, &self.fields()).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let first = self.settings.queues.first().map_or("", String::as_str);
        let group = if order.queue.is_empty() { first } else { order.queue.as_str() };
        let mut body = json!({
            "short_description": order.subject,
            "description": order.body.to_plain(),
            "assignment_group": self.group(group).await?,
            "correlation_id": order.mark,
            "correlation_display": "Firstline",
        });
        for (field, wanted) in [("email", &order.requester.email), ("user_name", &order.requester.sign_in)] {
            if !wanted.is_empty()
                && body["caller_id"].is_null()
                && let Some(user) = self.one("sys_user", field, wanted, "sys_id,email,user_name").await?
            {
                body["caller_id"] = json!(value(&user, "sys_id"));
            }
        }
        let reply = self.way.write(Method::POST, "/api/now/table/incident", &body).await.map_err(words::told)?;
        let made = &reply.body["result"];
        let ticket = words::ticket_ref(made)
            .ok_or_else(|| Trouble::odd("it opened an incident without sys_id or number").unclear())?;
        if value(made, "correlation_id") == order.mark {
            return Ok(ticket);
        }
        let number = &ticket.display_number;
        Err(Trouble::refused(format!(
            "{number} was opened without its correlation_id, which the account must be allowed to write"
        )))
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let row = self.one("incident", "correlation_id", mark, FIELDS).await?;
        Ok(row.as_ref().and_then(words::ticket_ref))
    }

    fn found_within(&self) -> Duration {
        Duration::ZERO
    }

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        let field = match self.settings.closing_field.as_str() {
            "" => "close_code",
            field => field,
        };
        let row = self.one("incident", "sys_id", &ticket.api_id, &format!("sys_id,{field}")).await?;
        Ok(row.map(|row| shown(&row, field)).unwrap_or_default())
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let mut wanted = words::fields(&self.settings, change)?;
        if let Some(group) = &change.queue {
            wanted.insert("assignment_group".to_owned(), json!(self.group(group).await?));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let mut order = wanted.clone();
        order.extend(words::reasons(&self.settings, change));
        self.patch(ticket, &Value::Object(order)).await?;
        let row = self.one("incident", "sys_id", &ticket.api_id, &self.fields()).await?;
        let row =
            row.ok_or_else(|| Trouble::new(TroubleKind::Forbidden, "the changed incident cannot be seen any more"))?;
        let now: Map<String, Value> = wanted.keys().map(|field| (field.clone(), json!(value(&row, field)))).collect();
        hold(&Value::Object(now), &wanted)
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let groups: Vec<String> =
            self.settings.queues.iter().map(|queue| term("assignment_group.name", queue)).collect();
        let among = format!("{OVER}^{}", groups.join("^OR"));
        let since = mark.and_then(Since::read);
        let rows = match &since {
            Some(since) => {
                let at = words::written(since.at);
                let query = format!("sys_created_on>={at}^{among}^ORDERBYsys_created_on^ORDERBYsys_id");
                self.all("incident", &query, &self.fields()).await?
            }
            None => self.page("incident", &format!("{among}^ORDERBYDESCsys_created_on"), FIELDS, 0).await?.0,
        };
        // Whatever a query brings: only what was asked for.
        let ours = |row: &Value| {
            let made = words::moment(&value(row, "sys_created_on")).zip(words::ticket_ref(row));
            let asked = self.settings.queues.contains(&value(row, "assignment_group.name"));
            made.filter(|_| asked).map(|(at, ticket)| (at, ticket.display_number))
        };
        let (news, next) = since.clone().unwrap_or_default().news(rows, ours);
        let tickets =
            if since.is_some() { news.iter().map(|row| self.read(row)).collect::<Result<_, _>>()? } else { Vec::new() };
        Ok(Arrivals { tickets, mark: next.to_string() })
    }
}
