use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use crate::probe::Tier;
use crate::settings::Settings;

/// How far a fast tick may stray, so that a fleet does not beat in step.
const JITTER_SECONDS: f64 = 2.0;
/// How far the quarter hours stray.
const QUARTER_HOUR_STRAY: Duration = Duration::from_mins(2);
/// The daily tier comes at any time of the day: after twelve hours at the earliest, thirty-six at the latest.
const DAY_STRAY: Duration = Duration::from_hours(12);
const QUARTER_HOUR: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

/// When each tier is due. Only the fast tier has a timer; the others ride along.
#[derive(Debug)]
pub(super) struct Clockwork {
    /// The even beat of the fast tier.
    beat: Option<Instant>,
    /// The beat, strayed.
    next: Option<Instant>,
    /// The slower tiers and when each is due.
    slower: [(Tier, Option<Instant>); 4],
}

impl Clockwork {
    /// Everything is due at once.
    pub(super) fn new() -> Self {
        let tiers = [Tier::Minute, Tier::QuarterHour, Tier::Change, Tier::Daily];
        Self { beat: None, next: None, slower: tiers.map(|tier| (tier, None)) }
    }

    /// Time until the next tick.
    pub(super) fn until_next(&self, now: Instant) -> Duration {
        self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    /// The tiers that run in the tick at `now`; arranges the next tick.
    pub(super) fn due(&mut self, now: Instant, settings: &Settings) -> Vec<Tier> {
        let fast = settings.fast_period.max(Duration::from_secs(1));
        self.arrange(now, fast);
        let mut due = vec![Tier::Fast];
        for (tier, at) in &mut self.slower {
            let period = period(*tier, settings);
            // A settings change may have shortened the period.
            let when = at.map_or(now, |at| at.min(now + period));
            *at = Some(when);
            if when <= now + fast / 2 {
                due.push(*tier);
                // A tier that was slept through starts anew instead of making up for it.
                let since = if when + period < now { now } else { when };
                *at = Some(since + strayed(*tier, period));
            }
        }
        due
    }

    /// Sets the next tick near the next beat; beats that were missed (a suspended machine) are not made up for.
    fn arrange(&mut self, now: Instant, fast: Duration) {
        let beat = self.beat.map_or(now, |beat| beat + fast);
        let beat = if beat + fast < now { now } else { beat };
        self.beat = Some(beat);
        let reach = JITTER_SECONDS.min(fast.as_secs_f64() / 4.0);
        let stray = Duration::from_secs_f64(rand::rng().random_range(0.0..=2.0 * reach));
        self.next = Some((beat + fast + stray).checked_sub(Duration::from_secs_f64(reach)).unwrap_or(beat + fast));
    }
}

/// A period, longer or shorter by chance.
fn strayed(tier: Tier, period: Duration) -> Duration {
    let reach = match tier {
        // The fast tick that it rides on strays already.
        Tier::Fast | Tier::Minute => return period,
        Tier::QuarterHour | Tier::Change => QUARTER_HOUR_STRAY,
        Tier::Daily | Tier::Demand => DAY_STRAY,
    };
    (period + reach.mul_f64(rand::rng().random_range(0.0..=2.0))).saturating_sub(reach)
}

/// The period of a tier that rides along.
pub(super) fn period(tier: Tier, settings: &Settings) -> Duration {
    match tier {
        Tier::Fast => settings.fast_period,
        Tier::Minute => settings.minute_period,
        Tier::QuarterHour | Tier::Change => QUARTER_HOUR,
        Tier::Daily | Tier::Demand => DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slower_tiers_ride_on_fast_ticks_at_their_own_pace() {
        let mut clockwork = Clockwork::new();
        let settings = Settings::default();
        let mut counts = [0_usize; 6];
        let start = Instant::now();
        while start.elapsed() < Duration::from_hours(1) {
            tokio::time::sleep(clockwork.until_next(Instant::now())).await;
            for tier in clockwork.due(Instant::now(), &settings) {
                counts[tier as usize] += 1;
            }
        }
        assert!((239..=242).contains(&counts[Tier::Fast as usize]), "{counts:?}");
        assert!((60..=61).contains(&counts[Tier::Minute as usize]), "{counts:?}");
        assert!((4..=5).contains(&counts[Tier::QuarterHour as usize]), "{counts:?}");
        assert_eq!(counts[Tier::Daily as usize], 1);
        assert_eq!(counts[Tier::Demand as usize], 0);
    }

    #[test]
    fn the_slow_tiers_of_a_fleet_spread_out() {
        let hours =
            |tier, period| -> Vec<f64> { (0..200).map(|_| strayed(tier, period).as_secs_f64() / 3600.0).collect() };
        let days = hours(Tier::Daily, DAY);
        assert!(days.iter().all(|hours| (12.0..=36.0).contains(hours)));
        assert!(days.iter().any(|hours| *hours < 20.0) && days.iter().any(|hours| *hours > 28.0));
        let quarters = hours(Tier::QuarterHour, QUARTER_HOUR);
        assert!(quarters.iter().all(|hours| (13.0..=17.0).contains(&(hours * 60.0))));
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_make_up_for_ticks_that_were_slept_through() {
        let mut clockwork = Clockwork::new();
        let settings = Settings::default();
        clockwork.due(Instant::now(), &settings);
        tokio::time::advance(Duration::from_hours(2)).await;
        assert_eq!(clockwork.until_next(Instant::now()), Duration::ZERO);
        clockwork.due(Instant::now(), &settings);
        assert!(clockwork.until_next(Instant::now()) > Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_period_takes_effect_without_waiting_for_the_old_one() {
        let mut clockwork = Clockwork::new();
        let slow = Settings { minute_period: Duration::from_mins(10), ..Settings::default() };
        clockwork.due(Instant::now(), &slow);
        tokio::time::advance(Duration::from_mins(2)).await;
        clockwork.due(Instant::now(), &Settings::default());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(clockwork.due(Instant::now(), &Settings::default()).contains(&Tier::Minute));
    }
}
