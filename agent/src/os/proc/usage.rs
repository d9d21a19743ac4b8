//! What one process holds: `/proc/<pid>/limits`, `io`, `smaps_rollup`.

use crate::probe::ProbeError;

/// What one process holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Usage {
    /// Open files.
    pub(crate) descriptors: Result<u64, ProbeError>,
    /// How many it may open; the largest number when there is no limit.
    pub(crate) descriptor_limit: Result<u64, ProbeError>,
    /// What it read from disks and wrote to them.
    pub(crate) io: Result<Io, ProbeError>,
}

/// Bytes moved between a process and disks since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Io {
    /// Read.
    pub(crate) read_bytes: u64,
    /// Written.
    pub(crate) written_bytes: u64,
}

/// The soft limit of open files in `limits`.
pub(crate) fn descriptor_limit(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match rest.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// What `io` says went to and came from disks.
pub(crate) fn io(text: &str) -> Option<Io> {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    Some(Io { read_bytes: value("read_bytes:")?, written_bytes: value("write_bytes:")? })
}

/// The proportional set size in `smaps_rollup`, bytes.
pub(crate) fn proportional_bytes(smaps: &str) -> Option<u64> {
    let line = smaps.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The share of the table of open files that is in use, by `/proc/sys/fs/file-nr`: allocated, free, most.
pub(crate) fn file_table(text: &str) -> Option<f64> {
    let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().ok());
    let (allocated, free, most) = (numbers.next()??, numbers.next()??, numbers.next()??);
    (most > 0).then(|| allocated.saturating_sub(free) as f64 / most as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                          Max stack size            8388608              unlimited            bytes     \n\
                          Max open files            1024                 1048576              files     \n";

    #[test]
    fn reads_limits_totals_and_shares() {
        assert_eq!(descriptor_limit(LIMITS), Some(1024));
        assert_eq!(descriptor_limit(&LIMITS.replace("1024 ", "unlimited ")), Some(u64::MAX));
        let text = "rchar: 3\nwchar: 4\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n";
        assert_eq!(io(text), Some(Io { read_bytes: 4096, written_bytes: 8192 }));
        let rollup =
            "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  900 kB\nPss:                 321 kB\nPss_Dirty: 7 kB\n";
        assert_eq!(proportional_bytes(rollup), Some(321 * 1024));
        assert_eq!(file_table("1500\t500\t2000\n"), Some(0.5));
    }

    #[test]
    fn what_cannot_be_understood_is_absent() {
        for text in ["", "Max open files", "Pss: many kB", "read_bytes: -1", "1 2", "1 0 0"] {
            assert_eq!(descriptor_limit(text), None, "{text}");
            assert_eq!((io(text), proportional_bytes(text), file_table(text)), (None, None, None), "{text}");
        }
    }
}
