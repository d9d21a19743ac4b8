use firstline_diagnosis::vocabulary::Timestamp;

use super::bits::{BitReader, BitWriter, read_column, write_column};

/// Marks where a block begins, so that the next one is found when one is altered.
const MARK: [u8; 4] = *b"FLB\x02";

/// Bytes before the times: mark, length, checksum, number and time of the first row, boot, clock, time of the last row,
/// rows, series.
const HEAD_BYTES: usize = 4 + 4 + 4 + 8 + 8 + 8 + 8 + 8 + 2 + 2;

/// No block is longer.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The end of a step: in which boot, and when by the clock that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// A number for the boot.
    pub boot: u64,
    /// Milliseconds since boot, sleep included.
    pub boot_ms: u64,
    /// UTC, as the machine's clock had it.
    pub at: Timestamp,
}

impl Moment {
    /// What the clock was ahead of the time since boot, milliseconds.
    pub(super) fn clock_ms(&self) -> i64 {
        self.at.unix_ms().saturating_sub(i64::try_from(self.boot_ms).unwrap_or(i64::MAX))
    }
}

/// A row: its number, the end of its step, and its values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) moment: Moment,
    pub(super) values: Vec<f32>,
}

/// What the head of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes with the head.
    pub(super) length: usize,
    pub(super) first_number: u64,
    pub(super) first_boot_ms: u64,
    pub(super) boot: u64,
    /// See [`Moment::clock_ms`]; of the newest row.
    pub(super) clock_ms: i64,
    pub(super) last_boot_ms: u64,
    pub(super) rows: usize,
    width: usize,
}

/// Rows of one layout and one boot, as bytes.
pub(super) fn write(rows: &[Row]) -> Vec<u8> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
    let mut out = Vec::from(MARK);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&first.number.to_le_bytes());
    out.extend_from_slice(&first.moment.boot_ms.to_le_bytes());
    out.extend_from_slice(&first.moment.boot.to_le_bytes());
    out.extend_from_slice(&last.moment.clock_ms().to_le_bytes());
    out.extend_from_slice(&last.moment.boot_ms.to_le_bytes());
    out.extend_from_slice(&u16::try_from(rows.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&u16::try_from(first.values.len()).unwrap_or(u16::MAX).to_le_bytes());
    let mut bits = BitWriter::default();
    let since_first =
        |row: &Row| u32::try_from(row.moment.boot_ms.saturating_sub(first.moment.boot_ms)).unwrap_or(u32::MAX);
    write_column(&mut bits, rows.iter().map(since_first));
    for series in 0..first.values.len() {
        write_column(&mut bits, rows.iter().map(|row| coarse(row.values[series])));
    }
    out.extend(bits.finish());
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
    out[4..8].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&out[4..8]), &out[12..]);
    out[8..12].copy_from_slice(&checksum.to_le_bytes());
    out
}

/// 17 of the 23 bits after the point: five digits, which is more than any source means.
fn coarse(value: f32) -> u32 {
    const DROPPED: u32 = 6;
    if value.is_nan() {
        return f32::NAN.to_bits();
    }
    let bits = value.to_bits();
    let rounded = bits.saturating_add(1 << (DROPPED - 1)) >> DROPPED << DROPPED;
    if f32::from_bits(rounded).is_finite() { rounded } else { bits >> DROPPED << DROPPED }
}

/// The head of the block at the start of `bytes`; nothing when the block is torn or altered.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let head = bytes.get(..HEAD_BYTES).filter(|head| head.starts_with(&MARK))?;
    let length = u32::from_le_bytes(head[4..8].try_into().ok()?) as usize;
    let whole = bytes.get(..length).filter(|whole| (HEAD_BYTES..BYTES_MAX).contains(&whole.len()))?;
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&whole[4..8]), &whole[12..]);
    if u32::from_le_bytes(head[8..12].try_into().ok()?) != checksum {
        return None;
    }
    let long = |at: usize| Some(u64::from_le_bytes(head[at..at + 8].try_into().ok()?));
    let short = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
    Some(Head {
        length,
        first_number: long(12)?,
        first_boot_ms: long(20)?,
        boot: long(28)?,
        clock_ms: long(36)?.cast_signed(),
        last_boot_ms: long(44)?,
        rows: short(52),
        width: short(54),
    })
}

/// Times since boot of the rows, and a column for each series; nothing when the block is not whole.
pub(super) fn columns(bytes: &[u8]) -> Option<(Vec<u64>, Vec<Vec<f32>>)> {
    let head = head(bytes)?;
    let mut bits = BitReader::new(&bytes[HEAD_BYTES..head.length]);
    let times = read_column(&mut bits, head.rows)?;
    let times = times.into_iter().map(|since| head.first_boot_ms.saturating_add(u64::from(since))).collect();
    let column =
        |bits: &mut BitReader<'_>| Some(read_column(bits, head.rows)?.into_iter().map(f32::from_bits).collect());
    let columns = (0..head.width).map(|_| column(&mut bits)).collect::<Option<Vec<_>>>()?;
    Some((times, columns))
}

/// Where the next block begins at or after `from`.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<(usize, Head)> {
    let marks = (from..bytes.len().saturating_sub(HEAD_BYTES - 1)).filter(|at| bytes[*at..].starts_with(&MARK));
    marks.into_iter().find_map(|at| Some((at, head(&bytes[at..])?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(number: u64, values: Vec<f32>) -> Row {
        let moment = Moment { boot: 7, boot_ms: 15_000 * number, at: Timestamp(15_000 * number as i64 + 99) };
        Row { number, moment, values }
    }

    proptest! {
        #[test]
        fn rows_come_back_to_five_digits(values in proptest::collection::vec(any::<f32>(), 30)) {
            let rows: Vec<Row> = values.chunks(3).zip(1..).map(|(values, number)| row(number, values.to_vec())).collect();
            let bytes = write(&rows);
            let found = head(&bytes).expect("whole");
            prop_assert_eq!((found.length, found.rows, found.first_number, found.clock_ms), (bytes.len(), 10, 1, 99));
            let (times, columns) = columns(&bytes).expect("whole");
            prop_assert_eq!(times, (1..=10).map(|number| number * 15_000).collect::<Vec<_>>());
            for (number, row) in rows.iter().enumerate() {
                for (series, value) in row.values.iter().enumerate() {
                    let back = columns[series][number];
                    let near = (back - value).abs() <= value.abs() * 4e-6 || value.abs() < 1e-37;
                    prop_assert!(near || (back.is_nan() && value.is_nan()) || back == *value, "{value} became {back}");
                }
            }
        }

        #[test]
        fn an_altered_block_is_none(place in 0usize..100_000, bit in 0u8..8) {
            let mut bytes = write(&(1..20).map(|number| row(number, vec![number as f32; 4])).collect::<Vec<_>>());
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(head(&bytes), None);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let with_mark = [&MARK[..], &bytes].concat();
            prop_assert!(find(&bytes, 0).is_none() && columns(&with_mark).is_none());
        }
    }
}
