//! Other desks, and what goes out to them.

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
use crate::desk::{Delivery, DeliveryList, DeliveryState, DeskList, DeskWords, OutputList, Trial, TrialOrder};
use crate::ticket::Ticket;

/// Deliveries of an answer when nobody says how many.
const USUAL: i64 = 100;

/// Adds the routes of desks and of the outbox.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/desks",
            Roles::LOOK,
            list,
            Told { summary: "The desks of the configuration, and how they stand.", answer: "DeskList", ..Told::default() },
        )
        .get(
            "/api/v1/desks/{desk}/words",
            Roles::ADMINISTER,
            words,
            Told {
                summary: "What the configuration calls queues, states, priorities and categories of a desk, and what the desk \
                          itself calls them now.",
                answer: "DeskWords",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/desks/{desk}/tickets/{number}",
            Roles::WORK,
            bring,
            Told {
                summary: "The page here of a ticket at another desk, found by the number that people type there; made when \
                          there is none.",
                answer: "Ticket",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/desks/{desk}/test",
            Roles::ADMINISTER,
            try_out,
            Told {
                summary: "Try out a desk on a test ticket: verify, maps, open (when none is named), find, note, attach, resolve.",
                body: "TrialOrder",
                answer: "DeskTrial",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/outputs",
            Roles::LOOK,
            outputs,
            Told {
                summary: "The outputs of the configuration, which tell programs of alerts and diagnoses, and how they stand.",
                answer: "OutputList",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/outputs/{output}/test",
            Roles::ADMINISTER,
            try_out_output,
            Told { summary: "Send a test event to an output.", answer: "DeskTrial", ..Told::default() },
        )
        .get(
            "/api/v1/outbox",
            Roles::LOOK,
            deliveries,
            Told {
                summary: "What goes out to other desks and to outputs, newest first.",
                query: &[
                    ("state", "waiting, sending, done, failed or dropped"),
                    ("ticket", "only of this ticket, FL-1042"),
                    ("limit", "1 to 500; 100 when absent"),
                ],
                answer: "DeliveryList",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/outbox/{id}/retry",
            Roles::WORK,
            retry,
            Told { summary: "Have a delivery tried again now.", answer: "Delivery", ..Told::default() },
        )
        .post(
            "/api/v1/outbox/{id}/drop",
            Roles::WORK,
            drop_one,
            Told { summary: "Give up a delivery.", answer: "Delivery", ..Told::default() },
        )
}

async fn list(State(app): State<Arc<App>>) -> Result<Json<DeskList>, Problem> {
    Ok(Json(DeskList { desks: app.outbox.standing().await? }))
}

async fn words(State(app): State<Arc<App>>, Path(desk): Path<String>) -> Result<Json<DeskWords>, Problem> {
    Ok(Json(app.outbox.words(&desk).await?))
}

async fn bring(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((desk, number)): Path<(String, String)>,
) -> Result<Json<Ticket>, Problem> {
    Ok(Json(bring_as(&app, &caller, &desk, &number).await?))
}

/// Makes the page of another desk's ticket, and writes down who did.
pub(crate) async fn bring_as(app: &App, caller: &Caller, desk: &str, number: &str) -> Result<Ticket, Problem> {
    let ticket = app.outbox.bring(desk, number, caller.name()).await?;
    let entry = Entry::new(&caller.actor(), "ticket.bring", &ticket.number).ticket(&ticket.number);
    app.access.audit().record(entry.detail(format!("{desk} {number}"))).await?;
    Ok(ticket)
}

async fn try_out(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(desk): Path<String>,
    Body(order): Body<TrialOrder>,
) -> Result<Json<Trial>, Problem> {
    Ok(Json(try_out_as(&app, &caller, &desk, &order).await?))
}

/// Tries out a desk, and writes down who did.
pub(crate) async fn try_out_as(app: &App, caller: &Caller, desk: &str, order: &TrialOrder) -> Result<Trial, Problem> {
    app.access.audit().record(Entry::new(&caller.actor(), "desk.test", desk)).await?;
    Ok(app.outbox.try_out(desk, order).await?)
}

async fn outputs(State(app): State<Arc<App>>) -> Result<Json<OutputList>, Problem> {
    Ok(Json(OutputList { outputs: app.outbox.outputs().await? }))
}

async fn try_out_output(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(output): Path<String>,
) -> Result<Json<Trial>, Problem> {
    app.access.audit().record(Entry::new(&caller.actor(), "output.test", &output)).await?;
    Ok(Json(app.outbox.try_out_output(&output).await?))
}

/// Which deliveries.
#[derive(Debug, Deserialize)]
struct Which {
    state: Option<DeliveryState>,
    ticket: Option<String>,
    limit: Option<i64>,
}

async fn deliveries(State(app): State<Arc<App>>, Search(which): Search<Which>) -> Result<Json<DeliveryList>, Problem> {
    let limit = which.limit.unwrap_or(USUAL);
    let deliveries = app.outbox.list(which.state, which.ticket.as_deref(), limit).await?;
    Ok(Json(DeliveryList { deliveries }))
}

async fn retry(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Json<Delivery>, Problem> {
    Ok(Json(retry_as(&app, &caller, &id).await?))
}

/// Has a delivery tried again, and writes down who did.
pub(crate) async fn retry_as(app: &App, caller: &Caller, id: &str) -> Result<Delivery, Problem> {
    let delivery = app.outbox.retry(id).await?;
    let entry = Entry::new(&caller.actor(), "outbox.retry", &delivery.id).ticket(&delivery.ticket);
    app.access.audit().record(entry.detail(&delivery.desk)).await?;
    Ok(delivery)
}

async fn drop_one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Delivery>, Problem> {
    Ok(Json(drop_as(&app, &caller, &id).await?))
}

/// Gives up a delivery, and writes down who did.
pub(crate) async fn drop_as(app: &App, caller: &Caller, id: &str) -> Result<Delivery, Problem> {
    let delivery = app.outbox.drop(id).await?;
    let entry = Entry::new(&caller.actor(), "outbox.drop", &delivery.id).ticket(&delivery.ticket);
    app.access.audit().record(entry.detail(&delivery.desk)).await?;
    Ok(delivery)
}
