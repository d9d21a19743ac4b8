//! `/proc/vmstat`.

/// What is used of `/proc/vmstat`: totals since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VmStat {
    /// Pages read back from swap.
    pub(crate) swapped_in: Option<u64>,
    /// Pages written to swap.
    pub(crate) swapped_out: Option<u64>,
    /// Faults that had to wait for a disk.
    pub(crate) major_faults: Option<u64>,
    /// Processes that the kernel killed for memory (kernel 4.13 and later).
    pub(crate) oom_kills: Option<u64>,
}

/// Parses `/proc/vmstat`.
pub(crate) fn parse(text: &str) -> VmStat {
    let mut stat = VmStat::default();
    for line in text.lines() {
        let Some((name, number)) = line.split_once(' ') else { continue };
        let field = match name {
            "pswpin" => &mut stat.swapped_in,
            "pswpout" => &mut stat.swapped_out,
            "pgmajfault" => &mut stat.major_faults,
            "oom_kill" => &mut stat.oom_kills,
            _ => continue,
        };
        *field = number.trim().parse().ok();
    }
    stat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_four_counters() {
        let stat = parse("nr_free_pages 3\npswpin 10\npswpout 20\npgmajfault 447\noom_kill 1\n");
        assert_eq!(stat.swapped_in, Some(10));
        assert_eq!(stat.major_faults, Some(447));
        assert_eq!(stat.oom_kills, Some(1));
    }

    #[test]
    fn what_is_not_there_is_absent() {
        assert_eq!(parse("pswpin\npswpout -1\n"), VmStat::default());
    }
}
