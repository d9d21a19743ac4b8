use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use firstline_diagnosis::vocabulary::Timestamp;
use http::StatusCode;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use crate::access::Roles;
use crate::access::gate::{Caller, percent_encoded};
use crate::api::extract::{Posted, Search};
use crate::api::problem::{Fault, Problem};
use crate::api::tickets::open_as;
use crate::app::App;
use crate::ticket::{NewTicket, Requester, Ticket, TicketQuery};

#[derive(Template)]
#[template(path = "tickets.html")]
struct TicketsPage {
    chrome: Chrome,
    works: bool,
    search: String,
    all: bool,
    tickets: Vec<TicketLine>,
    next: String,
}

struct TicketLine {
    number: String,
    subject: String,
    requester: String,
    endpoint: String,
    endpoint_id: String,
    state: &'static str,
    priority: String,
    updated: When,
}

impl TicketLine {
    fn new(ticket: Ticket, now: Timestamp) -> Self {
        Self {
            requester: requester(&ticket.requester),
            state: ticket.state.name(),
            priority: ticket.priority.map(|priority| format!("{priority:?}")).unwrap_or_default(),
            updated: When::new(ticket.updated_at, now),
            endpoint: ticket.endpoint.as_ref().map(|endpoint| endpoint.name.clone()).unwrap_or_default(),
            endpoint_id: ticket.endpoint.map(|endpoint| endpoint.id).unwrap_or_default(),
            number: ticket.number,
            subject: ticket.subject,
        }
    }
}

/// A person by the best name that we have.
pub(super) fn requester(requester: &Requester) -> String {
    let names = [&requester.name, &requester.email, &requester.sign_in];
    names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_else(|| "not named".to_owned())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    search: String,
    view: String,
    after: String,
}

/// `GET /tickets`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(form): Search<Form>,
) -> Result<Response, Fault> {
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let all = form.view == "all";
    let query =
        TicketQuery { open: !all, search: some(&form.search), after: some(&form.after), ..TicketQuery::default() };
    let list = app.desk.list(&query).await?;
    let now = app.clock.now();
    let here = format!("/tickets?search={}&view={}", percent_encoded(&form.search), if all { "all" } else { "open" });
    page(&TicketsPage {
        chrome: Chrome::new("Tickets", "tickets", &caller),
        works: caller.may(Roles::WORK),
        all,
        tickets: list.tickets.into_iter().map(|ticket| TicketLine::new(ticket, now)).collect(),
        next: list.next.map(|next| format!("{here}&after={}", percent_encoded(&next))).unwrap_or_default(),
        search: form.search,
    })
}

#[derive(Template)]
#[template(path = "ticket_new.html")]
struct NewTicketPage {
    chrome: Chrome,
    fault: String,
    form: NewForm,
    endpoint_name: String,
}

/// What the form for a new ticket sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    subject: String,
    text: String,
    requester: String,
    sign_in: String,
    endpoint: String,
}

/// `GET /tickets/new`.
pub(super) async fn blank(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(mut form): Search<NewForm>,
) -> Result<Response, Fault> {
    let mut name = String::new();
    if !form.endpoint.is_empty() {
        let endpoint = app.fleet.find(&form.endpoint).await?;
        if form.sign_in.is_empty() && endpoint.users.len() == 1 {
            form.sign_in.clone_from(&endpoint.users[0]);
        }
        (form.endpoint, name) = (endpoint.id, endpoint.name);
    }
    page(&NewTicketPage {
        chrome: Chrome::new("Open a ticket", "tickets", &caller),
        fault: String::new(),
        form,
        endpoint_name: name,
    })
}

/// `POST /tickets`.
pub(super) async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    Posted(form): Posted<NewForm>,
) -> Result<Response, Fault> {
    let order = NewTicket {
        requester: Requester { name: form.requester.clone(), email: String::new(), sign_in: form.sign_in.clone() },
        subject: form.subject.clone(),
        text: form.text.clone(),
        endpoint: (!form.endpoint.is_empty()).then(|| form.endpoint.clone()),
    };
    match open_as(&app, &caller, order).await {
        Ok(ticket) => Ok(Redirect::to(&format!("/tickets/{}", percent_encoded(&ticket.number))).into_response()),
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY.as_u16() => again(&caller, form, problem),
        Err(problem) => Err(Fault(problem)),
    }
}

/// The form with what was wrong, and everything that was typed.
fn again(caller: &Caller, form: NewForm, problem: Problem) -> Result<Response, Fault> {
    let endpoint_name = form.endpoint.clone();
    let chrome = Chrome::new("Open a ticket", "tickets", caller);
    let mut response = page(&NewTicketPage { chrome, fault: problem.detail, form, endpoint_name })?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
