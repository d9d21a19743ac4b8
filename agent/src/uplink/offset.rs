use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Reading, Timestamp};

use crate::probe::OF_THE_STREAM;

/// A round trip that took longer says too little about the clock.
const ROUND_TRIP_MAX_MS: i64 = 2000;

/// After this long an old measurement is no more told.
const AGE_MAX: Duration = Duration::from_mins(30);

/// How far this machine's clock is from the collector's.
///
/// Measured from an exchange whose four times are known, half the round trip corrected. Between exchanges the offset
/// follows from the time since boot, which does not jump when somebody sets the clock: so a changed clock shows in the
/// next minute without another exchange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockOffset {
    collector_ms: i64,
    since_boot: Duration,
    round_trip_ms: i64,
}

impl ClockOffset {
    /// From an exchange: sent at `sent_ms` and answered at `now` by our clock, received at `received_ms` and answered
    /// at `replied_ms` by the collector's. Nothing when the round trip was too long or the times make no sense.
    pub fn measure(
        sent_ms: i64,
        received_ms: i64,
        replied_ms: i64,
        now: Timestamp,
        since_boot: Duration,
    ) -> Option<Self> {
        let round_trip_ms = now.unix_ms().checked_sub(sent_ms)?.checked_sub(replied_ms.checked_sub(received_ms)?)?;
        if !(0..=ROUND_TRIP_MAX_MS).contains(&round_trip_ms) || sent_ms == 0 {
            return None;
        }
        Some(Self { collector_ms: replied_ms.checked_add(round_trip_ms / 2)?, since_boot, round_trip_ms })
    }

    /// The collector's time, however this machine's clock was set since.
    pub fn collector_now(&self, since_boot: Duration) -> Timestamp {
        let passed = since_boot.saturating_sub(self.since_boot);
        Timestamp(self.collector_ms.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The readings of this moment; nothing when the measurement is old.
    pub fn readings(&self, now: Timestamp, since_boot: Duration) -> Vec<Reading> {
        let Some(passed) = since_boot.checked_sub(self.since_boot).filter(|passed| *passed <= AGE_MAX) else {
            return Vec::new();
        };
        let collector_now = self.collector_ms.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
        let offset_seconds = collector_now.saturating_sub(now.unix_ms()) as f64 / 1000.0;
        let [offset, round_trip] = OF_THE_STREAM;
        vec![
            Reading::value(offset, Attributes::none(), offset_seconds, now),
            Reading::value(round_trip, Attributes::none(), self.round_trip_ms as f64 / 1000.0, now),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_of(offset: ClockOffset, now: i64, since_boot: u64) -> Option<f64> {
        offset.readings(Timestamp(now), Duration::from_millis(since_boot)).first().and_then(Reading::number)
    }

    #[test]
    fn half_the_round_trip_is_corrected() {
        // Ours is 10 s behind; 100 ms there, 50 ms at the collector, 100 ms back.
        let offset = ClockOffset::measure(1000, 11_100, 11_150, Timestamp(1250), Duration::ZERO).expect("measured");
        assert_eq!(offset_of(offset, 1250, 0), Some(10.0));
    }

    #[test]
    fn a_clock_that_is_set_shows_without_another_exchange() {
        let offset = ClockOffset::measure(1000, 1000, 1000, Timestamp(1000), Duration::ZERO).expect("measured");
        assert_eq!(offset_of(offset, 61_000, 60_000), Some(0.0));
        assert_eq!(offset_of(offset, 361_000, 60_000), Some(-300.0));
    }

    #[test]
    fn a_slow_or_senseless_exchange_is_no_measurement() {
        assert_eq!(ClockOffset::measure(1000, 5000, 5000, Timestamp(3100), Duration::ZERO), None);
        assert_eq!(ClockOffset::measure(1000, 5000, 9000, Timestamp(1500), Duration::ZERO), None);
        assert_eq!(ClockOffset::measure(i64::MIN, 0, 0, Timestamp(i64::MAX), Duration::ZERO), None);
        assert_eq!(ClockOffset::measure(0, 5, 5, Timestamp(1), Duration::ZERO), None);
    }
}
