//! Jira Service Management Cloud, by its platform and its service desk interfaces and an API token.
//!
//! - A queue is a project. Issues are counted in each. The search, whose index lags, only tells how far the count has come:
//!   what stands in an issue is fetched by its key, which does not lag.
//! - The customer sees what is attached to an issue. So files come with an internal comment of their own, which goes first.
//! - A comment has no place for a mark that could be read again, nor has a request: both end with it.
//! - What is not allowed is said not to be there, and with a wrong token a public project answers with what everybody may see.
//! - When something is due, the clocks of its service level agreements say, which only requests have.
//! - An issue that was moved answers under its old key with its new one.

mod changes;
mod notes;
mod requests;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use http::HeaderName;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::contract::{Arrivals, Change, Desk, Found, OutgoingTicket, Standing, TicketRef};
use super::http::{Http, basic};
use super::pages;
use super::trouble::{Trouble, TroubleKind};
use super::values::{part, text};
use crate::config::DeskSettings;

/// New issues of a project that are read at a time.
const AT_A_TIME: u64 = 20;

/// The way to a Jira.
#[derive(Debug)]
pub(super) struct Jira {
    settings: DeskSettings,
    http: Http,
    /// Where people see it, which is elsewhere when the token has scopes.
    site: OnceCell<String>,
}

impl Jira {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Result<Self, String> {
        let token = settings.token(folder)?;
        let headers = [
            basic(&settings.user, &token),
            // Without them no form and no temporary file is taken.
            (HeaderName::from_static("x-atlassian-token"), "no-check".to_owned()),
            (HeaderName::from_static("x-experimentalapi"), "opt-in".to_owned()),
        ];
        let http = Http::new(settings, folder, headers)?;
        Ok(Self { settings: settings.clone(), http, site: OnceCell::new() })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let reply = self.http.get(&format!("/rest/{path}"), query).await.map_err(words::told)?;
        let login = reply.headers.get("x-seraph-loginreason").and_then(|reason| reason.to_str().ok());
        if login.is_some_and(|reason| reason.contains("FAILED")) {
            let nobody = Trouble::new(TroubleKind::Unauthorized, "it answers as it does to everybody");
            return Err(words::told(nobody));
        }
        Ok(reply.body)
    }

    async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
        Ok(self.http.write(method, &format!("/rest/{path}"), body).await.map_err(words::told)?.body)
    }

    /// An issue by key or id, with these fields; none when there is none that its account sees.
    async fn issue(&self, key: &str, fields: &str) -> Result<Option<Value>, Trouble> {
        match self.get(&format!("api/3/issue/{}", part(key)), &[("fields", fields)]).await {
            Ok(issue) if words::ticket_ref(&issue).is_some() => Ok(Some(issue)),
            Ok(_) => Err(Trouble::odd(format!("asked for {key}, it gave no issue"))),
            Err(trouble) if trouble.kind == TroubleKind::NotFound => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The newest issues of a project that the index has, newest first.
    async fn newest(&self, project: &str, count: &str, fields: &str) -> Result<Vec<Value>, Trouble> {
        if words::key(&format!("{project}-1")).is_none() {
            return Err(Trouble::refused(format!("queues: {project:?} is no key of a project, such as ITSM")));
        }
        let jql = format!("project = \"{project}\" ORDER BY key DESC");
        let query = [("jql", jql.as_str()), ("maxResults", count), ("fields", fields)];
        pages::rows(self.get("api/3/search/jql", &query).await?, "issues")
    }

    /// How far the count of a project has come, as far as the index knows.
    async fn count(&self, project: &str) -> Result<u64, Trouble> {
        let newest = self.newest(project, "1", "summary").await?;
        match newest.first().map(|issue| words::counted(issue, project)) {
            Some(None) => Err(Trouble::odd(format!("the newest of {project} has no key of it"))),
            Some(Some(count)) => Ok(count),
            None => Ok(0),
        }
    }

    async fn read(&self, issue: &Value) -> Result<Option<Found>, Trouble> {
        let site = self.site.get_or_try_init(|| async {
            let server = self.get("api/3/serverInfo", &[]).await?;
            Ok::<_, Trouble>(text(&server["baseUrl"]))
        });
        let site = site.await.map_or("", String::as_str);
        let base = if site.is_empty() { self.settings.url.as_str() } else { site };
        let Some(found) = words::found(&self.settings, issue, base.trim_end_matches('/')) else { return Ok(None) };
        let due = if words::is_over(issue) { None } else { self.due(&found.ticket).await? };
        Ok(Some(Found { due, ..found }))
    }

    fn fields(&self) -> String {
        format!("{},{}", words::FIELDS, self.settings.device_field)
    }
}

#[async_trait]
impl Desk for Jira {
    async fn verify(&self) -> Result<Standing, Trouble> {
        let me = self.get("api/3/myself", &[]).await?;
        if text(&me["accountId"]).is_empty() {
            return Err(Trouble::odd(format!("{} answers, but not as Jira does", self.settings.url)));
        }
        let mut seen = vec![format!("signed in as {}", text(&me["displayName"]))];
        for project in &self.settings.queues {
            let desk = self.service_desk(project).await?;
            seen.push(format!("service project {project} is seen"));
            if !self.settings.ticket_type.is_empty() {
                self.request_type(&desk).await?;
                seen.push(format!("it has requests of the type {}", self.settings.ticket_type));
            }
        }
        Ok(Standing { product: "Jira Service Management Cloud".to_owned(), seen })
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let Some(key) = words::key(number) else { return Ok(None) };
        match self.issue(&key, &self.fields()).await? {
            Some(issue) => self.read(&issue).await,
            None => Ok(None),
        }
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let issue = self.issue(&ticket.api_id, "summary").await?;
        let gone = || Trouble::new(TroubleKind::NotFound, format!("{} is not there any more", ticket.display_number));
        issue.as_ref().and_then(words::ticket_ref).ok_or_else(gone)
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        self.open(order).await
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        for project in &self.settings.queues {
            if let Some(found) = self.opened(project, mark).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn closing(&self, ticket: &TicketRef) -> Result<String, Trouble> {
        let field = self.settings.closing_field.as_str();
        let field = if field.is_empty() { "resolution" } else { field };
        Ok(words::shown(&self.fields_of(ticket, field).await?[field]))
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        self.make(ticket, change).await
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let seen: BTreeMap<&str, u64> = mark.unwrap_or_default().split(' ').filter_map(words::numbered).collect();
        let mut arrivals = Arrivals::default();
        let mut marks = Vec::new();
        for project in &self.settings.queues {
            let newest = self.count(project).await?;
            let from = seen.get(project.as_str()).copied().unwrap_or(newest);
            let until = newest.clamp(from, from + AT_A_TIME);
            for number in from + 1..=until {
                let key = format!("{project}-{number}");
                // What was moved away comes where it went.
                let issue = self.issue(&key, &self.fields()).await?;
                let issue = issue.filter(|issue| issue["key"] == key && !words::is_over(issue));
                if let Some(issue) = issue {
                    arrivals.tickets.extend(self.read(&issue).await?);
                }
            }
            marks.push(format!("{project}-{until}"));
        }
        arrivals.mark = marks.join(" ");
        Ok(arrivals)
    }
}
