//! One endpoint under watch: its detector, and what was last told about it. No clock, no store.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::{Detector, Pace, Transition};
use firstline_diagnosis::document::{Compared, Diagnosis, Finding, FindingState};
use firstline_diagnosis::trend::Outlook;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use super::foresight::Asked;
use crate::ingest::Observation;

/// How long an endpoint says nothing until it is no longer watched. By then what holds is stale, and nothing moves.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// What is older than this when it arrives speaks of the past.
const BACKLOG_AGE: Duration = Duration::from_mins(3);

/// An endpoint that speaks of its past is judged when it has been quiet for so long.
pub(super) const BACKLOG_QUIET: Duration = Duration::from_secs(10);

/// An endpoint under watch.
#[derive(Debug)]
pub(super) struct Watch {
    detector: Detector,
    pace: Pace,
    /// When methods were asked.
    asked: Asked,
    told: Option<Vec<Told>>,
    observed_at: Timestamp,
    news: News,
    /// The number under which the endpoint's stream was held when it was last heard, where collectors share the database.
    epoch: Option<i64>,
}

/// What the endpoint told since it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    /// Of its past, and more may be on its way.
    Backlog,
    /// Of the present.
    Present,
}

/// What people know of a finding; when it is the same, nobody needs to hear again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    check: String,
    instance: String,
    state: FindingState,
    severity: Severity,
    consequence_of: Option<String>,
}

impl News {
    fn of(newest: Option<Timestamp>, now: Timestamp) -> Self {
        if newest.is_some_and(|newest| now.since(newest) <= BACKLOG_AGE) { Self::Present } else { Self::Backlog }
    }
}

/// What an evaluation brought.
#[derive(Debug)]
pub(super) struct Verdict {
    /// States that moved.
    pub(super) transitions: Vec<Transition>,
    /// All that holds now; present only when it is not what was last told.
    pub(super) held: Option<Vec<Finding>>,
}

impl Watch {
    pub(super) fn new(detector: Detector, now: Timestamp) -> Self {
        Self {
            detector,
            pace: Pace::from(now),
            asked: Asked::default(),
            told: None,
            observed_at: now,
            news: News::None,
            epoch: None,
        }
    }

    /// The number under which it may be judged.
    pub(super) fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// From now on its stream is held under this number.
    pub(super) fn hold_under(&mut self, epoch: Option<i64>) {
        self.epoch = epoch;
    }

    /// Takes in what the endpoint told.
    pub(super) fn take_in(&mut self, observations: &[Observation], now: Timestamp) {
        for observation in observations {
            self.observe(observation);
        }
        if self.news != News::Present && !observations.is_empty() {
            self.news = News::of(observations.iter().map(Observation::at).max(), now);
        }
        self.observed_at = now;
    }

    /// It has seen a past that ends at `newest`.
    pub(super) fn rebuilt(&mut self, newest: Option<Timestamp>, now: Timestamp) {
        self.news = News::of(newest, now);
    }

    /// Recalls a finding that was raised at this moment of the past.
    pub(super) fn recall(&mut self, finding: &Finding) {
        self.detector.recall(finding);
    }

    /// Takes in what a method said.
    pub(super) fn foresee(&mut self, outlook: &Outlook) {
        self.detector.foresee(outlook);
        self.asked.note(outlook);
    }

    /// The checks whose methods are to be asked about it now.
    pub(super) fn due_methods(&mut self, endpoint_id: &str, now: Timestamp) -> Vec<String> {
        self.asked.due(self.detector.catalogue(), endpoint_id, self.detector.os_type(), now)
    }

    /// The rules that are in force for it.
    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(self.detector.catalogue())
    }

    /// Takes in one thing that the endpoint told.
    pub(super) fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Sample(layout, sample) => self.detector.sample(layout, sample),
            Observation::Reading(reading) => self.detector.reading(reading),
            Observation::Event(event) => self.detector.event(event),
            Observation::Mark(at, mark) => self.detector.mark(*at, *mark),
        }
    }

    /// Judges every check at `now`.
    pub(super) fn evaluate(&mut self, now: Timestamp) -> Verdict {
        let transitions = self.step(now);
        let held = holding(self.detector.findings(now));
        let told: Vec<Told> = held.iter().map(Told::from).collect();
        let news = self.told.as_ref() != Some(&told);
        self.told = Some(told);
        Verdict { transitions, held: news.then_some(held) }
    }

    /// What it judged could not be told: all that holds is news at the next turn.
    pub(super) fn untold(&mut self) {
        self.told = None;
        self.news = News::Present;
    }

    /// Moves the states without telling anybody: how a watch is rebuilt.
    pub(super) fn step(&mut self, now: Timestamp) -> Vec<Transition> {
        self.news = News::None;
        self.pace.judge(&mut self.detector, now)
    }

    /// Whether something may have moved: by what was told, or by time alone.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        match self.news {
            News::Present => true,
            News::Backlog => now.since(self.observed_at) >= BACKLOG_QUIET,
            News::None => self.pace.is_due(now),
        }
    }

    /// Whether nobody has heard of the endpoint for long.
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.observed_at) >= FORGOTTEN_AFTER
    }

    /// When it was last heard.
    pub(super) fn observed_at(&self) -> Timestamp {
        self.observed_at
    }

    /// What holds.
    pub(super) fn findings(&self, now: Timestamp) -> Vec<Finding> {
        holding(self.detector.findings(now))
    }

    /// The answer to a symptom.
    pub(super) fn diagnose(&self, symptom: Option<&str>, now: Timestamp) -> Diagnosis {
        self.detector.diagnose(symptom, now)
    }

    /// What became of findings that were gone when `mended` was said.
    pub(super) fn retest(&self, mended: &Compared, now: Timestamp) -> Compared {
        self.detector.retest(mended, now)
    }

    /// Goes on with another catalogue; holds stay.
    pub(super) fn adopt(&mut self, catalogue: Arc<Catalogue>) {
        self.detector.adopt(catalogue);
        self.asked.forget();
    }
}

/// Findings that hold, or held when they were last seen.
fn holding(findings: Vec<Finding>) -> Vec<Finding> {
    let holds = |finding: &Finding| {
        matches!(finding.state, FindingState::Active | FindingState::Recovering | FindingState::Stale)
    };
    findings.into_iter().filter(holds).collect()
}

impl From<&Finding> for Told {
    fn from(finding: &Finding) -> Self {
        Self {
            check: finding.id.clone(),
            instance: finding.instance.clone(),
            state: finding.state,
            severity: finding.severity,
            consequence_of: finding.consequence_of.clone(),
        }
    }
}
