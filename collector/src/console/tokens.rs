//! Enrolment tokens: made here with the command that uses them, which is shown once.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use firstline_diagnosis::vocabulary::Timestamp;
use http::{HeaderMap, Uri};
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use crate::access::gate::Caller;
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::api::tokens::{NewToken, agents_address, create_as, revoke_as};
use crate::app::App;
use crate::enrollment::{Token, TokenCreated};

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    chrome: Chrome,
    made: Option<Made>,
    tokens: Vec<TokenView>,
}

/// A token that was just made, and the command that spends it.
struct Made {
    command: String,
    until: When,
}

struct TokenView {
    id: String,
    state: &'static str,
    good: bool,
    uses: String,
    tags: String,
    by: String,
    made: When,
    until: When,
}

impl TokenView {
    fn new(token: Token, now: Timestamp) -> Self {
        let state = match &token {
            Token { revoked_at: Some(_), .. } => "revoked",
            Token { expires_at, .. } if *expires_at <= now => "expired",
            Token { uses, uses_allowed, .. } if uses >= uses_allowed => "used up",
            _ => "good",
        };
        let tags: Vec<String> = token.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Self {
            state,
            good: state == "good",
            uses: format!("{} of {}", token.uses, token.uses_allowed),
            tags: tags.join(", "),
            by: token.created_by,
            made: When::new(token.created_at, now),
            until: When::new(token.expires_at, now),
            id: token.id,
        }
    }
}

/// `GET /tokens`.
pub(super) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Fault> {
    list(&app, &caller, None).await
}

async fn list(app: &App, caller: &Caller, made: Option<Made>) -> Result<Response, Fault> {
    let now = app.clock.now();
    let mut tokens = app.enrollment.tokens().await.map_err(Problem::from)?;
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    page(&TokensPage {
        chrome: Chrome::new("Enrolment tokens", "administration", caller),
        made,
        tokens: tokens.into_iter().map(|token| TokenView::new(token, now)).collect(),
    })
}

/// What the form for a token sends.
#[derive(Debug, Deserialize)]
pub(super) struct Form {
    uses: u32,
    hours: u64,
    #[serde(default)]
    tags: String,
}

/// `POST /tokens`: answers with the page itself, since the token's text is told once and is in no address.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    Posted(form): Posted<Form>,
) -> Result<Response, Fault> {
    let order =
        NewToken { uses: form.uses, expires_in_seconds: form.hours.saturating_mul(3600), tags: tags(&form.tags) };
    let TokenCreated { token, expires_at, .. } = create_as(&app, &caller, order).await?;
    let collector = agents_address(&app, &uri, &headers);
    let made = Made {
        command: format!("firstline-agent enroll --collector {collector} --token {token}"),
        until: When::new(expires_at, app.clock.now()),
    };
    list(&app, &caller, Some(made)).await
}

/// `site=berlin, team=sales`; what is no pair is left out.
pub(super) fn tags(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    pairs.filter(|(key, _)| !key.is_empty()).collect()
}

/// `POST /tokens/{id}/revoke`.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    revoke_as(&app, &caller, &id).await?;
    Ok(Redirect::to("/tokens").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_pairs_and_nothing_else() {
        let read: Vec<_> = tags("site=berlin, team = sales ,nonsense,=x").into_iter().collect();
        assert_eq!(read, [("site".to_owned(), "berlin".to_owned()), ("team".to_owned(), "sales".to_owned())]);
    }
}
