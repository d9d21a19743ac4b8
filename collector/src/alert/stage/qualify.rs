//! Is a finding bad, sure and actionable enough to call somebody who did not ask?

use firstline_diagnosis::document::FindingState;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use super::decision;
use crate::alert::{Decision, Held};

/// What is less bad waits until somebody looks.
const LEAST_SEVERITY: Severity = Severity::Medium;

/// What is less sure waits until somebody looks.
const LEAST_CONFIDENCE: f64 = 0.8;

/// Whether somebody would be called, as far as the finding alone decides.
pub(crate) fn calls_somebody(held: &Held, now: Timestamp) -> bool {
    judge(held, now).is_none()
}

/// Why nobody is called, or nothing when the finding qualifies.
pub(in crate::alert) fn judge(held: &Held, now: Timestamp) -> Option<Decision> {
    let finding = &held.finding;
    let no = |reason, words: String| Some(decision("qualify", reason, words, now));
    if finding.state != FindingState::Active {
        return no("not_active", format!("It is {}, not active.", finding.state.name()));
    }
    if !held.proactive {
        return no("not_proactive", "This check is told only to who looks at the endpoint.".to_owned());
    }
    if finding.severity < LEAST_SEVERITY {
        return no(
            "severity_too_low",
            format!("Severity {} is below {LEAST_SEVERITY}; it can wait until somebody looks.", finding.severity),
        );
    }
    if finding.confidence < LEAST_CONFIDENCE {
        let (sure, least) = (finding.confidence * 100.0, LEAST_CONFIDENCE * 100.0);
        return no("confidence_too_low", format!("We are {sure:.0} % sure; people are called from {least:.0} %."));
    }
    if finding.runbook.is_empty() {
        return no("no_action", "There is nothing that anybody could do about it now.".to_owned());
    }
    None
}
