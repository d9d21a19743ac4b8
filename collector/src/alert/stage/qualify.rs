//! Is a finding bad, sure and actionable enough to call somebody who did not ask?

use firstline_diagnosis::document::FindingState;
use firstline_diagnosis::vocabulary::Timestamp;

use super::decision;
use crate::alert::{Decision, Held};
use crate::config::Alerts as Policy;

/// Whether somebody would be called, as far as the finding alone decides.
pub(crate) fn calls_somebody(held: &Held, policy: &Policy, now: Timestamp) -> bool {
    judge(held, policy, now).is_none()
}

/// Why nobody is called, or nothing when the finding qualifies.
pub(in crate::alert) fn judge(held: &Held, policy: &Policy, now: Timestamp) -> Option<Decision> {
    let finding = &held.finding;
    let no = |reason, words: String| Some(decision("qualify", reason, words, now));
    if finding.state != FindingState::Active {
        return no("not_active", format!("It is {}, not active.", finding.state.name()));
    }
    if !held.proactive {
        return no("not_proactive", "This check is told only to who looks at the endpoint.".to_owned());
    }
    if finding.severity < policy.least_severity {
        return no(
            "severity_too_low",
            format!(
                "Severity {} is below {}; it can wait until somebody looks.",
                finding.severity, policy.least_severity
            ),
        );
    }
    if finding.confidence < policy.least_confidence {
        let (sure, least) = (finding.confidence * 100.0, policy.least_confidence * 100.0);
        return no("confidence_too_low", format!("We are {sure:.0} % sure; people are called from {least:.0} %."));
    }
    if finding.runbook.is_empty() {
        return no("no_action", "There is nothing that anybody could do about it now.".to_owned());
    }
    None
}
