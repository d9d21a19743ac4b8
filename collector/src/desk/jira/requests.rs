//! Service desks, and requests that are opened in them.

use firstline_diagnosis::vocabulary::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Jira, words};
use crate::desk::contract::{OutgoingTicket, TicketRef};
use crate::desk::pages::{self, PAGE};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{part, text};

/// Newest issues of the index that are looked through for a mark.
const LOOKED_THROUGH: &str = "100";
/// Most issues that the index may lack.
const LAG: u64 = 50;
/// Keys in a row that may stand for nothing, before the count is over: what was not opened has one all the same.
const HOLES: u64 = 5;
/// Most pages of a list.
const PAGES: usize = 20;

impl Jira {
    /// All rows of a list of service desks' interface, which says itself when it ends.
    pub(super) async fn listed(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let (mut all, count) = (Vec::new(), PAGE.to_string());
        for _ in 0..PAGES {
            let start = all.len().to_string();
            let list = self.get(path, &[("start", &start), ("limit", &count)]).await?;
            let last = list["isLastPage"] != false;
            let rows = pages::rows(list, "values")?;
            let none = rows.is_empty();
            all.extend(rows);
            if last || none {
                break;
            }
        }
        Ok(all)
    }

    /// When a request is due: when the first of its clocks that run does run out.
    pub(super) async fn due(&self, ticket: &TicketRef) -> Result<Option<Timestamp>, Trouble> {
        match self.listed(&format!("servicedeskapi/request/{}/sla", part(&ticket.api_id))).await {
            Ok(agreements) => Ok(agreements.iter().filter_map(words::runs_out).min()),
            // An issue that is no request has none.
            Err(trouble) if matches!(trouble.kind, TroubleKind::NotFound | TroubleKind::Forbidden) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The service desk of a project.
    pub(super) async fn service_desk(&self, project: &str) -> Result<String, Trouble> {
        let desks = self.listed("servicedeskapi/servicedesk").await?;
        named(&desks, "projectKey", project, "service project")
    }

    /// The type of the requests that are opened in a service desk.
    pub(super) async fn request_type(&self, desk: &str) -> Result<String, Trouble> {
        let types = self.listed(&format!("servicedeskapi/servicedesk/{}/requesttype", part(desk))).await?;
        named(&types, "name", &self.settings.ticket_type, "request type (ticket_type)")
    }

    pub(super) async fn open(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let project = order.destination(&self.settings)?;
        if !self.settings.queues.iter().any(|queue| queue == project) {
            return Err(Trouble::refused(format!(
                "{project} is none of the desk's queues, and would not be found again"
            )));
        }
        let desk = self.service_desk(project).await?;
        let description = format!("{}\n\n{}", order.body.to_plain(), words::wiki_mark(&order.mark));
        let mut body = json!({
            "serviceDeskId": desk,
            "requestTypeId": self.request_type(&desk).await?,
            "requestFieldValues": { "summary": order.subject, "description": description },
        });
        if let Some(account) = self.account(&order.requester.email).await? {
            body["raiseOnBehalfOf"] = json!(account);
        }
        let request = self.write(Method::POST, "servicedeskapi/request", &body).await?;
        let opened = TicketRef { display_number: text(&request["issueKey"]), api_id: text(&request["issueId"]) };
        let whole = words::key(&opened.display_number).is_some() && !opened.api_id.is_empty();
        if whole { Ok(opened) } else { Err(Trouble::odd("it opened a request without a key").unclear()) }
    }

    /// The account with this address.
    async fn account(&self, email: &str) -> Result<Option<String>, Trouble> {
        if email.is_empty() {
            return Ok(None);
        }
        let found = pages::rows(self.get("api/3/user/search", &[("query", email)]).await?, "")?;
        let theirs = |account: &&Value| text(&account["emailAddress"]).eq_ignore_ascii_case(email);
        Ok(found.iter().find(theirs).map(|account| text(&account["accountId"])))
    }

    /// The issue that was opened under this mark: among the newest that the index has, and among those after them.
    pub(super) async fn opened(&self, project: &str, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let wanted = words::wiki_mark(mark);
        let holds = |issue: &Value| words::said(&issue["fields"]["description"]).contains(&wanted);
        let newest = self.newest(project, LOOKED_THROUGH, "description").await?;
        if let Some(found) = newest.iter().find(|issue| holds(issue)) {
            return Ok(words::ticket_ref(found));
        }
        let count = newest.first().and_then(|issue| words::counted(issue, project)).unwrap_or(0);
        let mut holes = 0;
        for number in count + 1..=count + LAG {
            let issue = self.issue(&format!("{project}-{number}"), "description").await?;
            if let Some(found) = issue.as_ref().filter(|issue| holds(issue)) {
                return Ok(words::ticket_ref(found));
            }
            holes = if issue.is_some() { 0 } else { holes + 1 };
            if holes == HOLES {
                break;
            }
        }
        Ok(None)
    }
}

/// The id of the row whose `field` is `wanted`.
fn named(rows: &[Value], field: &str, wanted: &str, what: &str) -> Result<String, Trouble> {
    let found = rows.iter().find(|row| row[field] == wanted).map(|row| text(&row["id"]));
    found.ok_or_else(|| {
        let known: Vec<String> = rows.iter().map(|row| text(&row[field])).collect();
        Trouble::refused(format!(
            "there is no {what} {wanted:?} that its account sees; there are: {}",
            known.join(", ")
        ))
    })
}
