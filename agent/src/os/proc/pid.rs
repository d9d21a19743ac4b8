//! `/proc/<pid>/stat`, the line that is read most often of all: no allocation, one pass.

/// What is used of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PidStat<'a> {
    /// The kernel's short name, at most 15 bytes.
    pub(crate) name: &'a [u8],
    /// What it does, by the kernel's letter: `R` runs, `S` sleeps, `D` is blocked in the kernel, `Z` has ended.
    pub(crate) state: u8,
    /// User and system time, ticks.
    pub(crate) cpu_ticks: u64,
    /// Its threads.
    pub(crate) threads: u64,
    /// Start after boot, ticks. With the pid it names a process.
    pub(crate) start_ticks: u64,
    /// Resident memory, pages.
    pub(crate) resident_pages: u64,
    /// Whether it is a thread of the kernel.
    pub(crate) is_kernel: bool,
}

/// `PF_KTHREAD`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Parses the line. The name may hold blanks and parentheses, so it ends at the last one.
pub(crate) fn parse(line: &[u8]) -> Option<PidStat<'_>> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().rposition(|&byte| byte == b')')?;
    let name = line.get(open + 1..close)?;
    let mut fields = line.get(close + 2..)?.split(|&byte| byte == b' ');
    // Fields are counted as in proc(5); the state is field 3.
    let state = *fields.next()?.first()?;
    let flags = number(fields.nth(9 - 4)?)?;
    let user = number(fields.nth(14 - 10)?)?;
    let system = number(fields.next()?)?;
    let threads = number(fields.nth(20 - 16)?)?;
    let start_ticks = number(fields.nth(22 - 21)?)?;
    let resident_pages = number(fields.nth(24 - 23)?)?;
    let cpu_ticks = user.checked_add(system)?;
    let is_kernel = flags & KERNEL_THREAD != 0;
    Some(PidStat { name, state, cpu_ticks, threads, start_ticks, resident_pages, is_kernel })
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASH: &[u8] = b"812 (bash) S 811 812 812 34816 9000 4194304 1500 20000 3 12 25 17 90 40 20 0 1 0 4321 7340032 1300 18446744073709551615 1 1 0 0 0 0 65536 3686404 1266761467 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn reads_the_fields_it_counts_to() {
        let stat = parse(BASH).expect("well formed");
        assert_eq!(stat.name, b"bash");
        assert_eq!(stat.cpu_ticks, 25 + 17);
        assert_eq!(stat.start_ticks, 4321);
        assert_eq!(stat.resident_pages, 1300);
        assert_eq!((stat.state, stat.threads), (b'S', 1));
        assert!(!stat.is_kernel);
    }

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"7 (a) b (c) R 2 0 0 0 -1 69238880 0 0 0 0 1 2 0 0 20 0 1 0 29 0 0 0";
        let stat = parse(line).expect("well formed");
        assert_eq!(stat.name, b"a) b (c");
        assert!(stat.is_kernel);
    }

    #[test]
    fn a_torn_line_is_nothing() {
        for cut in 0..80 {
            assert_eq!(parse(&BASH[..cut]), None, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(line in "[0-9() a-z-]{0,120}") {
            let _ = parse(line.as_bytes());
        }
    }
}
