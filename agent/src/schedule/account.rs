use std::collections::VecDeque;
use std::time::Duration;

use firstline_diagnosis::order::Arrange as _;

use crate::probe::Tier;

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of the thread that ran it; absent where the system cannot say, or when the run did not end.
    pub cpu: Option<Duration>,
}

/// What a probe costs and how it fares, for `status --cost`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeCost {
    /// Which probe.
    pub probe: &'static str,
    /// Its tier.
    pub tier: Tier,
    /// How often it runs.
    pub period: Duration,
    /// Runs since the agent started.
    pub runs: u64,
    /// The last run.
    pub last: Cost,
    /// Median of the last runs, from start to end.
    pub wall_p50: Duration,
    /// 99th percentile of the last runs, from start to end.
    pub wall_p99: Duration,
    /// Processor time of all runs.
    pub cpu_total: Duration,
    /// Bytes that what it told adds to the stream, before the stream's own framing.
    pub bytes_told: u64,
    /// Runs that gave nothing (panic, time-out or error).
    pub failures: u64,
    /// Runs that were left out because the one before was not over.
    pub overlaps: u64,
    /// Runs that were put off because the battery was low or the network metered.
    pub put_off: u64,
    /// Readings that were dropped because the registry does not declare them.
    pub undeclared: u64,
    /// Readings and events that were dropped because one run gave too many.
    pub flooded: u64,
    /// Why the last run gave nothing, if it did.
    pub failing: Option<String>,
}

/// Running totals of one probe.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) runs: u64,
    pub(super) last: Cost,
    pub(super) cpu_total: Duration,
    pub(super) failures: u64,
    pub(super) bytes_told: u64,
    pub(super) overlaps: u64,
    pub(super) put_off: u64,
    pub(super) undeclared: u64,
    pub(super) flooded: u64,
    pub(super) failing: Option<String>,
    recent: VecDeque<Duration>,
}

/// Runs that percentiles are made of: half an hour of the fast tier.
const RECENT: usize = 120;

impl Account {
    /// One more run.
    pub(super) fn enter(&mut self, cost: Cost, failing: Option<String>) {
        self.runs += 1;
        self.last = cost;
        self.cpu_total += cost.cpu.unwrap_or_default();
        self.failures += u64::from(failing.is_some());
        self.failing = failing;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(cost.wall);
    }

    /// The `share` quantile (0 to 1) of recent runs; zero when there were none.
    pub(super) fn wall_quantile(&self, share: f64) -> Duration {
        let mut sorted: Vec<_> = self.recent.iter().copied().collect();
        sorted.arrange();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_recent_runs() {
        let mut account = Account::default();
        assert_eq!(account.wall_quantile(0.99), Duration::ZERO);
        for ms in 1..=220 {
            account.enter(Cost { wall: Duration::from_millis(ms), cpu: None }, None);
        }
        assert_eq!(account.wall_quantile(0.5), Duration::from_millis(160));
        assert_eq!(account.wall_quantile(0.99), Duration::from_millis(219));
        assert_eq!(account.runs, 220);
    }
}
