//! Is there room for it in what people are told today?

use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use crate::alert::Announcement;
use crate::config::Alerts as Policy;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What is spent of a day's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::alert) struct Spent {
    /// Endpoints of the fleet.
    pub(in crate::alert) endpoints: u64,
    /// Alerts that were announced today.
    pub(in crate::alert) announced: u64,
    /// Messages that the user of this endpoint may have got today.
    pub(in crate::alert) to_user: u64,
}

/// The day (UTC) of a moment, counted from 1970.
pub(in crate::alert) fn day_of(now: Timestamp) -> i64 {
    now.unix_ms().div_euclid(DAY_MS)
}

/// A day as it is written.
pub(in crate::alert) fn written(day: i64) -> String {
    let text = Timestamp(day.saturating_mul(DAY_MS)).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// The day that is written so.
pub(in crate::alert) fn read(day: &str) -> Option<i64> {
    format!("{day}T00:00:00Z").parse().ok().map(day_of)
}

/// Whether an alert is so bad that it is told whatever was told today.
pub(in crate::alert) fn is_always_told(severity: Severity, policy: &Policy) -> bool {
    severity >= policy.always_severity
}

/// Whether people are told of an alert of this severity; `has_user_text` when there is something to tell the user.
pub(in crate::alert) fn judge(
    severity: Severity,
    has_user_text: bool,
    spent: Spent,
    policy: &Policy,
    now: Timestamp,
) -> Announcement {
    let allowed = policy.announced_a_day(spent.endpoints);
    let (announced, reason, words) = if spent.announced < allowed {
        (true, "within_quota", format!("Alert {} of {allowed} of this day.", spent.announced + 1))
    } else if is_always_told(severity, policy) {
        (true, "always_told", format!("The day's {allowed} alerts are spent, but {severity} is always told."))
    } else {
        let words = format!(
            "The day's {allowed} alerts for {} endpoints are spent: it is in the day's roll-up.",
            spent.endpoints
        );
        (false, "quota_spent", words)
    };
    let to_user = announced && has_user_text && spent.to_user < u64::from(policy.user_messages_a_day);
    Announcement { announced, to_user, reason: reason.to_owned(), words, day: written(day_of(now)), at: now }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_769_000_000_000);

    fn judged(severity: Severity, announced: u64, to_user: u64) -> (bool, bool, String) {
        let spent = Spent { endpoints: 150, announced, to_user };
        let one = judge(severity, true, spent, &Policy::default(), NOON);
        (one.announced, one.to_user, one.reason)
    }

    #[test]
    fn six_a_day_in_a_fleet_of_a_hundred_and_fifty_and_then_only_what_is_critical() {
        assert_eq!(judged(Severity::Medium, 5, 0), (true, true, "within_quota".to_owned()));
        assert_eq!(judged(Severity::High, 6, 0), (false, false, "quota_spent".to_owned()));
        assert_eq!(judged(Severity::Critical, 60, 0), (true, true, "always_told".to_owned()));
    }

    #[test]
    fn a_user_gets_one_message_a_day() {
        assert_eq!(judged(Severity::Critical, 0, 1), (true, false, "within_quota".to_owned()));
    }

    #[test]
    fn a_day_is_written_as_it_is_read() {
        assert_eq!(written(day_of(NOON)), "2026-01-21");
        assert_eq!(read("2026-01-21"), Some(day_of(NOON)));
        assert_eq!(read("21.1.2026"), None);
    }
}
