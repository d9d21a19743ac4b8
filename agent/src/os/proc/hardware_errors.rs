//! Errors that the hardware told the kernel of.

/// Bytes of a page that `/proc/meminfo` counts in.
const PAGE_BYTES: u64 = 4096;

/// Pages that the kernel took out of use because they are broken, from `HardwareCorrupted`.
pub(crate) fn broken_pages(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("HardwareCorrupted:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes.checked_mul(1024)?.div_ceil(PAGE_BYTES))
}

/// Machine checks of all processors, from `/proc/interrupts`. Polls, in the next line, are not errors.
pub(crate) fn machine_checks(interrupts: &str) -> Option<u64> {
    let line = interrupts.lines().find_map(|line| line.trim_start().strip_prefix("MCE:"))?;
    line.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok()).reduce(u64::saturating_add)
}

/// The total in `aer_dev_correctable`, `aer_dev_nonfatal` and `aer_dev_fatal`.
pub(crate) fn link_errors(counts: &str) -> Option<u64> {
    let line = counts.lines().find(|line| line.starts_with("TOTAL_ERR_"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_each_count() {
        assert_eq!(broken_pages("MemTotal: 1 kB\nHardwareCorrupted:     0 kB\n"), Some(0));
        assert_eq!(broken_pages("HardwareCorrupted:     8 kB\n"), Some(2));
        let interrupts = "           CPU0       CPU1\n MCE:          1          2   Machine check exceptions\n MCP:         88         88   Machine check polls\n";
        assert_eq!(machine_checks(interrupts), Some(3));
        let link = "RxErr 4\nBadTLP 1\nBadDLLP 0\nRollover 0\nTimeout 2\nNonFatalErr 0\nTOTAL_ERR_COR 7\n";
        assert_eq!(link_errors(link), Some(7));
    }

    #[test]
    fn what_is_torn_has_no_value() {
        assert_eq!(broken_pages("HardwareCorrupted: 8\n"), None);
        assert_eq!(machine_checks("MCE: Machine check exceptions\n"), None);
        assert_eq!(link_errors("RxErr 4\nTOTAL_ERR_COR\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "((MCE:|HardwareCorrupted:|TOTAL_ERR_COR) *[0-9]{0,24}( kB)?\n){0,4}") {
            let _ = (broken_pages(&text), machine_checks(&text), link_errors(&text));
        }
    }
}
