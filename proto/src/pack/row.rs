use super::bits::{BitReader, BitWriter};
use super::cells::ABSENT;
use crate::convert::BadField;
use crate::v1;

/// The most cells of a row.
pub(super) const CELLS_MAX: usize = 4096;

/// Bits of a row's length.
const LENGTH_BITS: u32 = 13;

/// Bits below the 12 that a rounded number has behind its first.
const ROUNDED: u32 = 11;

/// The shift that says that a cell comes as it is.
const WHOLE: u32 = 15;

/// The last row of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// 0 before the first.
    layout: u64,
    cells: Vec<u32>,
}

impl Row {
    /// Whether the next row of this layout and length can build on this one.
    pub(super) fn is_of(&self, layout: u64, length: usize) -> bool {
        self.layout != 0 && self.layout == layout && self.cells.len() == length
    }

    /// Puts the cells where a change of the layout puts their series.
    pub(super) fn follow(&mut self, change: &v1::LayoutChange) {
        if self.layout == 0 || self.layout != change.base_fingerprint {
            return;
        }
        let mut removed = change.removed.iter().peekable();
        let mut place = 0;
        self.cells.retain(|_| {
            place += 1;
            removed.next_if_eq(&&(place - 1)).is_none()
        });
        let length = self.cells.len() + change.added.len();
        self.layout = if length <= CELLS_MAX { change.fingerprint } else { 0 };
        self.cells.resize(length.min(CELLS_MAX), ABSENT);
    }

    /// What differs, to be told; `cells` are the last row from now on.
    pub(super) fn pack(&mut self, layout: u64, cells: Vec<u32>) -> Vec<u8> {
        let mut bits = BitWriter::default();
        if self.is_of(layout, cells.len()) {
            bits.put(0, 1);
        } else {
            bits.put(1, 1);
            bits.put(cells.len() as u32, LENGTH_BITS);
            self.begin(layout, cells.len());
        }
        let mut stay = 0;
        for (before, cell) in self.cells.iter().zip(&cells) {
            if before == cell {
                stay += 1;
            } else {
                bits.put_gamma(stay + 1);
                write(&mut bits, *before, *cell);
                stay = 0;
            }
        }
        if stay > 0 {
            bits.put_gamma(stay + 1);
        }
        self.cells = cells;
        bits.finish()
    }

    /// The layout and the row that [`Row::pack`] was given at the other end.
    pub(super) fn unpack(&mut self, layout: u64, packed: &[u8]) -> Result<(u64, &[u32]), BadField> {
        let bad = |problem| BadField::new("packed_sample.cells", problem);
        let mut bits = BitReader::new(packed);
        let whole = bits.take(1).ok_or_else(|| bad("are missing"))? == 1;
        if whole {
            let length = bits.take(LENGTH_BITS).map(|length| length as usize);
            let length =
                length.filter(|length| *length <= CELLS_MAX).ok_or_else(|| bad("have no length or too much"))?;
            self.begin(layout, length);
        }
        if whole == (layout == 0) || self.layout == 0 {
            return Err(BadField::new("packed_sample.layout_fingerprint", "does not fit the row"));
        }
        self.read(&mut bits).filter(|()| bits.is_over()).ok_or_else(|| bad("do not make a row"))?;
        Ok((self.layout, &self.cells))
    }

    fn begin(&mut self, layout: u64, length: usize) {
        self.layout = layout;
        self.cells.clear();
        self.cells.resize(length, ABSENT);
    }

    fn read(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let mut place = 0;
        while place < self.cells.len() {
            place += bits.take_gamma()? as usize - 1;
            if place > self.cells.len() {
                return None;
            }
            if let Some(cell) = self.cells.get_mut(place) {
                *cell = read(bits, *cell)?;
                place += 1;
            }
        }
        Some(())
    }
}

fn write(bits: &mut BitWriter, before: u32, cell: u32) {
    let moved = ordered(cell) - ordered(before);
    let size = u32::try_from(moved.unsigned_abs()).unwrap_or(0);
    let shift = size.trailing_zeros();
    let odd = size.checked_shr(shift).unwrap_or(0);
    let length = 32 - odd.leading_zeros();
    let fits = (ROUNDED..ROUNDED + WHOLE).contains(&shift) && (1..16).contains(&length);
    if fits && unordered(ordered(cell)) == Some(cell) {
        bits.put(shift - ROUNDED, 4);
        bits.put(u32::from(moved < 0), 1);
        bits.put(length, 4);
        bits.put(odd >> 1, length.saturating_sub(2));
    } else if cell.trailing_zeros() >= ROUNDED {
        bits.put(WHOLE << 1, 5);
        bits.put(cell >> ROUNDED, 32 - ROUNDED);
    } else {
        bits.put(WHOLE << 1 | 1, 5);
        bits.put(cell, 32);
    }
}

fn read(bits: &mut BitReader<'_>, before: u32) -> Option<u32> {
    let shift = bits.take(4)?;
    if shift == WHOLE {
        let all = bits.take(1)? == 1;
        return if all { bits.take(32) } else { Some(bits.take(32 - ROUNDED)? << ROUNDED) };
    }
    let down = bits.take(1)? == 1;
    let length = bits.take(4)?;
    let odd = match length {
        0 => return None,
        1 => 1,
        _ => 1 << (length - 1) | bits.take(length - 2)? << 1 | 1,
    };
    let size = i64::from(odd) << (shift + ROUNDED);
    unordered(ordered(before) + if down { -size } else { size })
}

/// The place of a float among all floats.
fn ordered(cell: u32) -> i64 {
    let size = i64::from(cell & 0x7fff_ffff);
    if cell >> 31 == 1 { -size } else { size }
}

/// The float at a place. There is no negative zero among them.
fn unordered(place: i64) -> Option<u32> {
    let size = u32::try_from(place.unsigned_abs()).ok().filter(|size| size >> 31 == 0)?;
    Some(if place < 0 { 1 << 31 | size } else { size })
}
