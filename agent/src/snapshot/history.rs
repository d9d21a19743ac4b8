use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use firstline_diagnosis::document::Change;
use firstline_diagnosis::order::{self, Arrange as _};
use firstline_diagnosis::vocabulary::{Event, Mark, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::recorder::Moment;
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

    fn at_mut(&mut self) -> &mut Timestamp {
        match self {
            Self::Mark { at, .. } => at,
            Self::Event { event } => &mut event.at,
            Self::Change { change } => &mut change.at,
        }
    }
}

/// A clock that went by less was corrected little by little, as clocks are; more than this, and somebody set it.
const SET_MS: u64 = 2_000;

/// Marks, events and changes on disk.
///
/// They are shown by the clock as it was last in their boot, like the recorder's rows: what happened before the clock
/// was set right stands beside the numbers of its minute.
#[derive(Debug)]
pub struct History(Journal<Noted>);

/// An entry, and what the clock said when it was noted.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    #[serde(flatten)]
    entry: HistoryEntry,
    /// Which boot, and what its clock was ahead of the time since boot. Absent in what an earlier version noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<(u64, i64)>,
}

impl History {
    /// The history at `path`.
    pub fn at(path: PathBuf) -> Self {
        Self(Journal::at(path, HISTORY_BYTES_MAX))
    }

    /// Adds an entry, noted at `moment`. A disk that refuses costs the entry here; what matters is in the spool.
    pub fn note(&self, entry: HistoryEntry, moment: Moment) {
        let clock = Some((moment.boot, moment.clock_ms()));
        if let Err(source) = self.0.append(&Noted { entry, clock }) {
            let path = self.0.path().display();
            tracing::warn!("Noting what happened in {path} failed; it is missing from snapshots: {source}");
        }
    }

    /// Entries of the `span` before `now`, oldest first.
    pub fn of_last(&self, span: Duration, now: Moment) -> Vec<HistoryEntry> {
        let noted = self.0.read();
        let known = noted.iter().filter_map(|noted| noted.clock).chain([(now.boot, now.clock_ms())]);
        let clocks = order::map(known);
        let placed = noted.into_iter().map(|noted| noted.placed(&clocks));
        let from = now.at - span;
        let mut entries: Vec<_> = placed.filter(|entry| entry.at() >= from).collect();
        entries.arrange_by_key(HistoryEntry::at);
        entries
    }

    /// Whether the last run ended cleanly.
    pub fn ended_with_pausing(&self) -> bool {
        let last = self.0.read().into_iter().rev().find_map(|noted| match noted.entry {
            HistoryEntry::Mark { mark, .. } => Some(mark),
            _ => None,
        });
        last == Some(Mark::Pausing)
    }
}

impl Noted {
    /// The entry at its time by the clock that its boot had last.
    fn placed(self, clocks: &BTreeMap<u64, i64>) -> HistoryEntry {
        let set_ms = self.clock.and_then(|(boot, then_ms)| clocks.get(&boot)?.checked_sub(then_ms)).unwrap_or_default();
        let mut entry = self.entry;
        if set_ms.unsigned_abs() > SET_MS {
            let at = entry.at_mut();
            *at = Timestamp(at.unix_ms().saturating_add(set_ms));
        }
        entry
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn moment(boot: u64, boot_hours: i64, clock_hours: i64) -> Moment {
        let boot_ms = u64::try_from(boot_hours * HOUR_MS).expect("positive");
        Moment { boot, boot_ms, at: Timestamp((boot_hours + clock_hours) * HOUR_MS) }
    }

    #[test]
    fn what_happened_before_the_clock_was_set_right_stands_where_it_belongs() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = History::at(dir.path().join("journal"));
        let mark = |moment: Moment| HistoryEntry::Mark { at: moment.at, mark: Mark::Resumed };
        // An earlier boot whose clock was never set, then one that began an hour ahead.
        for moment in [moment(1, 5, 0), moment(2, 1, 11), moment(2, 2, 10)] {
            history.note(mark(moment), moment);
        }
        let old = format!("{}\n", serde_json::to_string(&mark(moment(0, 2, 0))).expect("plain"));
        let whole = old + &std::fs::read_to_string(dir.path().join("journal")).expect("there");
        std::fs::write(dir.path().join("journal"), whole).expect("written");
        let hours = |now: Moment| -> Vec<i64> {
            let entries = history.of_last(Duration::from_hours(24), now);
            entries.iter().map(|entry| entry.at().unix_ms() / HOUR_MS).collect()
        };
        assert_eq!(hours(moment(2, 3, 10)), [2, 5, 11, 12], "the first of the boot was at eleven, whatever it said");
        assert_eq!(hours(moment(2, 3, 9)), [2, 5, 10, 11], "the clock was set again, and nothing was noted since");
        assert_eq!(hours(moment(3, 1, 20)), [2, 5, 11, 12], "an earlier boot keeps the clock that it had last");
    }
}
