//! Does anybody want to hear of it now?

use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::Timestamp;

use super::decision;
use crate::alert::{Decision, Matchers, Silence, SilencedBy};

/// What a silence is held against.
#[derive(Debug, Clone, Copy)]
pub(in crate::alert) struct Facts<'a> {
    /// The check.
    pub(in crate::alert) check: &'a str,
    /// The endpoint's identity.
    pub(in crate::alert) endpoint: &'a str,
    /// The endpoint's tags.
    pub(in crate::alert) tags: &'a BTreeMap<String, String>,
}

/// The silence in force that lasts longest among those that match, with the reason.
pub(in crate::alert) fn judge(
    facts: Facts<'_>,
    silences: &[Silence],
    now: Timestamp,
) -> Option<(SilencedBy, Decision)> {
    let in_force = silences.iter().filter(|silence| silence.until > now && matches(&silence.matchers, facts));
    let silence = in_force.max_by_key(|silence| silence.until)?;
    let by = SilencedBy {
        id: silence.id.clone(),
        by: silence.by.clone(),
        until: silence.until,
        comment: silence.comment.clone(),
    };
    let words = format!("Silenced by {} until {}: {}", by.by, by.until, by.comment);
    Some((by, decision("silence", "silenced", words, now)))
}

/// Whether everything that is said matches. Nothing said matches nothing: such a silence would hide everything.
fn matches(matchers: &Matchers, facts: Facts<'_>) -> bool {
    let check = matchers.check.as_deref().map(|check| check == facts.check);
    let endpoint = matchers.endpoint.as_deref().map(|endpoint| endpoint == facts.endpoint);
    let tag = matchers.tag.as_deref().map(|tag| {
        tag.split_once('=').is_some_and(|(name, value)| facts.tags.get(name).is_some_and(|have| have == value))
    });
    let said = [check, endpoint, tag];
    said.iter().any(Option::is_some) && said.iter().all(|matched| matched.unwrap_or(true))
}
