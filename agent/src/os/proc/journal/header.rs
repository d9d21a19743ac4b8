use super::{Fault, number_32, number_64};

/// Bytes of the header that are looked at.
pub(super) const LENGTH: usize = 208;

const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// Values are hashed with the file's own key.
const KEYED_HASH: u32 = 1 << 2;
/// Offsets take four bytes.
const COMPACT: u32 = 1 << 4;
/// Compression (three kinds), keyed hashes, compact form.
const KNOWN: u32 = 0b1_1111;
/// The file is complete; entries go to another one.
const ARCHIVED: u8 = 2;

/// What a journal file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// This file, whatever it is called.
    pub(crate) file_id: [u8; 16],
    /// The source of the sequence numbers: files with the same one continue each other.
    pub(crate) sequence_id: [u8; 16],
    /// The number of the last entry; 0 when there is none.
    pub(crate) last_sequence: u64,
    /// When the last entry was written, microseconds since 1970.
    pub(crate) last_realtime_us: u64,
    /// Entries in it.
    pub(crate) entries: u64,
    /// Whether nothing will be added to it any more.
    pub(crate) archived: bool,
    pub(super) keyed_hash: bool,
    pub(super) compact: bool,
    pub(super) hash_table: u64,
    pub(super) hash_table_bytes: u64,
}

impl Header {
    pub(super) fn parse(raw: &[u8]) -> Result<Self, Fault> {
        if raw.len() < LENGTH || !raw.starts_with(SIGNATURE) {
            return Err(Fault::NotAJournal);
        }
        let flags = number_32(raw, 12);
        if flags & !KNOWN != 0 {
            return Err(Fault::Unknown(flags));
        }
        Ok(Self {
            file_id: id(raw, 24),
            sequence_id: id(raw, 72),
            last_sequence: number_64(raw, 160),
            last_realtime_us: number_64(raw, 192),
            entries: number_64(raw, 152),
            archived: raw[16] == ARCHIVED,
            keyed_hash: flags & KEYED_HASH != 0,
            compact: flags & COMPACT != 0,
            hash_table: number_64(raw, 104),
            hash_table_bytes: number_64(raw, 112),
        })
    }

    /// Bytes of an offset in lists.
    pub(super) fn offset_bytes(&self) -> usize {
        if self.compact { 4 } else { 8 }
    }
}

fn id(raw: &[u8], at: usize) -> [u8; 16] {
    raw.get(at..at + 16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}
