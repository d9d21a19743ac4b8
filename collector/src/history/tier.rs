//! The three lengths of step in which history is kept, and which of them answers a question.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use crate::config;

/// A question about more than this is answered in five minutes, since no chart shows more minutes.
const MINUTES_SPAN_MAX: Duration = Duration::from_hours(50);

/// A question about more than this is answered in hours.
const FIVE_MINUTES_SPAN_MAX: Duration = Duration::from_hours(10 * 24 + 2);

/// What is asked for to the last moment is not refused because it is a little older when it is read.
const SLACK: Duration = Duration::from_hours(1);

/// A length of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    /// As it was told.
    Minutes,
    /// Rolled up.
    FiveMinutes,
    /// Rolled up again.
    Hours,
}

impl Tier {
    /// The finest that is still there at `from`, and that has no more steps to `to` than can be shown.
    pub(super) fn of(from: Timestamp, to: Timestamp, now: Timestamp, keep: &config::History) -> Self {
        let (span, age) = (to.since(from), now.since(from));
        if span <= MINUTES_SPAN_MAX && age <= keep.minutes() + SLACK {
            Self::Minutes
        } else if span <= FIVE_MINUTES_SPAN_MAX && age <= keep.five_minutes() + SLACK {
            Self::FiveMinutes
        } else {
            Self::Hours
        }
    }

    /// Length of a step; that of minutes is the samples' own.
    pub(super) fn step_seconds(self) -> u32 {
        match self {
            Self::Minutes => 60,
            Self::FiveMinutes => 300,
            Self::Hours => 3600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_long_questions_get_longer_steps() {
        let keep = config::History::default();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let of = |age_hours: u64, span_hours: u64| {
            let from = now - Duration::from_hours(age_hours);
            Tier::of(from, from + Duration::from_hours(span_hours), now, &keep)
        };
        assert_eq!(of(24, 24), Tier::Minutes);
        assert_eq!(of(48, 48), Tier::Minutes);
        assert_eq!(of(7 * 24, 2), Tier::FiveMinutes, "minutes are gone");
        assert_eq!(of(7 * 24, 7 * 24), Tier::FiveMinutes);
        assert_eq!(of(30 * 24, 30 * 24), Tier::Hours);
        assert_eq!(of(40 * 24, 1), Tier::Hours, "five minutes are gone");
    }
}
