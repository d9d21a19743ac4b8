use std::time::Duration;

/// The first wait is at most this long.
const SHORTEST: Duration = Duration::from_secs(1);

/// No wait is longer.
const LONGEST: Duration = Duration::from_mins(5);

/// Full jitter: a wait anywhere between nothing and a bound that doubles, so that a fleet that lost its collector
/// comes back spread out and not in a wave.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> Duration {
        let bound = SHORTEST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(rand::random::<f64>()).max(Duration::from_millis(50))
    }

    /// A wait near the longest, for a collector that does not want this endpoint.
    pub fn longest(&mut self) -> Duration {
        LONGEST.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_random_and_bounded_by_a_bound_that_doubles() {
        for _ in 0..50 {
            let mut backoff = Backoff::default();
            for failures in 0..20 {
                let bound = Duration::from_secs(1 << failures.min(9)).min(LONGEST);
                assert!(backoff.next_wait() <= bound);
            }
            backoff.reset();
            assert!(backoff.next_wait() <= SHORTEST);
        }
    }
}
