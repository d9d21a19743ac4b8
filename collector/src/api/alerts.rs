//! Alerts: lists, decisions of people, and the live feed.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::Event;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::extract::{Body, Search};
use super::problem::Problem;
use super::watch::{self, Step};
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::alert::{
    Alert, AlertBudget, AlertDetail, AlertList, AlertQuery, HeldBackList, HeldBackQuery, Matchers, NewSilence, Silence,
    UsefulnessList,
};
use crate::app::App;
use crate::feed::{FeedItem, Watched};

/// How long an alert is silenced when nobody says.
pub(crate) const SILENCE_SECONDS: u64 = 4 * 3600;

/// Adds the routes of alerts.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get("/api/v1/alerts", Roles::LOOK, list, Told {
            summary: "Alerts, what fired last first.",
            query: &[
                ("state", "firing, acknowledged, silenced or resolved"),
                ("open", "true: only those that are not resolved"),
                ("severity", "only this bad or worse"),
                ("endpoint", "only of this endpoint (identity)"),
                ("check", "only of this check"),
                ("after", "what `next` of the page before said"),
                ("limit", "1 to 500; 100 when absent"),
            ],
            answer: "AlertList",
            ..Told::default()
        })
        .get("/api/v1/alerts/watch", Roles::LOOK, follow, Told {
            summary: "Alerts as they fire and change: server-sent events named `alert`; `lagged` says to read the list again.",
            answer: "text/event-stream",
            ..Told::default()
        })
        .get("/api/v1/alerts/budget", Roles::LOOK, budget, Told {
            summary: "How much of a day's quota of alerts is spent, and what was rolled up.",
            query: &[("day", "2026-01-21 (UTC); absent: today")],
            answer: "AlertBudget",
            ..Told::default()
        })
        .get("/api/v1/alerts/held-back", Roles::LOOK, held_back, Told {
            summary: "Findings that hold and of which nobody was told, with the reason.",
            query: &[
                ("endpoint", "only of this endpoint (identity)"),
                ("check", "only of this check"),
                ("reason", "only for this reason, severity_too_low"),
                ("limit", "1 to 500; 100 when absent"),
            ],
            answer: "HeldBackList",
            ..Told::default()
        })
        .get("/api/v1/alerts/usefulness", Roles::LOOK, usefulness, Told {
            summary: "How useful each check was, as tickets tell when they end.",
            answer: "UsefulnessList",
            ..Told::default()
        })
        .get("/api/v1/alerts/{id}", Roles::LOOK, show, Told { summary: "One alert with its life so far.", answer: "Alert", ..Told::default() })
        .post("/api/v1/alerts/{id}/acknowledge", Roles::OPERATE, acknowledge, Told {
            summary: "Say that you look at an alert.",
            body: "AlertNote",
            answer: "Alert",
            ..Told::default()
        })
        .post("/api/v1/alerts/{id}/silence", Roles::OPERATE, silence_one, Told {
            summary: "Keep an alert's check quiet on its endpoint for a while.",
            body: "AlertSilence",
            answer: "Silence",
            ..Told::default()
        })
        .get("/api/v1/silences", Roles::LOOK, silences, Told { summary: "Silences that last.", answer: "SilenceList", ..Told::default() })
        .post("/api/v1/silences", Roles::OPERATE, silence, Told {
            summary: "Keep alerts that match quiet until a moment.",
            body: "NewSilence",
            answer: "Silence",
            ..Told::default()
        })
        .delete("/api/v1/silences/{id}", Roles::OPERATE, end_silence, Told { summary: "End a silence.", ..Told::default() })
}

async fn list(State(app): State<Arc<App>>, Search(query): Search<AlertQuery>) -> Result<Json<AlertList>, Problem> {
    Ok(Json(app.alerts.list(&query).await?))
}

/// Which day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfDay {
    day: Option<String>,
}

async fn budget(State(app): State<Arc<App>>, Search(query): Search<OfDay>) -> Result<Json<AlertBudget>, Problem> {
    Ok(Json(app.alerts.budget(query.day.as_deref()).await?))
}

async fn usefulness(State(app): State<Arc<App>>) -> Result<Json<UsefulnessList>, Problem> {
    Ok(Json(app.alerts.usefulness(&app.config.desk, None).await?))
}

async fn held_back(
    State(app): State<Arc<App>>,
    Search(query): Search<HeldBackQuery>,
) -> Result<Json<HeldBackList>, Problem> {
    Ok(Json(app.alerts.held_back(&query).await?))
}

async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AlertDetail>, Problem> {
    let alert = app.alerts.show(&id).await?;
    let entry = Entry::new(&caller.actor(), "endpoint.read", &alert.alert.endpoint.id).detail(format!("alert {id}"));
    app.access.audit().record(entry).await?;
    Ok(Json(alert))
}

/// A word with an acknowledgement.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct AlertNote {
    note: String,
}

async fn acknowledge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(order): Body<AlertNote>,
) -> Result<Json<Alert>, Problem> {
    Ok(Json(acknowledge_as(&app, &caller, &id, &order.note).await?))
}

/// Acknowledges an alert, and writes down who did.
pub(crate) async fn acknowledge_as(app: &App, caller: &Caller, id: &str, note: &str) -> Result<Alert, Problem> {
    let alert = app.alerts.acknowledge(id, caller.name(), note).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "alert.acknowledge", id).detail(note)).await?;
    Ok(alert)
}

/// For how long an alert is silenced, and why.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct AlertSilence {
    seconds: u64,
    comment: String,
}

impl Default for AlertSilence {
    fn default() -> Self {
        Self { seconds: SILENCE_SECONDS, comment: String::new() }
    }
}

async fn silence_one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(order): Body<AlertSilence>,
) -> Result<(StatusCode, Json<Silence>), Problem> {
    let silence = silence_alert_as(&app, &caller, &id, order.seconds, &order.comment).await?;
    Ok((StatusCode::CREATED, Json(silence)))
}

/// Silences the check of an alert on its endpoint.
pub(crate) async fn silence_alert_as(
    app: &App,
    caller: &Caller,
    id: &str,
    seconds: u64,
    comment: &str,
) -> Result<Silence, Problem> {
    let alert = app.alerts.show(id).await?.alert;
    let matchers = Matchers { check: Some(alert.check), endpoint: Some(alert.endpoint.id), tag: None };
    let comment = if comment.is_empty() { "silenced from the alert" } else { comment };
    let until = app.clock.now() + Duration::from_secs(seconds);
    silence_as(app, caller, NewSilence { matchers, until, comment: comment.to_owned() }).await
}

async fn silence_as(app: &App, caller: &Caller, order: NewSilence) -> Result<Silence, Problem> {
    let silence = app.alerts.silence(order, caller.name()).await?;
    let words = format!("{:?} until {}", silence.matchers, silence.until);
    app.access.audit().record(Entry::new(&caller.actor(), "alert.silence", &silence.id).detail(words)).await?;
    Ok(silence)
}

async fn silence(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(order): Body<NewSilence>,
) -> Result<(StatusCode, Json<Silence>), Problem> {
    Ok((StatusCode::CREATED, Json(silence_as(&app, &caller, order).await?)))
}

/// Silences that last.
#[derive(Debug, Serialize)]
struct SilenceList {
    silences: Vec<Silence>,
}

async fn silences(State(app): State<Arc<App>>) -> Result<Json<SilenceList>, Problem> {
    Ok(Json(SilenceList { silences: app.alerts.silences().await? }))
}

async fn end_silence(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.alerts.end_silence(&id, caller.name()).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "alert.end_silence", &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn follow(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    let watched = watch::watch(&app.feed, &headers);
    Ok(watch::stream(watched, vec![Event::default().comment("watching")], |item| std::future::ready(alert_of(item))))
}

fn alert_of(item: Watched) -> Step {
    let entry = match item {
        Watched::Lagged => return Step::Send(Event::default().event("lagged").data("{}")),
        Watched::Entry(entry) => entry,
    };
    match &entry.item {
        FeedItem::Alert(alert) => watch::document("alert", Some(entry.id()), alert).map_or(Step::Skip, Step::Send),
        _ => Step::Skip,
    }
}
