//! Records as they differ from those before them in the same stream.
//!
//! A minute is much like the minute before it: of a hundred numbers half are the same, and the others moved a little. So
//! both ends of a stream remember the last row, and what travels is the difference. A [`Packer`] turns records into packed
//! ones, an [`Unpacker`] turns them back into exactly what they were. Records lie whole in the spool and in the store;
//! nothing outside a stream is packed, and a new stream begins with a whole row.
//!
//! **What is left out.** The boot, when it is the hello's; the layout of a sample, when it is that of the sample before; the
//! numbers and absences that are as they were; and in an inventory the name of a series that is told again and again, as
//! slow numbers are (`Registry`): it is remembered under a number, at most 128 in a stream. A layout that changes takes the row along ([`Packer::follow`]): new series
//! begin without a number.
//!
//! **The form of a row.** A number is a cell of 32 bits; one that is missing is a NaN whose lowest bits are the reason.
//! The row begins with a bit: 1 when it does not follow the row before, and then its length in 13 bits. Then come by turns
//! the number of cells that stay (Elias gamma, of one more) and a cell that differs, to the end of the row. A cell that
//! differs is told by how far it moved in the order of floats: `shift - 11` in 4 bits, a sign, the length in 4 bits, and
//! the bits between the first and the last, which are ones. Numbers that are rounded to 12 bits and to a grid, as the
//! agent's are, move by few bits. Where that does not fit, a shift of 15 goes before the cell as it is: a bit 0 and its
//! upper 21 bits, or a bit 1 and all.
//!
//! **Limits.** A row has at most 4,096 cells. What arrives is a claim: a row that ends early, is too long or holds an
//! unknown reason is an error, and the stream with it, since what follows builds on it.

mod bits;
mod cells;
mod names;
mod row;
#[cfg(test)]
mod tests;

use crate::convert::BadField;
use crate::v1;
use crate::v1::record::Body;
pub use bits::{BitReader, BitWriter};
use cells::{cells, sample};
use names::{Known, Told};
use row::Row;

/// The newest packing that this crate speaks, for `Welcome.packing`.
pub const PACKING: u32 = 1;

/// The sending end.
#[derive(Debug, Clone)]
pub struct Packer {
    boot_id: String,
    row: Row,
    told: Told,
}

impl Packer {
    /// For a stream whose hello names this boot.
    pub fn new(boot_id: &str) -> Self {
        Self { boot_id: boot_id.to_owned(), row: Row::default(), told: Told::default() }
    }

    /// A layout was announced as a change of another.
    pub fn follow(&mut self, change: &v1::LayoutChange) {
        self.row.follow(change);
    }

    /// Packs the next record of the stream.
    pub fn pack(&mut self, mut record: v1::Record) -> v1::Record {
        if record.boot_id == self.boot_id {
            record.boot_id.clear();
        }
        record.body = match record.body {
            Some(Body::Sample(whole)) => Some(self.pack_sample(whole)),
            Some(Body::Inventory(inventory)) => Some(self.told.pack(inventory, record.at_unix_ms)),
            other => other,
        };
        record
    }

    fn pack_sample(&mut self, whole: v1::Sample) -> Body {
        let Some(cells) = cells(&whole) else { return Body::Sample(whole) };
        let v1::Sample { layout_fingerprint: layout, step_seconds, .. } = whole;
        let layout_fingerprint = if self.row.is_of(layout, cells.len()) { 0 } else { layout };
        let cells = self.row.pack(layout, cells);
        Body::PackedSample(v1::PackedSample { layout_fingerprint, step_seconds, cells })
    }
}

/// The receiving end.
#[derive(Debug, Clone)]
pub struct Unpacker {
    boot_id: String,
    row: Row,
    known: Known,
}

impl Unpacker {
    /// For a stream whose hello names this boot.
    pub fn new(boot_id: &str) -> Self {
        Self { boot_id: boot_id.to_owned(), row: Row::default(), known: Known::default() }
    }

    /// A layout was announced as a change of another.
    pub fn follow(&mut self, change: &v1::LayoutChange) {
        self.row.follow(change);
    }

    /// Makes the next record of the stream whole again. Records that are not packed pass as they are.
    ///
    /// # Errors
    /// It cannot be what a packer made here; nor can what follows.
    pub fn unpack(&mut self, mut record: v1::Record) -> Result<v1::Record, BadField> {
        if record.boot_id.is_empty() {
            record.boot_id.clone_from(&self.boot_id);
        }
        record.body = match record.body {
            Some(Body::PackedSample(packed)) => {
                let (layout, cells) = self.row.unpack(packed.layout_fingerprint, &packed.cells)?;
                Some(Body::Sample(sample(layout, packed.step_seconds, cells)?))
            }
            Some(Body::PackedInventory(packed)) => Some(Body::Inventory(self.known.unpack(packed, record.at_unix_ms)?)),
            other => other,
        };
        Ok(record)
    }
}
