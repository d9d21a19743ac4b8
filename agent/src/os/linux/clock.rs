use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since boot, sleep included.
pub(crate) fn since_boot() -> Duration {
    read(ClockId::Boottime)
}

/// Time since boot, sleep excluded.
pub(crate) fn awake() -> Duration {
    read(ClockId::Monotonic)
}

/// Processor time that the calling thread has used.
#[expect(clippy::unnecessary_wraps, reason = "other systems cannot say")]
pub(crate) fn thread_cpu() -> Option<Duration> {
    Some(read(ClockId::ThreadCPUTime))
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
