use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::incident::{self, IncidentView};
use super::names::Names;
use crate::access::Roles;
use crate::access::gate::Caller;
use crate::alert::{Alert, AlertList, AlertQuery, AlertState, HeldBackQuery};
use crate::api::alerts as acts;
use crate::api::extract::{Posted, Search};
use crate::api::problem::{Fault, Problem};
use crate::api::watch::{self, Step};
use crate::app::App;
use crate::feed::{FeedItem, Watched};
use firstline_diagnosis::vocabulary::Timestamp;

/// Alerts on one page.
const SHOWN: u32 = 200;
/// How long a row that just changed is pointed out.
const FRESH_SECONDS: f64 = 10.0;

/// For how long an alert can be silenced from the feed, in seconds and in words.
const SILENCES: [(u64, &str); 4] = [(3600, "1 h"), (4 * 3600, "4 h"), (24 * 3600, "1 day"), (7 * 24 * 3600, "7 days")];

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    chrome: Chrome,
    tabs: Vec<Tab>,
    view: String,
    summary: String,
    empty: &'static str,
    budget: String,
    incidents: Vec<IncidentView>,
    alerts: Vec<AlertView>,
    held: Vec<HeldView>,
    operates: bool,
}

#[derive(Template)]
#[template(path = "alerts_feed.html")]
struct Feed {
    view: String,
    summary: String,
    empty: &'static str,
    /// How much of today's quota is spent, and what was rolled up.
    budget: String,
    /// Those that no alert tells of, above the alerts.
    incidents: Vec<IncidentView>,
    alerts: Vec<AlertView>,
    /// Findings of which nobody was told.
    held: Vec<HeldView>,
    operates: bool,
}

/// A finding of which nobody was told.
struct HeldView {
    severity: &'static str,
    title: String,
    instance: String,
    endpoint: String,
    telling: String,
    link: String,
    why: String,
    since: When,
}

/// A view of what people are told.
pub(super) struct Tab {
    pub(super) word: &'static str,
    pub(super) address: &'static str,
    pub(super) current: bool,
}

/// The views of alerts, and the incidents, `current` marked.
pub(super) fn tabs(current: &str) -> Vec<Tab> {
    let all = [
        ("open", "Open", "/alerts?view=open"),
        ("held", "Held back", "/alerts?view=held"),
        ("resolved", "Resolved", "/alerts?view=resolved"),
        ("all", "All", "/alerts?view=all"),
        ("incidents", "Incidents", "/incidents"),
    ];
    all.into_iter().map(|(name, word, address)| Tab { word, address, current: name == current }).collect()
}

struct AlertView {
    id: String,
    severity: &'static str,
    state: &'static str,
    title: String,
    instance: String,
    summary: String,
    endpoint: String,
    telling: String,
    /// Where the link leads: its endpoint, or its incident.
    link: String,
    since: When,
    resolved: Option<When>,
    until: Option<When>,
    by: String,
    note: String,
    /// Why it is quiet though nobody silenced it; empty when it is not.
    quiet: String,
    times: u32,
    open: bool,
    fresh: bool,
    /// What it is the alert of; absent when it is an endpoint's own.
    incident: Option<IncidentView>,
    /// The newest ticket of the same trouble; empty without one.
    ticket: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct View {
    #[serde(default)]
    view: String,
}

/// What the form of a silence sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quiet {
    view: String,
    seconds: Option<u64>,
}

/// `GET /alerts`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(query): Search<View>,
) -> Result<Response, Fault> {
    let feed = feed(&app, &caller, &query.view).await?;
    let tabs = tabs(&feed.view);
    let Feed { view, summary, empty, budget, incidents, alerts, held, operates } = feed;
    let chrome = Chrome::new("Alerts", "alerts", &caller).refreshed(30);
    page(&AlertsPage { chrome, tabs, view, summary, empty, budget, incidents, alerts, held, operates })
}

/// `GET /live/alerts`: the feed anew whenever an alert changes.
pub(super) async fn live(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(query): Search<View>,
) -> Result<impl IntoResponse, Problem> {
    let watched = app.feed.subscribe();
    let first = vec![event(&app, &caller, &query.view).await?];
    Ok(watch::stream(watched, first, move |item| {
        let (app, caller, view) = (Arc::clone(&app), caller.clone(), query.view.clone());
        async move {
            if let Watched::Entry(entry) = &item
                && !matches!(entry.item, FeedItem::Alert(_) | FeedItem::Incident { .. })
            {
                return Step::Skip;
            }
            event(&app, &caller, &view).await.map_or(Step::Skip, Step::Send)
        }
    }))
}

async fn event(app: &App, caller: &Caller, view: &str) -> Result<Event, Problem> {
    let text = feed(app, caller, view).await?.render().map_err(|error| Problem::failed(&error))?;
    Ok(Event::default().event("alerts").data(text))
}

/// `POST /alerts/{id}/acknowledge`.
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Posted(form): Posted<View>,
) -> Result<Response, Fault> {
    acts::acknowledge_as(&app, &caller, &id, "").await?;
    after(&app, &caller, &form.view, &headers).await
}

/// `POST /alerts/{id}/silence`.
pub(super) async fn silence(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Posted(form): Posted<Quiet>,
) -> Result<Response, Fault> {
    // A form offers a few stretches; anything else would be somebody's own invention, and gets the usual one.
    let offered = SILENCES.iter().map(|(seconds, _)| *seconds).find(|seconds| form.seconds == Some(*seconds));
    acts::silence_alert_as(&app, &caller, &id, offered.unwrap_or(acts::SILENCE_SECONDS), "").await?;
    after(&app, &caller, &form.view, &headers).await
}

/// The feed for htmx, the page for everybody else.
async fn after(app: &App, caller: &Caller, view: &str, headers: &HeaderMap) -> Result<Response, Fault> {
    if headers.contains_key("hx-request") {
        return page(&feed(app, caller, view).await?);
    }
    Ok(Redirect::to(if view == "all" { "/alerts?view=all" } else { "/alerts" }).into_response())
}

async fn feed(app: &App, caller: &Caller, view: &str) -> Result<Feed, Problem> {
    let view = if ["held", "resolved", "all"].contains(&view) { view } else { "open" };
    if view == "held" {
        return held_back(app, caller).await;
    }
    let state = (view == "resolved").then_some(AlertState::Resolved);
    let query = AlertQuery { open: view == "open", state, limit: Some(SHOWN), ..AlertQuery::default() };
    let AlertList { mut alerts, tickets, .. } = app.alerts.list(&query).await?;
    // One cause on many endpoints goes before what one endpoint has.
    let place = |alert: &Alert| (rank(alert.state), alert.incident.is_none(), std::cmp::Reverse(alert.severity));
    alerts.sort_by_key(place);
    let now = app.clock.now();
    let names = Names::read(app).await?;
    let mut incidents = if view == "resolved" { Vec::new() } else { incident::open(app).await? };
    let mut view_of = |alert: &Alert| {
        let of = incidents.iter().position(|one| alert.incident.as_deref() == Some(one.id.as_str()));
        AlertView {
            incident: of.map(|place| incidents.remove(place)),
            ticket: tickets.get(&alert.id).cloned().unwrap_or_default(),
            ..AlertView::new(alert, &names, now)
        }
    };
    let views = alerts.iter().map(&mut view_of).collect();
    Ok(Feed {
        view: view.to_owned(),
        summary: summary(&alerts),
        empty: if view == "open" { "Nothing needs attention now." } else { "No alerts." },
        budget: spent(app).await?,
        held: Vec::new(),
        operates: caller.may(Roles::OPERATE),
        incidents,
        alerts: views,
    })
}

/// How much of today's quota is spent, and what was rolled up.
async fn spent(app: &App) -> Result<String, Problem> {
    let budget = app.alerts.budget(None).await?;
    let rolled = budget.rolled_up.words;
    let rolled = if rolled.is_empty() { rolled } else { format!(" Rolled up: {rolled}") };
    Ok(format!("Today (UTC) {} of {} alerts are announced.{rolled}", budget.announced, budget.allowed))
}

/// Findings that hold and of which nobody was told, instead of alerts.
async fn held_back(app: &App, caller: &Caller) -> Result<Feed, Problem> {
    let list = app.alerts.held_back(&HeldBackQuery { limit: Some(SHOWN), ..HeldBackQuery::default() }).await?;
    let (now, names) = (app.clock.now(), Names::read(app).await?);
    let findings: u64 = list.reasons.iter().map(|one| one.findings).sum();
    let held = list.held_back.into_iter().map(|one| HeldView {
        severity: one.severity.name(),
        title: one.title,
        instance: one.instance,
        telling: names.telling(&one.endpoint.name, &one.endpoint.id),
        endpoint: one.endpoint.name,
        link: format!("/endpoints/{}", one.endpoint.id),
        why: one.words,
        since: When::new(one.at, now),
    });
    Ok(Feed {
        view: "held".to_owned(),
        summary: format!("{findings} findings hold of which nobody was told; each says why."),
        empty: "People were told of everything that holds.",
        budget: spent(app).await?,
        incidents: Vec::new(),
        alerts: Vec::new(),
        held: held.collect(),
        operates: caller.may(Roles::OPERATE),
    })
}

/// What must be looked at comes first; within it the sort keeps what fired last first.
fn rank(state: AlertState) -> u8 {
    match state {
        AlertState::Firing => 0,
        AlertState::Acknowledged => 1,
        AlertState::Silenced => 2,
        AlertState::Resolved => 3,
    }
}

fn summary(alerts: &[Alert]) -> String {
    let parts = AlertState::ALL.into_iter().filter_map(|state| {
        let count = alerts.iter().filter(|alert| alert.state == state).count();
        (count > 0).then(|| format!("{count} {}", state.name()))
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "No alert is open.".to_owned() } else { parts.join(", ") }
}

/// Why an alert is quiet though nobody silenced it.
fn quiet(alert: &Alert) -> String {
    let is_meant = alert.state == AlertState::Silenced && alert.silenced_by.is_none();
    if is_meant { alert.decision.words.clone() } else { String::new() }
}

impl AlertView {
    fn new(alert: &Alert, names: &Names, now: Timestamp) -> Self {
        let acknowledged = alert.acknowledgement.as_ref();
        let silenced = alert.silenced_by.as_ref().filter(|_| alert.state == AlertState::Silenced);
        let by = silenced.map(|silence| &silence.by).or(acknowledged.map(|one| &one.by)).cloned().unwrap_or_default();
        Self {
            id: alert.id.clone(),
            severity: alert.severity.name(),
            state: alert.state.name(),
            title: alert.title.clone(),
            instance: alert.instance.clone(),
            summary: alert.summary.clone(),
            telling: names.telling(&alert.endpoint.name, &alert.endpoint.id),
            endpoint: alert.endpoint.name.clone(),
            link: match &alert.incident {
                Some(incident) => format!("/incidents/{incident}"),
                None => format!("/endpoints/{}", alert.endpoint.id),
            },
            since: When::new(alert.started_at, now),
            resolved: alert.resolved_at.map(|at| When::new(at, now)),
            until: silenced.map(|silence| When::new(silence.until, now)),
            by: if alert.state == AlertState::Firing { String::new() } else { by },
            note: acknowledged.map(|one| one.note.clone()).unwrap_or_default(),
            quiet: quiet(alert),
            times: alert.times_fired,
            open: alert.state != AlertState::Resolved,
            fresh: now.seconds_since(alert.updated_at) < FRESH_SECONDS,
            incident: None,
            ticket: String::new(),
        }
    }
}
