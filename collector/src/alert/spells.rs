//! What an endpoint's alerts told of a stretch of time.
//!
//! A machine remembers a number a minute, and a day of them. What was raised while it happened is known for longer, and in
//! the words of that moment.

use std::collections::BTreeMap;

use firstline_diagnosis::document::{Finding, FindingState};
use firstline_diagnosis::vocabulary::Timestamp;

use super::rows::read;
use super::{Alert, AlertError};
use crate::store::{Reads, sql};

/// What the alerts of an endpoint (by id) told that stood between two moments, oldest first: a finding from when it was
/// raised until it was resolved, with the numbers that it was raised with. An alert that came back gives several.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn raised(
    reads: &Reads,
    endpoint_id: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Finding>, AlertError> {
    let rows: Vec<(String, String, i64, String, String)> = sql::query_as(
        "SELECT a.id, a.document, c.at_ms, c.change, c.note FROM alerts a JOIN alert_changes c ON c.alert_id = a.id \
         WHERE a.endpoint_id = $1 AND (a.resolved_at_ms IS NULL OR a.resolved_at_ms >= $2) \
         AND c.change IN ('fired', 'fired_again', 'resolved') ORDER BY c.id",
    )
    .bind(endpoint_id)
    .bind(from.unix_ms())
    .fetch_all(reads)
    .await?;
    let mut all: Vec<(String, Spell)> = Vec::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for (id, document, at_ms, change, summary) in rows {
        let at = Timestamp(at_ms);
        if change != "resolved" {
            open.insert(id, all.len());
            all.push((document, Spell { at, until: None, summary }));
        } else if let Some(index) = open.remove(&id) {
            all[index].1.until = Some(at);
        }
    }
    all.retain(|(_, spell)| spell.until.is_none_or(|over| over >= from));
    let told = all.into_iter().map(|(document, spell)| Ok(spell.told(read(&document)?)));
    let told: Result<Vec<Finding>, AlertError> = told.collect();
    Ok(told?.into_iter().filter(|one| one.onset <= until).collect())
}

/// A time that an alert stood.
struct Spell {
    /// When it fired.
    at: Timestamp,
    until: Option<Timestamp>,
    /// The words that it fired with.
    summary: String,
}

impl Spell {
    /// What it told. The last time that an alert fired it knows since when it was so.
    fn told(self, alert: Alert) -> Finding {
        let onset = if self.at == alert.fired_at { alert.started_at } else { self.at };
        let mut finding = Finding { state: FindingState::Active, onset, until: self.until, ..alert.finding };
        finding.texts.tech = self.summary;
        finding
    }
}
