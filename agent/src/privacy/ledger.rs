use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::Journal;
use crate::state;

/// The ledger's space on disk.
const LEDGER_BYTES_MAX: u64 = 256 * 1024;

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it left, or the start of the hour for records.
    pub at: Timestamp,
    /// To whom: the collector's address.
    pub to: String,
    /// What.
    #[serde(flatten)]
    pub sent: Sent,
}

/// What left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Sent {
    /// Who this machine is, at enrolment.
    Enrolment,
    /// An hour of records.
    Records {
        /// Samples of one minute.
        samples: u64,
        /// Sets of values that changed.
        inventories: u64,
        /// Events and marks.
        events: u64,
        /// Bytes before compression.
        bytes: u64,
    },
    /// A snapshot for a person.
    Snapshot {
        /// The ticket; empty when none was named.
        ticket: String,
        /// Who asked.
        requested_by: String,
        /// How many readings.
        readings: u64,
        /// How many series of history.
        series: u64,
        /// Length of the document.
        bytes: u64,
    },
}

impl Entry {
    /// The line in plain words.
    pub fn words(&self) -> String {
        let (at, to) = (self.at, &self.to);
        match &self.sent {
            Sent::Enrolment => format!("{at}  to {to}: this machine's name, system and public key, to enrol it"),
            Sent::Records { samples, inventories, events, bytes } => format!(
                "{at}  to {to}: {} of measurements, {}, {} within the hour ({bytes} bytes)",
                counted(*samples, "minute"),
                counted(*inventories, "changed state"),
                counted(*events, "event")
            ),
            Sent::Snapshot { ticket, requested_by, readings, series, bytes } => {
                let why = if ticket.is_empty() { "no ticket named".to_owned() } else { format!("ticket {ticket}") };
                let who = if requested_by.is_empty() { "somebody" } else { requested_by };
                format!(
                    "{at}  to {to}: a snapshot for {who}, {why}: {}, {series} series ({bytes} bytes)",
                    counted(*readings, "reading")
                )
            }
        }
    }
}

/// `1 minute`, `2 minutes`.
fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// The name of the file in the scratch directory that has the hour that goes on.
pub const HOUR: &str = "ledger.hour";

/// The list of what left this machine, when, to whom, and for which ticket. Records are summed by the hour. The hour that
/// goes on is kept in the scratch directory: a killed agent finds it again, a power cut costs what it had.
#[derive(Debug)]
pub struct Ledger {
    journal: Journal<Entry>,
    hour: Option<Entry>,
    hour_file: Option<PathBuf>,
}

impl Ledger {
    /// The ledger at `path`.
    pub fn at(path: PathBuf) -> Self {
        Self { journal: Journal::at(path, LEDGER_BYTES_MAX), hour: None, hour_file: None }
    }

    /// The same, with the hour that goes on as it stands at `path`, or stood when the agent ended.
    pub fn with_hour(self, path: PathBuf) -> Self {
        let hour = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { hour, hour_file: Some(path), ..self }
    }

    /// Notes something that left at once.
    pub fn note(&mut self, entry: &Entry) -> io::Result<()> {
        self.journal.append(entry)
    }

    /// Adds records that left to the sum of the hour.
    pub fn add_records(&mut self, now: Timestamp, to: &str, what: RecordCounts) -> io::Result<()> {
        const HOUR_MS: i64 = 3_600_000;
        let start = Timestamp(now.unix_ms().div_euclid(HOUR_MS) * HOUR_MS);
        if self.hour.as_ref().is_some_and(|hour| hour.at != start || hour.to != to) {
            self.flush()?;
        }
        let hour = self.hour.get_or_insert_with(|| Entry {
            at: start,
            to: to.to_owned(),
            sent: Sent::Records { samples: 0, inventories: 0, events: 0, bytes: 0 },
        });
        if let Sent::Records { samples, inventories, events, bytes } = &mut hour.sent {
            *samples += what.samples;
            *inventories += what.inventories;
            *events += what.events;
            *bytes += what.bytes;
        }
        match &self.hour_file {
            Some(path) => state::keep(path, &serde_json::to_vec(hour)?),
            None => Ok(()),
        }
    }

    /// Writes the hour that is being summed.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(hour) = self.hour.take() {
            self.journal.append(&hour)?;
        }
        match self.hour_file.as_ref().map(fs::remove_file) {
            Some(Err(source)) if source.kind() != io::ErrorKind::NotFound => Err(source),
            _ => Ok(()),
        }
    }

    /// All entries, oldest first; parts of the same hour are joined.
    pub fn read(&self) -> Vec<Entry> {
        let mut hours: BTreeMap<(Timestamp, String), usize> = BTreeMap::new();
        let mut all: Vec<Entry> = Vec::new();
        for entry in self.journal.read().into_iter().chain(self.hour.clone()) {
            let key = (entry.at, entry.to.clone());
            let known = hours.get(&key).copied().filter(|_| matches!(entry.sent, Sent::Records { .. }));
            if let Some(index) = known {
                all[index].sent.join(&entry.sent);
                continue;
            }
            if matches!(entry.sent, Sent::Records { .. }) {
                hours.insert(key, all.len());
            }
            all.push(entry);
        }
        all
    }
}

impl Sent {
    fn join(&mut self, other: &Self) {
        if let (
            Self::Records { samples, inventories, events, bytes },
            Self::Records { samples: more, inventories: states, events: turns, bytes: length },
        ) = (self, other)
        {
            *samples += more;
            *inventories += states;
            *events += turns;
            *bytes += length;
        }
    }
}

/// Records of one batch, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Samples.
    pub samples: u64,
    /// Inventories.
    pub inventories: u64,
    /// Everything else.
    pub events: u64,
    /// Bytes before compression.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_records_by_the_hour_also_across_a_restart() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let minute = RecordCounts { samples: 1, bytes: 200, ..Default::default() };
        for _ in 0..2 {
            let mut ledger = Ledger::at(dir.path().join("ledger"));
            (0..5).for_each(|n| ledger.add_records(Timestamp(n * 60_000), "c:1", minute).expect("noted"));
            ledger.flush().expect("written");
        }
        let entries = Ledger::at(dir.path().join("ledger")).read();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].sent, Sent::Records { samples: 10, inventories: 0, events: 0, bytes: 2000 });
    }

    #[test]
    fn the_hour_that_goes_on_is_listed_and_outlives_a_killed_agent() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let ledger = || Ledger::at(dir.path().join("ledger")).with_hour(dir.path().join(HOUR));
        let minute = RecordCounts { samples: 1, bytes: 200, ..Default::default() };
        for run in 0..3 {
            let mut killed = ledger();
            (0..5).for_each(|n| killed.add_records(Timestamp((run * 5 + n) * 60_000), "c:1", minute).expect("noted"));
        }
        let told = |samples| vec![Sent::Records { samples, inventories: 0, events: 0, bytes: samples * 200 }];
        let listed = || ledger().read().into_iter().map(|entry| entry.sent).collect::<Vec<_>>();
        assert_eq!(listed(), told(15));
        ledger().flush().expect("written");
        assert_eq!(listed(), told(15), "it is not told twice");
        assert!(!dir.path().join(HOUR).exists());
    }

    #[test]
    fn counts_as_people_write_them() {
        let sent = Sent::Records { samples: 1, inventories: 2, events: 0, bytes: 300 };
        let words = Entry { at: Timestamp(0), to: "c:1".into(), sent }.words();
        assert!(words.ends_with("1 minute of measurements, 2 changed states, 0 events within the hour (300 bytes)"));
    }

    #[test]
    fn says_for_which_ticket() {
        let sent =
            Sent::Snapshot { ticket: "17".into(), requested_by: "ann".into(), readings: 120, series: 40, bytes: 9000 };
        let entry = Entry { at: Timestamp(0), to: "collector:7443".into(), sent };
        assert!(entry.words().contains("a snapshot for ann, ticket 17: 120 readings"));
    }
}
