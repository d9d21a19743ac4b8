use std::path::PathBuf;

use firstline_diagnosis::document::Change;
use firstline_diagnosis::vocabulary::{Event, Mark, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::sampler::Changed;

/// The history's space on disk.
const HISTORY_BYTES_MAX: u64 = 1024 * 1024;

/// Something of the last two weeks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HistoryEntry {
    /// A turn in the machine's day.
    Mark {
        /// When.
        at: Timestamp,
        /// Which.
        mark: Mark,
    },
    /// Something that happened.
    Event {
        /// What.
        event: Event,
    },
    /// A state that is not as it was.
    Change {
        /// What.
        change: Change,
    },
}

impl HistoryEntry {
    /// The signal that it tells of; marks tell of none.
    pub fn signal(&self) -> Option<&str> {
        match self {
            Self::Mark { .. } => None,
            Self::Event { event } => Some(&event.series.signal),
            Self::Change { change } => Some(&change.kind),
        }
    }

    /// When it was.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Mark { at, .. } => *at,
            Self::Event { event } => event.at,
            Self::Change { change } => change.at,
        }
    }
}

/// Marks, events and changes on disk.
#[derive(Debug)]
pub struct History(Journal<HistoryEntry>);

impl History {
    /// The history at `path`.
    pub fn at(path: PathBuf) -> Self {
        Self(Journal::at(path, HISTORY_BYTES_MAX))
    }

    /// Adds an entry. A disk that refuses costs the entry here; what matters is in the spool.
    pub fn note(&self, entry: &HistoryEntry) {
        if let Err(source) = self.0.append(entry) {
            tracing::warn!("Writing the history failed: {source}");
        }
    }

    /// Entries since `from`, oldest first.
    pub fn since(&self, from: Timestamp) -> Vec<HistoryEntry> {
        let mut entries: Vec<_> = self.0.read().into_iter().filter(|entry| entry.at() >= from).collect();
        entries.sort_by_key(HistoryEntry::at);
        entries
    }

    /// Whether the last run ended cleanly.
    pub fn ended_with_pausing(&self) -> bool {
        let last = self.0.read().into_iter().rev().find_map(|entry| match entry {
            HistoryEntry::Mark { mark, .. } => Some(mark),
            _ => None,
        });
        last == Some(Mark::Pausing)
    }
}

impl From<Changed> for Change {
    fn from(changed: Changed) -> Self {
        Self {
            reference: format!("{}@{}", changed.series, changed.at),
            kind: changed.series.signal.to_string(),
            at: changed.at,
            from: Some(words(&changed.from)),
            to: Some(words(&changed.to)),
            score: None,
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => text.clone(),
    }
}
