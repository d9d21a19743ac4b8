//! Waiting with a timer of the kernel's own.
//!
//! The runtime keeps far deadlines in a wheel and wakes twice on the way to each, to bring it nearer. The beats of the agent
//! are a quarter of a minute apart, so that would be most of its wake-ups.

use std::io;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits for this long. Time asleep does not count.
pub(crate) async fn wait(time: Duration) {
    match armed(time) {
        Ok(timer) => drop(timer.readable().await),
        Err(_) => tokio::time::sleep(time).await,
    }
}

fn armed(time: Duration) -> io::Result<AsyncFd<OwnedFd>> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    // No time at all would switch it off.
    let time = Timespec::try_from(time.max(Duration::from_nanos(1))).map_err(io::Error::other)?;
    let once = Itimerspec { it_interval: Timespec::default(), it_value: time };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    // SAFETY: the descriptor is the timer's own, and stays the same and open until the timer is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_as_long_as_it_is_told_and_not_for_ever_when_that_is_no_time() {
        let start = std::time::Instant::now();
        wait(Duration::from_millis(20)).await;
        assert!(start.elapsed() >= Duration::from_millis(20));
        wait(Duration::ZERO).await;
    }
}
