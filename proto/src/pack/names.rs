use std::collections::BTreeMap;

use firstline_diagnosis::order;
use firstline_diagnosis::registry::{Registry, SignalKind};
use prost::Message;

use crate::convert::BadField;
use crate::v1;
use crate::v1::packed_reading::Outcome as Packed;
use crate::v1::reading::Outcome;
use crate::v1::record::Body;

/// Names that are remembered in one stream.
const NAMES_MAX: usize = 128;

/// A longer one is not remembered, bytes.
const NAME_BYTES_MAX: usize = 512;

/// The names that the other end was told to remember, with their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(BTreeMap<Vec<u8>, u32>);

impl Told {
    /// The inventory of a record of this time without the names that were told; as it is when a reading is not whole.
    pub(super) fn pack(&mut self, inventory: v1::Inventory, at_unix_ms: i64) -> Body {
        let is_whole =
            |reading: &v1::Reading| reading.series.is_some() && at_unix_ms.checked_sub(reading.at_unix_ms).is_some();
        if !inventory.readings.iter().all(is_whole) {
            return Body::Inventory(inventory);
        }
        let readings = inventory.readings.into_iter().map(|reading| self.reading(reading, at_unix_ms)).collect();
        Body::PackedInventory(v1::PackedInventory { readings })
    }

    fn reading(&mut self, reading: v1::Reading, at_unix_ms: i64) -> v1::PackedReading {
        let (slot, series) = self.name(reading.series.unwrap_or_default());
        let outcome = reading.outcome.map(|outcome| match outcome {
            Outcome::Value(value) => Packed::Value(value),
            Outcome::Unknown(unknown) => Packed::Unknown(unknown),
        });
        v1::PackedReading { slot, series, before_ms: at_unix_ms.wrapping_sub(reading.at_unix_ms), outcome }
    }

    fn name(&mut self, series: v1::Series) -> (u32, Option<v1::Series>) {
        if !is_told_often(&series) {
            return (0, Some(series));
        }
        let name = encode(&series);
        if let Some(slot) = self.0.get(&name) {
            return (*slot, None);
        }
        if self.0.len() >= NAMES_MAX || series.encoded_len() > NAME_BYTES_MAX {
            return (0, Some(series));
        }
        let slot = self.0.len() as u32 + 1;
        self.0.insert(name, slot);
        (slot, Some(series))
    }
}

/// Numbers are told again when they are read again; states only when they differ, which is seldom.
fn is_told_often(series: &v1::Series) -> bool {
    let spec = Registry::builtin().get(&series.signal);
    spec.is_some_and(|spec| !spec.is_state() && spec.kind != SignalKind::Event)
}

/// Attributes in order, so that the same series has the same bytes.
fn encode(series: &v1::Series) -> Vec<u8> {
    let attributes = order::map(&series.attributes);
    let mut name = series.signal.clone().into_bytes();
    for (key, value) in attributes {
        for text in [key, value] {
            name.extend_from_slice(&text.len().to_le_bytes());
            name.extend_from_slice(text.as_bytes());
        }
    }
    name
}

/// The names that are remembered: series as they came, encoded, which takes a fraction of their room.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Vec<Box<[u8]>>);

impl Known {
    /// The inventory that [`Told::pack`] was given at the other end.
    pub(super) fn unpack(&mut self, packed: v1::PackedInventory, at_unix_ms: i64) -> Result<v1::Inventory, BadField> {
        let readings = packed.readings.into_iter().map(|reading| self.reading(reading, at_unix_ms));
        Ok(v1::Inventory { readings: readings.collect::<Result<_, _>>()? })
    }

    fn reading(&mut self, packed: v1::PackedReading, at_unix_ms: i64) -> Result<v1::Reading, BadField> {
        let series = self.name(packed.slot as usize, packed.series);
        let series = series.ok_or_else(|| BadField::new("packed_inventory.readings.slot", "has no name"))?;
        let outcome = packed.outcome.map(|outcome| match outcome {
            Packed::Value(value) => Outcome::Value(value),
            Packed::Unknown(unknown) => Outcome::Unknown(unknown),
        });
        Ok(v1::Reading { series: Some(series), at_unix_ms: at_unix_ms.wrapping_sub(packed.before_ms), outcome })
    }

    /// The series under a number. A new one takes the next number, no other.
    fn name(&mut self, slot: usize, series: Option<v1::Series>) -> Option<v1::Series> {
        match series {
            Some(series) if slot == 0 => Some(series),
            Some(series) => {
                let is_next = slot == self.0.len() + 1 && slot <= NAMES_MAX;
                let fits = is_next && series.encoded_len() <= NAME_BYTES_MAX;
                fits.then(|| self.0.push(series.encode_to_vec().into()))?;
                Some(series)
            }
            None => v1::Series::decode(self.0.get(slot.checked_sub(1)?)?.as_ref()).ok(),
        }
    }
}
