//! Sign-in, accounts, and the audit log.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::{Body, Search};
use super::problem::Problem;
use crate::access::audit::{AuditPage, ChainReport};
use crate::access::gate::{Caller, Doors, Told};
use crate::access::{AccountList, NewAccount, NewAdministrator, NewPassword, Principal, Roles, SessionKind, SignedIn};
use crate::app::App;

/// Adds the routes of people.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .post(
            "/api/v1/sign-in",
            Roles::OPEN,
            sign_in,
            Told {
                summary: "Sign in with name and password; the answer holds the bearer token.",
                body: "SignIn",
                answer: "SignedIn",
                ..Told::default()
            },
        )
        .post("/api/v1/sign-out", Roles::LOOK, sign_out, Told { summary: "End this session.", ..Told::default() })
        .get(
            "/api/v1/me",
            Roles::LOOK,
            me,
            Told { summary: "Who is signed in.", answer: "Principal", ..Told::default() },
        )
        .post(
            "/api/v1/me/password",
            Roles::LOOK,
            change_password,
            Told {
                summary: "Change one's own password; all other sessions of the account end.",
                body: "NewPassword",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/accounts",
            Roles::ADMINISTER,
            accounts,
            Told { summary: "Every account, by name.", answer: "AccountList", ..Told::default() },
        )
        .post(
            "/api/v1/accounts",
            Roles::ADMINISTER,
            create_account,
            Told {
                summary: "Make an account; without a password one is made up and told once.",
                body: "NewAccount",
                answer: "NewAdministrator",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/accounts/{name}/disable",
            Roles::ADMINISTER,
            disable_account,
            Told { summary: "Disable an account and end its sessions.", ..Told::default() },
        )
        .get(
            "/api/v1/audit",
            Roles::AUDIT,
            audit,
            Told {
                summary: "Who read or changed what, newest first.",
                query: &[
                    ("search", "words that must stand in an entry, or in the name of its endpoint"),
                    ("before", "what `next` of the page before said"),
                    ("limit", "1 to 500; 100 when absent"),
                ],
                answer: "AuditPage",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/audit/verify",
            Roles::AUDIT,
            verify,
            Told { summary: "Walk the chain of the audit log.", answer: "ChainReport", ..Told::default() },
        )
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// The account's name.
    name: String,
    /// Its password.
    password: String,
}

async fn sign_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(order): Body<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let signed_in = app.access.sign_in(&order.name, &order.password, SessionKind::Command, caller.address).await?;
    Ok(Json(signed_in))
}

async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, Problem> {
    app.access.sign_out(caller.token.as_deref().unwrap_or_default(), &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn me(caller: Caller) -> Result<Json<Principal>, Problem> {
    caller.principal.map(Json).ok_or_else(Problem::unauthorized)
}

async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(order): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    let token = caller.token.as_deref().unwrap_or_default();
    app.access.change_password(order, token, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn accounts(State(app): State<Arc<App>>) -> Result<Json<AccountList>, Problem> {
    Ok(Json(app.access.accounts().await?))
}

async fn create_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(order): Body<NewAccount>,
) -> Result<(StatusCode, Json<NewAdministrator>), Problem> {
    Ok((StatusCode::CREATED, Json(app.access.create_account(order, &caller.actor()).await?)))
}

async fn disable_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.access.disable_account(&name, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    search: String,
    before: Option<i64>,
    limit: Option<u32>,
}

async fn audit(State(app): State<Arc<App>>, Search(query): Search<Log>) -> Result<Json<AuditPage>, Problem> {
    Ok(Json(app.access.audit().page(&query.search, query.before, query.limit.unwrap_or(100)).await?))
}

async fn verify(State(app): State<Arc<App>>) -> Result<Json<ChainReport>, Problem> {
    Ok(Json(app.access.audit().verify().await?))
}
