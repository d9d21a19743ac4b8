//! Accounts: who may sign in, and as what.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use crate::access::gate::{Caller, percent_encoded};
use crate::access::{NewAccount, NewAdministrator, Role};
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::app::App;

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    chrome: Chrome,
    fault: String,
    made: Option<Made>,
    roles: [(&'static str, &'static str); 4],
    accounts: Vec<AccountView>,
}

/// An account that was just made, with the password that is told once.
struct Made {
    name: String,
    password: String,
}

struct AccountView {
    name: String,
    /// The name as it stands in an address.
    path: String,
    role: &'static str,
    made: When,
    by: String,
    disabled: Option<When>,
    own: bool,
}

/// Roles with what they are for, the commonest first.
fn roles() -> [(&'static str, &'static str); 4] {
    [
        (Role::Technician.name(), "works on tickets and pulls diagnoses"),
        (Role::Ops.name(), "also acknowledges and silences alerts"),
        (Role::Administrator.name(), "also tokens and accounts"),
        (Role::Auditor.name(), "reads everything, changes nothing"),
    ]
}

/// `GET /accounts`.
pub(super) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Fault> {
    list(&app, &caller, String::new(), None).await
}

async fn list(app: &App, caller: &Caller, fault: String, made: Option<Made>) -> Result<Response, Fault> {
    let now = app.clock.now();
    let accounts = app.access.accounts().await?.accounts.into_iter().map(|account| AccountView {
        own: account.name == caller.name(),
        path: percent_encoded(&account.name),
        role: account.role.name(),
        made: When::new(account.created_at, now),
        by: account.created_by,
        disabled: account.disabled_at.map(|at| When::new(at, now)),
        name: account.name,
    });
    let accounts = accounts.collect();
    page(&AccountsPage {
        chrome: Chrome::new("Accounts", "administration", caller),
        fault,
        made,
        roles: roles(),
        accounts,
    })
}

/// What the form for an account sends.
#[derive(Debug, Deserialize)]
pub(super) struct Form {
    name: String,
    role: Role,
}

/// `POST /accounts`: answers with the page itself, since the password is told once and is in no address.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Posted(form): Posted<Form>,
) -> Result<Response, Fault> {
    let order = NewAccount { name: form.name, role: form.role, password: None };
    match app.access.create_account(order, &caller.actor()).await {
        Ok(NewAdministrator { account, password }) => {
            let made = Made { name: account.name, password: password.unwrap_or_default() };
            list(&app, &caller, String::new(), Some(made)).await
        }
        Err(error) => refused(&app, &caller, error.into()).await,
    }
}

/// `POST /accounts/{name}/disable`.
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    match app.access.disable_account(&name, &caller.actor()).await {
        Ok(()) => Ok(Redirect::to("/accounts").into_response()),
        Err(error) => refused(&app, &caller, error.into()).await,
    }
}

/// The page with what was wrong, when the person can mend it.
async fn refused(app: &App, caller: &Caller, problem: Problem) -> Result<Response, Fault> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !status.is_client_error() || status == StatusCode::NOT_FOUND {
        return Err(Fault(problem));
    }
    let mut response = list(app, caller, problem.detail, None).await?;
    *response.status_mut() = status;
    Ok(response)
}
