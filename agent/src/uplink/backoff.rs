use std::time::Duration;

/// The first wait is at most this long, unless the collector said otherwise.
const SHORTEST: Duration = Duration::from_secs(1);

/// No wait is longer.
const LONGEST: Duration = Duration::from_mins(5);

/// No wait is longer when the collector does not want this endpoint, since only people can change that.
const LONGEST_REFUSED: Duration = Duration::from_hours(1);

/// Full jitter: a wait anywhere between nothing and a bound that doubles, so that a fleet that lost its collector
/// comes back spread out and not in a wave. The first bound is what the collector asked for while it was there: it knows
/// how many they are.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    failures: u32,
    refusals: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: SHORTEST, failures: 0, refusals: 0 }
    }
}

impl Backoff {
    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> Duration {
        let bound = self.first.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(rand::random::<f64>()).max(Duration::from_millis(50))
    }

    /// The wait after one more refusal: minutes at first, then up to an hour.
    pub fn refused_wait(&mut self) -> Duration {
        let bound = LONGEST.saturating_mul(1 << self.refusals.min(8)).min(LONGEST_REFUSED);
        self.refusals = self.refusals.saturating_add(1);
        bound.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }

    /// It worked, and the collector asks that a return be spread over `spread`.
    pub fn reset(&mut self, spread: Duration) {
        *self = Self { first: spread.clamp(SHORTEST, LONGEST), ..Self::default() };
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
            backoff.reset(Duration::ZERO);
            assert!(backoff.next_wait() <= SHORTEST);
        }
    }

    #[test]
    fn ten_thousand_that_lost_their_collector_do_not_come_back_in_a_wave() {
        // What a collector asks for that serves 200 returns a second.
        let spread = Duration::from_secs(51);
        let mut seconds = [0_u32; 52];
        for _ in 0..10_000 {
            let mut backoff = Backoff::default();
            backoff.reset(spread);
            seconds[usize::try_from(backoff.next_wait().as_secs()).expect("a minute")] += 1;
        }
        let most = seconds.iter().max().expect("some");
        // 196 expected, and nine standard deviations.
        assert!(*most < 196 + 9 * 14, "{most} came back in one second");
    }

    #[test]
    fn a_refused_endpoint_asks_more_and_more_rarely() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..10).map(|_| backoff.refused_wait()).collect();
        assert!(
            waits[0] >= LONGEST / 2
                && waits[9] >= LONGEST_REFUSED / 2
                && waits.iter().all(|wait| *wait <= LONGEST_REFUSED)
        );
    }
}
