use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::names::Names;
use crate::access::audit::{AuditEntry, ChainReport};
use crate::access::chain::LOOK_ENTRIES_MAX;
use crate::access::gate::{Caller, percent_encoded};
use crate::api::extract::Search;
use crate::api::problem::Fault;
use crate::app::App;
use firstline_diagnosis::vocabulary::Timestamp;

/// Entries of a page.
const SHOWN: u32 = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    chrome: Chrome,
    report: ChainReport,
    is_whole: bool,
    entries_in_all: i64,
    /// Whether this is not the first page, and where that is.
    is_later: bool,
    newest: String,
    entries: Vec<EntryView>,
    next: String,
    search: String,
}

struct EntryView {
    sequence: i64,
    at: String,
    who: String,
    action: String,
    object: String,
    endpoint: String,
    telling: String,
    detail: String,
    ticket: String,
    address: String,
}

impl EntryView {
    fn new(entry: AuditEntry, names: &Names, now: Timestamp) -> Self {
        let AuditEntry { sequence, at, who, action, object, endpoint, ticket, detail, address, .. } = entry;
        let endpoint = endpoint.map(|name| if name.is_empty() { object.clone() } else { name }).unwrap_or_default();
        let telling = names.telling(&endpoint, &object);
        let at = When::new(at.0, now).full();
        Self { sequence, at, who, action, object, endpoint, telling, detail, ticket, address }
    }
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    search: String,
    before: Option<i64>,
}

/// `GET /audit`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(form): Search<Form>,
) -> Result<Response, Fault> {
    let found = app.access.audit().page(&form.search, form.before, SHOWN).await?;
    let standing = app.access.audit().walk_on(LOOK_ENTRIES_MAX).await?;
    let (now, names) = (app.clock.now(), Names::read(&app).await?);
    page(&AuditPage {
        chrome: Chrome::new("Audit log", "audit", &caller),
        is_whole: standing.is_whole(),
        is_later: form.before.is_some(),
        newest: format!("/audit?search={}", percent_encoded(&form.search)),
        entries_in_all: standing.entries,
        report: standing.walked,
        next: found
            .next
            .map(|before| format!("/audit?search={}&before={before}", percent_encoded(&form.search)))
            .unwrap_or_default(),
        entries: found.entries.into_iter().map(|entry| EntryView::new(entry, &names, now)).collect(),
        search: form.search,
    })
}
