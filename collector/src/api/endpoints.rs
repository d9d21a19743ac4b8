//! Endpoints: lists, one endpoint, what is wrong with it, its history, its end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use firstline_diagnosis::document::{Diagnosis, Endpoint, EndpointList, Finding, SnapshotReading};
use firstline_diagnosis::vocabulary::{Event, Timestamp};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::extract::Search;
use super::problem::Problem;
use super::recordings;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::change::ChangeList;
use crate::fleet::ListQuery;
use crate::history;

/// Adds the routes of endpoints.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/endpoints",
            Roles::LOOK,
            list,
            Told {
                summary: "Endpoints.",
                query: &[
                    ("search", "part of the name, id, a user's name or a tag"),
                    ("state", "online, asleep, silent, offline or revoked"),
                    ("tag", "a tag's name, or name=value"),
                    ("sort", "name, last_seen or severity"),
                    ("after", "what `next` of the page before said"),
                    ("limit", "1 to 500; 50 when absent"),
                ],
                answer: "EndpointList",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/endpoints/{endpoint}",
            Roles::LOOK,
            show,
            Told { summary: "One endpoint, by id or by name.", answer: "Endpoint", ..Told::default() },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/findings",
            Roles::LOOK,
            findings,
            Told { summary: "What holds on it now.", answer: "FindingList", ..Told::default() },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/diagnosis",
            Roles::LOOK,
            diagnosis,
            Told {
                summary: "What is wrong with it, from what the collector knows; a pull knows more.",
                query: &[
                    ("symptom", "what the person complains of"),
                    ("began", "RFC 3339: when it began, as the person says"),
                ],
                answer: "Diagnosis",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/changes",
            Roles::LOOK,
            changes,
            Told {
                summary: "What differs on it between two moments.",
                query: &[
                    ("since", "RFC 3339; two weeks before the other when absent"),
                    ("until", "RFC 3339; now when absent"),
                ],
                answer: "ChangeList",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/readings",
            Roles::LOOK,
            readings,
            Told { summary: "The latest reading of every signal.", answer: "ReadingList", ..Told::default() },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/series",
            Roles::LOOK,
            series,
            Told {
                summary: "A signal's history.",
                query: &[
                    ("signal", "its name; required"),
                    ("from", "RFC 3339; 24 hours ago when absent"),
                    ("to", "RFC 3339; now when absent"),
                ],
                answer: "SeriesList",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/events",
            Roles::LOOK,
            events,
            Told {
                summary: "What happened on it, newest first; at most 200.",
                query: &[("from", "RFC 3339; seven days ago when absent")],
                answer: "EventList",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/endpoints/{endpoint}/recording",
            Roles::OPERATE,
            recordings::record,
            Told {
                summary: "What it told, as a recording that `firstline check replay` reads.",
                query: &[
                    ("from", "RFC 3339; 24 hours ago when absent"),
                    ("to", "RFC 3339; now when absent"),
                    ("all", "true: everything, not only what checks read"),
                ],
                answer: "application/jsonl",
                ..Told::default()
            },
        )
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> Result<Json<EndpointList>, Problem> {
    let words = query.search.clone().unwrap_or_default();
    let list = app.fleet.list(query).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "endpoint.list", "endpoints").detail(words)).await?;
    Ok(Json(list))
}

/// The endpoint by id or name, once it is written down that somebody looks at it.
pub(crate) async fn read(app: &App, caller: &Caller, id_or_name: &str, part: &str) -> Result<Endpoint, Problem> {
    let endpoint = app.fleet.find(id_or_name).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "endpoint.read", &endpoint.id).detail(part)).await?;
    Ok(endpoint)
}

/// Somebody asks about the endpoint that the path names.
struct Asked {
    app: Arc<App>,
    caller: Caller,
    name: String,
}

impl Asked {
    /// The endpoint, once it is written down that this part of it is looked at.
    async fn endpoint(&self, part: &str) -> Result<Endpoint, Problem> {
        read(&self.app, &self.caller, &self.name, part).await
    }
}

impl FromRequestParts<Arc<App>> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let name = Path::from_request_parts(parts, app).await;
        let Path(name) = name.map_err(|wrong| Problem::invalid(wrong.body_text()))?;
        Ok(Self { app: Arc::clone(app), caller, name })
    }
}

async fn show(asked: Asked) -> Result<Json<Endpoint>, Problem> {
    Ok(Json(asked.app.fleet.with_kin(asked.endpoint("").await?).await?))
}

/// What holds on an endpoint.
#[derive(Debug, Serialize)]
struct FindingList {
    findings: Vec<Finding>,
}

async fn findings(asked: Asked) -> Result<Json<FindingList>, Problem> {
    let endpoint = asked.endpoint("findings").await?;
    Ok(Json(FindingList { findings: asked.app.detect.findings(&endpoint.id).await? }))
}

#[derive(Debug, Deserialize)]
struct Symptom {
    symptom: Option<String>,
    began: Option<Timestamp>,
}

async fn diagnosis(asked: Asked, Search(query): Search<Symptom>) -> Result<Json<Diagnosis>, Problem> {
    let endpoint = asked.endpoint("diagnosis").await?;
    Ok(Json(asked.app.changes.diagnose(&endpoint.id, query.symptom.as_deref(), query.began).await?))
}

#[derive(Debug, Deserialize)]
struct Moments {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

async fn changes(asked: Asked, Search(query): Search<Moments>) -> Result<Json<ChangeList>, Problem> {
    let until = query.until.unwrap_or_else(|| asked.app.clock.now());
    if query.since.is_some_and(|since| since >= until) {
        return Err(Problem::invalid("The first moment must be before the second."));
    }
    let endpoint = asked.endpoint("changes").await?;
    Ok(Json(asked.app.changes.between(&endpoint.id, query.since, until).await?))
}

/// The latest reading of every signal.
#[derive(Debug, Serialize)]
struct ReadingList {
    readings: Vec<SnapshotReading>,
}

async fn readings(asked: Asked) -> Result<Json<ReadingList>, Problem> {
    let endpoint = asked.endpoint("readings").await?;
    Ok(Json(ReadingList { readings: asked.app.history.latest(&endpoint.id).await? }))
}

#[derive(Debug, Deserialize)]
struct Stretch {
    signal: String,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// A signal's history, a series for each instance.
#[derive(Debug, Serialize)]
struct SeriesList {
    series: Vec<history::Stretch>,
}

async fn series(asked: Asked, Search(query): Search<Stretch>) -> Result<Json<SeriesList>, Problem> {
    let endpoint = asked.endpoint(&query.signal).await?;
    let to = query.to.unwrap_or_else(|| asked.app.clock.now());
    let from = query.from.unwrap_or(to - std::time::Duration::from_hours(24));
    let series = asked.app.history.series(&endpoint.id, &query.signal, (from, to), asked.app.clock.now()).await?;
    Ok(Json(SeriesList { series }))
}

#[derive(Debug, Deserialize)]
struct Since {
    from: Option<Timestamp>,
}

/// What happened on an endpoint.
#[derive(Debug, Serialize)]
struct EventList {
    events: Vec<Event>,
}

async fn events(asked: Asked, Search(query): Search<Since>) -> Result<Json<EventList>, Problem> {
    let endpoint = asked.endpoint("events").await?;
    let from = query.from.unwrap_or_else(|| asked.app.clock.now() - std::time::Duration::from_hours(7 * 24));
    Ok(Json(EventList { events: asked.app.history.happened(&endpoint.id, from).await?.events }))
}
