//! `/proc/loadavg` and `/proc/uptime`.

/// The load average over one minute.
pub(crate) fn one_minute(loadavg: &str) -> Option<f64> {
    loadavg.split_ascii_whitespace().next()?.parse().ok()
}

/// Seconds since boot, sleep included.
pub(crate) fn uptime_seconds(uptime: &str) -> Option<f64> {
    uptime.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_form() {
        assert_eq!(one_minute("0.44 0.26 0.23 3/95 16750\n"), Some(0.44));
        assert_eq!(uptime_seconds("1377.22 2300.11\n"), Some(1377.22));
    }

    #[test]
    fn says_nothing_about_nonsense() {
        assert_eq!(one_minute("a b c"), None);
        assert_eq!(one_minute(""), None);
        assert_eq!(uptime_seconds(""), None);
    }
}
