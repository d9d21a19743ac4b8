//! Numbers side by side in two bytes each, as long as these hold them exactly.
//!
//! Agents tell a number with 12 bits behind its first ([`crate::vocabulary::Sample`]), and the numbers of one series lie
//! close to each other. So two bytes hold these 12 bits and how far the exponent lies above the least one of the column,
//! of 15; the rest of the codes is for zero and for no number at all. The first number of a band that does not fit, a
//! negative one or one that nobody shortened, turns the whole band into bare floats: nothing is ever rounded.

/// Bits behind the first that two bytes hold, and those that a float has beside.
const BITS: u32 = 12;
const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - BITS;
const MANTISSA: u32 = (1 << BITS) - 1;
/// Exponents that a column spans.
const SPAN: u32 = 15;
/// The first number of a column may be followed by greater and by lesser ones.
const ABOVE: u32 = 4;
/// Codes that are no number of the span.
const HOLE: u16 = (SPAN << BITS) as u16;
const ZERO: u16 = HOLE + 1;
/// A column that has no number yet.
const NO_BASE: u8 = u8::MAX;

/// Rows of numbers; NaN is where there is none.
#[derive(Debug, Clone)]
pub(super) enum Cells {
    /// The least exponent of each column, and codes.
    Short(Box<[u8]>, Vec<u16>),
    /// As they are; the width of a row.
    Long(usize, Vec<f32>),
}

impl Cells {
    /// No rows of so many columns.
    pub(super) fn new(width: usize) -> Self {
        Self::Short(vec![NO_BASE; width].into(), Vec::new())
    }

    pub(super) fn width(&self) -> usize {
        match self {
            Self::Short(bases, _) => bases.len(),
            Self::Long(width, _) => *width,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short(_, codes) => codes.len(),
            Self::Long(_, values) => values.len(),
        }
    }

    /// Bytes beside its own.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Short(bases, codes) => bases.len() + size_of::<u16>() * codes.capacity(),
            Self::Long(_, values) => size_of::<f32>() * values.capacity(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.len() / self.width()
    }

    pub(super) fn get(&self, row: usize, column: usize) -> f32 {
        match self {
            Self::Short(bases, codes) => decoded(codes[row * bases.len() + column], bases[column]),
            Self::Long(width, values) => values[row * width + column],
        }
    }

    pub(super) fn set(&mut self, row: usize, column: usize, value: f32) {
        if let Self::Short(bases, codes) = self {
            let width = bases.len();
            if let Some(base) = based(value, bases[column], || spanned(codes, bases[column], column, width))
                && let Some(code) = encoded(value, base)
            {
                if base != bases[column] {
                    shift(codes, bases[column], base, column, width);
                    bases[column] = base;
                }
                codes[row * width + column] = code;
                return;
            }
        }
        self.lengthen();
        if let Self::Long(width, values) = self {
            values[row * *width + column] = value;
        }
    }

    fn lengthen(&mut self) {
        if let Self::Short(bases, codes) = self {
            let width = bases.len();
            let values = codes.iter().enumerate().map(|(at, code)| decoded(*code, bases[at % width]));
            *self = Self::Long(width, values.collect());
        }
    }

    /// Makes room for an empty row.
    pub(super) fn insert_row(&mut self, row: usize) {
        match self {
            Self::Short(bases, codes) => make_room(codes, bases.len(), row, HOLE),
            Self::Long(width, values) => make_room(values, *width, row, f32::NAN),
        }
    }

    /// Takes the oldest rows out.
    pub(super) fn drop_rows(&mut self, rows: usize) {
        let cells = rows * self.width();
        match self {
            Self::Short(_, codes) => drop(codes.drain(..cells)),
            Self::Long(_, values) => drop(values.drain(..cells)),
        }
    }
}

fn make_room<T: Copy>(cells: &mut Vec<T>, width: usize, row: usize, empty: T) {
    // Doubling would leave half of every band empty: bands end at what a window needs, not at a power of two.
    if cells.len() + width > cells.capacity() {
        cells.reserve_exact(width * (cells.len() / width / 16 + 1));
    }
    let at = row * width;
    cells.resize(cells.len() + width, empty);
    cells[at..].rotate_right(width);
}

fn exponent(value: f32) -> u32 {
    value.to_bits() >> (f32::MANTISSA_DIGITS - 1)
}

/// The least exponent of a column that holds a number beside what it has; nothing when there is none.
fn based(value: f32, base: u8, spanned: impl Fn() -> Option<(u32, u32)>) -> Option<u8> {
    if value.is_nan() || value.to_bits() == 0 {
        return Some(base);
    }
    let exponent = exponent(value);
    if value.is_sign_negative() || value.to_bits() & ((1 << DROPPED) - 1) != 0 || exponent >= u32::from(NO_BASE) {
        return None;
    }
    let base_exponent = u32::from(base);
    if base != NO_BASE && base_exponent <= exponent && exponent < base_exponent + SPAN {
        return Some(base);
    }
    let (least, most) = spanned().unwrap_or((exponent, exponent));
    let (least, most) = (least.min(exponent), most.max(exponent));
    let spare = SPAN.checked_sub(most - least + 1)?;
    // What is free is for lesser numbers, but for some of it.
    u8::try_from(least.saturating_sub(spare.saturating_sub(ABOVE))).ok()
}

/// The least and the greatest exponent of a column's numbers.
fn spanned(codes: &[u16], base: u8, column: usize, width: usize) -> Option<(u32, u32)> {
    let numbers = codes.iter().skip(column).step_by(width).filter(|code| **code < HOLE);
    let exponents = numbers.map(|code| u32::from(base) + u32::from(code >> BITS));
    exponents
        .fold(None, |range, one| range.map_or(Some((one, one)), |(least, most)| Some((one.min(least), one.max(most)))))
}

/// Gives the numbers of a column another least exponent, which holds them all.
fn shift(codes: &mut [u16], from: u8, to: u8, column: usize, width: usize) {
    for code in codes.iter_mut().skip(column).step_by(width).filter(|code| **code < HOLE) {
        let value = decoded(*code, from);
        *code = encoded(value, to).expect("the span was chosen for the numbers that are there");
    }
}

fn encoded(value: f32, base: u8) -> Option<u16> {
    if value.is_nan() {
        return Some(HOLE);
    }
    if value.to_bits() == 0 {
        return Some(ZERO);
    }
    let above = exponent(value).checked_sub(u32::from(base)).filter(|above| *above < SPAN)?;
    u16::try_from((above << BITS) | ((value.to_bits() >> DROPPED) & MANTISSA)).ok()
}

fn decoded(code: u16, base: u8) -> f32 {
    match code {
        ZERO => 0.0,
        HOLE.. => f32::NAN,
        code => f32::from_bits(((u32::from(base) << BITS) + u32::from(code)) << DROPPED),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTH: usize = 3;

    /// Numbers as agents tell them, mostly; or any.
    fn number() -> impl Strategy<Value = f32> {
        let told = |value: f32| f32::from_bits(value.to_bits() >> DROPPED << DROPPED);
        prop_oneof![
            20 => (0.001_f32..8.0).prop_map(told),
            4 => (0.0_f32..1e9).prop_map(told),
            4 => Just(0.0),
            1 => Just(f32::NAN),
            1 => prop::num::f32::ANY,
        ]
    }

    #[derive(Debug, Clone)]
    enum Deed {
        Insert(usize),
        Set(usize, usize, f32),
        Drop(usize),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            3 => (0..40_usize).prop_map(Deed::Insert),
            12 => (0..40_usize, 0..WIDTH, number()).prop_map(|(row, column, value)| Deed::Set(row, column, value)),
            1 => (0..5_usize).prop_map(Deed::Drop),
        ]
    }

    proptest! {
        #[test]
        fn they_hold_what_bare_floats_hold(deeds in prop::collection::vec(deed(), 1..150)) {
            let (mut cells, mut bare) = (Cells::new(WIDTH), Vec::<[f32; WIDTH]>::new());
            for deed in deeds {
                match deed {
                    Deed::Insert(row) => {
                        let row = row.min(bare.len());
                        cells.insert_row(row);
                        bare.insert(row, [f32::NAN; WIDTH]);
                    }
                    Deed::Set(row, column, value) if row < bare.len() => {
                        cells.set(row, column, value);
                        bare[row][column] = value;
                    }
                    Deed::Drop(rows) => {
                        let rows = rows.min(bare.len());
                        cells.drop_rows(rows);
                        bare.drain(..rows);
                    }
                    Deed::Set(..) => {}
                }
                prop_assert_eq!(cells.rows(), bare.len());
                for (row, numbers) in bare.iter().enumerate() {
                    for (column, number) in numbers.iter().enumerate() {
                        let held = cells.get(row, column);
                        prop_assert!(held.to_bits() == number.to_bits() || held.is_nan() && number.is_nan());
                    }
                }
            }
        }
    }

    #[test]
    fn what_agents_tell_takes_two_bytes() {
        let mut cells = Cells::new(1);
        for (row, value) in [0.007_812_5, 40.0, 0.0, 119.0, f32::NAN, 0.015_625].into_iter().enumerate() {
            cells.insert_row(row);
            cells.set(row, 0, value);
        }
        assert!(matches!(cells, Cells::Short(..)));
        cells.set(0, 0, 0.1);
        assert!(matches!(cells, Cells::Long(..)), "0.1 has more bits than agents tell");
    }
}
