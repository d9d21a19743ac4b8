use std::time::Duration;

use tokio::time::Instant;

/// Decides when to tell a supervisor that the agent works, from evidence rather than from a timer.
///
/// Evidence is both: the schedule handed over a batch, and the intake closed a step with it (sampled, recorded, spooled).
/// When either stops, so do the signs of life. They ride on the steps, which happen anyway: nothing wakes up for them.
#[derive(Debug)]
pub struct Pulse {
    /// How often a sign is due; never, when nobody waits for one.
    every: Option<Duration>,
    last: Option<Instant>,
    has_batch: bool,
}

/// Signs within the supervisor's patience, so that one that comes late is no reason to end the agent.
const SIGNS_WITHIN_PATIENCE: u32 = 3;

impl Pulse {
    /// For a supervisor that ends the agent after `patience` without a sign.
    pub fn new(patience: Option<Duration>) -> Self {
        Self { every: patience.map(|patience| patience / SIGNS_WITHIN_PATIENCE), last: None, has_batch: false }
    }

    /// The schedule handed over a batch.
    pub fn batch(&mut self) {
        self.has_batch = true;
    }

    /// The intake closed a step at `now`; whether a sign of life is due and earned.
    pub fn step(&mut self, now: Instant) -> bool {
        let Some(every) = self.every.filter(|_| std::mem::take(&mut self.has_batch)) else { return false };
        let is_due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= every);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(3);

    #[tokio::test(start_paused = true)]
    async fn a_working_agent_gives_a_sign_three_times_within_the_patience() {
        let mut pulse = Pulse::new(Some(PATIENCE));
        let mut signs = 0;
        for _ in 0..12 {
            pulse.batch();
            signs += u32::from(pulse.step(Instant::now()));
            tokio::time::advance(Duration::from_secs(15)).await;
        }
        assert_eq!(signs, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn steps_without_anything_from_the_schedule_are_no_sign_of_life() {
        let mut pulse = Pulse::new(Some(PATIENCE));
        pulse.batch();
        assert!(pulse.step(Instant::now()));
        for _ in 0..40 {
            tokio::time::advance(Duration::from_secs(15)).await;
            assert!(!pulse.step(Instant::now()));
        }
        pulse.batch();
        assert!(pulse.step(Instant::now()), "it works again");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_told_when_nobody_waits() {
        let mut pulse = Pulse::new(None);
        pulse.batch();
        assert!(!pulse.step(Instant::now()));
    }
}
