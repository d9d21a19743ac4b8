//! The stages, each a function of facts and `now`.

pub(super) mod dedup;
pub(super) mod group;
pub(super) mod inhibit;
pub(crate) mod qualify;
pub(super) mod quota;
pub(super) mod silence;

use firstline_diagnosis::vocabulary::Timestamp;

use super::Decision;

/// The last word of a stage about a finding.
pub(super) fn decision(stage: &str, reason: &str, words: impl Into<String>, at: Timestamp) -> Decision {
    Decision { stage: stage.to_owned(), reason: reason.to_owned(), words: words.into(), at }
}
