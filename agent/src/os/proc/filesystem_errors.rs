//! Damage that file systems count: `/sys/fs/ext4/*/errors_count`, `/sys/fs/btrfs/*/devinfo/*/error_stats`.

/// Errors that an ext4 volume has counted since it was last checked.
pub(crate) fn of_ext4(errors_count: &str) -> Option<u64> {
    errors_count.trim().parse().ok()
}

/// Errors that btrfs has counted on one of its disks: what could not be read, written or flushed, and what was wrong.
pub(crate) fn of_btrfs(error_stats: &str) -> Option<u64> {
    let count = |line: &str| {
        line.split_once(' ')
            .and_then(|(name, count)| count.trim().parse::<u64>().ok().filter(|_| name.ends_with("_errs")))
    };
    error_stats.lines().filter_map(count).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_what_was_damaged() {
        assert_eq!(of_ext4("3\n"), Some(3));
        let stats = "write_errs 0\nread_errs 2\nflush_errs 0\ncorruption_errs 5\ngeneration_errs 0\n";
        assert_eq!(of_btrfs(stats), Some(7));
    }

    #[test]
    fn what_is_torn_has_no_value() {
        assert_eq!(of_ext4(""), None);
        assert_eq!(of_btrfs("invalid\n"), None);
        assert_eq!(of_btrfs("write_errs many\n"), None);
    }
}
