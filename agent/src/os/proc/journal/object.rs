use super::{Fault, Header, JournalFile, ReadAt, hash, number_64};

/// Object types.
const DATA: u8 = 1;
const ENTRY: u8 = 3;
pub(super) const ENTRY_ARRAY: u8 = 6;

/// Any of the three ways to compress.
const COMPRESSED: u8 = 0b111;

/// Bytes before the items of an entry, and before the payload of a data object in the wide form.
const ENTRY_HEAD: u64 = 64;
const DATA_HEAD: u64 = 64;
/// The compact form has two more numbers there.
const DATA_HEAD_COMPACT: u64 = 72;

/// Longest field, name and value, that is read.
const FIELD_BYTES_MAX: usize = 1024;
/// Most fields of an entry that are looked at. A core dump has about 40.
const ITEMS_MAX: usize = 96;
/// Longest walk through values with the same hash. Real files have chains of less than ten.
const CHAIN_MAX: usize = 128;

/// An entry: when it was written, and where its fields are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in the sequence of the file's source.
    pub(crate) sequence: u64,
    /// When it was received, microseconds since 1970.
    pub(crate) realtime_us: u64,
    /// The boot that it is of.
    pub(crate) boot_id: [u8; 16],
    /// Offsets of its fields.
    pub(crate) items: Vec<u64>,
}

/// Where a value is, and which entries carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its offset, which stays while the file exists.
    pub(crate) offset: u64,
    pub(super) first_entry: u64,
    pub(super) list: u64,
    /// Entries that carry it.
    pub(crate) entries: u64,
}

impl<R: ReadAt> JournalFile<R> {
    /// The value `field` (`NAME=text`), if any entry of the file carries it.
    pub(crate) fn find(&self, header: &Header, field: &str) -> Result<Option<Item>, Fault> {
        let hash = if header.keyed_hash {
            hash::siphash(field.as_bytes(), &header.file_id)
        } else {
            hash::lookup3(field.as_bytes())
        };
        let buckets = header.hash_table_bytes / 16;
        if buckets == 0 {
            return Ok(None);
        }
        let bucket = header.hash_table.checked_add(hash % buckets * 16).ok_or(Fault::Damaged("the hash table"))?;
        let mut offset = number_64(&self.exactly::<16>(bucket, "the hash table")?, 0);
        for _ in 0..CHAIN_MAX {
            if offset == 0 {
                return Ok(None);
            }
            let raw = self.some(offset, data_head(header) + field.len() + 1)?;
            if number_64(&raw, 16) == hash && payload(header, &raw) == Some(field.as_bytes()) {
                return Ok(Some(item(offset, &raw)));
            }
            offset = number_64(&raw, 24);
        }
        Err(Fault::Damaged("a chain of values"))
    }

    /// The value at `offset` as it is now.
    pub(crate) fn item(&self, offset: u64) -> Result<Item, Fault> {
        let raw = self.exactly::<64>(offset, "a value")?;
        if raw[0] == DATA { Ok(item(offset, &raw)) } else { Err(Fault::Damaged("a value")) }
    }

    /// The entry at `offset`.
    pub(crate) fn entry(&self, header: &Header, offset: u64) -> Result<Entry, Fault> {
        let width = if header.compact { 4 } else { 16 };
        let raw = self.some(offset, usize::try_from(ENTRY_HEAD).expect("64") + ITEMS_MAX * width)?;
        let size = number_64(&raw, 8);
        if raw.first() != Some(&ENTRY) || size < ENTRY_HEAD {
            return Err(Fault::Damaged("an entry"));
        }
        let count = usize::try_from((size - ENTRY_HEAD) / width as u64).unwrap_or(usize::MAX).min(ITEMS_MAX);
        let items = raw.get(64..).unwrap_or_default().chunks_exact(width).take(count).map(list_offset);
        Ok(Entry {
            sequence: number_64(&raw, 16),
            realtime_us: number_64(&raw, 24),
            boot_id: raw.get(40..56).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
            items: items.filter(|offset| *offset != 0).collect(),
        })
    }

    /// The sequence number of the entry at `offset`.
    pub(super) fn sequence(&self, offset: u64) -> Result<u64, Fault> {
        let raw = self.exactly::<24>(offset, "an entry")?;
        if raw[0] == ENTRY { Ok(number_64(&raw, 16)) } else { Err(Fault::Damaged("an entry")) }
    }

    /// Name and text of the field at `offset`. None when it is compressed, longer than a kilobyte, or not text.
    pub(crate) fn field(&self, header: &Header, offset: u64) -> Result<Option<(String, String)>, Fault> {
        let raw = self.some(offset, data_head(header) + FIELD_BYTES_MAX)?;
        let Some(payload) = payload(header, &raw) else { return Ok(None) };
        let text = std::str::from_utf8(payload).ok();
        Ok(text.and_then(|text| text.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())))
    }
}

fn data_head(header: &Header) -> usize {
    usize::try_from(if header.compact { DATA_HEAD_COMPACT } else { DATA_HEAD }).expect("a small number")
}

/// The payload of the data object that `raw` begins with, when all of it is there and plain.
fn payload<'a>(header: &Header, raw: &'a [u8]) -> Option<&'a [u8]> {
    if raw.first() != Some(&DATA) || raw.get(1)? & COMPRESSED != 0 {
        return None;
    }
    let size = usize::try_from(number_64(raw, 8)).ok()?;
    raw.get(data_head(header)..size)
}

fn item(offset: u64, raw: &[u8]) -> Item {
    Item { offset, first_entry: number_64(raw, 40), list: number_64(raw, 48), entries: number_64(raw, 56) }
}

/// The offset that a list item of four bytes, or of eight and more, begins with.
pub(super) fn list_offset(one: &[u8]) -> u64 {
    if one.len() == 4 { u64::from(super::number_32(one, 0)) } else { number_64(one, 0) }
}
