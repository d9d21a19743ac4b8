//! Which finding is the answer: collapse along the edges, inherit, order.

use std::collections::BTreeMap;

use crate::catalogue::Symptom;
use crate::document::{Finding, FindingState, Role};
use crate::order::Arrange as _;
use crate::vocabulary::{Severity, Urgency};

use super::explain::Roots;

/// More than these would be a list, not an answer.
const CONTRIBUTING_MAX: usize = 3;

/// Whose severity and whose match to the symptom: an id and an instance.
type Name = (String, String);

/// Marks what follows from `roots`, orders the findings and gives them their roles; also the id of the primary one.
pub(super) fn rank(
    mut findings: Vec<Finding>,
    symptom: Option<&Symptom>,
    roots: &Roots,
) -> (Vec<Finding>, Option<String>) {
    let root_of: Vec<Option<Name>> = findings.iter_mut().map(|finding| roots.mark(finding)).collect();
    inherit(&mut findings, &root_of);
    let matches = matches(&findings, &root_of, symptom);
    let mut ranked: Vec<(Key, Finding)> = findings
        .into_iter()
        .map(|finding| {
            let matched = matches.get(&name(&finding)).copied();
            (Key::of(&finding, matched, symptom.is_some()), finding)
        })
        .collect();
    ranked.arrange_by(|one, two| one.0.cmp(&two.0));
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
    findings.arrange_by_key(|finding| finding.role);
    (findings, primary)
}

fn name(finding: &Finding) -> Name {
    (finding.id.clone(), finding.instance.clone())
}

/// A root takes the highest severity found among itself and its consequences.
fn inherit(findings: &mut [Finding], root_of: &[Option<Name>]) {
    let mut worst: BTreeMap<&Name, Severity> = BTreeMap::new();
    for (finding, root) in findings.iter().zip(root_of) {
        if let Some(root) = root {
            let severity = worst.entry(root).or_insert(finding.severity);
            *severity = (*severity).max(finding.severity);
        }
    }
    for finding in findings.iter_mut().filter(|finding| finding.consequence_of.is_none()) {
        if let Some(severity) = worst.get(&name(finding)) {
            finding.severity = finding.severity.max(*severity);
        }
    }
}

/// The place of each finding among the symptom's candidates; a root has the best place of its consequences.
fn matches(findings: &[Finding], root_of: &[Option<Name>], symptom: Option<&Symptom>) -> BTreeMap<Name, usize> {
    let mut matches = BTreeMap::new();
    let Some(symptom) = symptom else { return matches };
    for (finding, root) in findings.iter().zip(root_of) {
        if let Some(place) = symptom.candidates.iter().position(|id| *id == finding.id) {
            for name in std::iter::once(name(finding)).chain(root.clone()) {
                let best = matches.entry(name).or_insert(place);
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
    /// It is urgent for its own sake: behind whatever the symptom is about.
    does_not_match: bool,
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
        let is_context = finding.severity == Severity::Info;
        let urgent = finding.severity == Severity::Critical || is_pressing_security(finding);
        let answers = if has_symptom { matched.is_some() || urgent } else { !is_context };
        Self {
            is_consequence: finding.consequence_of.is_some(),
            does_not_answer: !answers,
            is_context,
            does_not_match: has_symptom && matched.is_none(),
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

/// Whether the machine is in danger now, whatever the ticket is about. What has hardly begun, what can be planned, and
/// what a guard made mere context answers nobody's question by itself.
fn is_pressing_security(finding: &Finding) -> bool {
    finding.category.starts_with("Security/")
        && finding.urgency < Urgency::U3
        && finding.severity > Severity::Info
        && finding.state != FindingState::Pending
}
