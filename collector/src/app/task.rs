//! Work that is done again and again: each an idempotent function, run on a period until the end.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use metrics::{counter, gauge};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::App;
use crate::metrics as names;

/// Starts every task of the collector.
pub(super) fn start(app: &Arc<App>, tasks: &TaskTracker, stop: &CancellationToken) {
    let run = Starter { app, tasks, stop };
    run.every("fleet_states", Duration::from_secs(15), |app| async move { app.fleet.settle().await.map(drop) });
    run.every("authority", Duration::from_hours(1), |app| async move { app.fleet.refresh_authority().await });
    run.every(
        "forget",
        Duration::from_mins(10),
        |app| async move { app.history.forget(app.clock.now()).await.map(drop) },
    );
    run.every("seal", Duration::from_mins(1), |app| async move { app.history.seal(app.clock.now()).await.map(drop) });
    run.every(
        "roll_up",
        Duration::from_mins(5),
        |app| async move { app.history.roll_up(app.clock.now()).await.map(drop) },
    );
    run.every("metrics", Duration::from_secs(10), |app| async move { measure(&app).await });
    run.every("alerts", Duration::from_secs(5), |app| async move { app.alerts.tick().await });
    run.every("detect", Duration::from_secs(5), |app| async move {
        app.detect.tick().await;
        Ok::<_, std::convert::Infallible>(())
    });
    run.every("rebuild", Duration::from_millis(250), |app| async move {
        app.detect.rebuild().await;
        Ok::<_, std::convert::Infallible>(())
    });
    run.every("pulls", Duration::from_secs(5), |app| async move { app.pulls.tick().await });
}

struct Starter<'a> {
    app: &'a Arc<App>,
    tasks: &'a TaskTracker,
    stop: &'a CancellationToken,
}

impl Starter<'_> {
    /// Runs `work` at once and then every `period`. A failure is logged and counted, and tried again at the next turn.
    fn every<F, E>(&self, name: &'static str, period: Duration, work: impl Fn(Arc<App>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send,
        E: Display + Send,
    {
        let (app, stop) = (Arc::clone(self.app), self.stop.clone());
        self.tasks.spawn(async move {
            let mut turns = interval(period);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = turns.tick() => {}
                }
                let outcome = match work(Arc::clone(&app)).await {
                    Ok(()) => "done",
                    Err(cause) => {
                        warn!(task = name, error = %cause, "Task {name} failed and will be tried again: {cause}");
                        "failed"
                    }
                };
                counter!(names::TASK_RUNS, "task" => name, "outcome" => outcome).increment(1);
            }
        });
    }
}

/// Brings the gauges up to date.
async fn measure(app: &App) -> Result<(), crate::fleet::FleetError> {
    crate::metrics::upkeep();
    let counts = app.fleet.counts().await?;
    for state in EndpointState::ALL {
        let count = counts.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count);
        gauge!(names::ENDPOINTS, "state" => state.name()).set(count as f64);
    }
    Ok(())
}
