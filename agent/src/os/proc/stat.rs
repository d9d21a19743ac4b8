//! `/proc/stat`.

/// Ticks (1/100 s) that the processors spent in each mode since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CpuTicks {
    pub(crate) user: u64,
    pub(crate) nice: u64,
    pub(crate) system: u64,
    pub(crate) idle: u64,
    pub(crate) iowait: u64,
    pub(crate) irq: u64,
    pub(crate) softirq: u64,
    pub(crate) steal: u64,
}

impl CpuTicks {
    /// All modes together. Time of guests is part of `user` and `nice` already.
    pub(crate) fn total(&self) -> u64 {
        self.user + self.nice + self.system + self.idle + self.iowait + self.irq + self.softirq + self.steal
    }

    /// What was added since `before`. A mode that went backwards (idle and iowait do, a little) counts as zero.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            nice: self.nice.saturating_sub(before.nice),
            system: self.system.saturating_sub(before.system),
            idle: self.idle.saturating_sub(before.idle),
            iowait: self.iowait.saturating_sub(before.iowait),
            irq: self.irq.saturating_sub(before.irq),
            softirq: self.softirq.saturating_sub(before.softirq),
            steal: self.steal.saturating_sub(before.steal),
        }
    }
}

/// What is used of `/proc/stat`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stat {
    /// All cores together.
    pub(crate) total: CpuTicks,
    /// Each core that is online.
    pub(crate) cores: Vec<CpuTicks>,
    /// Boot time, seconds since 1970.
    pub(crate) boot_seconds: Option<u64>,
}

/// Parses `/proc/stat`; `None` without its first line.
pub(crate) fn parse(text: &str) -> Option<Stat> {
    let mut stat = Stat::default();
    let mut has_total = false;
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(' ') else { continue };
        if name == "cpu" {
            stat.total = ticks(rest)?;
            has_total = true;
        } else if name.strip_prefix("cpu").is_some_and(|number| number.parse::<u16>().is_ok()) {
            stat.cores.extend(ticks(rest));
        } else if name == "btime" {
            stat.boot_seconds = rest.trim().parse().ok();
        }
    }
    has_total.then_some(stat)
}

/// The columns of a `cpu` line. Kernels before 2.6.11 have no `steal`.
fn ticks(columns: &str) -> Option<CpuTicks> {
    let mut columns = columns.split_ascii_whitespace().map_while(|column| column.parse::<u64>().ok());
    let mut next = || columns.next();
    Some(CpuTicks {
        user: next()?,
        nice: next()?,
        system: next()?,
        idle: next()?,
        iowait: next()?,
        irq: next()?,
        softirq: next()?,
        steal: next().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHORT: &str = "cpu  34751 0 7028 228349 1101 0 62 35 0 0\n\
        cpu0 16874 0 2824 115498 405 0 12 17 0 0\n\
        cpu1 17877 0 4203 112851 696 0 50 18 0 0\n\
        intr 415245 0 0\nctxt 658471\nbtime 1795305123\nprocesses 16750\nprocs_running 2\n";

    #[test]
    fn reads_total_cores_and_boot_time() {
        let stat = parse(SHORT).expect("well formed");
        assert_eq!(stat.total.user, 34751);
        assert_eq!(stat.cores.len(), 2);
        assert_eq!(stat.cores[1].softirq, 50);
        assert_eq!(stat.boot_seconds, Some(1_795_305_123));
        assert_eq!(stat.total.total(), 34751 + 7028 + 228349 + 1101 + 62 + 35);
    }

    #[test]
    fn says_nothing_when_the_first_line_is_missing_or_torn() {
        assert_eq!(parse(""), None);
        assert_eq!(parse("cpu  1 2 3\n"), None);
        assert_eq!(parse("cpu0 1 2 3 4 5 6 7 8\n"), None);
    }

    #[test]
    fn idle_that_went_backwards_is_not_a_huge_number() {
        let before = CpuTicks { idle: 10, ..CpuTicks::default() };
        assert_eq!(CpuTicks { idle: 9, user: 1, ..CpuTicks::default() }.since(&before).total(), 1);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(cpu[0-9 ]{0,30}|btime [0-9]{0,30}|.{0,20}\n){0,8}") {
            let _ = parse(&text);
        }
    }
}
