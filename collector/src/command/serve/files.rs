//! Room for open files: each stream is one.

use tracing::warn;

use crate::doctor::short_of_files;

#[cfg_attr(unix, path = "files/unix.rs")]
#[cfg_attr(not(unix), path = "files/other.rs")]
mod system;

/// Takes all the room that the system gives. Streams that do not fit into it wait at the door, rather than that nothing can
/// be opened any more, the database included. Says how many fit.
pub(super) fn make_room(streams: usize) -> usize {
    let short = system::raise().and_then(|allowed| short_of_files(allowed, streams as u64));
    short.and_then(|fit| usize::try_from(fit).ok()).unwrap_or(streams)
}

/// Says when there is no room for the endpoints that there are; what else might be is for `doctor` to tell.
pub(super) fn warn_when_short(fit: usize, streams: usize, endpoints: u64) {
    if fit < streams && (fit as u64) < endpoints {
        warn!(
            fit,
            endpoints,
            "Too few files may be open: {fit} of {endpoints} endpoints can be connected at the same time. Raise the limit \
             (LimitNOFILE of the service, or `ulimit -n`)"
        );
    }
}
