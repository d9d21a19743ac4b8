//! One incident with its endpoints, and the lines above the alert feed.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use firstline_diagnosis::vocabulary::Timestamp;

use super::chrome::{Chrome, When, page};
use super::units::quantity;
use crate::access::gate::Caller;
use crate::api::incidents::read;
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::incident::{Incident, IncidentQuery, IncidentState};

/// Endpoints that a line names.
const NAMED: usize = 6;

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    chrome: Chrome,
    incident: IncidentView,
    user: String,
    numbers: String,
    endpoints: Vec<MemberView>,
}

/// An endpoint of an incident.
struct MemberView {
    id: String,
    name: String,
    joined: When,
    is_affected: bool,
}

/// An incident in one line.
pub(super) struct IncidentView {
    pub(super) id: String,
    pub(super) severity: &'static str,
    pub(super) title: String,
    pub(super) words: String,
    pub(super) impact: String,
    pub(super) priority: String,
    pub(super) kind: &'static str,
    pub(super) since: When,
    pub(super) calm: Option<When>,
    pub(super) closed: Option<When>,
    pub(super) affected: usize,
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
            impact: format!("{:?}", incident.impact),
            priority: format!("{:?}", incident.priority),
            kind: incident.kind.words(),
            since: When::new(incident.onset, now),
            calm: incident.calm_since.filter(|_| incident.state == IncidentState::Open).map(|at| When::new(at, now)),
            closed: incident.closed_at.map(|at| When::new(at, now)),
            affected,
            some,
            more: incident.endpoints.len().saturating_sub(NAMED),
        }
    }
}

/// The incidents that are not over.
pub(super) async fn open(app: &App) -> Result<Vec<IncidentView>, Problem> {
    let now = app.clock.now();
    let list = app.incidents.list(&IncidentQuery { open: true, limit: None }).await?;
    Ok(list.incidents.iter().map(|incident| IncidentView::new(incident, now)).collect())
}

/// `GET /incidents/{id}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let incident = read(&app, &caller, &id).await?;
    let now = app.clock.now();
    let member = |one: &crate::incident::IncidentEndpoint| MemberView {
        id: one.id.clone(),
        name: one.name.clone(),
        joined: When::new(one.joined_at, now),
        is_affected: one.is_affected,
    };
    let told = &incident.numbers;
    let share = |part: usize, of: usize| quantity(part as f64 / of.max(1) as f64, "1");
    let numbers = format!(
        "{} of {} that share it are affected ({}), and {} elsewhere.",
        told.affected,
        told.sharing,
        share(told.affected, told.sharing),
        share(told.all_affected.saturating_sub(told.affected), told.all.saturating_sub(told.sharing)),
    );
    page(&IncidentPage {
        chrome: Chrome::new(incident.title.clone(), "alerts", &caller).refreshed(30),
        user: incident.user.clone(),
        numbers,
        endpoints: incident.endpoints.iter().map(member).collect(),
        incident: IncidentView::new(&incident, now),
    })
}
