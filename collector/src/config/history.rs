use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::in_range;

/// How soon history is sealed.
const SEAL_PARTS: u32 = 4;
/// The newest samples stay rows for so long, since they are asked for most.
const FRESH: Duration = Duration::from_mins(10);
/// How long sealed minutes wait before they are rolled up, unless they are forgotten sooner.
const ROLL_MINUTES: Duration = Duration::from_hours(24);
/// How long five minutes do.
const ROLL_FIVE_MINUTES: Duration = Duration::from_hours(10 * 24);
/// Days of a month, so that a month is never shorter than one.
const MONTH_DAYS: u64 = 31;

/// How long data is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// Minutes.
    pub minutes_hours: u32,
    /// Steps of five minutes.
    pub five_minutes_days: u32,
    /// Steps of an hour.
    pub hours_months: u32,
    /// Age at which minutes are sealed.
    pub seal_minutes: u32,
    /// Events, marks and changes.
    pub events_days: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { minutes_hours: 48, five_minutes_days: 30, hours_months: 13, seal_minutes: 240, events_days: 30 }
    }
}

impl History {
    /// How long minutes are kept.
    pub fn minutes(&self) -> Duration {
        Duration::from_secs(u64::from(self.minutes_hours) * 3600)
    }

    /// How long steps of five minutes are kept.
    pub fn five_minutes(&self) -> Duration {
        Duration::from_secs(u64::from(self.five_minutes_days) * 86_400)
    }

    /// How long steps of an hour are kept.
    pub fn hours(&self) -> Duration {
        Duration::from_secs(u64::from(self.hours_months) * MONTH_DAYS * 86_400)
    }

    /// Age at which samples are sealed; long before they are forgotten.
    pub fn seal_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.seal_minutes) * 60).min(self.minutes() / SEAL_PARTS)
    }

    /// Samples that arrived since then are not sealed, even when others of their endpoint are.
    pub fn fresh(&self) -> Duration {
        FRESH.min(self.seal_after() / 2)
    }

    /// Age at which sealed minutes are rolled up.
    pub fn roll_minutes_after(&self) -> Duration {
        ROLL_MINUTES.min(self.minutes() / 2)
    }

    /// Age at which five minutes are rolled up.
    pub fn roll_five_minutes_after(&self) -> Duration {
        ROLL_FIVE_MINUTES.min(self.five_minutes() / 2)
    }

    /// How long events, marks and changes are kept.
    pub fn events(&self) -> Duration {
        Duration::from_secs(u64::from(self.events_days) * 86_400)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        in_range("history.minutes_hours", self.minutes_hours, 1, 744)?;
        in_range("history.five_minutes_days", self.five_minutes_days, 1, 400)?;
        in_range("history.hours_months", self.hours_months, 1, 60)?;
        in_range("history.seal_minutes", self.seal_minutes, 1, 1440)?;
        in_range("history.events_days", self.events_days, 1, 400)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_before_its_turn_to_be_sealed_and_rolled_up() {
        for minutes_hours in [1, 6, 48, 744] {
            for five_minutes_days in [1, 30] {
                let keep = History { minutes_hours, five_minutes_days, ..History::default() };
                assert!(keep.fresh() < keep.seal_after() && keep.seal_after() < keep.roll_minutes_after());
                assert!(keep.seal_after() + keep.roll_minutes_after() < keep.minutes());
                assert!(keep.roll_five_minutes_after() < keep.five_minutes());
            }
        }
    }
}
