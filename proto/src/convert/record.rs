use firstline_diagnosis::vocabulary::{Event, Mark, Reading, Sample, Timestamp};

use super::bounds::{at_most, present, some_chars};
use super::{BadField, event, sample};
use crate::v1;
use crate::v1::record::Body as Wire;

/// The most records of one batch.
pub const RECORDS_PER_BATCH: usize = 512;

/// The highest sequence number: as far as every database and every reader of JSON counts one by one. At a thousand records
/// a second it takes 285,000 years.
pub const SEQUENCE_MAX: u64 = (1 << 53) - 1;

/// The most readings of one inventory record.
const READINGS_MAX: usize = 4096;

/// What is wrong with a number beyond [`SEQUENCE_MAX`].
const BEYOND: &str = "is beyond 2^53 - 1, the highest sequence number";

/// One thing that the collector stores exactly once.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Never reused by the endpoint. Starts at 1.
    pub sequence: u64,
    /// The endpoint's clock.
    pub at: Timestamp,
    /// Milliseconds since boot, sleep included.
    pub at_boot_ms: u64,
    /// The kernel's name for the boot.
    pub boot_id: String,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Numbers of one minute.
    Sample(Sample),
    /// Something that happened.
    Event(Event),
    /// Values that changed.
    Inventory(Vec<Reading>),
    /// A turn in the endpoint's day.
    Mark(Mark),
    /// Records that the endpoint had to drop.
    Dropped(Dropped),
}

/// Counts what did not fit the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// First sequence number that is gone.
    pub first_sequence: u64,
    /// Last sequence number that is gone.
    pub last_sequence: u64,
    /// How many samples among them.
    pub samples: u64,
    /// How many other records among them.
    pub others: u64,
}

impl From<Record> for v1::Record {
    fn from(record: Record) -> Self {
        let body = match record.body {
            Body::Sample(sample) => Wire::Sample(sample.into()),
            Body::Event(event) => Wire::Event(event.into()),
            Body::Inventory(readings) => {
                Wire::Inventory(v1::Inventory { readings: readings.into_iter().map(v1::Reading::from).collect() })
            }
            Body::Mark(mark) => Wire::Mark(mark.into()),
            Body::Dropped(dropped) => Wire::Dropped(dropped.into()),
        };
        Self {
            sequence: record.sequence,
            at_unix_ms: record.at.unix_ms(),
            at_boot_ms: record.at_boot_ms,
            boot_id: record.boot_id,
            body: Some(body),
        }
    }
}

impl TryFrom<v1::Record> for Record {
    type Error = BadField;

    fn try_from(record: v1::Record) -> Result<Self, BadField> {
        if record.sequence == 0 {
            return Err(BadField::new("sequence", "is 0, numbers start at 1"));
        }
        some_chars("boot_id", &record.boot_id, 64)?;
        let at = Timestamp(record.at_unix_ms);
        Ok(Self {
            sequence: record.sequence,
            at,
            at_boot_ms: record.at_boot_ms,
            boot_id: record.boot_id,
            body: body(present("body", record.body)?, at)?,
        })
    }
}

fn body(wire: Wire, at: Timestamp) -> Result<Body, BadField> {
    Ok(match wire {
        Wire::Sample(message) => Body::Sample(sample::sample(message, at).map_err(|bad| bad.within("sample"))?),
        Wire::PackedSample(_) | Wire::PackedInventory(_) => {
            return Err(BadField::new("body", "is packed where nothing is"));
        }
        Wire::Event(message) => Body::Event(event::event(message, at).map_err(|bad| bad.within("event"))?),
        Wire::Inventory(message) => {
            at_most("inventory.readings", message.readings.len(), READINGS_MAX)?;
            let readings = message.readings.into_iter().map(Reading::try_from).collect::<Result<_, _>>();
            Body::Inventory(readings.map_err(|bad| bad.within("inventory.readings"))?)
        }
        Wire::Mark(message) => Body::Mark(Mark::try_from(message).map_err(|bad| bad.within("mark"))?),
        Wire::Dropped(message) => Body::Dropped(Dropped::try_from(message).map_err(|bad| bad.within("dropped"))?),
    })
}

impl From<Dropped> for v1::Dropped {
    fn from(dropped: Dropped) -> Self {
        let Dropped { first_sequence, last_sequence, samples, others } = dropped;
        Self { first_sequence, last_sequence, samples, others }
    }
}

impl TryFrom<v1::Dropped> for Dropped {
    type Error = BadField;

    fn try_from(dropped: v1::Dropped) -> Result<Self, BadField> {
        let v1::Dropped { first_sequence, last_sequence, samples, others } = dropped;
        if first_sequence == 0 || last_sequence < first_sequence {
            return Err(BadField::new("last_sequence", "lies before the first"));
        }
        if last_sequence > SEQUENCE_MAX {
            return Err(BadField::new("last_sequence", BEYOND));
        }
        Ok(Self { first_sequence, last_sequence, samples, others })
    }
}

/// Checks what concerns a batch as a whole: how many, and that sequence numbers grow and have an end. Each record is converted on its
/// own, so that one that cannot be stored can be refused by its number while the others are.
pub fn check_batch(batch: &v1::RecordBatch) -> Result<(), BadField> {
    at_most("records", batch.records.len(), RECORDS_PER_BATCH)?;
    if batch.records.windows(2).any(|pair| pair[0].sequence >= pair[1].sequence) {
        return Err(BadField::new("records.sequence", "does not grow"));
    }
    if batch.records.last().is_some_and(|last| last.sequence > SEQUENCE_MAX) {
        return Err(BadField::new("records.sequence", BEYOND));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
