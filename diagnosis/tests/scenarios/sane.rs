//! What a timeline and an answer must be like, whatever the day.

use std::collections::BTreeMap;

use firstline_diagnosis::document::{Diagnosis, FindingState, Role};

use super::day::Day;
use super::play::Lived;

/// A finding that comes and goes is raised once, and three times more within a day; then it stays.
const RAISED_MOST: usize = 4;

/// What is wrong with the form of what came of a day.
pub(crate) fn faults(day: &Day, lived: &Lived) -> Vec<String> {
    let answers = lived.answers.iter().chain(lived.replayed.diagnosis.values());
    // What follows from something outlives it by a while.
    let was_raised = |root: &str| lived.moves.iter().any(|moved| moved.check == root);
    let mut faults: Vec<String> = answers.flat_map(|answer| of_answer(answer, &was_raised)).collect();
    faults.extend(of_timeline(day, lived));
    faults
}

fn of_timeline(day: &Day, lived: &Lived) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before = None;
    let mut stands: BTreeMap<(&str, &str), FindingState> = BTreeMap::new();
    let mut raised: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for moved in &lived.moves {
        let name = (moved.check.as_str(), moved.instance.as_str());
        let fault = |what: &str| format!("{} {:?} at {}: {what}", moved.check, moved.instance, moved.at);
        if before.is_some_and(|before| moved.at < before) || moved.at > day.end {
            faults.push(fault("stands in the wrong place of the timeline"));
        }
        before = Some(moved.at);
        // From ok to unknown and back is not told.
        let known = stands.insert(name, moved.to);
        let calm = |state: FindingState| matches!(state, FindingState::Ok | FindingState::Unknown);
        if known.is_some_and(|known| known != moved.from && !(calm(known) && calm(moved.from))) {
            faults.push(fault("moves from where it did not stand"));
        }
        if moved.finding.onset > moved.at {
            faults.push(fault("began after it was found"));
        }
        if moved.to == FindingState::Active && calm_or_pending(moved.from) {
            *raised.entry(name).or_default() += 1;
            if moved.finding.evidence.is_empty() || moved.finding.runbook.is_empty() {
                faults.push(fault("has no evidence or no steps"));
            }
        }
    }
    let days = (day.end.since(day.start).as_secs() / 86_400 + 1) as usize;
    let spam = raised.into_iter().filter(|(_, times)| *times > RAISED_MOST * days);
    faults.extend(spam.map(|(name, times)| format!("{name:?} was raised {times} times")));
    faults
}

fn calm_or_pending(state: FindingState) -> bool {
    matches!(state, FindingState::Ok | FindingState::Unknown | FindingState::Pending)
}

fn of_answer(answer: &Diagnosis, was_raised: &dyn Fn(&str) -> bool) -> Vec<String> {
    let with = |role: Role| answer.findings.iter().filter(move |finding| finding.role == role);
    let mut faults = Vec::new();
    let primary: Vec<&str> = with(Role::Primary).map(|finding| finding.id.as_str()).collect();
    if primary.len() > 1 || primary.first().copied() != answer.primary.as_deref() {
        faults.push(format!("the primary finding is {:?}, those in its role {primary:?}", answer.primary));
    }
    if with(Role::Contributing).count() > 3 {
        faults.push("more than three findings contribute".to_owned());
    }
    for finding in &answer.findings {
        let root = finding.consequence_of.as_deref();
        if root.is_some_and(|root| !was_raised(root)) {
            faults.push(format!("{} follows from {root:?}, which never was", finding.id));
        }
        if [&finding.texts.user, &finding.texts.tech].iter().any(|text| text.contains(['{', '}'])) {
            faults.push(format!("{} has a placeholder that means nothing: {:?}", finding.id, finding.texts));
        }
        if answer.ruled_out.iter().any(|one| one.id == finding.id) {
            faults.push(format!("{} is found and ruled out", finding.id));
        }
    }
    faults
}
