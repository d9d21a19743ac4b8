//! Tags of an endpoint: where each comes from, and people's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use firstline_diagnosis::document::Endpoint;
use serde::{Deserialize, Serialize};

use super::endpoints::read;
use super::extract::Body;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::fleet::Tag;

/// Adds the routes.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/endpoints/{endpoint}/tags",
            Roles::LOOK,
            list,
            Told { summary: "Its tags, and where each comes from.", answer: "TagList", ..Told::default() },
        )
        .post(
            "/api/v1/endpoints/{endpoint}/tags",
            Roles::OPERATE,
            change,
            Told {
                summary: "Set and remove tags. What a rule of the configuration gives stays.",
                body: "TagOrder",
                answer: "TagList",
                ..Told::default()
            },
        )
}

/// An endpoint's tags.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TagList {
    /// By name; of one name, the one that counts first.
    pub tags: Vec<Tag>,
}

/// The order to set and remove tags.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TagOrder {
    /// Tags to set.
    pub set: BTreeMap<String, String>,
    /// Names of tags to remove.
    pub remove: Vec<String>,
}

async fn list(State(app): State<Arc<App>>, caller: Caller, Path(name): Path<String>) -> Result<Json<TagList>, Problem> {
    let endpoint = read(&app, &caller, &name, "tags").await?;
    Ok(Json(TagList { tags: app.fleet.tags(&endpoint.id).await? }))
}

async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(order): Body<TagOrder>,
) -> Result<Json<TagList>, Problem> {
    let endpoint = change_as(&app, &caller, &name, order).await?;
    Ok(Json(TagList { tags: app.fleet.tags(&endpoint.id).await? }))
}

/// Sets and removes tags, and writes down who did.
pub(crate) async fn change_as(app: &App, caller: &Caller, name: &str, order: TagOrder) -> Result<Endpoint, Problem> {
    let set = order.set.iter().map(|(name, value)| format!("{name}={value} set"));
    let removed = order.remove.iter().map(|name| format!("{name} removed"));
    let words = set.chain(removed).collect::<Vec<_>>().join(", ");
    if words.is_empty() {
        return Err(Problem::invalid("Name a tag to set or to remove."));
    }
    let endpoint = app.fleet.tag(name, order.set, order.remove, caller.name()).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "endpoint.tag", &endpoint.id).detail(words)).await?;
    Ok(endpoint)
}
