//! Other desks and outputs: how they stand, what goes out to them, and a ticket of theirs to be fetched.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::ticket::back;
use crate::access::Roles;
use crate::access::gate::Caller;
use crate::api::desks::{bring_as, drop_as, retry_as};
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::desk::{Delivery, DeliveryState, DeskView, OutputView, Traffic};

/// Deliveries that are shown.
const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "desks.html")]
struct DesksPage {
    chrome: Chrome,
    works: bool,
    /// Whether the reader sets desks up.
    administers: bool,
    desks: Vec<DeskLine>,
    outputs: Vec<OutputLine>,
    deliveries: Vec<DeliveryLine>,
}

struct DeskLine {
    view: DeskView,
    looked: Option<When>,
    paused: Option<When>,
}

struct OutputLine {
    view: OutputView,
    told: Option<When>,
    paused: Option<When>,
}

/// A delivery in one line.
pub(super) struct DeliveryLine {
    pub(super) delivery: Delivery,
    pub(super) made: When,
    pub(super) next: Option<When>,
    /// Whether a person can decide about it.
    pub(super) open: bool,
}

/// `GET /desks`.
pub(super) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Fault> {
    let now = app.clock.now();
    let times = |traffic: &Traffic| {
        let paused = traffic.paused_until.filter(|until| *until > now);
        (traffic.looked_at.map(|at| When::new(at, now)), paused.map(|until| When::new(until, now)))
    };
    let desk = |view: DeskView| {
        let (looked, paused) = times(&view.traffic);
        DeskLine { view, looked, paused }
    };
    let output = |view: OutputView| {
        let (told, paused) = times(&view.traffic);
        OutputLine { view, told, paused }
    };
    let desks = app.outbox.standing().await?.into_iter().map(desk).collect();
    let outputs = app.outbox.outputs().await?.into_iter().map(output).collect();
    let deliveries = lines(&app, None).await?;
    let chrome = Chrome::new("Desks and outputs", "tickets", &caller);
    let (works, administers) = (caller.may(Roles::WORK), caller.may(Roles::ADMINISTER));
    page(&DesksPage { chrome, works, administers, desks, outputs, deliveries })
}

/// Deliveries, those that people must see to first.
pub(super) async fn lines(app: &App, ticket: Option<&str>) -> Result<Vec<DeliveryLine>, Problem> {
    let now = app.clock.now();
    let mut deliveries = app.outbox.list(None, ticket, SHOWN).await?;
    deliveries.sort_by_key(|one| match one.state {
        DeliveryState::Failed => 0,
        DeliveryState::Waiting | DeliveryState::Sending => 1,
        DeliveryState::Done | DeliveryState::Dropped => 2,
    });
    let line = |delivery: Delivery| DeliveryLine {
        made: When::new(delivery.made_at, now),
        next: delivery.next_at.map(|at| When::new(at, now)),
        open: matches!(delivery.state, DeliveryState::Waiting | DeliveryState::Failed),
        delivery,
    };
    Ok(deliveries.into_iter().map(line).collect())
}

#[derive(Deserialize)]
pub(super) struct FetchForm {
    desk: String,
    number: String,
}

/// `POST /desks`: the page of a ticket at another desk.
pub(super) async fn fetch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Posted(form): Posted<FetchForm>,
) -> Result<Response, Fault> {
    let ticket = bring_as(&app, &caller, form.desk.trim(), form.number.trim()).await?;
    Ok(back(&ticket.number, "main"))
}

/// `POST /outbox/{id}/retry`.
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    retry_as(&app, &caller, &id).await?;
    Ok(Redirect::to("/desks").into_response())
}

/// `POST /outbox/{id}/drop`.
pub(super) async fn give_up(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    drop_as(&app, &caller, &id).await?;
    Ok(Redirect::to("/desks").into_response())
}
