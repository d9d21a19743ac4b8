//! The endpoints that a field for an endpoint offers while somebody types.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use firstline_diagnosis::document::{Endpoint, EndpointState};
use serde::Deserialize;

use super::chrome::page;
use crate::access::audit::Entry;
use crate::access::gate::Caller;
use crate::api::extract::Search;
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::fleet::ListQuery;

/// Endpoints offered at once; more than that nobody reads, and typing narrows them.
const OFFERED_MAX: u32 = 50;

/// An endpoint on offer.
pub(super) struct EndpointOption {
    /// What the field holds when it is chosen: the name, or the id where a name stands for several.
    pub(super) value: String,
    /// What tells it from the others.
    pub(super) words: String,
}

/// Endpoints that fit `search`, those online first.
pub(super) async fn options(app: &App, search: &str) -> Result<Vec<EndpointOption>, Problem> {
    let mut found = listed(app, search, Some(EndpointState::Online)).await?;
    for endpoint in listed(app, search, None).await? {
        if endpoint.state != EndpointState::Revoked && found.iter().all(|known| known.id != endpoint.id) {
            found.push(endpoint);
        }
    }
    found.truncate(OFFERED_MAX as usize);
    Ok(offers(&found))
}

async fn listed(app: &App, search: &str, state: Option<EndpointState>) -> Result<Vec<Endpoint>, Problem> {
    let search = (!search.trim().is_empty()).then(|| search.trim().to_owned());
    let query = ListQuery { search, state, limit: Some(OFFERED_MAX), ..ListQuery::default() };
    Ok(app.fleet.list(query).await?.endpoints)
}

fn offers(endpoints: &[Endpoint]) -> Vec<EndpointOption> {
    let mut bearers: BTreeMap<&str, usize> = BTreeMap::new();
    for endpoint in endpoints {
        *bearers.entry(&endpoint.name).or_default() += 1;
    }
    let offer = |endpoint: &Endpoint| {
        let alone = !endpoint.name.is_empty() && bearers.get(endpoint.name.as_str()) == Some(&1);
        let mut parts = vec![endpoint.state.name().to_owned(), endpoint.users.join(", ")];
        parts.push(format!("{} {}", endpoint.os.name, endpoint.os.version).trim().to_owned());
        if !alone {
            parts.insert(0, endpoint.name.clone());
        }
        parts.retain(|part| !part.is_empty());
        EndpointOption {
            value: if alone { endpoint.name.clone() } else { endpoint.id.clone() },
            words: parts.join(" · "),
        }
    };
    endpoints.iter().map(offer).collect()
}

/// What is typed so far.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    endpoint: String,
}

#[derive(Template)]
#[template(path = "endpoint_options.html")]
struct Options {
    options: Vec<EndpointOption>,
}

/// `GET /endpoint-options`: what the field offers for the letters typed so far.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(typed): Search<Typed>,
) -> Result<Response, Fault> {
    let options = options(&app, &typed.endpoint).await?;
    let entry = Entry::new(&caller.actor(), "endpoint.list", "endpoints").detail(&typed.endpoint);
    app.access.audit().record(entry).await?;
    page(&Options { options })
}
