//! Numbered records of endpoints, stored exactly once.
//!
//! The ledger knows the highest stored sequence number of each endpoint and moves it in the transaction that stores
//! the rows. What is not above it was stored before and is skipped; what is above it is stored. Numbers only grow, and
//! an endpoint sends what it has in order, so a number that is left out is one that it does not have: dropped (then it
//! says so in a [`Body::Dropped`]) or never used (numbers are reserved in blocks, and a crash wastes the rest of one).
//! Left-out numbers that the same batch does not declare are counted.

mod insert;

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::StoreError;

/// Records of one endpoint, in order of sequence number.
#[derive(Debug, Clone)]
pub struct RecordBatch {
    /// Whose.
    pub endpoint_key: i64,
    /// When they arrived.
    pub received_ms: i64,
    /// The records.
    pub rows: Vec<Row>,
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
    /// Numbers that were left out without a word in this batch.
    pub left_out: u64,
}

/// Where each endpoint stands. Only the writer has one, so it may remember.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    stored: HashMap<i64, u64>,
}

impl Ledger {
    /// Stores batches within a transaction, and says what became of each.
    pub(super) async fn append(
        &mut self,
        connection: &mut SqliteConnection,
        batches: Vec<RecordBatch>,
    ) -> Result<Vec<Appended>, StoreError> {
        let mut appended = Vec::with_capacity(batches.len());
        for batch in &batches {
            let stored = self.stored(connection, batch.endpoint_key).await?;
            let one = judge(stored, batch);
            self.stored.insert(batch.endpoint_key, one.stored_sequence);
            appended.push(one);
        }
        insert::rows(connection, &batches, &appended).await?;
        Ok(appended)
    }

    /// Forgets everything, after a transaction that was lost.
    pub(super) fn forget(&mut self) {
        self.stored.clear();
    }

    async fn stored(&mut self, connection: &mut SqliteConnection, endpoint_key: i64) -> Result<u64, StoreError> {
        if let Some(&stored) = self.stored.get(&endpoint_key) {
            return Ok(stored);
        }
        let stored: Option<i64> =
            sqlx::query_scalar("SELECT stored_sequence FROM endpoint_progress WHERE endpoint_key = $1")
                .bind(endpoint_key)
                .fetch_optional(connection)
                .await?;
        Ok(stored.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
    }
}

/// Decides which rows of a batch are new.
fn judge(stored: u64, batch: &RecordBatch) -> Appended {
    let new_from = batch.rows.iter().take_while(|row| row.sequence <= stored).count();
    let declared: Vec<(u64, u64)> = batch.rows.iter().filter_map(Row::declared_gap).collect();
    let mut appended = Appended { stored_sequence: stored, new_from, left_out: 0 };
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
