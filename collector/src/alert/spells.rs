//! What an endpoint's alerts told of a stretch of time.
//!
//! A machine remembers a number a minute, and a day of them. What was raised while it happened is known for longer, and in
//! the words of that moment.

use std::collections::BTreeMap;

use firstline_diagnosis::document::Happened;
use firstline_diagnosis::texts;
use firstline_diagnosis::vocabulary::Timestamp;

use super::rows::read;
use super::{Alert, AlertError};
use crate::store::{Reads, sql};

/// An alert from when it fired until it was resolved. One that came back has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spell {
    /// The check.
    pub(crate) check: String,
    /// The instance; empty when the check has only one.
    pub(crate) instance: String,
    title: String,
    from: Timestamp,
    until: Option<Timestamp>,
    summary: String,
}

impl Spell {
    /// Whether it stood at any moment of these.
    fn reaches(&self, from: Timestamp, until: Timestamp) -> bool {
        self.from <= until && self.until.is_none_or(|over| over >= from)
    }

    /// In words, with the numbers that it was raised with.
    pub(crate) fn told(&self) -> Happened {
        let Self { title, instance, from, summary, .. } = self;
        let instance = if instance.is_empty() { String::new() } else { format!(" ({instance})") };
        let over = self.until.map_or("It still stands.".to_owned(), |at| format!("Resolved at {}.", texts::moment(at)));
        Happened { at: *from, words: format!("Alert: {title}{instance}. {summary} {over}") }
    }
}

/// The alerts of an endpoint (by id) that stood between two moments, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn spells(
    reads: &Reads,
    endpoint_id: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Spell>, AlertError> {
    let rows: Vec<(String, i64, String, String)> = sql::query_as(
        "SELECT a.document, c.at_ms, c.change, c.note FROM alerts a JOIN alert_changes c ON c.alert_id = a.id \
         WHERE a.endpoint_id = $1 AND (a.resolved_at_ms IS NULL OR a.resolved_at_ms >= $2) \
         AND c.change IN ('fired', 'fired_again', 'resolved') ORDER BY c.id",
    )
    .bind(endpoint_id)
    .bind(from.unix_ms())
    .fetch_all(reads)
    .await?;
    let mut all: Vec<Spell> = Vec::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for (document, at_ms, change, note) in rows {
        let alert = read(&document)?;
        if change != "resolved" {
            open.insert(alert.id.clone(), all.len());
            all.push(begun(alert, Timestamp(at_ms), note));
        } else if let Some(index) = open.remove(&alert.id) {
            all[index].until = Some(Timestamp(at_ms));
        }
    }
    all.retain(|spell| spell.reaches(from, until));
    Ok(all)
}

fn begun(alert: Alert, from: Timestamp, summary: String) -> Spell {
    Spell { check: alert.check, instance: alert.instance, title: alert.title, from, until: None, summary }
}
