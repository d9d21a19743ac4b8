//! Tokens that machines enrol with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};

use super::extract::Body;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::config::check_tag;
use crate::enrollment::{Token, TokenCreated, TokenOrder};

/// Adds the routes of tokens.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/tokens",
            Roles::ADMINISTER,
            list,
            Told { summary: "Enrolment tokens.", answer: "TokenList", ..Told::default() },
        )
        .post(
            "/api/v1/tokens",
            Roles::ADMINISTER,
            create,
            Told {
                summary: "Make an enrolment token; its text is told once.",
                body: "NewToken",
                answer: "TokenCreated",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/tokens/{id}/revoke",
            Roles::ADMINISTER,
            revoke,
            Told { summary: "Make a token worthless.", ..Told::default() },
        )
}

/// The order for a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewToken {
    /// How many machines may enrol with it.
    pub uses: u32,
    /// For how long.
    pub expires_in_seconds: u64,
    /// Tags that its endpoints get.
    pub tags: BTreeMap<String, String>,
}

impl Default for NewToken {
    fn default() -> Self {
        Self { uses: 1, expires_in_seconds: 24 * 3600, tags: BTreeMap::new() }
    }
}

/// Enrolment tokens.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenList {
    /// The tokens, without their secrets.
    pub tokens: Vec<Token>,
}

async fn list(State(app): State<Arc<App>>) -> Result<Json<TokenList>, Problem> {
    Ok(Json(TokenList { tokens: app.enrollment.tokens().await? }))
}

/// A token that was just made, and where it is good.
#[derive(Serialize, Deserialize)]
pub(crate) struct TokenMade {
    /// The token.
    #[serde(flatten)]
    pub created: TokenCreated,
    /// Where agents reach this collector, `HOST:PORT`, by its first public name or the one that was used to ask.
    pub collector: String,
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    Body(order): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenMade>), Problem> {
    let collector = agents_address(&app, &uri, &headers);
    let created = create_as(&app, &caller, order).await?;
    Ok((StatusCode::CREATED, Json(TokenMade { created, collector })))
}

/// Where agents reach this collector: under the first configured name, or the one that this person used.
pub(crate) fn agents_address(app: &App, uri: &Uri, headers: &HeaderMap) -> String {
    let used = || {
        let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        uri.authority().map(ToString::to_string).or(header.map(str::to_owned))
    };
    let bare = |address: String| match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => address,
    };
    let named = app.config.listen.public_names.first().cloned();
    let host = named.or_else(|| used().map(bare)).unwrap_or_else(|| "HOST".to_owned());
    format!("{host}:{}", app.config.listen.agents.port())
}

/// Makes a token, and writes down who did.
pub(crate) async fn create_as(app: &App, caller: &Caller, order: NewToken) -> Result<TokenCreated, Problem> {
    for (name, value) in &order.tags {
        check_tag(name, value).map_err(Problem::invalid)?;
    }
    let order = TokenOrder {
        uses: order.uses,
        expires_in: Duration::from_secs(order.expires_in_seconds),
        tags: order.tags,
        created_by: caller.name().to_owned(),
    };
    let made = app.enrollment.create_token(order).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "token.create", &made.id)).await?;
    Ok(made)
}

async fn revoke(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    revoke_as(&app, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a token worthless, and writes down who did.
pub(crate) async fn revoke_as(app: &App, caller: &Caller, id: &str) -> Result<(), Problem> {
    if !app.enrollment.revoke_token(id).await? {
        return Err(Problem::not_found(format_args!("token {id:?}")));
    }
    app.access.audit().record(Entry::new(&caller.actor(), "token.revoke", id)).await?;
    Ok(())
}
