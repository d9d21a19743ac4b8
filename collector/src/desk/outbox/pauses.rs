//! Desks that are left alone: for as long as they say, else longer each time.

use std::collections::HashMap;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use crate::desk::trouble::{Trouble, TroubleKind};

/// The shortest and the longest pause of a desk that does not say how long it wants.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(10));
/// The shortest pause of a desk that says there were too many orders, and not how long it wants.
const LIMITED: Duration = Duration::from_mins(1);

/// Desks that are left alone, by name.
#[derive(Debug, Default)]
pub(super) struct Pauses(HashMap<String, Pause>);

/// Until when, and why.
#[derive(Debug)]
pub(super) struct Pause {
    pub(super) until: Timestamp,
    pub(super) said: String,
    failures: u32,
    /// Whether it is for too many orders, of whichever kind.
    is_limit: bool,
}

impl Pauses {
    /// Leaves a desk alone after trouble with it as a whole; until when.
    pub(super) fn begin(&mut self, desk: &str, trouble: &Trouble, now: Timestamp) -> Timestamp {
        let failures = self.0.get(desk).map_or(0, |pause| pause.failures);
        let is_limit = trouble.kind == TroubleKind::RateLimited;
        let least = if is_limit { LIMITED } else { BOUNDS.0 };
        let grown = least.saturating_mul(1 << failures.min(20)).min(BOUNDS.1);
        // A crowd that was refused together does not come back together.
        let spread = grown.mul_f64(0.75 + rand::random::<f64>() * 0.5);
        let until = now + trouble.wait.unwrap_or(spread);
        let pause = Pause { until, said: trouble.said.clone(), failures: failures + 1, is_limit };
        self.0.insert(desk.to_owned(), pause);
        until
    }

    /// The desk did what it was asked.
    pub(super) fn end(&mut self, desk: &str) {
        self.0.remove(desk);
    }

    /// Whether it is left alone now.
    pub(super) fn holds(&self, desk: &str, now: Timestamp) -> bool {
        self.0.get(desk).is_some_and(|pause| pause.until > now)
    }

    /// Whether it wants no orders at all now.
    pub(super) fn limits(&self, desk: &str, now: Timestamp) -> bool {
        self.0.get(desk).is_some_and(|pause| pause.is_limit && pause.until > now)
    }

    /// What is known of its pause.
    pub(super) fn of(&self, desk: &str) -> Option<&Pause> {
        self.0.get(desk)
    }
}
