use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::detector::{Detector, Host, Pace, Transition};
use crate::document::{Diagnosis, FindingState};
use crate::vocabulary::Timestamp;

/// Nothing moves any more on an endpoint that has been silent for so long: what held is stale, and live detection has
/// forgotten it.
const SILENT: Duration = Duration::from_hours(2);

/// A check that moved from one state to another on an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub endpoint: String,
    /// The check.
    pub finding: String,
    /// On which instance; empty when there is only one.
    pub instance: String,
    /// Where it stood.
    pub from: FindingState,
    /// Where it stands.
    pub to: FindingState,
}

/// One endpoint's detection on a virtual clock: judged when something was told, and as time goes by.
#[derive(Debug)]
pub struct Player {
    detector: Detector,
    pace: Pace,
    now: Option<Timestamp>,
    /// Something was told at `now` and not judged yet.
    news: bool,
}

impl Player {
    /// Of an endpoint that has told nothing yet.
    pub fn new(catalogue: Arc<Catalogue>, os_type: &str) -> Self {
        let detector = Detector::new(catalogue, Host { os_type: os_type.to_owned() });
        Self { detector, pace: Pace::from(Timestamp(0)), now: None, news: false }
    }

    /// The same, which asks the methods of checks over what was told so far, as live detection asks them over history.
    pub fn with_diary(mut self) -> Self {
        self.detector.keep_diary();
        self
    }

    /// Lets the clock go on to `at`; it never goes back.
    pub fn advance(&mut self, at: Timestamp, moved: &mut impl FnMut(Transition)) {
        let Some(mut now) = self.now else {
            (self.now, self.pace) = (Some(at), Pace::from(at));
            return;
        };
        if at <= now {
            return;
        }
        self.judge_news(moved);
        let silent = now + SILENT;
        while self.pace.next() < at.min(silent) {
            now = self.pace.next();
            self.detector.foresee_itself(now);
            self.pace.judge(&mut self.detector, now).into_iter().for_each(&mut *moved);
        }
        self.now = Some(at);
    }

    /// Takes in what is told now, or told late.
    pub fn tell(&mut self, tell: impl FnOnce(&mut Detector)) {
        tell(&mut self.detector);
        self.news = true;
    }

    /// Judges at `at`, the end.
    pub fn finish(&mut self, at: Timestamp, moved: &mut impl FnMut(Transition)) {
        self.advance(at, moved);
        self.news = true;
        self.judge_news(moved);
    }

    /// The answer to a symptom at the moment where the clock stands; nothing before anything was told.
    pub fn diagnose(&self, symptom: Option<&str>) -> Option<Diagnosis> {
        self.now.map(|now| self.detector.diagnose(symptom, now))
    }

    fn judge_news(&mut self, moved: &mut impl FnMut(Transition)) {
        if let (true, Some(now)) = (std::mem::take(&mut self.news), self.now) {
            self.detector.foresee_itself(now);
            self.pace.judge(&mut self.detector, now).into_iter().for_each(moved);
        }
    }
}

impl Moved {
    /// A transition, as a timeline tells it.
    pub(super) fn of(endpoint: &str, transition: Transition) -> Self {
        Self {
            at: transition.at,
            endpoint: endpoint.to_owned(),
            finding: transition.check,
            instance: transition.instance,
            from: transition.from,
            to: transition.to,
        }
    }
}
