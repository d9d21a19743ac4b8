use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use firstline_diagnosis::document::{Endpoint, EndpointState};
use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::tags;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, percent_encoded};
use crate::api::extract::Search;
use crate::api::problem::Fault;
use crate::app::App;
use crate::fleet::{ListQuery, Sort};

const STATES: [EndpointState; 5] = [
    EndpointState::Online,
    EndpointState::Asleep,
    EndpointState::Silent,
    EndpointState::Offline,
    EndpointState::Revoked,
];

#[derive(Template)]
#[template(path = "endpoints.html")]
struct EndpointsPage {
    chrome: Chrome,
    search: String,
    state: String,
    tag: String,
    /// Tags that there are.
    tags: Vec<String>,
    sort: String,
    states: Vec<&'static str>,
    columns: Vec<Column>,
    endpoints: Vec<EndpointView>,
    /// How many were enrolled before, under another id.
    again: usize,
    next: String,
}

struct Column {
    word: &'static str,
    address: String,
    sorted: &'static str,
}

/// An endpoint as pages show it.
pub(super) struct EndpointView {
    pub(super) id: String,
    pub(super) name: String,
    /// What tells it from others of its name; empty when there is none.
    pub(super) telling: String,
    pub(super) state: &'static str,
    pub(super) worst: &'static str,
    pub(super) users: String,
    pub(super) os: String,
    /// Tags, and the list of those that have each.
    pub(super) tags: Vec<(String, String)>,
    pub(super) seen: Option<When>,
}

impl EndpointView {
    pub(super) fn new(endpoint: &Endpoint, now: Timestamp) -> Self {
        let tag = |(name, value): (&String, &String)| (format!("{name}={value}"), tags::address(name, value));
        Self {
            id: endpoint.id.clone(),
            name: if endpoint.name.is_empty() { endpoint.id.clone() } else { endpoint.name.clone() },
            telling: endpoint.short_id.clone().unwrap_or_default(),
            state: endpoint.state.name(),
            worst: endpoint.worst_severity.map_or("", Severity::name),
            users: endpoint.users.join(", "),
            os: format!("{} {}", endpoint.os.name, endpoint.os.version).trim().to_owned(),
            tags: endpoint.tags.iter().map(tag).collect(),
            seen: endpoint.last_seen.map(|at| When::new(at, now)),
        }
    }
}

/// What the form sends; empty fields mean nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    search: String,
    state: String,
    tag: String,
    sort: String,
    after: String,
}

/// `GET /endpoints`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(form): Search<Form>,
) -> Result<Response, Fault> {
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let query = ListQuery {
        search: some(&form.search),
        state: STATES.into_iter().find(|state| state.name() == form.state),
        tag: some(&form.tag),
        sort: sort(&form.sort),
        after: some(&form.after),
        limit: Some(100),
    };
    let list = app.fleet.list(query).await?;
    app.access
        .audit()
        .record(
            Entry::new(&caller.actor(), "endpoint.list", "endpoints")
                .detail(format!("{} {}", form.search, form.tag).trim()),
        )
        .await?;
    let now = app.clock.now();
    let administers = caller.may(Roles::ADMINISTER);
    let pairs = if administers { app.fleet.duplicates().await? } else { Vec::new() };
    page(&EndpointsPage {
        again: pairs.len(),
        chrome: Chrome::new("Endpoints", "endpoints", &caller),
        states: STATES.map(EndpointState::name).to_vec(),
        columns: columns(&form),
        endpoints: list.endpoints.iter().map(|endpoint| EndpointView::new(endpoint, now)).collect(),
        next: list
            .next
            .map(|next| format!("{}&after={}", address(&form, &form.sort), percent_encoded(&next)))
            .unwrap_or_default(),
        search: form.search,
        state: form.state,
        tag: form.tag,
        tags: app.fleet.known_tags().await?,
        sort: form.sort,
    })
}

fn sort(word: &str) -> Sort {
    match word {
        "last_seen" => Sort::LastSeen,
        "name" => Sort::Name,
        _ => Sort::Severity,
    }
}

/// The columns; those that the list can be sorted by lead there.
fn columns(form: &Form) -> Vec<Column> {
    let current = match sort(&form.sort) {
        Sort::Name => "name",
        Sort::LastSeen => "last_seen",
        Sort::Severity => "severity",
    };
    let all = [
        ("Name", "name"),
        ("Worst finding", "severity"),
        ("State", ""),
        ("Signed in", ""),
        ("System", ""),
        ("Tags", ""),
        ("Last heard", "last_seen"),
    ];
    let column = |(word, key): (&'static str, &str)| {
        let sorted = if key != current || key.is_empty() {
            ""
        } else if key == "name" {
            "ascending"
        } else {
            "descending"
        };
        Column { word, address: if key.is_empty() { String::new() } else { address(form, key) }, sorted }
    };
    all.into_iter().map(column).collect()
}

fn address(form: &Form, sort: &str) -> String {
    let [search, state, tag] = [&form.search, &form.state, &form.tag].map(|text| percent_encoded(text));
    format!("/endpoints?search={search}&state={state}&tag={tag}&sort={sort}")
}
