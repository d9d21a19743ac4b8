//! Numbered records of endpoints, stored exactly once.
//!
//! The ledger knows the highest stored sequence number of each endpoint and moves it in the transaction that stores
//! the rows. What is not above it was stored before and is skipped; what is above it is stored. Numbers only grow, and
//! an endpoint sends what it has in order, so a number that is left out is one that it does not have: dropped (then it
//! says so in a [`Body::Dropped`]) or never used (numbers are reserved in blocks, and a crash wastes the rest of one).
//! Left-out numbers that the same batch does not declare are counted.
//!
//! Records may also come ahead of their turn, while older ones are still to come. They are stored, and their numbers are
//! noted until their turn comes; then they are skipped. They move nothing else: what is acknowledged is what is stored in
//! order. Where several collectors share a database, a stream is held under a number that grows whenever it changes hands
//! ([`Claim`]); records that show another are not stored.
//!
//! At most [`AHEAD_MAX`] numbers of an endpoint are noted, and what comes beyond waits for its turn.

mod claim;
mod insert;
mod lock;
mod state;
mod table;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

pub use claim::Claim;

use super::connection::{Connection, Engine};
use super::{StoreError, sql};

/// Numbers that are noted of one endpoint.
const AHEAD_MAX: usize = 1024;

/// Records of one endpoint, in order of sequence number.
#[derive(Debug, Clone)]
pub struct RecordBatch {
    /// Whose.
    pub endpoint_key: i64,
    /// When they arrived.
    pub received_ms: i64,
    /// The records.
    pub rows: Vec<Row>,
    /// Whether they come ahead of their turn.
    pub ahead: bool,
    /// The number under which their stream is held, when collectors share the database. With another they are not stored.
    pub epoch: Option<i64>,
}

/// One record, ready to be stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its number.
    pub sequence: u64,
    /// When it happened, by the collector's clock.
    pub at_ms: i64,
    /// What it says.
    pub body: Body,
}

/// What a record says, encoded as it is stored.
#[derive(Debug, Clone)]
pub enum Body {
    /// Numbers of one step.
    Sample {
        /// Fingerprint of the layout.
        layout: u64,
        /// Length of the step.
        step_seconds: u32,
        /// 32-bit floats, little endian.
        row: Vec<u8>,
        /// Reasons for missing numbers, as in the table.
        absences: Option<Vec<u8>>,
    },
    /// Something that happened.
    Event {
        /// Printed series.
        series: String,
        /// JSON object.
        fields: String,
        /// How often.
        count: u32,
    },
    /// New state.
    Inventory(Vec<StateValue>),
    /// A turn in the day, by name.
    Mark(&'static str),
    /// Records that the endpoint had to drop.
    Dropped {
        /// First number that is gone.
        first: u64,
        /// Last number that is gone.
        last: u64,
        /// Samples among them.
        samples: u64,
        /// Others among them.
        others: u64,
    },
    /// A record whose contents were refused; only its number counts.
    Refused,
}

/// The value of one series that is kept as state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateValue {
    /// Printed series.
    pub series: String,
    /// JSON, as in the table.
    pub outcome: String,
    /// When it was read, by the collector's clock.
    pub at_ms: i64,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The highest number that is stored now.
    pub stored_sequence: u64,
    /// Index of the first new row; those before it were stored earlier.
    pub new_from: usize,
    /// Numbers of later rows that are not stored now: they are stored already, or must wait for their turn.
    pub skipped: BTreeSet<u64>,
    /// Numbers that were left out without a word in this batch.
    pub left_out: u64,
    /// Values of state that were left out, since their endpoint has as many series of state as it may.
    pub states_over: u64,
    /// Nothing was stored, since the stream is no longer held under the batch's number.
    pub moved: bool,
}

impl Appended {
    fn nothing(stored_sequence: u64, new_from: usize) -> Self {
        Self { stored_sequence, new_from, skipped: BTreeSet::new(), left_out: 0, states_over: 0, moved: false }
    }

    /// What became of a batch that was entered a second time, after `first` was lost on its way into the database. When
    /// nothing is new now, it had arrived all the same, and what was new is what was new at first.
    pub(super) fn after(self, first: &Self, rows: &[Row]) -> Self {
        let brings = |one: &Self| rows.iter().enumerate().any(|(index, row)| one.is_new(index, row.sequence));
        if self.moved || brings(&self) || !brings(first) { self } else { first.clone() }
    }

    /// Whether the row at `index` with number `sequence` was stored with this batch.
    pub fn is_new(&self, index: usize, sequence: u64) -> bool {
        index >= self.new_from && !self.skipped.contains(&sequence)
    }
}

/// Where each endpoint stands. Only the writer has one, and SQLite only one writer, so it may remember. PostgreSQL may have
/// several: there it asks for every batch, and holds the endpoints until the batch is committed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    standings: HashMap<i64, Standing>,
    /// What became of the batches that were entered last, whether or not they were committed.
    entered: Vec<Appended>,
}

/// Where one endpoint stands.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// Everything up to here is stored.
    stored: u64,
    /// These beyond are stored, too.
    ahead: BTreeSet<u64>,
    /// The number under which the stream is held.
    epoch: i64,
}

impl Ledger {
    /// Stores batches within a transaction, and says what became of each.
    pub(super) async fn append(
        &mut self,
        connection: &mut Connection,
        batches: &[RecordBatch],
        claims: &[Claim],
    ) -> Result<(Vec<Appended>, Vec<Result<i64, StoreError>>), StoreError> {
        if connection.engine() == Engine::Postgres {
            let keys = batches.iter().map(|batch| batch.endpoint_key);
            let keys = keys.chain(claims.iter().map(|claim| claim.endpoint_key)).collect();
            self.standings = lock::standings(connection, &keys).await?;
        }
        let claimed = claim::make(connection, &mut self.standings, claims).await?;
        let mut appended = Vec::with_capacity(batches.len());
        for batch in batches {
            let standing = self.standing(connection, batch.endpoint_key).await?;
            let one = judge(standing, batch);
            let new = batch.rows.iter().enumerate().filter(|(index, row)| one.is_new(*index, row.sequence));
            let new: Vec<u64> = new.map(|(_, row)| row.sequence).filter(|_| batch.ahead).collect();
            insert::ahead(&mut *connection, batch.endpoint_key, &new).await?;
            if standing.pass(&one, &new) {
                insert::passed(&mut *connection, batch.endpoint_key, one.stored_sequence).await?;
            }
            appended.push(one);
        }
        let mut over = insert::rows(connection, batches, &appended).await?;
        for (batch, one) in batches.iter().zip(&mut appended) {
            one.states_over = over.remove(&batch.endpoint_key).unwrap_or(0);
        }
        self.entered.clone_from(&appended);
        Ok((appended, claimed))
    }

    /// What became of the batches that were entered since this was asked last.
    pub(super) fn take_entered(&mut self) -> Vec<Appended> {
        std::mem::take(&mut self.entered)
    }

    /// Forgets everything, after a transaction that was lost.
    pub(super) fn forget(&mut self) {
        self.standings.clear();
    }

    async fn standing(&mut self, connection: &mut Connection, endpoint_key: i64) -> Result<&mut Standing, StoreError> {
        let unknown = match self.standings.entry(endpoint_key) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(unknown) => unknown,
        };
        let row: Option<(i64, i64)> =
            sql::query_as("SELECT stored_sequence, epoch FROM endpoint_progress WHERE endpoint_key = $1")
                .bind(endpoint_key)
                .fetch_optional(&mut *connection)
                .await?;
        let (stored, epoch) = row.unwrap_or_default();
        let ahead: Vec<i64> = sql::query_scalar("SELECT sequence FROM records_ahead WHERE endpoint_key = $1")
            .bind(endpoint_key)
            .fetch_all(connection)
            .await?;
        let standing = Standing {
            stored: u64::try_from(stored).unwrap_or(0),
            ahead: ahead.into_iter().map(i64::cast_unsigned).collect(),
            epoch,
        };
        Ok(unknown.insert(standing))
    }
}

impl Standing {
    /// Moves on after a batch whose `new` numbers came ahead. Says whether noted numbers were passed.
    fn pass(&mut self, appended: &Appended, new: &[u64]) -> bool {
        self.stored = appended.stored_sequence;
        self.ahead.extend(new);
        let noted = self.ahead.len();
        self.ahead = self.ahead.split_off(&self.stored.saturating_add(1));
        self.ahead.len() < noted
    }
}

/// Decides which rows of a batch are new.
fn judge(standing: &Standing, batch: &RecordBatch) -> Appended {
    let Standing { stored, ahead, epoch } = standing;
    if batch.epoch.is_some_and(|shown| shown != *epoch) {
        return Appended { moved: true, ..Appended::nothing(*stored, batch.rows.len()) };
    }
    let new_from = batch.rows.iter().take_while(|row| row.sequence <= *stored).count();
    let rest = || batch.rows[new_from..].iter().map(|row| row.sequence);
    let mut appended = Appended::nothing(*stored, new_from);
    appended.skipped = rest().filter(|number| ahead.contains(number)).collect();
    if batch.ahead {
        let unknown = rest().filter(|number| !ahead.contains(number));
        appended.skipped.extend(unknown.skip(AHEAD_MAX.saturating_sub(ahead.len())));
        return appended;
    }
    let declared: Vec<(u64, u64)> = batch.rows.iter().filter_map(Row::declared_gap).collect();
    for row in &batch.rows[new_from..] {
        let expected = appended.stored_sequence + 1;
        let is_declared = |number| declared.iter().any(|&(first, last)| first <= number && number <= last);
        if row.sequence > expected && !is_declared(expected) {
            appended.left_out += row.sequence - expected;
        }
        appended.stored_sequence = row.sequence.max(appended.stored_sequence);
    }
    appended
}

impl Row {
    fn declared_gap(&self) -> Option<(u64, u64)> {
        match self.body {
            Body::Dropped { first, last, .. } if first <= last => Some((first, last)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
