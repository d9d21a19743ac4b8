//! The pages that people look at: server-rendered, everything embedded, nothing inline.
//!
//! Every page works with forms and links alone. htmx swaps parts of pages in place, server-sent events bring news,
//! and uPlot draws charts, where there is JavaScript. Pages stand on the same functions as the API; what changes
//! something goes through the `*_as` functions of [`crate::api`], which write it into the audit log.

mod accounts;
mod alerts;
mod around;
mod assets;
mod audit;
mod charts;
mod chrome;
mod desk;
mod desks;
mod duplicates;
mod endpoint;
mod endpoint_options;
mod endpoints;
mod finding;
mod forecast;
mod incident;
mod inventory;
mod me;
mod names;
mod remote;
mod report;
mod sign_in;
mod span;
mod tags;
mod ticket;
mod ticket_account;
mod ticket_close;
mod ticket_import;
mod ticket_pull;
mod tickets;
mod tokens;
pub(crate) mod units;

use askama::Template;
use axum::handler::Handler;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};

use crate::access::Roles;
use crate::access::gate::{Doors, Told};
use crate::api::problem::Problem;
use chrome::Chrome;

/// Adds the pages.
pub(crate) fn doors(doors: Doors) -> Doors {
    let none = Told::default();
    doors
        .get("/assets/{name}", Roles::OPEN, assets::serve, none)
        .get("/sign-in", Roles::OPEN, sign_in::show, none)
        .post("/sign-in", Roles::OPEN, sign_in::sign_in, none)
        .post("/sign-out", Roles::LOOK, sign_in::sign_out, none)
        .get("/", Roles::LOOK, start, none)
        .get("/me", Roles::LOOK, me::show, none)
        .post("/me/password", Roles::LOOK, me::change, none)
        .get("/alerts", Roles::LOOK, alerts::show, none)
        .get("/live/alerts", Roles::LOOK, alerts::live, none)
        .post("/alerts/{id}/acknowledge", Roles::OPERATE, alerts::acknowledge, none)
        .post("/alerts/{id}/silence", Roles::OPERATE, alerts::silence, none)
        .get("/incidents", Roles::LOOK, incident::list, none)
        .get("/incidents/{id}", Roles::LOOK, incident::show, none)
        .post("/incidents/{id}/verdict", Roles::OPERATE, incident::verdict, none)
        .get("/endpoints", Roles::LOOK, endpoints::show, none)
        .get("/duplicates", Roles::ADMINISTER, duplicates::show, none)
        .post("/duplicates", Roles::ADMINISTER, duplicates::merge, none)
        .get("/endpoint-options", Roles::WORK, endpoint_options::show, none)
        .get("/endpoints/{id}", Roles::LOOK, endpoint::show, none)
        .post("/endpoints/{id}/tags", Roles::OPERATE, tags::change, none)
        .post("/endpoints/{id}/merge", Roles::ADMINISTER, endpoint::merge, none)
        .post("/endpoints/{id}/decommission", Roles::ADMINISTER, endpoint::decommission, none)
        .get("/endpoints/{id}/inventory", Roles::LOOK, inventory::show, none)
        .get("/endpoints/{id}/charts/{chart}", Roles::LOOK, charts::show, none)
        .get("/report", Roles::LOOK, report::show, none)
        .get("/desks", Roles::LOOK, desks::show, none)
        .post("/desks", Roles::WORK, desks::fetch, none)
        .get("/desks/{desk}", Roles::ADMINISTER, desk::show, none)
        .post("/desks/{desk}/test", Roles::ADMINISTER, desk::try_out, none)
        .post("/outbox/{id}/retry", Roles::WORK, desks::retry, none)
        .post("/outbox/{id}/drop", Roles::WORK, desks::give_up, none)
        .get("/tickets", Roles::LOOK, tickets::show, none)
        .get("/tickets/new", Roles::WORK, tickets::blank, none)
        .post("/tickets", Roles::WORK, tickets::open, none)
        .get("/tickets/{ticket}", Roles::LOOK, ticket::show, none)
        .post("/tickets/{ticket}/notes", Roles::WORK, ticket::note, none)
        .post("/tickets/{ticket}/steps", Roles::WORK, ticket::steps, none)
        .post("/tickets/{ticket}/escalate", Roles::WORK, ticket::escalate, none)
        .post("/tickets/{ticket}/close", Roles::WORK, ticket_close::close, none)
        .post("/tickets/{ticket}/reopen", Roles::WORK, ticket_close::reopen, none)
        .post("/tickets/{ticket}/account", Roles::WORK, ticket_account::look, none)
        .post("/tickets/{ticket}/pull", Roles::WORK, ticket_pull::start, none)
        .post(
            "/tickets/{ticket}/import",
            Roles::WORK,
            Handler::layer(ticket_import::take, ticket_import::limit()),
            none,
        )
        .get("/live/pulls/{id}", Roles::LOOK, ticket_pull::live, none)
        .post("/pulls/{id}/cancel", Roles::WORK, ticket_pull::cancel, none)
        .get("/attachments/{id}", Roles::LOOK, ticket::attachment, none)
        .get("/audit", Roles::AUDIT, audit::show, none)
        .get("/tokens", Roles::ADMINISTER, tokens::show, none)
        .post("/tokens", Roles::ADMINISTER, tokens::create, none)
        .post("/tokens/{id}/revoke", Roles::ADMINISTER, tokens::revoke, none)
        .get("/accounts", Roles::ADMINISTER, accounts::show, none)
        .post("/accounts", Roles::ADMINISTER, accounts::create, none)
        .post("/accounts/{name}/disable", Roles::ADMINISTER, accounts::disable, none)
}

/// Where a person begins: technicians at the tickets, ops at the alerts.
async fn start(caller: crate::access::gate::Caller) -> Redirect {
    use crate::access::Role;
    match caller.principal.map(|principal| principal.role) {
        Some(Role::Ops) => Redirect::to("/alerts"),
        Some(Role::Auditor) => Redirect::to("/audit"),
        _ => Redirect::to("/tickets"),
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    chrome: Chrome,
    problem: &'a Problem,
}

/// A page that says what went wrong.
pub(crate) fn fault_page(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = FaultPage { chrome: Chrome::bare(&problem.title), problem };
    let text = page.render().unwrap_or_else(|_| "Something went wrong.".to_owned());
    let mut response = (status, Html(text)).into_response();
    if let Some(seconds) = problem.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
