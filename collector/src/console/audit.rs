use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use crate::access::audit::{AuditEntry, ChainReport};
use crate::access::gate::Caller;
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
    entries: Vec<EntryView>,
    next: String,
}

struct EntryView {
    sequence: i64,
    at: String,
    who: String,
    action: String,
    object: String,
    detail: String,
    ticket: String,
    address: String,
}

impl EntryView {
    fn new(entry: AuditEntry, now: Timestamp) -> Self {
        let AuditEntry { sequence, at, who, action, object, ticket, detail, address, .. } = entry;
        Self { sequence, at: When::new(at.0, now).full(), who, action, object, detail, ticket, address }
    }
}

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

/// `GET /audit`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(query): Search<Before>,
) -> Result<Response, Fault> {
    let found = app.access.audit().page(query.before, SHOWN).await?;
    let report = app.access.audit().verify().await?;
    let now = app.clock.now();
    page(&AuditPage {
        chrome: Chrome::new("Audit log", "audit", &caller),
        report,
        next: found.next.map(|before| format!("/audit?before={before}")).unwrap_or_default(),
        entries: found.entries.into_iter().map(|entry| EntryView::new(entry, now)).collect(),
    })
}
