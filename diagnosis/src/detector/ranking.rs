//! Which finding is the answer: collapse along the edges, inherit, order.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Edge, Symptom};
use crate::document::{Finding, FindingState, Role};
use crate::vocabulary::Severity;

/// A finding that outlives its root by this long stands by itself again.
pub(super) const OUTLIVES_MS: i64 = 30 * 60_000;
/// More than these would be a list, not an answer.
const CONTRIBUTING_MAX: usize = 3;

/// Who explains whom now: consequence to roots, and how firm each root stands.
#[derive(Debug, Default)]
pub(super) struct Explanations {
    roots_of: BTreeMap<String, BTreeSet<String>>,
    states: BTreeMap<String, FindingState>,
}

impl Explanations {
    pub(super) fn add(&mut self, edge: &Edge, state: FindingState) {
        self.states.insert(edge.root.clone(), state);
        for consequence in &edge.consequences {
            self.roots_of.entry(consequence.clone()).or_default().insert(edge.root.clone());
        }
    }
}

/// The top-most root that explains `id`. A root that is only pending explains only what is pending itself.
pub(super) fn explanation<'a>(roots: &'a Explanations, id: &str, state: FindingState) -> Option<&'a str> {
    let explains = |root: &&String| {
        state == FindingState::Pending || roots.states.get(*root).is_some_and(|state| *state != FindingState::Pending)
    };
    let mut tops = Vec::new();
    for root in roots.roots_of.get(id).into_iter().flatten().filter(explains) {
        tops.push(explanation(roots, root, state).unwrap_or(root));
    }
    // Roots do not explain each other here, so any fixed choice among them is as good.
    tops.into_iter().min()
}

/// Orders findings whose consequences are marked, gives them their roles; also the id of the primary one.
pub(super) fn rank(mut findings: Vec<Finding>, symptom: Option<&Symptom>) -> (Vec<Finding>, Option<String>) {
    inherit(&mut findings);
    let matches = matches(&findings, symptom);
    let mut ranked: Vec<(Key, Finding)> = findings
        .into_iter()
        .map(|finding| {
            let matched = matches.get(&finding.id).copied();
            (Key::of(&finding, matched, symptom.is_some()), finding)
        })
        .collect();
    ranked.sort_by(|one, two| one.0.cmp(&two.0));
    let mut primary = None;
    let mut contributing = 0;
    for (key, finding) in &mut ranked {
        if key.is_consequence {
            continue;
        }
        finding.role = if !key.answers {
            Role::Also
        } else if primary.is_none() {
            primary = Some(finding.id.clone());
            Role::Primary
        } else if contributing < CONTRIBUTING_MAX {
            contributing += 1;
            Role::Contributing
        } else {
            Role::Also
        };
    }
    let mut findings: Vec<Finding> = ranked.into_iter().map(|(_, finding)| finding).collect();
    findings.sort_by_key(|finding| finding.role);
    (findings, primary)
}

/// A root takes the highest severity found among itself and its consequences.
fn inherit(findings: &mut [Finding]) {
    let mut worst: BTreeMap<String, Severity> = BTreeMap::new();
    for finding in findings.iter() {
        if let Some(root) = &finding.consequence_of {
            let severity = worst.entry(root.clone()).or_insert(finding.severity);
            *severity = (*severity).max(finding.severity);
        }
    }
    for finding in findings.iter_mut().filter(|finding| finding.consequence_of.is_none()) {
        if let Some(severity) = worst.get(&finding.id) {
            finding.severity = finding.severity.max(*severity);
        }
    }
}

/// The place of each finding among the symptom's candidates; a root has the best place of its consequences.
fn matches(findings: &[Finding], symptom: Option<&Symptom>) -> BTreeMap<String, usize> {
    let mut matches = BTreeMap::new();
    let Some(symptom) = symptom else { return matches };
    for finding in findings {
        if let Some(place) = symptom.candidates.iter().position(|id| *id == finding.id) {
            for id in std::iter::once(&finding.id).chain(&finding.consequence_of) {
                let best = matches.entry(id.clone()).or_insert(place);
                *best = (*best).min(place);
            }
        }
    }
    matches
}

/// The order of findings: the smallest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_consequence: bool,
    does_not_answer: bool,
    is_context: bool,
    firmness: u8,
    place: usize,
    severity: std::cmp::Reverse<Severity>,
    confidence: std::cmp::Reverse<u32>,
    onset: crate::vocabulary::Timestamp,
    id: String,
    instance: String,
    answers: bool,
}

impl Key {
    fn of(finding: &Finding, matched: Option<usize>, has_symptom: bool) -> Self {
        let urgent = finding.severity == Severity::Critical || finding.category.starts_with("Security/");
        let is_context = finding.severity == Severity::Info;
        let answers = if has_symptom { matched.is_some() || urgent } else { !is_context };
        Self {
            is_consequence: finding.consequence_of.is_some(),
            does_not_answer: !answers,
            is_context,
            firmness: match finding.state {
                FindingState::Active | FindingState::Recovering => 0,
                FindingState::Pending => 1,
                _ => 2,
            },
            place: matched.unwrap_or(usize::MAX),
            severity: std::cmp::Reverse(finding.severity),
            confidence: std::cmp::Reverse((finding.confidence * 1000.0) as u32),
            onset: finding.onset,
            id: finding.id.clone(),
            instance: finding.instance.clone(),
            answers,
        }
    }
}
