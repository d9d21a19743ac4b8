use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::{DecodeError, Message, v1};

/// Bytes before the payload: length, checksum, sequence number, class, time, layout.
pub(super) const HEAD_BYTES: usize = 4 + 4 + 8 + 1 + 8 + 8;

/// The largest payload; more than any record or layout needs.
const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// What a record is to the spool: which go first when space runs out, and which must not wait to be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Numbers of a minute.
    Sample,
    /// States, which are told again after a restart.
    State,
    /// What happened, and what is told once only.
    Event,
    /// Not a record: names the series of samples that follow.
    Layout,
}

impl Class {
    fn byte(self) -> u8 {
        match self {
            Self::Sample => 1,
            Self::Event => 2,
            Self::Layout => 3,
            Self::State => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Sample, Self::State, Self::Event, Self::Layout].into_iter().find(|class| class.byte() == byte)
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

    /// A layout as a frame; its number is its fingerprint.
    pub(super) fn of_layout(layout: &v1::Layout) -> Self {
        let payload = layout.encode_to_vec();
        Self { sequence: layout.fingerprint, class: Class::Layout, at: Timestamp(0), layout: None, payload }
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
        out.extend_from_slice(&self.layout.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&self.payload);
        let checksum = checksum(&out[start..]);
        out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The frame at the start of `bytes`, or nothing when it is torn or altered.
    pub(super) fn read_from(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD_BYTES)?;
        let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
        let class = Class::from_byte(head[16])?;
        if length > PAYLOAD_BYTES_MAX {
            return None;
        }
        let whole = bytes.get(..HEAD_BYTES + length)?;
        if u32::from_le_bytes(head[4..8].try_into().ok()?) != checksum(whole) {
            return None;
        }
        let layout = u64::from_le_bytes(head[25..33].try_into().ok()?);
        Some(Self {
            sequence: u64::from_le_bytes(head[8..16].try_into().ok()?),
            class,
            at: Timestamp(i64::from_le_bytes(head[17..25].try_into().ok()?)),
            layout: Some(layout).filter(|_| class == Class::Sample),
            payload: whole[HEAD_BYTES..].to_vec(),
        })
    }
}

/// Covers everything but itself; the length is covered too, so that a flipped length is seen.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// The whole frames in a row of bytes. What lies between them is passed over, so that an altered byte costs one frame.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    /// Where the next frame should begin.
    offset: usize,
    /// Something between whole frames was none.
    pub(super) damaged: bool,
}

impl<'a> Frames<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, damaged: false }
    }

    /// Where the last whole frame ended.
    pub(super) fn end(&self) -> u64 {
        self.offset as u64
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let found =
            (self.offset..self.bytes.len()).find_map(|start| Some((start, Frame::read_from(&self.bytes[start..])?)));
        let (start, frame) = found?;
        self.damaged |= start > self.offset;
        self.offset = start + frame.len() as usize;
        Some(frame)
    }
}
