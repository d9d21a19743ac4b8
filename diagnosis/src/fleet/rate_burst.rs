//! More of one kind of trouble than at this hour of other weeks.

use super::thresholds::RateBurst;
use crate::estimate;

/// A burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// How many there are.
    pub count: u32,
    /// How many are expected.
    pub expected: f64,
    /// The chance of so many.
    pub p: f64,
}

/// Whether `count` in a quarter of an hour is a burst; `weeks` are the counts of the same quarter of earlier weeks.
pub fn burst(count: u32, weeks: &[u32], thresholds: &RateBurst) -> Option<Burst> {
    let weeks: Vec<f64> = weeks.iter().copied().map(f64::from).collect();
    let expected = estimate::median(&weeks).unwrap_or(0.0).max(thresholds.expected_least);
    let p = estimate::poisson_tail(count, expected);
    (count >= thresholds.least && p < thresholds.p).then_some(Burst { count, expected, p })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::builtin::builtin;

    #[test]
    fn five_where_nothing_is_usual_are_a_burst_and_five_where_four_are_usual_are_none() {
        let told = |count, weeks: &[u32]| burst(count, weeks, &builtin().rate_burst).is_some();
        assert!(told(5, &[0, 0, 0, 1, 0, 0]) && told(5, &[]));
        assert!(!told(4, &[0; 6]));
        assert!(!told(5, &[4, 3, 4, 5, 4, 6]));
        assert!(told(16, &[4, 3, 4, 5, 4, 6]));
    }
}
