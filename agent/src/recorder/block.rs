use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::pack::{BitReader, BitWriter};
use sha2::{Digest, Sha256};

use super::bits::{read_column, write_column};

/// Bytes before the columns' places: number and time of the first row, boot, clock, time of the last row, rows, runs.
const HEAD_BYTES: usize = 8 + 8 + 8 + 8 + 8 + 2 + 2;

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
    /// A moment of the boot of this name.
    pub fn new(boot_id: &str, boot_ms: u64, at: Timestamp) -> Self {
        let digest = Sha256::digest(boot_id.as_bytes());
        let boot = u64::from_be_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"));
        Self { boot, boot_ms, at }
    }

    /// What the clock was ahead of the time since boot, milliseconds.
    pub(crate) fn clock_ms(&self) -> i64 {
        self.at.unix_ms().saturating_sub(i64::try_from(self.boot_ms).unwrap_or(i64::MAX))
    }
}

/// A row: its number, the end of its step, and its values by column. Columns that came later have none in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) moment: Moment,
    pub(super) values: Vec<f32>,
}

/// What the head of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first_number: u64,
    pub(super) first_boot_ms: u64,
    pub(super) boot: u64,
    /// See [`Moment::clock_ms`]; of the newest row.
    pub(super) clock_ms: i64,
    pub(super) last_boot_ms: u64,
    pub(super) rows: u16,
    /// Runs of neighbouring columns.
    runs: u16,
}

/// Adds rows of one boot, oldest first. Columns without a single value are left out.
pub(super) fn write(rows: &[Row], out: &mut Vec<u8>) {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    let width = rows.iter().map(|row| row.values.len()).max().unwrap_or(0);
    let value = |row: &Row, column: usize| row.values.get(column).copied().unwrap_or(f32::NAN);
    let filled = (0..width).filter(|column| rows.iter().any(|row| !value(row, *column).is_nan()));
    let filled: Vec<usize> = filled.collect();
    let runs: Vec<&[usize]> = filled.chunk_by(|one, next| one + 1 == *next).collect();
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(&first.number.to_le_bytes());
    out.extend_from_slice(&first.moment.boot_ms.to_le_bytes());
    out.extend_from_slice(&first.moment.boot.to_le_bytes());
    out.extend_from_slice(&last.moment.clock_ms().to_le_bytes());
    out.extend_from_slice(&last.moment.boot_ms.to_le_bytes());
    out.extend_from_slice(&short(rows.len()));
    out.extend_from_slice(&short(runs.len()));
    for run in runs {
        out.extend_from_slice(&short(run[0]));
        out.extend_from_slice(&short(run.len()));
    }
    let mut bits = BitWriter::default();
    let since_first =
        |row: &Row| u32::try_from(row.moment.boot_ms.saturating_sub(first.moment.boot_ms)).unwrap_or(u32::MAX);
    write_column(&mut bits, rows.iter().map(since_first));
    for column in filled {
        write_column(&mut bits, rows.iter().map(|row| coarse(value(row, column))));
    }
    out.extend(bits.finish());
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

/// The head of a block; nothing when it is shorter than one.
pub(super) fn head(block: &[u8]) -> Option<Head> {
    let head = block.get(..HEAD_BYTES)?;
    let long = |at: usize| Some(u64::from_le_bytes(head[at..at + 8].try_into().ok()?));
    let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    Some(Head {
        first_number: long(0)?,
        first_boot_ms: long(8)?,
        boot: long(16)?,
        clock_ms: long(24)?.cast_signed(),
        last_boot_ms: long(32)?,
        rows: short(40),
        runs: short(42),
    })
}

/// A block that is read, column by column.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    /// Times since boot of the rows.
    pub(super) times: Vec<u64>,
    /// First column and how many, of each run that is not read yet.
    runs: std::slice::ChunksExact<'a, u8>,
    run: std::ops::Range<usize>,
    bits: BitReader<'a>,
}

impl<'a> Columns<'a> {
    /// Begins to read `block`; nothing when it is not whole.
    pub(super) fn of(block: &'a [u8]) -> Option<Self> {
        // A block of no rows would have any number of columns for nothing.
        let head = head(block).filter(|head| head.rows > 0)?;
        let (runs, bits) = block[HEAD_BYTES..].split_at_checked(4 * usize::from(head.runs))?;
        let mut bits = BitReader::new(bits);
        let times = read_column(&mut bits, usize::from(head.rows))?;
        let times = times.into_iter().map(|since| head.first_boot_ms.saturating_add(u64::from(since))).collect();
        Some(Self { times, runs: runs.chunks_exact(4), run: 0..0, bits })
    }
}

impl Iterator for Columns<'_> {
    /// Which column, and its values.
    type Item = (usize, Vec<f32>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.run.is_empty() {
            let run = self.runs.next()?;
            let short = |at: usize| usize::from(u16::from_le_bytes([run[at], run[at + 1]]));
            self.run = short(0)..short(0) + short(2);
        }
        let column = self.run.next()?;
        let values = read_column(&mut self.bits, self.times.len())?;
        Some((column, values.into_iter().map(f32::from_bits).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(number: u64, values: Vec<f32>) -> Row {
        let moment = Moment { boot: 7, boot_ms: 15_000 * number, at: Timestamp(15_000 * number as i64 + 99) };
        Row { number, moment, values }
    }

    fn written(rows: &[Row]) -> Vec<u8> {
        let mut out = Vec::new();
        write(rows, &mut out);
        out
    }

    proptest! {
        #[test]
        fn rows_come_back_to_five_digits(values in proptest::collection::vec(any::<f32>(), 30)) {
            let rows: Vec<Row> = values.chunks(3).zip(1..).map(|(values, number)| row(number, values.to_vec())).collect();
            let bytes = written(&rows);
            let found = head(&bytes).expect("whole");
            prop_assert_eq!((found.rows, found.first_number, found.clock_ms), (10, 1, 99));
            let columns = Columns::of(&bytes).expect("whole");
            prop_assert_eq!(&columns.times, &(1..=10).map(|number| number * 15_000).collect::<Vec<_>>());
            for (column, back) in columns {
                for (row, back) in rows.iter().zip(back) {
                    let value = row.values[column];
                    let near = (back - value).abs() <= value.abs() * 4e-6 || value.abs() < 1e-37;
                    prop_assert!(near || (back.is_nan() && value.is_nan()) || back == value, "{value} became {back}");
                }
            }
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let values: usize = Columns::of(&bytes).into_iter().flatten().map(|(_, values)| values.len()).sum();
            prop_assert!(values <= bytes.len() * 8);
        }

        #[test]
        fn a_cut_block_is_read_without_harm(cut in 0usize..400) {
            let bytes = written(&(1..20).map(|number| row(number, vec![number as f32; 4])).collect::<Vec<_>>());
            let whole = cut >= bytes.len();
            let columns = Columns::of(&bytes[..cut.min(bytes.len())]).into_iter().flatten().count();
            prop_assert!(columns == 4 || !whole);
        }
    }

    #[test]
    fn a_column_that_came_later_or_has_no_value_costs_nothing_before() {
        let none = f32::NAN;
        let bytes = written(&[row(1, vec![1.0, none]), row(2, vec![2.0, none, none, 4.0])]);
        let columns: Vec<_> = Columns::of(&bytes).expect("whole").collect();
        assert_eq!(columns.iter().map(|(column, _)| *column).collect::<Vec<_>>(), [0, 3]);
        assert!(columns[1].1[0].is_nan() && columns[1].1[1] == 4.0);
        let wide = |none: usize| written(&[row(1, [vec![f32::NAN; none], vec![1.0]].concat())]).len();
        assert_eq!(wide(0), wide(5000));
    }
}
