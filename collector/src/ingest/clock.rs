//! Puts an endpoint's times on the collector's clock.
//!
//! What an endpoint recorded in its present boot must agree with the time since boot, which no clock setting disturbs.
//! Where it does, the endpoint is taken at its word; where it does not, its clock was set in between, before the stream
//! began or while it is open, and the time since boot places the record. Records of earlier boots are shifted by what
//! the clock was off when the stream began.
//!
//! One thing looks like a clock that was set and is none: a virtual machine that was halted, whose time since boot stood
//! still. What it records afterwards is of the present by its own clock, and then its clock is believed.

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
        let corrected = if boot_id == self.boot_id {
            self.of_this_boot(at, at_boot_ms, now)
        } else if self.offset_ms.unsigned_abs() <= TOLERANCE_MS {
            at
        } else {
            Timestamp(at.unix_ms().saturating_add(self.offset_ms))
        };
        corrected.clamp(Timestamp(0), now)
    }

    fn of_this_boot(&self, at: Timestamp, at_boot_ms: u64, now: Timestamp) -> Timestamp {
        let since_boot = i64::try_from(at_boot_ms).unwrap_or(i64::MAX);
        let placed = Timestamp(self.booted.unix_ms().saturating_add(since_boot));
        let was_halted = at > placed && is_near(at, now);
        if is_near(at, placed) || was_halted { at } else { placed }
    }
}

/// Whether two times differ by no more than a clock that is right may.
fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.unix_ms().abs_diff(other.unix_ms()) <= TOLERANCE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn takes_a_right_clock_at_its_word() {
        let clock = EndpointClock::new("b", NOW - std::time::Duration::from_secs(2), 1000, NOW);
        assert_eq!(clock.correct(Timestamp(NOW.0 - 5000), 995_000, "b", NOW), Timestamp(NOW.0 - 5000));
        assert_eq!(clock.correct(Timestamp(NOW.0 - HOUR_MS), 7, "a", NOW), Timestamp(NOW.0 - HOUR_MS));
    }

    #[test]
    fn a_clock_that_is_set_while_the_stream_is_open_moves_nothing() {
        let clock = EndpointClock::new("b", NOW, 1000, NOW);
        for minute in 1..120 {
            let (now, since_boot) = (Timestamp(NOW.0 + minute * 60_000), 1_000_000 + minute.unsigned_abs() * 60_000);
            for set_ms in [0, HOUR_MS, -HOUR_MS] {
                let placed = clock.correct(Timestamp(now.0 + set_ms), since_boot, "b", now);
                assert_eq!(placed, now, "minute {minute} by a clock that was set by {set_ms} ms");
            }
        }
    }

    #[test]
    fn what_was_recorded_before_the_clock_was_set_right_is_placed_by_the_time_since_boot() {
        let clock = EndpointClock::new("b", NOW, 7200, NOW);
        for wrong_ms in [2 * HOUR_MS, -HOUR_MS, -50 * 365 * 24 * HOUR_MS] {
            let stamped = Timestamp(NOW.0 - HOUR_MS + wrong_ms);
            assert_eq!(clock.correct(stamped, 3_600_000, "b", NOW), Timestamp(NOW.0 - HOUR_MS), "{wrong_ms}");
        }
    }

    #[test]
    fn a_machine_that_was_halted_is_not_left_in_the_past() {
        let clock = EndpointClock::new("b", NOW, 1000, NOW);
        // Ten minutes passed for everybody else; for the machine it was one.
        let now = Timestamp(NOW.0 + 600_000);
        assert_eq!(clock.correct(Timestamp(now.0 - 1000), 1_060_000, "b", now), Timestamp(now.0 - 1000));
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
