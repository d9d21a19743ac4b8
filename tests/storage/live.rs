//! An agent that records numbers as fast as it can, and nothing else, with the real spool and the real stream.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use firstline_agent::identity::Identity;
use firstline_agent::os::{Clock, SystemClock};
use firstline_agent::privacy::Ledger;
use firstline_agent::settings::{Policy, Settings};
use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::StateDir;
use firstline_agent::uplink::{About, LinkState, LinkStatus, Outbox, Routes, Uplink};
use firstline_diagnosis::vocabulary::{Mark, Sample, Timestamp};
use firstline_proto::convert::{Body, Machine};
use firstline_tests::wait;
use firstline_tests::wire::records;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Between two records.
const PAUSE: Duration = Duration::from_millis(2);

/// How long the collector may take to have everything.
const DRAIN: Duration = Duration::from_mins(1);

/// Every so many records, one that is synced at once.
const MARK_EVERY: u64 = 25;

/// Records the numbers from `first` on, `count` of them, and then runs until everything is acknowledged. Each number is
/// noted in `noted` in the state directory after the spool has it.
pub(crate) fn run(state: &Path, start_ms: i64, first: u64, count: u64) -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(live(state, start_ms, first, count))
}

async fn live(path: &Path, start_ms: i64, first: u64, count: u64) -> anyhow::Result<()> {
    let state = StateDir::open(path)?;
    let _lock = state.lock()?;
    let scratch = state.scratch()?;
    let mut spool = Spool::open(&state.dir("spool")?, &scratch, Limits::default())?;
    spool.use_layout((&records::layout()).into());
    let outbox = Arc::new(Outbox::new(spool));
    let identity = Identity::load(&state.dir("identity")?)?;
    let stop = CancellationToken::new();
    let stream = tokio::spawn(connect(state.clone(), identity, Arc::clone(&outbox), stop.clone()));
    let mut noted = std::fs::File::options().create(true).append(true).open(state.path("noted"))?;
    let mut beat = wait::turns(PAUSE);
    for number in first..first.saturating_add(count) {
        let at = Timestamp(start_ms + i64::try_from(number)?);
        let boot_ms = u64::try_from(SystemClock.since_boot().as_millis())?;
        outbox.spool().append(at, boot_ms, "before", sample(number, at));
        noted.write_all(format!("{number}\n").as_bytes())?;
        if number % MARK_EVERY == 0 {
            outbox.spool().append(at, boot_ms, "before", Body::Mark(Mark::NetworkChanged));
        }
        outbox.wake();
        beat.tick().await;
    }
    wait::for_condition("everything to be acknowledged", DRAIN, async || outbox.spool().fill().records == 0).await;
    stop.cancel();
    stream.await.context("the stream")?;
    outbox.spool().close()?;
    scratch.remove();
    Ok(())
}

fn sample(number: u64, at: Timestamp) -> Body {
    let values = vec![(number % 100) as f32 / 100.0, 0.0, 0.5];
    Body::Sample(Sample { at, step_seconds: 60, layout: records::layout().fingerprint(), values, absences: Vec::new() })
}

async fn connect(state: StateDir, identity: Identity, outbox: Arc<Outbox>, stop: CancellationToken) {
    let os = firstline_diagnosis::document::Os { os_type: "linux".to_owned(), ..Default::default() };
    let about = About {
        machine: Machine { host_name: "pc-1".to_owned(), os, ..Machine::default() },
        boot_id: "b00t".to_owned(),
        layout: records::layout().fingerprint(),
        ..About::default()
    };
    let (_about, about_seen) = watch::channel(about);
    let (settings, _settings_seen) = watch::channel(Settings::default());
    let (requests, _requested) = mpsc::channel(16);
    let (_frames_out, frames) = mpsc::channel(4);
    let (readings, _measured) = mpsc::channel(16);
    let (status, _status_seen) = watch::channel(LinkStatus::new(LinkState::Connecting, "", Timestamp(0)));
    let (_renewals_in, renewals) = watch::channel(0);
    let uplink = Uplink {
        collectors: identity.collector.clone().into(),
        reached: Arc::new(Mutex::new(identity.collector.clone())),
        routes: Routes::default(),
        hardware: BTreeMap::new(),
        identity: Arc::new(Mutex::new(identity)),
        outbox,
        clock: Arc::new(SystemClock),
        policy: Policy::default(),
        settings,
        about: about_seen,
        requests,
        frames,
        readings,
        status,
        trouble: Mutex::default(),
        ledger: Arc::new(Mutex::new(Ledger::at(state.path("ledger")))),
        renewals,
        renew_at: watch::Sender::new(None),
        forked: CancellationToken::new(),
    };
    uplink.run(stop).await;
}
