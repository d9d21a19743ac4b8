//! Calls by which desks say that something happened there, so that nobody waits for the next look.
//!
//! `POST /hooks/<desk>` on the people's port. A call says nothing that is believed: it makes the desk be asked for its new
//! tickets, and the ticket that it names be read, now and by the usual ways. So a call that our own note caused changes nothing.
//!
//! - Who calls is known by the desk's own signature over the raw bytes ([`signature`]). An unknown desk and one that is not
//!   called so are answered alike.
//! - The same signed call counts once, also after a restart; calls are remembered for [`KEPT`].
//! - Floods: a body has at most [`BODY_BYTES`]; a desk's calls beyond [`CALLS`] within [`WITHIN`] are told to come later before
//!   they are looked at, and however many came, a desk is asked once at the next look.

mod signature;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use firstline_diagnosis::vocabulary::Timestamp;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use tracing::{debug, warn};

use super::outbox::{Outbox, OutboxError};
use crate::api::problem::Problem;
use crate::app::App;
use crate::config::HookSettings;
use crate::store::{Connection, sql};

/// Longest body.
const BODY_BYTES: usize = 1 << 20;
/// Most calls of one desk within [`WITHIN`].
const CALLS: u32 = 120;
/// The span of a flood.
const WITHIN: Duration = Duration::from_mins(1);
/// How long calls are remembered.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// How many calls each desk made in the span that began at a moment.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<HashMap<String, (Timestamp, u32)>>);

impl Calls {
    /// Counts a call; whether there is room for it.
    fn take(&self, desk: &str, now: Timestamp) -> bool {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = calls.entry(desk.to_owned()).or_insert((now, 0));
        if now.since(*since) >= WITHIN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= CALLS
    }
}

/// The routes of calls.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/hooks/{desk}", post(called).get(asked))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(app)
}

async fn called(State(app): State<Arc<App>>, Path(desk): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let Some((hook, secret)) = opened(&app, &desk) else { return nobody() };
    let now = app.clock.now();
    if !app.outbox.calls().take(&desk, now) {
        let wait = (header::RETRY_AFTER, HeaderValue::from(WITHIN.as_secs()));
        return (StatusCode::TOO_MANY_REQUESTS, [wait], "too many calls\n").into_response();
    }
    let Some(name) = signature::verified(hook.signature, &secret, &headers, &body, now) else {
        warn!(desk, "A call in the name of desk {desk} was refused: its signature is not that of the desk's secret");
        return (StatusCode::UNAUTHORIZED, "the signature is wrong\n").into_response();
    };
    match app.outbox.called(&desk, &name, ticket_of(&body)).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => (StatusCode::OK, "this call was taken before\n").into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// GLPI asks before it calls.
#[derive(Debug, Deserialize)]
struct Challenge {
    crc_token: String,
}

async fn asked(State(app): State<Arc<App>>, Path(desk): Path<String>, Query(question): Query<Challenge>) -> Response {
    let answer = opened(&app, &desk).and_then(|(_, secret)| signature::challenge(&secret, &question.crc_token));
    answer.map_or_else(nobody, IntoResponse::into_response)
}

/// How a desk calls, and its secret; nothing when it does not.
fn opened(app: &App, desk: &str) -> Option<(HookSettings, String)> {
    let settings = app.config.desk.iter().find(|one| one.name == desk)?;
    let hook = settings.hook.clone()?;
    match hook.secret(&app.folder) {
        Ok(secret) => Some((hook, secret)),
        Err(why) => {
            warn!(desk, "Calls of desk {desk} cannot be taken: {why}");
            None
        }
    }
}

fn nobody() -> Response {
    Problem::not_found("desk of this name that calls here").into_response()
}

/// The ticket that a body names, in the words of any desk.
fn ticket_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let places = ["/ticket/number", "/ticket/id", "/issue/key", "/detail/id", "/item/id", "/ticket"];
    let named = places.into_iter().find_map(|place| match body.pointer(place)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    named.filter(|name| !name.is_empty() && name.len() <= 64)
}

impl Outbox {
    /// Has a desk asked for new tickets, and a ticket read, at the next look. False when this call counted before.
    async fn called(&self, desk: &str, name: &str, ticket: Option<String>) -> Result<bool, OutboxError> {
        let (desk, name, now) = (desk.to_owned(), name.to_owned(), self.now());
        debug!(desk, ticket, "Desk {desk} says that something happened");
        self.store().write(move |tx| Box::pin(take(tx, desk, name, ticket, now))).await
    }

    /// Whether a desk called after a moment.
    pub(super) async fn called_since(&self, desk: &str, since: Timestamp) -> Result<bool, OutboxError> {
        let newest: Option<i64> = sql::query_scalar("SELECT MAX(at_ms) FROM hook_calls WHERE desk = $1")
            .bind(desk)
            .fetch_one(self.store().reads())
            .await?;
        Ok(newest.is_some_and(|newest| newest > since.unix_ms()))
    }

    /// Forgets calls of long ago.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_calls(&self) -> Result<(), OutboxError> {
        let before = self.now() - KEPT;
        self.store().write(move |tx| Box::pin(forget(tx, before))).await
    }
}

async fn take(
    tx: &mut Connection,
    desk: String,
    name: String,
    ticket: Option<String>,
    now: Timestamp,
) -> Result<bool, OutboxError> {
    let new = sql::query(
        "INSERT INTO hook_calls (desk, digest, at_ms) VALUES ($1, $2, $3) ON CONFLICT (desk, digest) DO NOTHING",
    )
    .bind(desk.as_str())
    .bind(name)
    .bind(now.unix_ms())
    .execute(&mut *tx)
    .await?;
    if new.rows_affected() == 0 {
        return Ok(false);
    }
    let called = "UPDATE desk_tickets SET read_ms = 0, next_read_ms = 0 \
                  WHERE desk = $1 AND (display_number = $2 OR api_id = $2)";
    sql::query(called).bind(desk).bind(ticket).execute(tx).await?;
    Ok(true)
}

async fn forget(tx: &mut Connection, before: Timestamp) -> Result<(), OutboxError> {
    sql::query("DELETE FROM hook_calls WHERE at_ms < $1").bind(before.unix_ms()).execute(tx).await?;
    Ok(())
}
