//! Since when a finding is known to hold.
//!
//! What a machine is, and not how it does, is read when the snapshot is taken and judged as if it had always been so. A
//! finding that rests on it seems to begin with the oldest thing the snapshot tells of, such as a line that the kernel logged
//! before there was an agent. Nobody looked then: such a finding is said to be older than the first number that the agent
//! measured. What happened has a moment of its own, and keeps it.

use crate::detector::is_told_by_events;
use crate::document::{Diagnosis, Snapshot};
use crate::vocabulary::Timestamp;

/// Lets no finding begin before anybody looked.
pub(super) fn bound(diagnosis: &mut Diagnosis, snapshot: &Snapshot) {
    let first = first_look(snapshot);
    for finding in
        diagnosis.findings.iter_mut().filter(|finding| finding.onset <= first && !is_told_by_events(&finding.evidence))
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
