//! A machine on a clock that is only counted: what is told goes in, and it is judged when the story says so.

use std::sync::Arc;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::{Detector, Host, Transition};
use firstline_diagnosis::document::{Diagnosis, Finding, FindingState, RuledOut, RuledOutResult};
use firstline_diagnosis::vocabulary::Timestamp;

use super::timeline::Timeline;

/// What came of a check.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Fires(Box<Finding>),
    Fine(String),
    Unknown(String),
}

pub(crate) struct Machine {
    detector: Detector,
    now: Timestamp,
    /// Every move of a finding.
    pub(crate) moves: Vec<Transition>,
    /// The most findings of one check and instance that were there at once.
    pub(crate) most_at_once: usize,
}

impl Machine {
    /// Lives through a timeline.
    pub(crate) fn lives(timeline: &Timeline) -> Self {
        let host = Host { os_type: timeline.os.clone() };
        let detector = Detector::new(Catalogue::builtin(), host);
        let mut machine = Self { detector, now: Timestamp(0), moves: Vec::new(), most_at_once: 0 };
        let mut told = timeline.told.iter().peekable();
        for now in &timeline.judged {
            // What is told is taken in the order of the list, as it arrives, up to the first that is not due yet.
            while let Some((at, one)) = told.next_if(|(at, _)| at <= now) {
                one.to(&mut machine.detector, *at);
            }
            machine.now = *now;
            machine.moves.extend(machine.detector.evaluate(*now));
        }
        machine
    }

    /// The finding of a check, if there is one; the strongest, if there are several.
    pub(crate) fn finding(&mut self, check: &str) -> Option<Finding> {
        let mut found: Vec<Finding> =
            self.detector.findings(self.now).into_iter().filter(|finding| finding.id == check).collect();
        for finding in &found {
            let same = found.iter().filter(|other| other.instance == finding.instance).count();
            self.most_at_once = self.most_at_once.max(same);
        }
        found.sort_by_key(|finding| (finding.state == FindingState::Active, finding.severity));
        found.pop()
    }

    pub(crate) fn diagnosis(&self, symptom: Option<&str>) -> Diagnosis {
        self.detector.diagnose(symptom, self.now)
    }

    /// What became of a check that does not hold, when asked for a symptom that it answers.
    pub(crate) fn ruled_out(&self, check: &str) -> Option<RuledOut> {
        let ruled_out = self.diagnosis(Some(&symptom_of(&Catalogue::builtin(), check)?)).ruled_out;
        ruled_out.into_iter().find(|candidate| candidate.id == check)
    }

    pub(crate) fn verdict(&mut self, check: &str) -> Verdict {
        if let Some(finding) = self.finding(check) {
            return Verdict::Fires(Box::new(finding));
        }
        match self.ruled_out(check) {
            Some(RuledOut { result: RuledOutResult::NotFound, why, .. }) => Verdict::Fine(why),
            Some(RuledOut { why, .. }) => Verdict::Unknown(why),
            None => Verdict::Unknown("nothing is said".to_owned()),
        }
    }
}

/// The first symptom that asks for `check`.
pub(crate) fn symptom_of(catalogue: &Arc<Catalogue>, check: &str) -> Option<String> {
    let mut symptoms = catalogue.symptoms().iter();
    symptoms.find(|symptom| symptom.candidates.iter().any(|one| one == check)).map(|symptom| symptom.id.clone())
}
