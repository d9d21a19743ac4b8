//! `/proc/meminfo`, and the files of processes that look like it.

/// What is used of `/proc/meminfo`, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MemInfo {
    pub(crate) total: Option<u64>,
    /// What can be had without paging; the kernel's estimate, or ours on kernels before 3.14.
    pub(crate) available: Option<u64>,
    pub(crate) committed: Option<u64>,
    pub(crate) commit_limit: Option<u64>,
    pub(crate) swap_total: Option<u64>,
    pub(crate) swap_free: Option<u64>,
    /// What the kernel keeps for itself and cannot give back.
    pub(crate) unreclaimable: Option<u64>,
    /// What compressed pages take, on kernels that say so.
    pub(crate) zswap: Option<u64>,
}

/// Parses `/proc/meminfo`.
pub(crate) fn parse(text: &str) -> MemInfo {
    let mut info = MemInfo::default();
    let (mut free, mut buffers, mut cached) = (None, None, None);
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let field = match name {
            "MemTotal" => &mut info.total,
            "MemAvailable" => &mut info.available,
            "Committed_AS" => &mut info.committed,
            "CommitLimit" => &mut info.commit_limit,
            "SwapTotal" => &mut info.swap_total,
            "SwapFree" => &mut info.swap_free,
            "SUnreclaim" => &mut info.unreclaimable,
            "Zswap" => &mut info.zswap,
            "MemFree" => &mut free,
            "Buffers" => &mut buffers,
            "Cached" => &mut cached,
            _ => continue,
        };
        *field = bytes(rest);
    }
    info.available = info.available.or_else(|| free?.checked_add(buffers?)?.checked_add(cached?));
    info
}

/// Memory of one process that no other shares, from `/proc/<pid>/smaps_rollup`.
pub(crate) fn private_bytes(rollup: &str) -> Option<u64> {
    line(rollup, "Private_Clean")?.checked_add(line(rollup, "Private_Dirty")?)
}

/// Resident memory of one process, from `/proc/<pid>/status`.
pub(crate) fn resident_bytes(status: &str) -> Option<u64> {
    line(status, "VmRSS")
}

fn line(text: &str, wanted: &str) -> Option<u64> {
    text.lines().find_map(|line| bytes(line.strip_prefix(wanted)?.strip_prefix(':')?))
}

/// `  123 kB` in bytes.
fn bytes(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    match words.next() {
        Some("kB") => number.checked_mul(1024),
        None => Some(number),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_kibibytes_as_bytes() {
        let info = parse(
            "MemTotal:       24669068 kB\nMemFree:        12000000 kB\nMemAvailable:   23000000 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\nCommitLimit:    12334532 kB\nCommitted_AS:     765432 kB\nSUnreclaim:  1000 kB\nZswap: 0 kB\nHugePages_Total:       0\n",
        );
        assert_eq!(info.total, Some(24_669_068 * 1024));
        assert_eq!(info.available, Some(23_000_000 * 1024));
        assert_eq!(info.swap_total, Some(0));
        assert_eq!(info.committed, Some(765_432 * 1024));
        assert_eq!((info.unreclaimable, info.zswap), (Some(1000 * 1024), Some(0)));
    }

    #[test]
    fn estimates_what_an_old_kernel_does_not_say() {
        assert_eq!(parse("MemFree: 1 kB\nBuffers: 2 kB\nCached: 3 kB\n").available, Some(6 * 1024));
        assert_eq!(parse("MemFree: 1 kB\n").available, None);
    }

    #[test]
    fn reads_what_a_process_has_for_itself() {
        let rollup =
            "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  5000 kB\nPrivate_Clean:  100 kB\nPrivate_Dirty:  900 kB\n";
        assert_eq!(private_bytes(rollup), Some(1000 * 1024));
        assert_eq!(private_bytes("Rss: 1 kB\n"), None);
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    8 kB\n"), Some(8 * 1024));
    }

    #[test]
    fn a_torn_or_strange_line_is_no_value() {
        assert_eq!(parse("MemTotal:\nMemAvailable: x kB\nSwapTotal: 5 MB\n"), MemInfo::default());
    }

    proptest! {
        #[test]
        fn never_panics(text in "((MemTotal|Cached|Buffers|MemFree|SwapFree):? *[0-9]{0,22} (kB)?\n){0,8}") {
            let _ = parse(&text);
        }
    }
}
