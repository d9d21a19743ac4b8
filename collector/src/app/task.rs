//! Work that is done again and again: each an idempotent function, run on a period until the end.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::clock::Leaps;
use super::{App, measure};
use crate::access::AccessError;
use crate::fleet::FleetError;
use crate::incident::{Calendar, tickets};
use crate::metrics as names;
use crate::outage::{Outage, causes, is_passing};
use crate::replica::{BEAT_EVERY, Beat};
use crate::store::StoreError;
use crate::{retest, symptom};

/// How often what happened at other collectors is looked up while they cannot tell.
const UNTOLD_EVERY: Duration = Duration::from_secs(5);

/// How often a collector among others looks whether one of them changed the authority's roots.
const ROOTS_EVERY: Duration = Duration::from_secs(30);

/// Starts every task of the collector.
pub(super) fn start(app: &Arc<App>, tasks: &TaskTracker, stop: &CancellationToken) {
    let run = Starter { app, tasks, stop };
    run.every("fleet_states", Duration::from_secs(15), |app| async move {
        app.fleet.end_revoked().await?;
        app.fleet.settle().await.map(drop)
    });
    run.every("database", Duration::from_secs(1), |app| async move {
        app.store.look_after().await;
        Ok::<_, std::convert::Infallible>(())
    });
    run.every("authority", Duration::from_hours(1), |app| async move { app.fleet.refresh_authority().await });
    run.every("audit_chain", Duration::from_hours(1), |app| async move {
        let standing = app.access.audit().walk_on(i64::MAX).await?;
        if let Some(entry) = standing.walked.broken_at {
            error!(
                audit.sequence = entry,
                "The chain of the audit log breaks at entry {entry}: it was changed or cut off"
            );
        }
        Ok::<_, AccessError>(())
    });
    run.every("audit_late", Duration::from_secs(15), |app| async move { app.access.audit().catch_up().await });
    run.alone("tag_rules", Duration::from_hours(1), |app| async move { app.fleet.tag_all_by_rules().await.map(drop) });
    let leaps = Arc::new(Leaps::default());
    run.every("clock", Duration::from_secs(15), move |app| {
        let leaps = Arc::clone(&leaps);
        async move { look_at_the_clock(&app, &leaps).await }
    });
    let told = Arc::new(AtomicBool::new(false));
    run.alone("forget", Duration::from_mins(10), move |app| {
        let told = Arc::clone(&told);
        async move { forget(&app, &told).await }
    });
    run.alone("seal", Duration::from_mins(1), |app| async move { app.history.seal(app.clock.now()).await.map(drop) });
    run.alone(
        "roll_up",
        Duration::from_mins(5),
        |app| async move { app.history.roll_up(app.clock.now()).await.map(drop) },
    );
    run.every("metrics", Duration::from_secs(10), |app| async move { measure::often(&app).await });
    run.every("sizes", Duration::from_mins(1), |app| async move { measure::seldom(&app).await });
    run.alone("alerts", Duration::from_secs(5), |app| async move { app.alerts.tick().await });
    run.every("alert_quota", Duration::from_mins(1), |app| async move { app.alerts.measure().await });
    run.alone("incidents", Duration::from_mins(1), |app| async move { app.incidents.round().await });
    run.alone("incident_tickets", Duration::from_mins(1), |app| async move { tickets::run(&app).await });
    run.every("detect", Duration::from_secs(5), |app| async move {
        app.detect.tick().await;
        Ok::<_, std::convert::Infallible>(())
    });
    run.every("foresee", Duration::from_secs(5), |app| async move {
        app.detect.foresee().await;
        Ok::<_, std::convert::Infallible>(())
    });
    run.every("rebuild", Duration::from_millis(250), |app| async move {
        app.detect.rebuild().await;
        Ok::<_, std::convert::Infallible>(())
    });
    run.alone("symptom_counts", Duration::from_hours(1), |app| async move { app.symptoms.estimate().await });
    run.every("symptom_orders", Duration::from_mins(1), |app| async move { symptom::follow(&app).await });
    if !app.replicas.is_alone() {
        run.every("replicas", BEAT_EVERY, |app| async move { beat(&app).await });
        run.every("replica_pulls", BEAT_EVERY, |app| async move { app.pulls.attend(None).await });
        run.every("replica_roots", ROOTS_EVERY, |app| async move { app.fleet.adopt_roots().await });
        run.every("replica_news", UNTOLD_EVERY, |app| async move { look_up(&app).await });
    }
    run.alone("retests", Duration::from_mins(1), |app| async move { retest::run(&app).await });
    run.alone("outbox", Duration::from_secs(1), |app| async move { app.outbox.tick().await });
    run.alone("outbox_forget", Duration::from_hours(1), |app| async move { app.outbox.forget().await });
    run.alone("hooks_forget", Duration::from_hours(1), |app| async move { app.outbox.forget_calls().await });
    run.alone(
        "desk_arrivals",
        Duration::from_secs(1),
        |app| async move { app.outbox.look_for_arrivals(&app.pulls).await },
    );
    run.alone("desk_follow", Duration::from_secs(1), |app| async move { app.outbox.follow().await });
    run.alone("alert_tickets", Duration::from_secs(5), |app| async move { crate::alert::tickets::run(&app).await });
    run.alone("outputs", Duration::from_secs(1), |app| async move { crate::alert::outputs::run(&app).await });
    run.every("pulls", Duration::from_secs(5), |app| async move { app.pulls.tick().await });
}

/// Shows the other collectors that this one is alive; begins anew when they have given it up.
async fn beat(app: &App) -> Result<(), StoreError> {
    if app.replicas.beat().await? == Beat::Expelled {
        warn!(
            "The other replicas have given this one up, and it begins anew: it did not run or reach the database for a while"
        );
        app.fleet.expelled();
        app.detect.expelled();
        app.pulls.expelled();
        app.replicas.enter().await?;
    }
    Ok(())
}

/// Certificates of our own that a wrong clock made, or found good, are looked at again as soon as it is set.
async fn look_at_the_clock(app: &App, leaps: &Leaps) -> Result<(), FleetError> {
    let Some(leap) = leaps.look(app.clock.now(), Instant::now()) else { return Ok(()) };
    let (minutes, way) = (leap.unsigned_abs() / 60_000, if leap > 0 { "ahead" } else { "back" });
    warn!(
        minutes,
        "The clock of this machine leapt {minutes} min {way}: it was set, or the machine stood still. If it is wrong now, set \
         it, and let the system keep it (NTP)"
    );
    app.fleet.refresh_authority().await
}

/// Forgets what is old, when that is not the word of a wrong clock alone; else says so, once.
async fn forget(app: &App, told: &AtomicBool) -> Result<(), StoreError> {
    let now = app.clock.now();
    let calendar = Calendar::at(app.store.reads(), now).await?;
    let leapt = calendar == Calendar::Leapt;
    if leapt && !told.load(Ordering::Relaxed) {
        warn!(
            "Nothing is forgotten for half a day: by the clock of this machine, {now}, no collector ran yesterday. If it is wrong, \
             set it; if the collector was off, all is well"
        );
    }
    told.store(leapt, Ordering::Relaxed);
    match calendar {
        Calendar::Continues => app.history.forget(now).await.map(drop),
        Calendar::Begins | Calendar::Leapt => Ok(()),
    }
}

/// What nobody tells while NATS is away is looked up: watchers read their lists again, certificates are held against the
/// revoked ones.
async fn look_up(app: &App) -> Result<(), FleetError> {
    if app.replicas.is_connected() {
        return Ok(());
    }
    app.pulls.forget_seen();
    app.feed.lag();
    app.fleet.refresh_authority().await?;
    app.fleet.end_revoked().await
}

struct Starter<'a> {
    app: &'a Arc<App>,
    tasks: &'a TaskTracker,
    stop: &'a CancellationToken,
}

impl Starter<'_> {
    /// As `every`, for work that only one of several collectors does: the keeper.
    fn alone<F, E>(&self, name: &'static str, period: Duration, work: impl Fn(Arc<App>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send,
        E: Error + Send + 'static,
    {
        let work = Arc::new(work);
        self.every(name, period, move |app| {
            let work = Arc::clone(&work);
            async move { if app.replicas.is_keeper() { work(app).await } else { Ok(()) } }
        });
    }

    /// Runs `work` at once and then every `period`. A failure is counted, and tried again at the next turn; one that lasts is
    /// said once a minute.
    fn every<F, E>(&self, name: &'static str, period: Duration, work: impl Fn(Arc<App>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send,
        E: Error + Send + 'static,
    {
        let (app, stop) = (Arc::clone(self.app), self.stop.clone());
        self.tasks.spawn(async move {
            let mut turns = interval(period);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut outage = Outage::default();
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = turns.tick() => {}
                }
                let started = Instant::now();
                let outcome = match work(Arc::clone(&app)).await {
                    Ok(()) => {
                        works_again(name, &mut outage);
                        "done"
                    }
                    Err(cause) => {
                        failed(&app, name, &mut outage, &cause);
                        "failed"
                    }
                };
                histogram!(names::TASK_SECONDS, "task" => name).record(started.elapsed().as_secs_f64());
                counter!(names::TASK_RUNS, "task" => name, "outcome" => outcome).increment(1);
            }
        });
    }
}

/// Says that a task failed; when it is the database that failed it, as it then fails all of them, the store says so.
fn failed(app: &App, name: &'static str, outage: &mut Outage, cause: &(dyn Error + 'static)) {
    if is_passing(cause) {
        let cause = causes(cause);
        app.store.standing().note(&cause);
        debug!(task = name, error = %cause, "Task {name} failed and will be tried again: {cause}");
    } else if let Some(count) = outage.failed(Instant::now()) {
        let cause = causes(cause);
        let times = if count > 1 { format!(" {count} times") } else { String::new() };
        warn!(task = name, count, error = %cause, "Task {name} failed{times} and will be tried again: {cause}");
    }
}

fn works_again(name: &'static str, outage: &mut Outage) {
    if let Some(count) = outage.is_over() {
        info!(task = name, count, "Task {name} works again; it had failed {count} times");
    }
}
