//! Incidents: one cause seen on many endpoints.

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
use crate::incident::{Incident, IncidentList, IncidentQuery, WeakPartList};

/// Adds the routes of incidents.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/incidents",
            Roles::LOOK,
            list,
            Told {
                summary: "Incidents, what was opened last first.",
                query: &[("open", "true: only those that are not over"), ("limit", "1 to 200; 50 when absent")],
                answer: "IncidentList",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/incidents/parts",
            Roles::LOOK,
            parts,
            Told {
                summary: "Parts of one make that fail more than others, now.",
                answer: "WeakPartList",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/incidents/{id}",
            Roles::LOOK,
            show,
            Told { summary: "One incident with its endpoints and tickets.", answer: "Incident", ..Told::default() },
        )
        .post(
            "/api/v1/incidents/{id}/confirm",
            Roles::OPERATE,
            confirm,
            Told { summary: "Say that an incident is one.", body: "AlertNote", answer: "Incident", ..Told::default() },
        )
        .post(
            "/api/v1/incidents/{id}/dismiss",
            Roles::OPERATE,
            dismiss,
            Told { summary: "Say that an incident is none.", body: "AlertNote", answer: "Incident", ..Told::default() },
        )
}

async fn parts(State(app): State<Arc<App>>) -> Result<Json<WeakPartList>, Problem> {
    Ok(Json(app.incidents.weak_parts().await?))
}

/// A word with a verdict.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Words {
    note: String,
}

async fn confirm(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(words): Body<Words>,
) -> Result<Json<Incident>, Problem> {
    Ok(Json(decide(&app, &caller, &id, true, &words.note).await?))
}

async fn dismiss(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(words): Body<Words>,
) -> Result<Json<Incident>, Problem> {
    Ok(Json(decide(&app, &caller, &id, false, &words.note).await?))
}

/// Confirms or dismisses an incident, and writes down who did.
pub(crate) async fn decide(
    app: &App,
    caller: &Caller,
    id: &str,
    is_one: bool,
    note: &str,
) -> Result<Incident, Problem> {
    let (decided, what) = if is_one {
        (app.incidents.confirm(id, caller.name(), note).await?, "incident.confirm")
    } else {
        (app.incidents.dismiss(id, caller.name(), note).await?, "incident.dismiss")
    };
    app.access.audit().record(Entry::new(&caller.actor(), what, id).detail(note)).await?;
    Ok(decided)
}

async fn list(
    State(app): State<Arc<App>>,
    Search(query): Search<IncidentQuery>,
) -> Result<Json<IncidentList>, Problem> {
    Ok(Json(app.incidents.list(&query).await?))
}

/// The incident, once it is written down that somebody looks at its endpoints.
pub(crate) async fn read(app: &App, caller: &Caller, id: &str) -> Result<Incident, Problem> {
    let incident = app.incidents.show(id).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "incident.read", &incident.id)).await?;
    Ok(incident)
}

async fn show(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Json<Incident>, Problem> {
    Ok(Json(read(&app, &caller, &id).await?))
}
