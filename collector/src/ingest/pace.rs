use std::time::Duration;

use tokio::time::Instant;

/// Frames in a row that need not wait.
const BURST: u32 = 512;

/// Time that one frame costs beyond the burst.
const COST: Duration = Duration::from_millis(10);

/// Slows a stream down that sends more frames than an agent ever would.
#[derive(Debug)]
pub(super) struct Pace {
    spent_until: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { spent_until: Instant::now() }
    }

    /// Counts a frame; waits when there were too many.
    pub(super) async fn frame(&mut self) {
        let now = Instant::now();
        self.spent_until = self.spent_until.max(now) + COST;
        let ahead = self.spent_until - now;
        if let Some(wait) = ahead.checked_sub(COST * BURST) {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lets_a_burst_through_and_then_a_hundred_frames_a_second() {
        let (start, mut pace) = (Instant::now(), Pace::new());
        for _ in 0..BURST {
            pace.frame().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.frame().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(990));
    }
}
