//! Signs that a processor is held back: `cpufreq`, `thermal_throttle`.

/// The share of its own top speed that a processor may reach; 1 when nothing holds it back. Files are in kHz.
pub(crate) fn allowed_ratio(allowed: &str, top: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|khz| *khz > 0).map(f64::from);
    // A boost that was switched on later makes the limit larger than the top that was read before.
    Some((number(allowed)? / number(top)?).min(1.0))
}

/// Sums counters; absent when not one of them is a number.
pub(crate) fn sum<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    texts.into_iter().filter_map(|text| text.trim().parse::<u64>().ok()).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_may_run_at_full_speed_is_not_held_back() {
        assert_eq!(allowed_ratio("4400000\n", "4400000\n"), Some(1.0));
        assert_eq!(allowed_ratio("2200000\n", "4400000\n"), Some(0.5));
        assert_eq!(allowed_ratio("4700000", "4400000"), Some(1.0));
        assert_eq!(allowed_ratio("0", "4400000"), None);
        assert_eq!(allowed_ratio("", "x"), None);
    }

    #[test]
    fn sums_what_is_a_number() {
        assert_eq!(sum(["3\n", "4"]), Some(7));
        assert_eq!(sum(["3", "torn x"]), Some(3));
        assert_eq!(sum(["", "-1"]), None);
    }
}
