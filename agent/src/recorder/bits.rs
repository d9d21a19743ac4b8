//! Numbers as few bits: what has not changed costs one.
//!
//! Each number is compared with the one before by exclusive or. Equal numbers are a 0; others are a 1 and the bits that
//! differ, in the window of the number before when they fit into it, else with a window of their own.

use firstline_proto::pack::{BitReader, BitWriter};

/// The window of the bits that differed last: zeros before them, and how many they are.
#[derive(Debug, Clone, Copy)]
struct Window {
    leading: u32,
    length: u32,
}

/// Writes a column.
pub(super) fn write_column(out: &mut BitWriter, values: impl Iterator<Item = u32>) {
    let (mut before, mut window) = (0, Window { leading: 0, length: 0 });
    for value in values {
        let differs = value ^ before;
        before = value;
        if differs == 0 {
            out.put(0, 1);
            continue;
        }
        out.put(1, 1);
        let (leading, trailing) = (differs.leading_zeros(), differs.trailing_zeros());
        let fits = leading >= window.leading && 32 - trailing <= window.leading + window.length;
        // An old window that is much wider than needed costs more than a new one.
        if fits && window.length <= 32 - leading - trailing + 10 {
            out.put(0, 1);
        } else {
            window = Window { leading, length: 32 - leading - trailing };
            out.put(1, 1);
            out.put(leading, 5);
            out.put(window.length - 1, 5);
        }
        out.put(differs >> (32 - window.leading - window.length), window.length);
    }
}

/// Reads a column of `count` numbers; nothing when it is not whole.
pub(super) fn read_column(bits: &mut BitReader<'_>, count: usize) -> Option<Vec<u32>> {
    let (mut before, mut window) = (0, Window { leading: 0, length: 0 });
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        if bits.take(1)? == 1 {
            if bits.take(1)? == 1 {
                window = Window { leading: bits.take(5)?, length: bits.take(5)? + 1 };
            }
            let shift = 32u32.checked_sub(window.leading + window.length)?;
            before ^= bits.take(window.length)?.checked_shl(shift).unwrap_or(0);
        }
        values.push(before);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn columns_come_back_as_they_were(columns in proptest::collection::vec(proptest::collection::vec(any::<u32>(), 20), 1..5)) {
            let mut out = BitWriter::default();
            for column in &columns {
                write_column(&mut out, column.iter().copied());
            }
            let bytes = out.finish();
            let mut bits = BitReader::new(&bytes);
            for column in columns {
                prop_assert_eq!(read_column(&mut bits, 20), Some(column));
            }
            prop_assert!(bits.is_over());
        }

        #[test]
        fn any_bits_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let values = read_column(&mut BitReader::new(&bytes), 60);
            prop_assert!(values.is_none_or(|values| values.len() == 60));
        }
    }

    #[test]
    fn what_stays_costs_a_bit() {
        let mut out = BitWriter::default();
        write_column(&mut out, std::iter::repeat_n(12345, 20));
        assert!(out.finish().len() <= 7);
    }
}
