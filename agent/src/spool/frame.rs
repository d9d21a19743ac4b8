use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::{DecodeError, Message, v1};

/// Bytes before the payload: length, checksum, sequence number, class, time.
pub(super) const HEAD_BYTES: usize = 4 + 4 + 8 + 1 + 8;

/// The largest payload; more than any record or layout needs.
const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Which records go first when space runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Numbers of a minute.
    Sample,
    /// Everything else.
    Other,
    /// Not a record: names the series of samples that follow.
    Layout,
}

impl Class {
    fn byte(self) -> u8 {
        match self {
            Self::Sample => 1,
            Self::Other => 2,
            Self::Layout => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Sample, Self::Other, Self::Layout].into_iter().find(|class| class.byte() == byte)
    }
}

/// A record as it lies in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The record's sequence number.
    pub sequence: u64,
    /// What it is.
    pub class: Class,
    /// The record's time.
    pub at: Timestamp,
    /// The layout that a sample needs.
    pub layout: Option<u64>,
    /// The encoded record.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The record.
    pub fn record(&self) -> Result<v1::Record, DecodeError> {
        v1::Record::decode(self.payload.as_slice())
    }

    /// Bytes on disk.
    pub(super) fn len(&self) -> u64 {
        (HEAD_BYTES + self.payload.len()) as u64
    }

    /// Adds its bytes to `out`.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.push(self.class.byte());
        out.extend_from_slice(&self.at.unix_ms().to_le_bytes());
        out.extend_from_slice(&self.payload);
        let checksum = checksum(&out[start..]);
        out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The frame at the start of `bytes`, or nothing when it is torn or altered.
    pub(super) fn read_from(bytes: &[u8]) -> Option<Self> {
        let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        if length > PAYLOAD_BYTES_MAX {
            return None;
        }
        let whole = bytes.get(..HEAD_BYTES + length)?;
        if u32::from_le_bytes(whole[4..8].try_into().ok()?) != checksum(whole) {
            return None;
        }
        let class = Class::from_byte(whole[16])?;
        let payload = whole[HEAD_BYTES..].to_vec();
        let layout = match class {
            Class::Sample => sample_layout(&payload),
            _ => None,
        };
        Some(Self {
            sequence: u64::from_le_bytes(whole[8..16].try_into().ok()?),
            class,
            at: Timestamp(i64::from_le_bytes(whole[17..25].try_into().ok()?)),
            layout,
            payload,
        })
    }
}

/// Covers everything but itself; the length is covered too, so that a flipped length is seen.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

fn sample_layout(payload: &[u8]) -> Option<u64> {
    match v1::Record::decode(payload).ok()?.body? {
        v1::record::Body::Sample(sample) => Some(sample.layout_fingerprint),
        _ => None,
    }
}
