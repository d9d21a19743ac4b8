//! What a simulated machine has recorded and is not rid of, and the account of it.
//!
//! A record is kept as its number, its time and its kind: the rest follows from the machine's character, so that a day
//! of backlog takes a few kilobytes. What was ever sent is added up, to be held against what is stored at the end.

use std::collections::VecDeque;

use firstline_proto::v1;
use firstline_proto::v1::record::Body;
use serde::{Deserialize, Serialize};

use super::day::{Character, fingerprint};
use super::layouts::Model;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The numbers of a minute.
    Sample,
    /// Something happened.
    Event,
    /// What the machine is.
    Inventory,
    /// A turn in its day.
    Mark(v1::MarkKind),
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    sequence: u64,
    at_ms: i64,
    what: What,
}

/// What was sent, as the collector's tables would have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) samples: u64,
    /// Sum of the samples' fingerprints.
    pub(super) sum: u64,
    pub(super) events: u64,
    pub(super) marks: u64,
    /// Series of state that were told.
    pub(super) states: u64,
}

/// The machine's boot, by the name that the kernel would give it.
const BOOT: &str = "5e2b9c1a-7c1d-4b6e-9f43-0a1b2c3d4e5f";

/// Readings that are told when a machine is first seen.
const STATES: usize = 12;

/// Records that wait for an acknowledgement.
#[derive(Debug)]
pub(super) struct Spool {
    next: u64,
    pending: VecDeque<Pending>,
    /// Highest number that was sent over the present stream.
    sent: u64,
    /// Highest number that was ever sent.
    ever_sent: u64,
    account: Account,
}

impl Default for Spool {
    fn default() -> Self {
        Self { next: 1, pending: VecDeque::new(), sent: 0, ever_sent: 0, account: Account::default() }
    }
}

impl Spool {
    /// Records something.
    pub(super) fn put(&mut self, at_ms: i64, what: What) {
        self.pending.push_back(Pending { sequence: self.next, at_ms, what });
        self.next += 1;
    }

    /// The number that the next record will get.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The collector has everything up to here; says whether it may have.
    pub(super) fn acknowledge(&mut self, stored: u64) -> bool {
        while self.pending.front().is_some_and(|record| record.sequence <= stored) {
            self.pending.pop_front();
        }
        // An idle machine must not keep room for a backlog that it once had.
        if self.pending.is_empty() && self.pending.capacity() > 64 {
            self.pending = VecDeque::new();
        }
        stored < self.next
    }

    /// A new stream begins: what is not acknowledged goes again.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Records that were sent over the present stream and are not acknowledged.
    pub(super) fn flying(&self) -> usize {
        self.pending.partition_point(|record| record.sequence <= self.sent)
    }

    /// Records that are not acknowledged.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// The next records to send, at most `most`; none when all were sent.
    pub(super) fn take(&mut self, most: usize, character: Character, model: &Model) -> Vec<v1::Record> {
        let records: Vec<Pending> = self.pending.iter().skip(self.flying()).take(most).copied().collect();
        records.into_iter().map(|record| self.send(record, character, model)).collect()
    }

    fn send(&mut self, record: Pending, character: Character, model: &Model) -> v1::Record {
        let body = body(record, character, model);
        if record.sequence > self.ever_sent {
            self.ever_sent = record.sequence;
            self.account.add(record.at_ms, &body);
        }
        self.sent = record.sequence;
        v1::Record {
            sequence: record.sequence,
            at_unix_ms: record.at_ms,
            at_boot_ms: record.sequence * 60_000,
            boot_id: BOOT.to_owned(),
            body: Some(body),
        }
    }
}

impl Account {
    fn add(&mut self, at_ms: i64, body: &Body) {
        match body {
            Body::Sample(sample) => {
                let row: Vec<u8> = sample.row.iter().flat_map(|number| number.to_le_bytes()).collect();
                self.sample(at_ms, sample.layout_fingerprint, &row);
            }
            Body::Event(_) => self.events += 1,
            Body::Inventory(inventory) => self.states += inventory.readings.len() as u64,
            Body::Mark(_) => self.marks += 1,
            // The swarm sends its records whole.
            Body::Dropped(_) | Body::PackedSample(_) | Body::PackedInventory(_) => {}
        }
    }

    /// Adds a sample.
    pub(super) fn sample(&mut self, at_ms: i64, layout: u64, row: &[u8]) {
        self.samples += 1;
        self.sum = self.sum.wrapping_add(fingerprint(at_ms, layout, row));
    }
}

fn body(record: Pending, character: Character, model: &Model) -> Body {
    match record.what {
        What::Sample => Body::Sample(v1::Sample {
            layout_fingerprint: model.layout.fingerprint(),
            step_seconds: 60,
            row: character.row(model, record.at_ms),
            absences: Vec::new(),
        }),
        What::Event => Body::Event(crash(character)),
        What::Inventory => Body::Inventory(v1::Inventory { readings: states(record.at_ms, character) }),
        What::Mark(kind) => Body::Mark(v1::Mark { kind: kind.into() }),
    }
}

fn crash(character: Character) -> v1::Event {
    let program = format!("program{}", character.seed % 9);
    let signal = v1::Value { kind: Some(v1::value::Kind::Text("SIGSEGV".to_owned())) };
    v1::Event {
        series: Some(series("endpoint.app.crash", [("process.executable.name", program)])),
        fields: [("signal".to_owned(), signal)].into(),
        count: 1,
    }
}

/// Versions of some packages.
fn states(at_ms: i64, character: Character) -> Vec<v1::Reading> {
    let reading = |index: usize| {
        let name = [("package.manager", "apt".to_owned()), ("package.name", format!("package-{index}"))];
        let version = v1::value::Kind::Text(format!("{index}.{}", character.seed % 7));
        v1::Reading {
            series: Some(series("endpoint.software", name)),
            at_unix_ms: at_ms,
            outcome: Some(v1::reading::Outcome::Value(v1::Value { kind: Some(version) })),
        }
    };
    (0..STATES).map(reading).collect()
}

fn series<const N: usize>(signal: &str, attributes: [(&str, String); N]) -> v1::Series {
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
    v1::Series { signal: signal.to_owned(), attributes }
}
