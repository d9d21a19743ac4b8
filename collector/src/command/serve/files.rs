//! Room for open files: each stream is one.

use tracing::warn;

#[cfg_attr(unix, path = "files/unix.rs")]
#[cfg_attr(not(unix), path = "files/other.rs")]
mod system;

/// Files beside the streams: the database, people, and connections that have yet to say who they are.
const OTHERS: u64 = 5000;

/// Takes all the room that the system gives, and says when it is not enough for `streams`.
pub(super) fn make_room(streams: usize) {
    let needed = u64::try_from(streams).unwrap_or(u64::MAX).saturating_add(OTHERS);
    if let Some(allowed) = system::raise().filter(|allowed| *allowed < needed) {
        warn!(
            allowed,
            needed,
            "Only {allowed} files may be open, and {streams} streams need {needed}: raise the limit (LimitNOFILE of the \
             service, or `ulimit -n`), or lower limits.streams"
        );
    }
}
