//! Directories, and the accounts in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::extract::{Body, Search};
use super::problem::Problem;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::directory::{Account, DirectoryList, DirectoryTrial, DirectoryTrialOrder};

/// Adds the routes of directories.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/directories",
            Roles::LOOK,
            list,
            Told { summary: "The directories of the configuration.", answer: "DirectoryList", ..Told::default() },
        )
        .get(
            "/api/v1/directories/account",
            Roles::WORK,
            look,
            Told {
                summary: "Whether the owner of an account can sign in, as a directory says now. The look is written into the \
                          audit log.",
                query: &[("name", "sign-in name or e-mail address"), ("ticket", "for which ticket, FL-1042")],
                answer: "DirectoryAccount",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/directories/{directory}/test",
            Roles::ADMINISTER,
            try_out,
            Told {
                summary: "Try out a directory: connect, sign in, base, find, read.",
                body: "DirectoryTrialOrder",
                answer: "DirectoryTrial",
                ..Told::default()
            },
        )
}

async fn list(State(app): State<Arc<App>>) -> Json<DirectoryList> {
    Json(app.directories.list())
}

/// Whose account.
#[derive(Debug, Deserialize)]
struct Whose {
    name: String,
    #[serde(default)]
    ticket: String,
}

async fn look(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(whose): Search<Whose>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(look_as(&app, &caller, &whose.name, &whose.ticket).await?))
}

/// Looks an account up for somebody, once it is written down that they do.
pub(crate) async fn look_as(app: &App, caller: &Caller, name: &str, ticket: &str) -> Result<Account, Problem> {
    app.access.audit().record(Entry::new(&caller.actor(), "directory.read", name).ticket(ticket)).await?;
    Ok(app.directories.look(name).await?)
}

async fn try_out(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(directory): Path<String>,
    Body(order): Body<DirectoryTrialOrder>,
) -> Result<Json<DirectoryTrial>, Problem> {
    let entry = Entry::new(&caller.actor(), "directory.test", &directory);
    app.access.audit().record(entry.detail(order.account.clone().unwrap_or_default())).await?;
    Ok(Json(app.directories.try_out(&directory, &order).await?))
}
