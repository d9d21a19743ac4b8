//! Writes small journal files for tests, in both forms and with both hash functions.

use super::hash;

/// A journal file being written.
pub(crate) struct Forge {
    pub(crate) bytes: Vec<u8>,
    compact: bool,
    keyed: bool,
    sequence: u64,
    /// Payload, offset, last list, and room used in it.
    values: Vec<(Vec<u8>, u64)>,
}

const BUCKETS: u64 = 7;
const HEADER: usize = 272;
/// Offsets in the first list of a value; each further one has room for twice as many.
const ROOM: u64 = 2;

impl Forge {
    /// An empty file with this identity; entries are numbered from `sequence` + 1.
    pub(crate) fn new(compact: bool, keyed: bool, id: u8, sequence: u64) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[..8].copy_from_slice(b"LPKSHHRH");
        bytes[12] = u8::from(keyed) << 2 | u8::from(compact) << 4;
        bytes[16] = 1;
        bytes[24..40].fill(id);
        bytes[72..88].fill(7);
        put(&mut bytes, 88, HEADER as u64);
        put(&mut bytes, 104, HEADER as u64 + 16);
        put(&mut bytes, 112, BUCKETS * 16);
        let mut forge = Self { bytes, compact, keyed, sequence, values: Vec::new() };
        forge.object(4, &vec![0; usize::try_from(BUCKETS * 16).expect("small")]);
        forge
    }

    /// Marks it as complete.
    pub(crate) fn archive(&mut self) {
        self.bytes[16] = 2;
    }

    /// Adds an entry with these fields (`NAME=text`).
    pub(crate) fn entry(&mut self, realtime_us: u64, fields: &[&str]) {
        self.sequence += 1;
        let values: Vec<u64> = fields.iter().map(|field| self.value(field.as_bytes())).collect();
        let mut body = Vec::new();
        for number in [self.sequence, realtime_us, realtime_us / 2] {
            body.extend(number.to_le_bytes());
        }
        body.extend([9; 16]);
        body.extend([0; 8]);
        for value in &values {
            body.extend(self.offset(*value));
            body.extend(vec![0; if self.compact { 0 } else { 8 }]);
        }
        let entry = self.object(3, &body);
        for value in values {
            self.link(value, entry);
        }
        let entries = super::number_64(&self.bytes, 152) + 1;
        for (at, number) in [(152, entries), (160, self.sequence), (192, realtime_us)] {
            put(&mut self.bytes, at, number);
        }
    }

    fn offset(&self, offset: u64) -> Vec<u8> {
        let bytes = offset.to_le_bytes();
        bytes[..if self.compact { 4 } else { 8 }].to_vec()
    }

    fn object(&mut self, kind: u8, body: &[u8]) -> u64 {
        let offset = self.bytes.len() as u64;
        self.bytes.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend((16 + body.len() as u64).to_le_bytes());
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        offset
    }

    fn value(&mut self, payload: &[u8]) -> u64 {
        if let Some((_, offset)) = self.values.iter().find(|(known, _)| known == payload) {
            return *offset;
        }
        let key = self.bytes[24..40].try_into().expect("16");
        let hash = if self.keyed { hash::siphash(payload, &key) } else { hash::lookup3(payload) };
        let bucket = usize::try_from(HEADER as u64 + 16 + hash % BUCKETS * 16).expect("small");
        let next = super::number_64(&self.bytes, bucket);
        let mut body = Vec::new();
        for number in [hash, next, 0, 0, 0, 0] {
            body.extend(number.to_le_bytes());
        }
        body.extend(vec![0; if self.compact { 8 } else { 0 }]);
        body.extend(payload);
        let offset = self.object(1, &body);
        put(&mut self.bytes, bucket, offset);
        self.values.push((payload.to_vec(), offset));
        offset
    }

    fn link(&mut self, value: u64, entry: u64) {
        let at = usize::try_from(value).expect("small");
        let count = super::number_64(&self.bytes, at + 56);
        put(&mut self.bytes, at + 56, count + 1);
        if count == 0 {
            put(&mut self.bytes, at + 40, entry);
            return;
        }
        let width = if self.compact { 4 } else { 8 };
        let (mut place, mut room) = (count - 1, ROOM);
        let mut pointer = at + 48;
        while place >= room {
            pointer = usize::try_from(super::number_64(&self.bytes, pointer)).expect("small") + 16;
            (place, room) = (place - room, room * 2);
        }
        if place == 0 {
            let room = usize::try_from(8 + room * width).expect("small");
            let made = self.object(6, &vec![0; room]);
            put(&mut self.bytes, pointer, made);
        }
        let offset = super::number_64(&self.bytes, pointer) + 24 + place * width;
        let bytes = self.offset(entry);
        let from = usize::try_from(offset).expect("small");
        self.bytes[from..from + bytes.len()].copy_from_slice(&bytes);
    }
}

fn put(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}
