//! When memory that is not needed any more goes back to the system: after the start, now and then, and after a snapshot.
//!
//! A snapshot takes several times what the agent needs otherwise. Its last pieces are freed when they have left the machine,
//! and its threads end a while later with what they kept, so that nothing would be gained by asking at its end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::command::IDLE_THREAD;

/// The start is over after so long: what it needed goes back, and what was freed since then so often.
const START: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_mins(15);

/// Time for the last piece of a snapshot to leave, beyond the life of its threads.
const LEAVES: Duration = Duration::from_secs(10);

/// When memory is given back next.
#[derive(Debug)]
pub struct Ease(Mutex<Instant>);

impl Ease {
    /// An agent that starts `now`.
    pub fn starting(now: Instant) -> Self {
        Self(Mutex::new(now + START))
    }

    /// A snapshot was made and is on its way.
    pub fn after_snapshot(&self, now: Instant) {
        *self.at() = now + IDLE_THREAD + LEAVES;
    }

    /// Whether it is time; then the next time is a while later.
    pub fn is_due(&self, now: Instant) -> bool {
        let mut at = self.at();
        let is_due = now >= *at;
        if is_due {
            *at = now + EVERY;
        }
        is_due
    }

    fn at(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_snapshot_took_goes_back_when_its_threads_have_ended() {
        let start = Instant::now();
        let ease = Ease::starting(start);
        assert!(!ease.is_due(start) && ease.is_due(start + START));
        let pulled = start + START + Duration::from_secs(5);
        ease.after_snapshot(pulled);
        assert!(!ease.is_due(pulled + IDLE_THREAD), "a thread may still have some");
        assert!(ease.is_due(pulled + IDLE_THREAD + LEAVES));
        assert!(!ease.is_due(pulled + EVERY) && ease.is_due(pulled + EVERY + Duration::from_mins(1)));
    }
}
