//! Machines that were enrolled again: pairs side by side, merged one by one or many at a time.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use firstline_diagnosis::document::{Endpoint, EndpointState};
use firstline_diagnosis::vocabulary::Timestamp;

use super::chrome::{Chrome, When, page};
use crate::access::audit::Entry;
use crate::access::gate::Caller;
use crate::api::departures::merge_as;
use crate::api::extract::Posted;
use crate::api::problem::Fault;
use crate::app::App;
use crate::fleet::{Duplicate, Named, short};

#[derive(Template)]
#[template(path = "duplicates.html")]
struct DuplicatesPage {
    chrome: Chrome,
    pairs: Vec<PairView>,
    /// How many of them may be merged.
    mergeable: usize,
    /// Endpoints whose firmware tells nothing, and endpoints in all.
    incomparable: i64,
    endpoints: i64,
    /// What became of an order; empty before one.
    merged: Vec<String>,
    refused: Vec<String>,
}

struct PairView {
    /// As the form sends it: the earlier one's id, then the later one's.
    pair: String,
    later: OneView,
    earlier: OneView,
    enrolled: When,
    alike: String,
    /// What the two say side by side: what it is, before, now, and whether they differ.
    rows: Vec<(&'static str, String, String, bool)>,
    /// Why it cannot be merged now; empty when it can.
    why_not: &'static str,
}

struct OneView {
    id: String,
    name: String,
    telling: String,
    state: &'static str,
    seen: Option<When>,
}

impl OneView {
    fn new(one: Named, now: Timestamp) -> Self {
        let seen = one.last_seen.map(|at| When::new(at, now));
        Self { telling: short(&one.id), id: one.id, name: one.name, state: one.state.name(), seen }
    }
}

impl PairView {
    /// With what is known of the two: the later one, and the earlier.
    fn new(pair: Duplicate, known: (&Endpoint, &Endpoint), now: Timestamp) -> Self {
        let Duplicate { endpoint, earlier, enrolled_at, alike } = pair;
        let is_there = earlier.state == EndpointState::Online;
        Self {
            pair: format!("{} {}", earlier.id, endpoint.id),
            enrolled: When::new(enrolled_at, now),
            alike: alike.join(" and "),
            rows: rows(known.1, known.0),
            why_not: if is_there {
                "The earlier one is connected at this moment, so it is a machine of its own: perhaps two machines with one board."
            } else {
                ""
            },
            later: OneView::new(endpoint, now),
            earlier: OneView::new(earlier, now),
        }
    }
}

/// What is told of both; what neither says is left out.
fn rows(before: &Endpoint, now: &Endpoint) -> Vec<(&'static str, String, String, bool)> {
    let tags = |one: &Endpoint| one.tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let system = |one: &Endpoint| format!("{} {}", one.os.name, one.os.version).trim().to_owned();
    let told = [
        ("Name", before.name.clone(), now.name.clone()),
        ("Signed in", before.users.join(", "), now.users.join(", ")),
        ("System", system(before), system(now)),
        ("Tags", tags(before).join(" "), tags(now).join(" ")),
    ];
    let said = told.into_iter().filter(|(_, before, now)| !before.is_empty() || !now.is_empty());
    said.map(|(what, before, now)| (what, before.clone(), now.clone(), before != now)).collect()
}

/// `GET /duplicates`.
pub(super) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Fault> {
    list(&app, &caller, Vec::new(), Vec::new()).await
}

/// `POST /duplicates`: merges the pairs that were chosen; what is refused says why, and the others are merged.
pub(super) async fn merge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Posted(fields): Posted<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let (mut merged, mut refused) = (Vec::new(), Vec::new());
    for (_, pair) in fields.into_iter().filter(|(name, _)| name == "pair") {
        let Some((earlier, later)) = pair.split_once(' ') else { continue };
        match merge_as(&app, &caller, earlier, later).await {
            Ok(endpoint) => merged.push(endpoint.name),
            Err(problem) => refused.push(problem.detail),
        }
    }
    list(&app, &caller, merged, refused).await
}

async fn list(app: &App, caller: &Caller, merged: Vec<String>, refused: Vec<String>) -> Result<Response, Fault> {
    let pairs = app.fleet.duplicates().await?;
    app.access.audit().record(Entry::new(&caller.actor(), "endpoint.list", "duplicates")).await?;
    let (incomparable, endpoints) = app.fleet.incomparable().await?;
    let now = app.clock.now();
    let mut views = Vec::new();
    for pair in pairs {
        let (later, earlier) = (app.fleet.show(&pair.endpoint.id).await?, app.fleet.show(&pair.earlier.id).await?);
        // Merged or gone since the list was read.
        let (Some(later), Some(earlier)) = (later, earlier) else { continue };
        views.push(PairView::new(pair, (&later, &earlier), now));
    }
    page(&DuplicatesPage {
        chrome: Chrome::new("Machines enrolled again", "endpoints", caller),
        mergeable: views.iter().filter(|pair| pair.why_not.is_empty()).count(),
        pairs: views,
        incomparable,
        endpoints,
        merged,
        refused,
    })
}
