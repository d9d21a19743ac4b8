//! Does another finding on the endpoint, or an incident that the endpoint is one of, explain this one, and is that told?

use std::collections::BTreeSet;

use firstline_diagnosis::document::Finding;
use firstline_diagnosis::vocabulary::Timestamp;

use super::decision;
use crate::alert::Decision;
use crate::alert::incident::Explaining;

/// The check that explains `finding`, with the reason. `told` are the checks on this endpoint that people hear of: a
/// root that nobody hears of explains nothing to anybody.
pub(in crate::alert) fn judge(
    finding: &Finding,
    told: &BTreeSet<String>,
    now: Timestamp,
) -> Option<(String, Decision)> {
    let root = finding.consequence_of.as_ref().filter(|root| told.contains(*root))?;
    let words = format!("It follows from {root}, which is told in its place.");
    Some((root.clone(), decision("inhibit", "explained_by_root", words, now)))
}

/// The open incident that explains `finding`, with the reason.
pub(in crate::alert) fn by_incident(
    finding: &Finding,
    explaining: &Explaining,
    now: Timestamp,
) -> Option<(String, Decision)> {
    let (incident, words) = explaining.get(&finding.id)?;
    Some((incident.clone(), decision("inhibit", "explained_by_incident", words.clone(), now)))
}
