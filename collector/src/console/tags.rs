//! Tags on the page of an endpoint: where each comes from, and the forms that change people's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::tokens;
use crate::access::gate::{Caller, percent_encoded};
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::api::tags::{TagOrder, change_as};
use crate::app::App;
use crate::fleet::{Tag, TagSource};

/// A tag as pages show it.
pub(super) struct TagView {
    pub(super) name: String,
    pub(super) text: String,
    /// The list of all endpoints that have it.
    pub(super) address: String,
    /// Where it comes from.
    pub(super) words: String,
    pub(super) counts: bool,
    /// Whether somebody may remove it: not what a rule gives, nor what does not count because a rule does.
    pub(super) goes: bool,
}

impl TagView {
    /// All tags of an endpoint.
    pub(super) fn all(tags: &[Tag]) -> Vec<Self> {
        let by_rule = |name: &str| tags.iter().any(|tag| tag.name == name && tag.source == TagSource::Rule);
        let view = |tag: &Tag| Self {
            name: tag.name.clone(),
            text: format!("{}={}", tag.name, tag.value),
            address: address(&tag.name, &tag.value),
            words: tag.words(),
            counts: tag.counts,
            goes: tag.counts && !by_rule(&tag.name),
        };
        tags.iter().map(view).collect()
    }
}

/// The list of the endpoints that have a tag.
pub(super) fn address(name: &str, value: &str) -> String {
    format!("/endpoints?tag={}", percent_encoded(&format!("{name}={value}")))
}

/// What the forms send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    /// `site=berlin, ring=1`.
    set: String,
    /// The name of one.
    remove: String,
}

/// `POST /endpoints/{id}/tags`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(form): Posted<Form>,
) -> Result<Response, Fault> {
    let set: BTreeMap<String, String> = tokens::tags(&form.set);
    if set.is_empty() && !form.set.trim().is_empty() {
        return Err(Fault::from(Problem::invalid(format!(
            "{:?} is no tag; write it like site=berlin.",
            form.set.trim()
        ))));
    }
    let remove = Some(form.remove.trim().to_owned()).filter(|name| !name.is_empty());
    let order = TagOrder { set, remove: remove.into_iter().collect() };
    let endpoint = change_as(&app, &caller, &id, order).await?;
    Ok(Redirect::to(&format!("/endpoints/{}#tags", endpoint.id)).into_response())
}
