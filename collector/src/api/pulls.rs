//! Pulls: order, follow, read, give up.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};

use super::extract::Body;
use super::problem::Problem;
use super::watch::{self, Step};
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::feed::{FeedItem, Watched};
use crate::pull::{Pull, PullOrder, PullResult};

/// Adds the routes of pulls.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .post(
            "/api/v1/pulls",
            Roles::WORK,
            start,
            Told {
                summary: "Pull a fresh snapshot from an endpoint, onto a ticket if one is named.",
                body: "PullOrder",
                answer: "Pull",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/pulls/{id}",
            Roles::LOOK,
            show,
            Told { summary: "Where a pull stands.", answer: "Pull", ..Told::default() },
        )
        .get(
            "/api/v1/pulls/{id}/result",
            Roles::LOOK,
            result,
            Told { summary: "What a pull brought.", answer: "PullResult", ..Told::default() },
        )
        .get(
            "/api/v1/pulls/{id}/watch",
            Roles::LOOK,
            follow,
            Told {
                summary: "A pull as it goes: server-sent events named `pull`, first where it stands, last its end.",
                answer: "text/event-stream",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/pulls/{id}/cancel",
            Roles::WORK,
            cancel,
            Told { summary: "Give up a pull.", answer: "Pull", ..Told::default() },
        )
}

async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(mut order): Body<PullOrder>,
) -> Result<(StatusCode, Json<Pull>), Problem> {
    order.endpoint = app.fleet.find(&order.endpoint).await?.id;
    caller.name().clone_into(&mut order.requested_by);
    Ok((StatusCode::CREATED, Json(start_as(&app, &caller, order).await?)))
}

/// Orders a pull, and writes down who did, before the endpoint is asked.
pub(crate) async fn start_as(app: &App, caller: &Caller, order: PullOrder) -> Result<Pull, Problem> {
    let ticket = order.ticket.clone().unwrap_or_default();
    app.access.audit().record(Entry::new(&caller.actor(), "pull.start", &order.endpoint).ticket(ticket)).await?;
    Ok(app.pulls.start(order).await?)
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Pull>, Problem> {
    Ok(Json(app.pulls.show(&id).await?))
}

async fn result(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PullResult>, Problem> {
    let pull = app.pulls.show(&id).await?;
    let entry = Entry::new(&caller.actor(), "endpoint.read", &pull.endpoint.id).detail(format!("pull {id}"));
    app.access.audit().record(entry.ticket(pull.ticket.unwrap_or_default())).await?;
    let not_yet = || Problem::conflict(format!("The pull is {}; there is no snapshot yet.", pull.state.name()));
    app.pulls.result(&id).await?.map(Json).ok_or_else(not_yet)
}

async fn cancel(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Json<Pull>, Problem> {
    Ok(Json(cancel_as(&app, &caller, &id).await?))
}

/// Gives up a pull, and writes down who did.
pub(crate) async fn cancel_as(app: &App, caller: &Caller, id: &str) -> Result<Pull, Problem> {
    let pull = app.pulls.cancel(id, caller.name()).await?;
    let entry = Entry::new(&caller.actor(), "pull.cancel", id).ticket(pull.ticket.clone().unwrap_or_default());
    app.access.audit().record(entry).await?;
    Ok(pull)
}

async fn follow(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let watched = watch::watch(&app.feed, &headers);
    let now = app.pulls.show(&id).await?;
    let first = vec![watch::document("pull", None, &now)?];
    Ok(watch::stream(watched, first, move |item| {
        let (app, id) = (Arc::clone(&app), id.clone());
        async move {
            match newer(&app, &id, item).await {
                Some(pull) => match watch::document("pull", None, &pull) {
                    Ok(event) if pull.state.is_final() => Step::Last(event),
                    Ok(event) => Step::Send(event),
                    Err(_) => Step::Skip,
                },
                None => Step::Skip,
            }
        }
    }))
}

/// The pull `id`, if the item tells of it, or may have.
pub(crate) async fn newer(app: &App, id: &str, item: Watched) -> Option<Pull> {
    match item {
        Watched::Lagged => app.pulls.show(id).await.ok(),
        Watched::Entry(entry) => match &entry.item {
            FeedItem::Pull(pull) if pull.id == id => Some((**pull).clone()),
            _ => None,
        },
    }
}
