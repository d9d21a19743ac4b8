//! Numbered records of endpoints, stored exactly once.
//!
//! The ledger knows the highest stored sequence number of each endpoint and moves it in the transaction that stores
//! the rows. What is not above it was stored before and is skipped. What leaves a gap must have been declared by the
//! endpoint: as a [`Body::Dropped`] of the same batch, or by being the first thing it sends on a new stream, which
//! means that it has nothing older. Any other gap is refused: the records are still in the endpoint's spool, and it
//! will send them in order once it is told where we stand.

mod insert;

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::StoreError;

/// Records of one endpoint, in order of sequence number.
#[derive(Debug, Clone)]
pub struct RecordBatch {
    /// Whose.
    pub endpoint_key: i64,
    /// Whether these are the first of a stream.
    pub first_of_stream: bool,
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
    /// Which rows of the batch are new, by index: from here to `new_until`.
    pub new_from: usize,
    /// End of the new rows, by index. Less than the batch's length when a gap was refused there.
    pub new_until: usize,
    /// Numbers that are missing although the endpoint never declared them: first and last.
    pub undeclared: Option<(u64, u64)>,
}

impl Appended {
    /// Whether the batch was cut at a gap.
    pub fn refused_gap(&self, batch_rows: usize) -> bool {
        self.new_until < batch_rows
    }
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

/// Decides which rows of a batch are new, and whether a gap stops it.
fn judge(stored: u64, batch: &RecordBatch) -> Appended {
    let new_from = batch.rows.iter().take_while(|row| row.sequence <= stored).count();
    let mut appended = Appended { stored_sequence: stored, new_from, new_until: new_from, undeclared: None };
    let declared: Vec<(u64, u64)> = batch.rows.iter().filter_map(Row::declared_gap).collect();
    for row in &batch.rows[new_from..] {
        let expected = appended.stored_sequence + 1;
        if row.sequence < expected {
            break;
        }
        if row.sequence > expected && !is_declared(expected, row.sequence - 1, &declared) {
            if !(batch.first_of_stream && appended.new_until == new_from) {
                break;
            }
            appended.undeclared = Some((expected, row.sequence - 1));
        }
        appended.stored_sequence = row.sequence;
        appended.new_until += 1;
    }
    appended
}

/// Whether every number from `first` to `last` lies in a declared gap.
fn is_declared(first: u64, last: u64, declared: &[(u64, u64)]) -> bool {
    let mut next = first;
    while next <= last {
        let Some(&(_, end)) = declared.iter().find(|(start, end)| (*start..=*end).contains(&next)) else {
            return false;
        };
        next = end + 1;
    }
    true
}

impl Row {
    fn declared_gap(&self) -> Option<(u64, u64)> {
        match self.body {
            Body::Dropped { first, last, .. } if first <= last && last < u64::MAX => Some((first, last)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
