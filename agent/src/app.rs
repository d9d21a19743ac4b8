//! Turns a configuration into running tasks, and owns their end.
//!
//! ```text
//! schedule --outputs--> intake --records--> outbox --> uplink <--> collector
//!                         |  \--rows--> recorders          |
//!                         \--latest----> pulls <--requests-/
//! ```
//!
//! A clean stop goes in the direction of the data: probes, intake (which notes `pausing`), stream, spool.

mod ease;
mod intake;
mod recorded;
mod repeats;
mod sleep;
mod status;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::vocabulary::Reading;
use firstline_proto::v1::Section;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use ease::Ease;
pub use intake::{FAST_ROWS, Intake, MINUTE_ROWS, USERS, health, is_state};
pub use recorded::{Wanted, recorder_series};
pub use status::{ProbeStatus, SpoolStatus, Status, read as read_status};

use crate::config::Config;
use crate::identity::{Identity, evidence};
use crate::os::native::give_memory_back;
use crate::privacy::{HOUR, Ledger, PSEUDONYM_KEY, pseudonyms};
use crate::probe::{self, Context, Pseudonyms};
use crate::pull::Pulls;
use crate::schedule::{Output, Schedule};
use crate::service::{Pulse, Supervisor};
use crate::settings::{Settings, remember};
use crate::spool::Spool;
use crate::state::StateDir;
use crate::uplink::{LinkState, LinkStatus, Outbox, Renewal, Routes, Uplink};

/// Time for the identity probes before the first connection.
const IDENTITY_LIMIT: Duration = Duration::from_secs(5);

/// Time for the stream to say goodbye.
const FAREWELL_LIMIT: Duration = Duration::from_secs(6);

/// Runs the agent until `stop`. When this machine becomes an endpoint of its own, everything begins anew.
pub async fn run(config: Config, state: StateDir, stop: CancellationToken) -> Result<()> {
    let supervisor = Arc::new(Supervisor::of_this_process());
    let _lock = state.lock()?;
    while !stop.is_cancelled() {
        run_once(&config, &state, &supervisor, &stop).await?;
    }
    Ok(())
}

/// Runs the agent as one endpoint until `stop`, or until it is another endpoint.
async fn run_once(
    config: &Config,
    state: &StateDir,
    supervisor: &Arc<Supervisor>,
    stop: &CancellationToken,
) -> Result<()> {
    let over = stop.child_token();
    let mut identity = Identity::load(&state.dir("identity")?)?;
    settle_fork(&mut identity, config, state)?;
    let collectors = config.collector.clone().unwrap_or_else(|| identity.collector.clone().into());
    let endpoint_id = identity.endpoint_id.clone();
    let routes = Routes::of_this_machine(&config.proxy, Path::new("/")).map_err(anyhow::Error::msg);
    let routes = routes.context("the proxy's configuration cannot be used")?;
    let hardware = evidence(Path::new("/"), &identity.evidence_key());
    let policy = config.policy(Some(collectors.first()));
    let (settings, settings_seen) = watch::channel(policy.remembered(&state.path("settings")));
    // Ends with the uplink, which holds the other end.
    tokio::spawn(remember(settings_seen.clone(), state.path("settings")));
    let names = pseudonyms(identity.naming_key(), &state.path(PSEUDONYM_KEY))?;
    let mut cx = context(names, settings_seen.clone(), Some(&identity));
    let identity = Arc::new(Mutex::new(identity));
    cx.memory = Some(state.dir("remembered")?);
    let clock = Arc::clone(&cx.clock);
    let vitals = Arc::clone(&cx.vitals);
    let schedule = Arc::new(Schedule::new(probe::all(), cx, settings_seen.clone()));

    let scratch = state.scratch()?;
    let spool = Spool::open(&state.dir("spool")?, &scratch, config.spool_limits())
        .with_context(|| format!("opening the spool in {}", state.path("spool").display()))?;
    let outbox = Arc::new(Outbox::new(spool));
    let (intake, about) =
        Intake::open(state, &scratch, config, Arc::clone(&outbox), Arc::clone(&clock), vitals, settings_seen)?;
    let intake = Arc::new(Mutex::new(intake));
    let introduction = schedule.collect_section(Section::Identity, IDENTITY_LIMIT).await;
    lock(&intake).introduce(introduction);

    let ledger = Arc::new(Mutex::new(Ledger::at(state.path("ledger")).with_hour(scratch.path(HOUR))));
    let (requests_out, requests) = mpsc::channel(16);
    let (frames_out, frames) = mpsc::channel(4);
    let (measured_out, measured) = mpsc::channel(16);
    let (link, link_seen) = watch::channel(LinkStatus::new(LinkState::Connecting, "starting", clock.now()));
    let (renewed, renewals) = watch::channel(0);
    let wanted_at = watch::Sender::new(None);
    let reached = Arc::new(Mutex::new(collectors.first().clone()));
    let uplink = Uplink {
        collectors: collectors.clone(),
        routes: routes.clone(),
        identity: Arc::clone(&identity),
        hardware,
        outbox: Arc::clone(&outbox),
        clock: Arc::clone(&clock),
        policy,
        settings,
        about,
        requests: requests_out,
        frames,
        readings: measured_out,
        status: link,
        trouble: Mutex::default(),
        ledger: Arc::clone(&ledger),
        renewals,
        renew_at: wanted_at.clone(),
        reached: Arc::clone(&reached),
        forked: over.clone(),
    };
    let renewal = Renewal {
        identity: Arc::clone(&identity),
        collectors,
        routes,
        clock: Arc::clone(&clock),
        outbox: Arc::clone(&outbox),
        renewed,
        wanted_at,
    };
    let ease = Arc::new(Ease::starting(Instant::now()));
    let pulls = Pulls {
        schedule: Arc::clone(&schedule),
        intake: Arc::clone(&intake),
        identity: Arc::clone(&identity),
        frames: frames_out,
        ledger: Arc::clone(&ledger),
        cache: state.dir("snapshots")?,
        reached: Arc::clone(&reached),
        clock: Arc::clone(&clock),
        ease: Arc::clone(&ease),
    };
    tracing::info!(endpoint.id = %endpoint_id, "Agent {} of endpoint {endpoint_id} runs", env!("CARGO_PKG_VERSION"));

    let (stop_uplink, stop_pulls) = (CancellationToken::new(), CancellationToken::new());
    let reporter = status::Reporter {
        scratch: scratch.clone(),
        stopped: state.path("status.json"),
        reached,
        started_at: clock.now(),
        started_awake: clock.awake(),
        schedule: Arc::clone(&schedule),
        intake: Arc::clone(&intake),
        identity: Arc::clone(&identity),
        clock: Arc::clone(&clock),
        supervisor: Arc::clone(supervisor),
    };
    let uplink = tokio::spawn(uplink.run(stop_uplink.clone()));
    let pulls = tokio::spawn(pulls.run(requests, stop_pulls.clone()));
    let renewal = tokio::spawn(renewal.run());
    let reports = tokio::spawn(reporter.clone().run(link_seen.clone()));
    let sleep = sleep::Sleep {
        intake: Arc::clone(&intake),
        outbox: Arc::clone(&outbox),
        clock: Arc::clone(&clock),
        link: link_seen.clone(),
    };
    let sleep = tokio::spawn(sleep.run());

    take_in(&schedule, &intake, measured, supervisor, &ease, &over).await;

    if stop.is_cancelled() {
        supervisor.stopping();
        tracing::info!("Stopping");
    }
    renewal.abort();
    sleep.abort();
    stop_pulls.cancel();
    stop_uplink.cancel();
    let _ = tokio::time::timeout(FAREWELL_LIMIT, uplink).await;
    let _ = pulls.await;
    reports.abort();
    reporter.write_stopped(&link_seen.borrow().clone());
    let _ = ledger.lock().unwrap_or_else(PoisonError::into_inner).flush();
    lock(&intake).finish();
    outbox.spool().close().context("closing the spool")?;
    scratch.remove();
    Ok(())
}

/// The probes' view of this machine.
pub fn context(names: Pseudonyms, settings: watch::Receiver<Settings>, identity: Option<&Identity>) -> Context {
    let mut cx = Context::this_machine(settings, names);
    cx.collector_ca = identity.map(Identity::authorities);
    cx
}

fn lock(intake: &Mutex<Intake>) -> std::sync::MutexGuard<'_, Intake> {
    intake.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes in what the probes and the stream measure, and closes steps, until `stop`; then notes that the agent pauses.
///
/// A step is closed half-way between two beats of the fast tier, so that each fast probe falls into each step once,
/// whatever its jitter. The supervisor hears that the agent runs with the first batch, and that it lives with the steps.
async fn take_in(
    schedule: &Arc<Schedule>,
    intake: &Mutex<Intake>,
    mut measured: mpsc::Receiver<Reading>,
    supervisor: &Supervisor,
    ease: &Ease,
    stop: &CancellationToken,
) {
    let mut pulse = Pulse::new(supervisor.patience());
    let (out, mut outputs) = mpsc::channel(64);
    let probes = tokio::spawn(Arc::clone(schedule).run(out, stop.clone()));
    let mut close_at: Option<Instant> = None;
    // Started once for each step: a timer of the kernel's is not for every message that comes between.
    let mut closing = schedule.wait(Duration::ZERO);
    loop {
        let period = lock(intake).fast_period();
        tokio::select! {
            () = stop.cancelled() => break,
            output = outputs.recv() => match output {
                Some(Output::Batch(batch)) => {
                    let fast = batch.tier == probe::Tier::Fast;
                    lock(intake).batch(batch);
                    pulse.batch();
                    if fast && close_at.is_none() {
                        supervisor.ready();
                        close_at = Some(Instant::now() + period / 2);
                        closing = schedule.wait(period / 2);
                    }
                }
                Some(Output::Mark(at, mark)) => lock(intake).mark(at, mark),
                None => break,
            },
            Some(reading) = measured.recv() => lock(intake).readings(vec![reading]),
            () = &mut closing, if close_at.is_some() => {
                lock(intake).close_step();
                if pulse.step(Instant::now()) {
                    supervisor.alive();
                }
                if ease.is_due(Instant::now()) {
                    give_memory_back();
                }
                // After a suspension the missed steps are not made up for.
                let now = Instant::now();
                close_at = close_at.map(|at| (at + period).max(now + period / 4));
                closing = schedule.wait(close_at.unwrap_or(now).saturating_duration_since(now));
            }
        }
    }
    probes.abort();
    lock(intake).pause();
}

/// Lets go of what the machine recorded whose identity this one had: its records, its recorder, its history.
fn settle_fork(identity: &mut Identity, config: &Config, state: &StateDir) -> Result<()> {
    let Some(keep_from) = identity.keep_from() else { return Ok(()) };
    let scratch = state.scratch()?;
    let mut spool = Spool::open(&state.dir("spool")?, &scratch, config.spool_limits())?;
    let kept = spool.renumber(keep_from, 1).context("letting go of another machine's records")?;
    spool.close()?;
    scratch.remove();
    for name in ["recorder", "snapshots"] {
        let _ = std::fs::remove_dir_all(state.path(name));
    }
    for name in ["journal", "inventory.json"] {
        let _ = std::fs::remove_file(state.path(name));
    }
    tracing::info!("{kept} records of this machine's own go on under its new identity");
    Ok(identity.settle()?)
}

/// Version of the catalogue that this agent carries.
pub fn catalogue_version() -> String {
    Catalogue::builtin_version()
}

/// Reads a JSON file of the agent's own; nothing when it is not there or not readable.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests;
