//! `/proc/diskstats`.

/// Totals of one block device since boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiskStat {
    /// Its name, `nvme0n1`.
    pub(crate) device: String,
    pub(crate) read: Direction,
    pub(crate) write: Direction,
    /// Time in which at least one operation was under way.
    pub(crate) busy_ms: u64,
}

/// Totals of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) operations: u64,
    pub(crate) bytes: u64,
    /// Sum of the times that operations took.
    pub(crate) time_ms: u64,
}

/// A sector of this file has this many bytes, whatever the disk's are.
const SECTOR_BYTES: u64 = 512;

/// Parses `/proc/diskstats`; partitions are in it too.
pub(crate) fn parse(text: &str) -> Vec<DiskStat> {
    text.lines().filter_map(disk).collect()
}

fn disk(line: &str) -> Option<DiskStat> {
    let mut words = line.split_ascii_whitespace();
    let device = words.nth(2)?.to_owned();
    let mut number = || words.next()?.parse::<u64>().ok();
    let mut direction = || {
        let (operations, _merged, sectors, time_ms) = (number()?, number()?, number()?, number()?);
        Some(Direction { operations, bytes: sectors.checked_mul(SECTOR_BYTES)?, time_ms })
    };
    let (read, write) = (direction()?, direction()?);
    let (_in_flight, busy_ms) = (number()?, number()?);
    Some(DiskStat { device, read, write, busy_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_old_and_new_kernels() {
        let new = parse(
            " 254       0 vda 147395 28710 8822970 40677 17375 136571 37970040 170646 0 13488 211744 5842 23 472440 412 680 8\n",
        );
        assert_eq!(new[0].read, Direction { operations: 147_395, bytes: 8_822_970 * 512, time_ms: 40_677 });
        assert_eq!(new[0].write.operations, 17_375);
        assert_eq!(new[0].busy_ms, 13_488);
        let old = parse("   8       0 sda 10 0 20 30 40 0 50 60 0 70 80\n");
        assert_eq!(old[0].busy_ms, 70);
    }

    #[test]
    fn a_torn_line_is_nothing() {
        assert_eq!(parse("8 0 sda 1 2 3\n8 0\n\n8 0 sdb a b c d e f g h i j k\n"), []);
    }
}
