//! Is it told already?

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use crate::alert::Alert;

/// What fires again within this time is the same alert.
pub(in crate::alert) const SAME_ALERT_WITHIN: Duration = Duration::from_hours(24);

/// What to do with a finding of which people must hear.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::alert) enum Step {
    /// A new alert.
    Fire,
    /// The alert that was resolved not long ago fires again.
    FireAgain(Box<Alert>),
    /// It is told already.
    Told(Box<Alert>),
}

/// What to do, given the newest alert of the same fingerprint.
pub(in crate::alert) fn judge(newest: Option<Alert>, now: Timestamp) -> Step {
    match newest {
        Some(alert) => match alert.resolved_at {
            None => Step::Told(Box::new(alert)),
            Some(at) if now.since(at) <= SAME_ALERT_WITHIN => Step::FireAgain(Box::new(alert)),
            Some(_) => Step::Fire,
        },
        None => Step::Fire,
    }
}
