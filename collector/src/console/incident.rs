//! Incidents: the list, one with its endpoints, and the lines above the alert feed.
//!
//! A page answers in this order: what is wrong and on how many, what these have in common, since when and whether it goes on,
//! what to do about the cause, and who is affected.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use firstline_diagnosis::document::{Endpoint, Escalation};
use firstline_diagnosis::vocabulary::{Impact, Timestamp};
use serde::Deserialize;

use super::alerts::{Tab, tabs};
use super::chrome::{Chrome, When, page};
use super::finding::Step;
use super::units::quantity;
use crate::access::Roles;
use crate::access::gate::Caller;
use crate::api::extract::Posted;
use crate::api::incidents::{decide, read};
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::incident::{Incident, IncidentEndpoint, IncidentKind, IncidentQuery, IncidentState};

/// Endpoints that a line names.
const NAMED: usize = 6;
/// Incidents of the list.
const LISTED: u32 = 200;

#[derive(Template)]
#[template(path = "incidents.html")]
struct IncidentsPage {
    chrome: Chrome,
    tabs: Vec<Tab>,
    open: Vec<IncidentView>,
    over: Vec<IncidentView>,
    listed: u32,
    /// Whether there are older ones.
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    chrome: Chrome,
    incident: IncidentView,
    user: String,
    numbers: String,
    shared: Vec<String>,
    /// The system whose steps these are; empty when they are no system's.
    system: String,
    steps: Vec<Step>,
    escalation: Escalation,
    endpoints: Vec<MemberView>,
    /// How many are told of in the list only.
    unlisted: usize,
    /// How sure it is, when a person is asked to confirm it; empty when nobody is.
    asks: String,
    /// What a person said of it.
    said: String,
    ticket: Option<String>,
    tickets: Vec<String>,
    /// Whether this person may confirm or dismiss it.
    decides: bool,
}

/// What the form of a verdict sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Verdict {
    /// `confirm`; anything else dismisses.
    verdict: String,
    note: String,
}

/// `POST /incidents/{id}/verdict`.
pub(super) async fn verdict(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(form): Posted<Verdict>,
) -> Result<Response, Fault> {
    decide(&app, &caller, &id, form.verdict == "confirm", &form.note).await?;
    Ok(Redirect::to(&format!("/incidents/{id}")).into_response())
}

/// An endpoint of an incident.
struct MemberView {
    id: String,
    name: String,
    telling: String,
    state: &'static str,
    users: String,
    tags: String,
    joined: When,
    is_affected: bool,
    /// What is looked through when somebody looks for an endpoint: lower case.
    text: String,
}

/// An incident in one line.
pub(super) struct IncidentView {
    pub(super) id: String,
    pub(super) severity: &'static str,
    pub(super) title: String,
    pub(super) words: String,
    pub(super) impact: &'static str,
    pub(super) priority: String,
    /// Likely, not certain: a person is asked to confirm it.
    pub(super) asks: bool,
    pub(super) kind: &'static str,
    pub(super) since: When,
    pub(super) calm: Option<When>,
    pub(super) closed: Option<When>,
    pub(super) affected: usize,
    pub(super) all: usize,
    /// A few of its endpoints: id and name.
    pub(super) some: Vec<(String, String)>,
    /// How many more there are.
    pub(super) more: usize,
}

impl IncidentView {
    fn new(incident: &Incident, now: Timestamp) -> Self {
        let affected = incident.endpoints.iter().filter(|endpoint| endpoint.is_affected).count();
        let some = incident.endpoints.iter().take(NAMED).map(|one| (one.id.clone(), one.name.clone())).collect();
        Self {
            id: incident.id.clone(),
            severity: incident.severity.name(),
            title: incident.title.clone(),
            words: incident.words.clone(),
            impact: hit(incident.impact),
            priority: format!("{:?}", incident.priority),
            asks: incident.asks,
            kind: incident.kind.words(),
            since: When::new(incident.onset, now),
            calm: incident.calm_since.filter(|_| incident.state == IncidentState::Open).map(|at| When::new(at, now)),
            closed: incident.closed_at.map(|at| When::new(at, now)),
            affected,
            all: incident.endpoints.len(),
            some,
            more: incident.endpoints.len().saturating_sub(NAMED),
        }
    }
}

/// Who is hit, in words.
fn hit(impact: Impact) -> &'static str {
    match impact {
        Impact::I1 => "a site or many people",
        Impact::I2 => "a team",
        Impact::I3 => "single people",
    }
}

/// What a person said of it.
fn said(incident: &Incident) -> String {
    let Some(said) = &incident.confirmation else { return String::new() };
    let what = if said.confirmed { "Confirmed" } else { "Dismissed" };
    format!("{what} by {} at {}. {}", said.by, said.at, said.note)
}

/// The incidents that are not over.
pub(super) async fn open(app: &App) -> Result<Vec<IncidentView>, Problem> {
    let now = app.clock.now();
    let list = app.incidents.list(&IncidentQuery { open: true, limit: None }).await?;
    Ok(list.incidents.iter().map(|incident| IncidentView::new(incident, now)).collect())
}

/// `GET /incidents`: those that go on, and those that are over.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Fault> {
    let now = app.clock.now();
    let list = app.incidents.list(&IncidentQuery { open: false, limit: Some(LISTED) }).await?;
    let (open, over): (Vec<_>, Vec<_>) =
        list.incidents.iter().partition(|incident| incident.state == IncidentState::Open);
    let views = |some: Vec<&Incident>| some.into_iter().map(|one| IncidentView::new(one, now)).collect();
    page(&IncidentsPage {
        chrome: Chrome::new("Incidents", "alerts", &caller).refreshed(30),
        tabs: tabs("incidents"),
        open: views(open),
        over: views(over),
        listed: LISTED,
        is_cut: list.incidents.len() >= LISTED as usize,
    })
}

/// `GET /incidents/{id}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let incident = read(&app, &caller, &id).await?;
    let now = app.clock.now();
    let there = app.fleet.of_incident(&incident.id).await?;
    let (system, steps, escalation) = what_to_do(&app, &incident, &there);
    let there: BTreeMap<&str, &Endpoint> = there.iter().map(|endpoint| (endpoint.id.as_str(), endpoint)).collect();
    let member = |one: &IncidentEndpoint| MemberView::new(one, there.get(one.id.as_str()).copied(), now);
    let endpoints: Vec<MemberView> = incident.endpoints.iter().map(member).collect();
    page(&IncidentPage {
        chrome: Chrome::new(incident.title.clone(), "alerts", &caller).refreshed(30),
        user: incident.user.clone(),
        numbers: numbers(&incident),
        shared: incident.shared.iter().map(|one| one.words.clone()).collect(),
        system,
        steps,
        escalation,
        unlisted: incident.numbers.affected.saturating_sub(endpoints.len()),
        endpoints,
        asks: if incident.asks { format!("{:.0} %", incident.confidence * 100.0) } else { String::new() },
        said: said(&incident),
        ticket: incident.ticket.clone(),
        tickets: incident.tickets.clone(),
        decides: caller.may(Roles::OPERATE) && incident.state == IncidentState::Open && incident.confirmation.is_none(),
        incident: IncidentView::new(&incident, now),
    })
}

/// Steps of the check for the system that most of them have, and whom to hand it over to.
fn what_to_do(app: &App, incident: &Incident, endpoints: &[Endpoint]) -> (String, Vec<Step>, Escalation) {
    let catalogue = app.detect.catalogues().current();
    let Some(check) = catalogue.check(&incident.check) else {
        let (steps, escalation) = crate::incident::own_steps(incident.kind);
        return (String::new(), steps.iter().map(|step| Step::new(step)).collect(), escalation);
    };
    let mut systems: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for endpoint in endpoints {
        systems.entry(&endpoint.os.os_type).or_insert((0, &endpoint.os.name)).0 += 1;
    }
    let most = systems.iter().max_by_key(|(_, (count, _))| *count);
    let (os, name) = most.map_or(("", ""), |(os, (_, name))| (*os, *name));
    let steps = check.runbook(os).iter().map(|step| Step::new(step)).collect();
    (if systems.len() > 1 { name.to_owned() } else { String::new() }, steps, check.escalation.clone())
}

fn numbers(incident: &Incident) -> String {
    let told = &incident.numbers;
    let share = |part: usize, of: usize| quantity(part as f64 / of.max(1) as f64, "1");
    let elsewhere = (told.all_affected.saturating_sub(told.affected), told.all.saturating_sub(told.sharing));
    match incident.kind {
        IncidentKind::RateBurst => {
            format!("{} of {} endpoints are affected ({}).", told.affected, told.all, share(told.affected, told.all))
        }
        _ => format!(
            "Of {} endpoints that share it, {} are affected ({}); of {} others, {} ({}).",
            told.sharing,
            told.affected,
            share(told.affected, told.sharing),
            elsewhere.1,
            elsewhere.0,
            share(elsewhere.0, elsewhere.1),
        ),
    }
}

impl MemberView {
    fn new(one: &IncidentEndpoint, endpoint: Option<&Endpoint>, now: Timestamp) -> Self {
        let tag = |(name, value): (&String, &String)| format!("{name}={value}");
        let users = endpoint.map(|endpoint| endpoint.users.join(", ")).unwrap_or_default();
        let tags = endpoint.map(|endpoint| endpoint.tags.iter().map(tag).collect::<Vec<_>>().join(" "));
        let tags = tags.unwrap_or_default();
        Self {
            text: format!("{} {} {users} {tags}", one.name, one.id).to_lowercase(),
            id: one.id.clone(),
            telling: endpoint.and_then(|endpoint| endpoint.short_id.clone()).unwrap_or_default(),
            name: one.name.clone(),
            state: endpoint.map_or("", |endpoint| endpoint.state.name()),
            users,
            tags,
            joined: When::new(one.joined_at, now),
            is_affected: one.is_affected,
        }
    }
}
