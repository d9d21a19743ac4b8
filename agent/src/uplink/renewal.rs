//! Keeps the certificate fresh, so that the endpoint never has to leave.
//!
//! It is renewed when two thirds of its life are over, a little later by chance, so that a fleet that was enrolled in one
//! hour does not renew in one hour. The collector may ask for it earlier, when its authority has a new root. Time is the collector's as it was last measured: a machine whose clock is wrong
//! renews neither too late nor all the time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::{Outbox, Routes};
use crate::config::Collectors;
use crate::identity::{Identity, renew, renewal_due};
use crate::os::Clock;

/// Between two looks at most: a suspended machine's timers stand still.
const LOOK_MOST: Duration = Duration::from_mins(10);

/// Between two looks at least.
const LOOK_LEAST: Duration = Duration::from_secs(1);

/// Share of a certificate's life by which the renewal may come later, by chance.
const SPREAD: f64 = 1.0 / 12.0;

/// Renews the certificate in time.
#[derive(Debug)]
pub struct Renewal {
    /// Whose.
    pub identity: Arc<Mutex<Identity>>,
    /// At which collector.
    pub collectors: Collectors,
    /// Which way.
    pub routes: Routes,
    /// This machine's time.
    pub clock: Arc<dyn Clock>,
    /// Knows the collector's time.
    pub outbox: Arc<Outbox>,
    /// Counts.
    pub renewed: watch::Sender<u64>,
    /// When the collector wants it, if it does.
    pub wanted_at: watch::Sender<Option<Instant>>,
}

impl Renewal {
    /// Renews whenever it is due; tries again until it works.
    pub async fn run(self) {
        let chance = rand::random::<f64>();
        let mut patience = Backoff::default();
        let mut wanted_at = self.wanted_at.subscribe();
        loop {
            let validity = self.identity.lock().unwrap_or_else(PoisonError::into_inner).validity();
            let Some(validity) = validity else { return };
            let now = self.outbox.collector_now(&*self.clock);
            let mut wait = due(validity, chance).since(now);
            if let Some(at) = *wanted_at.borrow_and_update() {
                wait = wait.min(at.saturating_duration_since(Instant::now()));
            }
            if wait.is_zero() {
                wait = self.renew(validity, now, &mut patience).await;
            }
            let _ = tokio::time::timeout(wait.clamp(LOOK_LEAST, LOOK_MOST), wanted_at.changed()).await;
        }
    }

    /// Renews, and says how long to wait then.
    async fn renew(&self, (_, until): (Timestamp, Timestamp), now: Timestamp, patience: &mut Backoff) -> Duration {
        match renew(&self.identity, &self.collectors, &self.routes).await {
            Ok(()) => {
                tracing::info!("The endpoint's certificate was renewed");
                self.wanted_at.send_replace(None);
                self.renewed.send_modify(|count| *count += 1);
                *patience = Backoff::default();
                Duration::ZERO
            }
            Err(error) => {
                tracing::warn!("The endpoint's certificate was not renewed: {error:#}");
                again(until.since(now), patience)
            }
        }
    }
}

/// When to try again: ten tries in what is `left` of the certificate. When nothing is, as on a machine that was away for
/// weeks or whose clock runs ahead, hurry saves nothing, and would be a handshake a second.
fn again(left: Duration, patience: &mut Backoff) -> Duration {
    if left.is_zero() { patience.refused_wait() } else { left / 10 }
}

/// When to renew, with `chance` from 0 to 1.
fn due(validity: (Timestamp, Timestamp), chance: f64) -> Timestamp {
    renewal_due(validity) + validity.1.since(validity.0).mul_f64(SPREAD * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_has_expired_is_not_asked_for_all_the_time() {
        let mut patience = Backoff::default();
        assert_eq!(again(Duration::from_mins(5), &mut patience), Duration::from_secs(30));
        let waits: Vec<Duration> = (0..5).map(|_| again(Duration::ZERO, &mut patience)).collect();
        assert!(waits.iter().all(|wait| *wait >= Duration::from_mins(2)), "{waits:?}");
        assert!(waits[4] > LOOK_MOST, "{waits:?}");
    }

    #[test]
    fn falls_due_after_two_thirds_and_well_before_the_end() {
        let month = (Timestamp(0), Timestamp(30 * 86_400_000));
        let days = |chance| due(month, chance).unix_ms() as f64 / 86_400_000.0;
        assert!((days(0.0) - 20.0).abs() < 0.01 && (days(1.0) - 22.5).abs() < 0.01, "{} {}", days(0.0), days(1.0));
    }
}
