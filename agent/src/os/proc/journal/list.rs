use super::object::{ENTRY_ARRAY, list_offset};
use super::{Fault, Header, Item, JournalFile, ReadAt, number_64};

/// Bytes before the offsets of a list.
const HEAD: u64 = 24;
/// Lists that continue each other, each longer than the one before.
const LISTS_MAX: usize = 64;

/// Entries that carry a value and are new.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Matches {
    /// Their offsets, oldest first.
    pub(crate) offsets: Vec<u64>,
    /// How many older ones are new too, beyond what was asked for.
    pub(crate) left_out: u64,
}

/// One of the lists of the entries that carry a value; the first entry stands with the value itself.
struct List {
    offset: u64,
    /// Place of its first offset among all.
    from: u64,
    count: u64,
}

impl<R: ReadAt> JournalFile<R> {
    /// The newest `most` of the entries that carry `item` and have a number above `after`.
    pub(crate) fn entries_after(&self, header: &Header, item: Item, after: u64, most: usize) -> Result<Matches, Fault> {
        let lists = self.lists(header, item)?;
        let new = self.first_after(header, item, &lists, after)?;
        let from = new.max(item.entries.saturating_sub(most as u64));
        let mut offsets = Vec::new();
        if from == 0 && item.entries > 0 {
            offsets.push(item.first_entry);
        }
        for list in &lists {
            let skip = from.saturating_sub(list.from);
            if skip < list.count {
                offsets.extend(self.offsets(header, list, skip)?);
            }
        }
        Ok(Matches { offsets, left_out: from - new })
    }

    /// The place of the first entry with a number above `after`, by halving.
    fn first_after(&self, header: &Header, item: Item, lists: &[List], after: u64) -> Result<u64, Fault> {
        let (mut low, mut high) = (0, item.entries);
        while low < high {
            let middle = u64::midpoint(low, high);
            let offset = self.nth(header, item, lists, middle)?;
            if self.sequence(offset)? > after { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }

    fn nth(&self, header: &Header, item: Item, lists: &[List], place: u64) -> Result<u64, Fault> {
        if place == 0 {
            return Ok(item.first_entry);
        }
        let list = lists.iter().find(|list| place < list.from + list.count).ok_or(DAMAGED)?;
        let at = list.offset + (place - list.from) * header.offset_bytes() as u64;
        Ok(list_offset(&self.some(at, header.offset_bytes())?))
    }

    fn lists(&self, header: &Header, item: Item) -> Result<Vec<List>, Fault> {
        let (mut offset, mut from, mut lists) = (item.list, 1, Vec::new());
        while from < item.entries {
            let raw = self.exactly::<24>(offset, "a list of entries")?;
            let room = number_64(&raw, 8).saturating_sub(HEAD) / header.offset_bytes() as u64;
            // No file holds 2^32 entries; a claim of more would only make the sums below overflow.
            if raw[0] != ENTRY_ARRAY || room == 0 || room > 1 << 32 || offset > 1 << 48 || lists.len() == LISTS_MAX {
                return Err(DAMAGED);
            }
            let count = room.min(item.entries - from);
            lists.push(List { offset: offset + HEAD, from, count });
            from += count;
            offset = number_64(&raw, 16);
        }
        Ok(lists)
    }

    /// The offsets of `list` without the first `skip`. The caller has bounded how many that are.
    fn offsets(&self, header: &Header, list: &List, skip: u64) -> Result<Vec<u64>, Fault> {
        let width = header.offset_bytes();
        let bytes = usize::try_from(list.count - skip).map_err(|_| DAMAGED)? * width;
        let raw = self.some(list.offset + skip * width as u64, bytes)?;
        Ok(raw.chunks_exact(width).map(list_offset).collect())
    }
}

const DAMAGED: Fault = Fault::Damaged("a list of entries");
