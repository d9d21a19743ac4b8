//! Since when a finding is known to hold.
//!
//! What a machine is, and not how it does, is read when the snapshot is taken and judged as if it had always been so. A
//! finding that rests on it seems to begin with the oldest thing the snapshot tells of, such as a line that the kernel logged
//! before there was an agent. Nobody looked then: such a finding is said to be older than the first number that the agent
//! measured. What happened has a moment of its own, and keeps it.

use crate::document::{Diagnosis, Finding, Snapshot};
use crate::registry::{Registry, SignalKind};
use crate::vocabulary::Timestamp;

/// Lets no finding begin before anybody looked.
pub(super) fn bound(diagnosis: &mut Diagnosis, snapshot: &Snapshot) {
    let first = first_look(snapshot);
    for finding in diagnosis.findings.iter_mut().filter(|finding| finding.onset <= first && !is_told_by_events(finding))
    {
        finding.onset = first;
        finding.is_older = true;
    }
}

/// The first moment of which the snapshot has a number; without any, its own.
fn first_look(snapshot: &Snapshot) -> Timestamp {
    let firsts = snapshot.series.iter().filter_map(|series| {
        let place = series.values.iter().position(Option::is_some)?;
        let step_ms = i64::from(series.step_seconds.max(1)) * 1000;
        Some(Timestamp(series.start.0.saturating_add(step_ms.saturating_mul(place as i64 + 1))))
    });
    firsts.min().unwrap_or(snapshot.taken_at).min(snapshot.taken_at)
}

/// Whether something that happened is among what holds.
fn is_told_by_events(finding: &Finding) -> bool {
    let is_event = |name: &str| Registry::builtin().get(name).is_some_and(|spec| spec.kind == SignalKind::Event);
    let held = finding.evidence.iter().filter(|evidence| evidence.held == Some(true));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._".contains(letter);
    held.flat_map(|evidence| evidence.signal.split(move |letter| !is_part(letter))).any(is_event)
}
