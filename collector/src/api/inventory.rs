//! What an endpoint was at a moment, and what changed since another.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use firstline_diagnosis::document::Change;
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Series, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::endpoints::read;
use super::extract::Search;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::history::{Group, Inventory, Item};

/// Adds the route.
pub(super) fn doors(doors: Doors) -> Doors {
    doors.get(
        "/api/v1/endpoints/{endpoint}/inventory",
        Roles::LOOK,
        show,
        Told {
            summary: "Programs, drivers, hardware and settings as they were at a moment, and what changed since another.",
            query: &[
                ("at", "RFC 3339; now when absent"),
                ("since", "RFC 3339; changes between then and `at` are told when it is there"),
                ("search", "words; only what has all of them in its name, instance or value"),
                ("group", "software, driver, hardware or setting"),
            ],
            answer: "InventoryReport",
            ..Told::default()
        },
    )
}

/// What is asked of an inventory.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InventoryQuery {
    pub at: Option<Timestamp>,
    pub since: Option<Timestamp>,
    pub search: Option<String>,
    pub group: Option<Group>,
}

/// An inventory, and what changed until then.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InventoryReport {
    /// What there was.
    #[serde(flatten)]
    pub inventory: Inventory,
    /// From when on changes are told; absent when nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What changed between then and the moment, the newest first.
    pub changes: Vec<Change>,
}

async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Search(query): Search<InventoryQuery>,
) -> Result<Json<InventoryReport>, Problem> {
    let endpoint = read(&app, &caller, &name, "inventory").await?;
    Ok(Json(report(&app, &endpoint.id, query).await?))
}

/// The inventory of an endpoint that somebody may read.
pub(crate) async fn report(app: &App, endpoint_id: &str, query: InventoryQuery) -> Result<InventoryReport, Problem> {
    let now = app.clock.now();
    let at = query.at.unwrap_or(now).min(now);
    if query.since.is_some_and(|since| since > at) {
        return Err(Problem::invalid("`since` is later than `at`; changes are told from the one to the other."));
    }
    let mut inventory = app.history.inventory_at(endpoint_id, at).await?;
    inventory.known_from = inventory.known_from.max(now - app.config.history.events());
    let mut changes = match query.since {
        Some(since) => app.history.inventory_changes(endpoint_id, since, at).await?,
        None => Vec::new(),
    };
    let words = query.search.unwrap_or_default().to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let is_wanted = |group: Option<Group>, text: &str| {
        query.group.is_none_or(|wanted| group == Some(wanted)) && words.iter().all(|word| text.contains(word))
    };
    inventory.items.retain(|item| is_wanted(Some(item.group), &text_of(item)));
    changes.retain(|change| is_wanted(Group::of(&change.kind), &text_of_change(change)));
    Ok(InventoryReport { inventory, since: query.since, changes })
}

/// What words are looked for in: lower case.
pub(crate) fn text_of(item: &Item) -> String {
    let value = match &item.value {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Flag(flag)) => flag.to_string(),
        None => "unknown".to_owned(),
    };
    let instance = item.attrs.iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ");
    format!("{} {} {instance} {value} {}", item.group.name(), item.label, item.signal).to_lowercase()
}

fn text_of_change(change: &Change) -> String {
    let label = Registry::builtin().get(&change.kind).map_or("", |spec| spec.label.as_str());
    let series: Option<Series> = change.reference.parse().ok();
    let instance = series.map(|series| series.attributes.iter().map(|(_, value)| value.to_owned()).collect::<Vec<_>>());
    let words =
        [label, change.from.as_deref().unwrap_or(""), change.to.as_deref().unwrap_or(""), &change.kind].join(" ");
    format!("{words} {}", instance.unwrap_or_default().join(" ")).to_lowercase()
}
