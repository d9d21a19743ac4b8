use std::collections::BTreeSet;
use std::time::Duration;

use super::{Detector, Transition};
use crate::document::FindingState;
use crate::vocabulary::Timestamp;

/// How often an endpoint is judged on which nothing is about to happen.
const CALM: Duration = Duration::from_mins(1);
/// How often one is judged whose findings move by time alone: a hold that runs, a clearing that is waited for.
pub const TICK: Duration = Duration::from_secs(5);

/// When a detector is judged while nothing is told: the same live and in a replay.
#[derive(Debug)]
pub struct Pace {
    /// Checks and instances whose state moves by time alone.
    moving: BTreeSet<(String, String)>,
    judged_at: Timestamp,
}

impl Pace {
    /// Of a detector that has been judged, or need not be, before `now`.
    pub fn from(now: Timestamp) -> Self {
        Self { moving: BTreeSet::new(), judged_at: now }
    }

    /// Judges every check at `now`.
    pub fn judge(&mut self, detector: &mut Detector, now: Timestamp) -> Vec<Transition> {
        self.judged_at = now;
        let transitions = detector.evaluate(now);
        for moved in &transitions {
            let name = (moved.check.clone(), moved.instance.clone());
            if matches!(moved.to, FindingState::Pending | FindingState::Recovering) {
                self.moving.insert(name);
            } else {
                self.moving.remove(&name);
            }
        }
        transitions
    }

    /// Whether something may have moved by time alone. To be asked every [`TICK`].
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.moving.is_empty() || now.since(self.judged_at) >= CALM
    }

    /// When it is due next, where nothing is told before.
    pub fn next(&self) -> Timestamp {
        self.judged_at + if self.moving.is_empty() { CALM } else { TICK }
    }
}
