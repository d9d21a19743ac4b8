//! The end of endpoints: revoked, merged into what the machine is now, or taken out of service.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use firstline_diagnosis::document::Endpoint;
use serde::{Deserialize, Serialize};

use super::extract::Body;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::fleet::Duplicate;

/// Adds the routes.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/duplicates",
            Roles::LOOK,
            duplicates,
            Told {
                summary: "Machines that were enrolled again and are two endpoints, with what is alike.",
                answer: "DuplicateList",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/endpoints/{endpoint}/revoke",
            Roles::ADMINISTER,
            revoke,
            Told {
                summary: "Revoke its certificate and end its stream. It must be enrolled again to come back.",
                answer: "Endpoint",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/endpoints/{endpoint}/merge",
            Roles::ADMINISTER,
            merge,
            Told {
                summary: "Make an earlier endpoint of the same machine a part of this one's past. It cannot be undone.",
                body: "Merge",
                answer: "Endpoint",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/endpoints/{endpoint}/decommission",
            Roles::ADMINISTER,
            decommission,
            Told {
                summary: "Take it out of service: revoked, and listed with the revoked only.",
                body: "Decommission",
                answer: "Endpoint",
                ..Told::default()
            },
        )
}

/// Machines that were enrolled again.
#[derive(Debug, Serialize)]
struct DuplicateList {
    duplicates: Vec<Duplicate>,
    /// Endpoints whose firmware tells nothing, so that they cannot be compared.
    incomparable: i64,
    /// Endpoints in all.
    endpoints: i64,
}

async fn duplicates(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<DuplicateList>, Problem> {
    let duplicates = app.fleet.duplicates().await?;
    app.access.audit().record(Entry::new(&caller.actor(), "endpoint.list", "duplicates")).await?;
    let (incomparable, endpoints) = app.fleet.incomparable().await?;
    Ok(Json(DuplicateList { duplicates, incomparable, endpoints }))
}

async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Endpoint>, Problem> {
    let endpoint = app.fleet.revoke(&name, caller.name()).await?;
    ended(&app, &caller, ("endpoint.revoke", &endpoint.id), &endpoint.name).await?;
    Ok(Json(endpoint))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    earlier: String,
}

async fn merge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(order): Body<Merge>,
) -> Result<Json<Endpoint>, Problem> {
    Ok(Json(merge_as(&app, &caller, &order.earlier, &name).await?))
}

/// Merges `earlier` into `later`, and writes down who did.
pub(crate) async fn merge_as(app: &App, caller: &Caller, earlier: &str, later: &str) -> Result<Endpoint, Problem> {
    let gone = app.fleet.find(earlier).await?;
    let endpoint = app.fleet.merge(&gone.id, later, caller.name()).await?;
    let words = format!("{} is a part of {}", gone.name, endpoint.id);
    ended(app, caller, ("endpoint.merge", &gone.id), &words).await?;
    Ok(endpoint)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Decommission {
    forget: bool,
}

async fn decommission(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(order): Body<Decommission>,
) -> Result<Json<Endpoint>, Problem> {
    Ok(Json(decommission_as(&app, &caller, &name, order.forget).await?))
}

/// Takes an endpoint out of service, and writes down who did.
pub(crate) async fn decommission_as(app: &App, caller: &Caller, name: &str, forget: bool) -> Result<Endpoint, Problem> {
    let endpoint = app.fleet.decommission(name, forget, caller.name()).await?;
    let words = if forget { format!("{}, its records forgotten", endpoint.name) } else { endpoint.name.clone() };
    ended(app, caller, ("endpoint.decommission", &endpoint.id), &words).await?;
    Ok(endpoint)
}

/// Ends what is told of an endpoint that is no more, and writes down who ended it.
async fn ended(app: &App, caller: &Caller, (action, id): (&'static str, &str), words: &str) -> Result<(), Problem> {
    app.detect.end(id).await.map_err(|error| Problem::failed(&error))?;
    app.access.audit().record(Entry::new(&caller.actor(), action, id).detail(words)).await?;
    Ok(())
}
