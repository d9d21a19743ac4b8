use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::Timestamp;

/// Not heard from for this long is offline, not silent.
const OFFLINE_AFTER: Duration = Duration::from_hours(24);

/// What an endpoint's state follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) revoked: bool,
    pub(super) connected: bool,
    pub(super) paused: bool,
    pub(super) last_seen: Option<Timestamp>,
}

/// The state at `now`. Paused wins over connected, since a machine that goes to sleep leaves its stream behind.
pub(super) fn of(facts: Facts, now: Timestamp) -> EndpointState {
    let gone = facts.last_seen.is_none_or(|seen| now.since(seen) >= OFFLINE_AFTER);
    match facts {
        Facts { revoked: true, .. } => EndpointState::Revoked,
        Facts { connected: true, paused: false, .. } => EndpointState::Online,
        _ if gone => EndpointState::Offline,
        Facts { paused: true, .. } => EndpointState::Asleep,
        _ => EndpointState::Silent,
    }
}

/// The state that a word in the table stands for.
pub(super) fn named(word: &str) -> EndpointState {
    EndpointState::ALL.into_iter().find(|state| state.name() == word).unwrap_or(EndpointState::Offline)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn facts(connected: bool, paused: bool, hours_ago: u64) -> Facts {
        let last_seen = Some(NOW - Duration::from_hours(hours_ago));
        Facts { revoked: false, connected, paused, last_seen }
    }

    #[test]
    fn follows_from_stream_mark_and_time() {
        assert_eq!(of(facts(true, false, 0), NOW), EndpointState::Online);
        assert_eq!(of(facts(true, true, 0), NOW), EndpointState::Asleep);
        assert_eq!(of(facts(false, true, 23), NOW), EndpointState::Asleep);
        assert_eq!(of(facts(false, false, 23), NOW), EndpointState::Silent);
        assert_eq!(of(facts(false, true, 24), NOW), EndpointState::Offline);
        assert_eq!(of(Facts { last_seen: None, ..facts(false, false, 0) }, NOW), EndpointState::Offline);
        assert_eq!(of(Facts { revoked: true, ..facts(true, false, 0) }, NOW), EndpointState::Revoked);
    }
}
