use std::time::Duration;

use serde::Deserialize;

use super::in_range;

/// How long data is kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// Minutes.
    pub minutes_hours: u32,
    /// Events, marks and changes.
    pub events_days: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { minutes_hours: 48, events_days: 30 }
    }
}

impl History {
    /// How long minutes are kept.
    pub fn minutes(&self) -> Duration {
        Duration::from_secs(u64::from(self.minutes_hours) * 3600)
    }

    /// How long events, marks and changes are kept.
    pub fn events(&self) -> Duration {
        Duration::from_secs(u64::from(self.events_days) * 86_400)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        in_range("history.minutes_hours", self.minutes_hours, 1, 744)?;
        in_range("history.events_days", self.events_days, 1, 400)
    }
}
