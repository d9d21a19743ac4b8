//! Puts an endpoint's times on the collector's clock.
//!
//! An endpoint whose clock is right is taken at its word. One whose clock is wrong is not: what it recorded in its
//! present boot is placed by the time since boot, which no clock setting disturbs; older records are shifted by what
//! its clock is off now.

use firstline_diagnosis::vocabulary::Timestamp;

/// Within this, a clock is right.
const TOLERANCE_MS: u64 = 60_000;

/// What is known of an endpoint's clock, from its hello.
#[derive(Debug, Clone)]
pub(super) struct EndpointClock {
    boot_id: String,
    booted: Timestamp,
    offset_ms: i64,
}

impl EndpointClock {
    /// From a hello that was sent at `sent` by the endpoint's clock, `uptime_seconds` into its boot.
    pub(super) fn new(boot_id: &str, sent: Timestamp, uptime_seconds: u64, received: Timestamp) -> Self {
        let uptime_ms = i64::try_from(uptime_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self {
            boot_id: boot_id.to_owned(),
            booted: Timestamp(received.unix_ms().saturating_sub(uptime_ms)),
            offset_ms: received.unix_ms().saturating_sub(sent.unix_ms()),
        }
    }

    /// When a record happened, never later than `now`.
    pub(super) fn correct(&self, at: Timestamp, at_boot_ms: u64, boot_id: &str, now: Timestamp) -> Timestamp {
        let since_boot = i64::try_from(at_boot_ms).unwrap_or(i64::MAX);
        let corrected = if self.offset_ms.unsigned_abs() <= TOLERANCE_MS {
            at
        } else if boot_id == self.boot_id {
            Timestamp(self.booted.unix_ms().saturating_add(since_boot))
        } else {
            Timestamp(at.unix_ms().saturating_add(self.offset_ms))
        };
        corrected.clamp(Timestamp(0), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn takes_a_right_clock_at_its_word() {
        let clock = EndpointClock::new("b", NOW - std::time::Duration::from_secs(2), 1000, NOW);
        assert_eq!(clock.correct(Timestamp(NOW.0 - 5000), 7, "b", NOW), Timestamp(NOW.0 - 5000));
    }

    #[test]
    fn places_records_of_this_boot_by_the_time_since_boot() {
        let wrong = Timestamp(NOW.0 - 7 * 86_400_000);
        let clock = EndpointClock::new("b", wrong, 1000, NOW);
        assert_eq!(clock.correct(wrong, 400_000, "b", NOW), Timestamp(NOW.0 - 600_000));
    }

    #[test]
    fn shifts_records_of_an_earlier_boot_and_allows_no_future() {
        let wrong = Timestamp(NOW.0 + 3_600_000);
        let clock = EndpointClock::new("b", wrong, 10, NOW);
        assert_eq!(clock.correct(Timestamp(wrong.0 - 60_000), 1, "a", NOW), Timestamp(NOW.0 - 60_000));
        assert_eq!(clock.correct(Timestamp(wrong.0 + 60_000), 1, "a", NOW), NOW);
    }
}
