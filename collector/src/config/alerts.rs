use firstline_diagnosis::vocabulary::Severity;
use serde::{Deserialize, Serialize};

use super::alert_tickets::TicketRule;
use super::in_range;

/// Of what people are told without asking, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// What is less bad waits until somebody looks.
    pub least_severity: Severity,
    /// What is less sure does, too. 0 to 1.
    pub least_confidence: f64,
    /// What is so bad is told whatever was told today already.
    pub always_severity: Severity,
    /// Alerts that are announced a day for each started hundred of endpoints.
    pub announced_per_hundred_a_day: u32,
    /// Messages that the user of an endpoint may get a day.
    pub user_messages_a_day: u32,
    /// Which of them become tickets.
    pub tickets: Vec<TicketRule>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            least_severity: Severity::Medium,
            least_confidence: 0.8,
            always_severity: Severity::Critical,
            announced_per_hundred_a_day: 3,
            user_messages_a_day: 1,
            tickets: Vec::new(),
        }
    }
}

impl Alerts {
    /// How many alerts may be announced a day in a fleet of so many endpoints.
    pub fn announced_a_day(&self, endpoints: u64) -> u64 {
        u64::from(self.announced_per_hundred_a_day) * endpoints.div_ceil(100).max(1)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        in_range("alerts.least_confidence", self.least_confidence, 0.0, 0.95)?;
        in_range("alerts.announced_per_hundred_a_day", self.announced_per_hundred_a_day, 0, 10_000)?;
        in_range("alerts.user_messages_a_day", self.user_messages_a_day, 0, 24)?;
        if self.always_severity < self.least_severity {
            return Err(format!(
                "alerts.always_severity is {}, which is below alerts.least_severity, {}: what is told always must be told \
                 at all",
                self.always_severity, self.least_severity
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_started_hundred_of_endpoints_adds_to_the_quota_of_a_day() {
        let alerts = Alerts::default();
        let allowed = [0, 1, 100, 101, 10_000].map(|endpoints| alerts.announced_a_day(endpoints));
        assert_eq!(allowed, [3, 3, 3, 6, 300]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_would_be_right() {
        for (text, answer) in [
            ("least_severity = \"mediun\"", "did you mean `medium`?"),
            ("least_confidence = 1.0", "from 0 to 0.95"),
            ("least_confidence = nan", "from 0 to 0.95"),
            ("announced_per_hundred_a_day = -1", "a whole number from 0"),
            ("user_messages_a_day = 25", "from 0 to 24"),
            ("always_severity = \"low\"", "must be told at all"),
            ("announced_per_hundred = 3", "did you mean `announced_per_hundred_a_day`?"),
        ] {
            let said = Config::parse(&format!("[alerts]\n{text}")).expect_err(text);
            assert!(said.contains(answer), "{text}: {said}");
        }
    }
}
