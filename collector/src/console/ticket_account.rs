//! The account of the person behind a ticket, looked up when somebody asks for it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use super::chrome::page;
use super::ticket::{of, refused};
use crate::access::gate::Caller;
use crate::api::directories::look_as;
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::ticket::Requester;

/// What a directory says, for a page.
pub(super) struct AccountView {
    pub(super) sign_in: String,
    pub(super) directory: String,
    /// What keeps its owner from signing in; empty when nothing is known to.
    pub(super) trouble: String,
    pub(super) lines: Vec<(&'static str, String)>,
}

/// The name by which the person behind a ticket can be looked up; empty when there is none, or no directory.
pub(super) fn name_for(app: &App, requester: &Requester) -> String {
    let names = [&requester.sign_in, &requester.email].into_iter();
    let name = names.map(|name| name.trim()).find(|name| !name.is_empty()).unwrap_or_default();
    if app.directories.is_empty() { String::new() } else { name.to_owned() }
}

/// `POST /tickets/{ticket}/account`.
pub(super) async fn look(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    match looked(&app, &caller, &number).await {
        Ok(view) => {
            let mut shown = of(&app, &caller, &number, String::new()).await?;
            shown.account = Some(view);
            page(&shown)
        }
        Err(problem) => refused(&app, &caller, &number, problem).await,
    }
}

async fn looked(app: &App, caller: &Caller, number: &str) -> Result<AccountView, Problem> {
    let ticket = app.desk.show(number).await?;
    let name = name_for(app, &ticket.requester);
    if name.is_empty() {
        return Err(Problem::conflict(
            "Nobody can be looked up: no directory is configured, or the ticket names nobody.",
        ));
    }
    let found = look_as(app, caller, &name, &ticket.number).await;
    // What is not there is told on the ticket, where the question was asked.
    let found =
        found.map_err(|problem| if problem.status == 404 { Problem::conflict(problem.detail) } else { problem })?;
    let trouble = found.trouble().unwrap_or_default();
    Ok(AccountView { trouble, lines: found.words(), sign_in: found.sign_in, directory: found.directory })
}
