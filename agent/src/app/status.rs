use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::intake::Intake;
use crate::config::Address;
use crate::identity::Identity;
use crate::os::Clock;
use crate::schedule::Schedule;
use crate::service::Supervisor;
use crate::state::{self, Scratch, StateDir};
use crate::uplink::{Acknowledged, LinkState, LinkStatus, Sent};

/// Its file: in the scratch directory while the agent runs, in the state directory when it has stopped.
const FILE: &str = "status.json";

/// Between two looks, at least; the first come sooner, since people ask right after the start.
const LOOK_EVERY: Duration = Duration::from_secs(50);
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Between two accounts when there is nothing new to tell, where they are written to a disk.
const REPORT_EVERY: Duration = Duration::from_mins(5);

/// Room that the account takes in steps of, on disk.
const ROOM_BYTES: usize = 16 * 1024;

/// More records than this are a backlog; that one doubled or halved is news.
const BACKLOG_RECORDS: u64 = 64;

/// What is worth telling at once when it changes.
#[derive(Debug, PartialEq)]
struct News {
    link: LinkStatus,
    troubles: [Option<String>; 2],
    dropped_records: u64,
    backlog: Option<u32>,
    failing: Vec<Option<String>>,
}

/// The running agent's account of itself, as `status --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// When it was written.
    pub at: Timestamp,
    /// Agent version.
    pub version: String,
    /// Whether the agent runs; `false` after a clean stop.
    pub running: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// The endpoint's name for life.
    pub endpoint_id: String,
    /// The collector that was reached last; before, the first that will be tried.
    pub collector: String,
    /// How the stream is doing.
    pub link: LinkStatus,
    /// How far the collector has everything; absent when it said nothing since the agent started.
    #[serde(default)]
    pub acknowledged: Option<Acknowledged>,
    /// Share of one core that the agent used in the last minute, 0 to 1; absent when not measured yet.
    #[serde(default)]
    pub cpu_ratio: Option<f64>,
    /// Memory of the agent, bytes; absent when not measured yet.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Until when the certificate is valid.
    pub certificate_until: Option<Timestamp>,
    /// What waits for the collector.
    pub spool: SpoolStatus,
    /// What left over streams since the agent started.
    #[serde(default)]
    pub sent: Sent,
    /// Bytes that the recorder holds.
    pub recorder_bytes: u64,
    /// What is wrong with the recorder; absent when nothing is.
    #[serde(default)]
    pub recorder_trouble: Option<String>,
    /// Every probe and what it costs.
    pub probes: Vec<ProbeStatus>,
    /// Readings that were not let out: signal, how often, why.
    pub stopped: Vec<(String, u64, String)>,
}

/// What waits for the collector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpoolStatus {
    /// Records.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Records dropped since the agent started.
    pub dropped_records: u64,
    /// What is wrong with it; absent when nothing is.
    pub trouble: Option<String>,
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeStatus {
    /// Its name.
    pub name: String,
    /// How often it runs, in words.
    #[serde(default)]
    pub tier: String,
    /// Runs since the agent started.
    pub runs: u64,
    /// Median time of a run, milliseconds.
    pub wall_ms_p50: f64,
    /// 99th percentile of the time of a run, milliseconds.
    #[serde(default)]
    pub wall_ms_p99: f64,
    /// Processor time of all runs, milliseconds.
    pub cpu_ms_total: f64,
    /// Processor time in an hour awake, milliseconds.
    #[serde(default)]
    pub cpu_ms_per_hour: f64,
    /// Bytes that what it told added to the stream, in an hour awake.
    #[serde(default)]
    pub bytes_per_hour: f64,
    /// Runs that gave nothing.
    pub failures: u64,
    /// Runs that were left out because the one before was not over.
    #[serde(default)]
    pub overlaps: u64,
    /// Runs that were put off because the battery was low or the network metered.
    #[serde(default)]
    pub put_off: u64,
    /// Readings and events that were dropped because one run gave too many.
    #[serde(default)]
    pub flooded: u64,
    /// Why the last one gave nothing; absent when it did not.
    pub failing: Option<String>,
}

/// Writes the account.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) scratch: Scratch,
    pub(super) stopped: PathBuf,
    pub(super) reached: Arc<Mutex<Address>>,
    pub(super) started_at: Timestamp,
    /// Time awake when the agent started.
    pub(super) started_awake: Duration,
    pub(super) schedule: Arc<Schedule>,
    pub(super) intake: Arc<Mutex<Intake>>,
    pub(super) identity: Arc<Mutex<Identity>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) supervisor: Arc<Supervisor>,
}

impl Reporter {
    /// Writes whenever there is something new to tell: about the stream at once, about the rest within a minute; and
    /// every few minutes.
    pub(super) async fn run(self, mut link: watch::Receiver<LinkStatus>) {
        let (mut told, mut told_at) = (None, self.clock.awake());
        let mut steps = super::lock(&self.intake).steps();
        loop {
            let patience = self.patience();
            let report_every = if self.scratch.is_in_memory() { patience } else { REPORT_EVERY };
            let status = self.status(link.borrow_and_update().clone(), true);
            let news = Some(status.news());
            if told != news || self.clock.awake().saturating_sub(told_at) >= report_every {
                (told, told_at) = (news, self.clock.awake());
                self.write(&status);
            }
            if self.something_to_look_at(&mut link, &mut steps, patience).await.is_none() {
                return;
            }
        }
    }

    /// Between two looks now.
    fn patience(&self) -> Duration {
        let is_young = self.clock.awake().saturating_sub(self.started_awake) < LOOK_EVERY;
        if is_young { FIRST_LOOK } else { LOOK_EVERY }
    }

    /// Waits until the stream says something, or for the first step that is closed a while after this.
    async fn something_to_look_at(
        &self,
        link: &mut watch::Receiver<LinkStatus>,
        steps: &mut watch::Receiver<u64>,
        patience: Duration,
    ) -> Option<()> {
        let looked_at = self.clock.awake();
        loop {
            tokio::select! {
                said = link.changed() => return said.ok(),
                closed = steps.changed() => closed.ok()?,
            }
            if self.clock.awake().saturating_sub(looked_at) >= patience {
                return Some(());
            }
        }
    }

    fn write(&self, status: &Status) {
        self.supervisor.status(&line(status));
        let path = self.scratch.path(FILE);
        let mut bytes = to_json(status);
        if !self.scratch.is_in_memory() {
            // Room is held in reserve, so that the account of a full disk still fits over the one before it.
            bytes.resize(bytes.len().next_multiple_of(ROOM_BYTES), b' ');
        }
        if let Err(source) = state::publish(&path, &bytes).or_else(|_| state::overwrite(&path, &bytes)) {
            tracing::warn!("Writing {} failed: {source}", path.display());
        }
    }

    /// The last account: stopped on purpose.
    pub(super) fn write_stopped(&self, link: &LinkStatus) {
        let status = self.status(link.clone(), false);
        self.supervisor.status(&line(&status));
        if let Err(source) = state::replace(&self.stopped, &to_json(&status)) {
            tracing::warn!("Writing {} failed: {source}", self.stopped.display());
            // What is in the scratch directory stays when the disk cannot take it, and must not look as if nobody had
            // stopped the agent.
            let _ = state::publish(&self.scratch.path(FILE), &to_json(&status));
        }
    }

    fn status(&self, link: LinkStatus, running: bool) -> Status {
        let ms = |span: Duration| span.as_secs_f64() * 1000.0;
        let (endpoint_id, validity) = {
            let identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
            (identity.endpoint_id.clone(), identity.validity())
        };
        let awake = self.clock.awake().saturating_sub(self.started_awake);
        let probes = self.schedule.cost_table().into_iter().map(|cost| {
            // A run is the share of its whole period: one of a day, made just now, is no run of every minute.
            let period = cost.period * u32::try_from(cost.runs).unwrap_or(u32::MAX);
            let hours = awake.max(period).as_secs_f64().max(60.0) / 3600.0;
            ProbeStatus {
                name: cost.probe.to_owned(),
                tier: cost.tier.name().to_owned(),
                runs: cost.runs,
                wall_ms_p50: ms(cost.wall_p50),
                wall_ms_p99: ms(cost.wall_p99),
                cpu_ms_total: ms(cost.cpu_total),
                cpu_ms_per_hour: ms(cost.cpu_total) / hours,
                bytes_per_hour: cost.bytes_told as f64 / hours,
                failures: cost.failures,
                overlaps: cost.overlaps,
                put_off: cost.put_off,
                flooded: cost.flooded,
                failing: cost.failing,
            }
        });
        let intake = super::lock(&self.intake);
        let fill = intake.fill();
        Status {
            at: self.clock.now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running,
            started_at: self.started_at,
            endpoint_id,
            collector: self.reached.lock().unwrap_or_else(PoisonError::into_inner).to_string(),
            link,
            acknowledged: intake.acknowledged(),
            cpu_ratio: intake.latest_number("endpoint.agent.cpu.utilization"),
            memory_bytes: intake.latest_number("endpoint.agent.memory").map(|bytes| bytes as u64),
            certificate_until: validity.map(|(_, until)| until),
            spool: SpoolStatus {
                records: fill.records,
                bytes: fill.bytes,
                dropped_records: fill.dropped_records,
                trouble: fill.trouble,
            },
            sent: intake.sent(),
            recorder_bytes: intake.recorder_bytes(),
            recorder_trouble: intake.recorder_trouble(),
            probes: probes.collect(),
            stopped: intake.stopped(),
        }
    }
}

/// The account in one line. It has no numbers that always change, so that it is told only when it says something new.
fn line(status: &Status) -> String {
    let LinkStatus { state, detail, .. } = &status.link;
    let stream = match state {
        LinkState::Connected | LinkState::Connecting => detail.clone(),
        LinkState::Waiting => format!("no stream: {detail}"),
        LinkState::Refused => format!("refused: {detail}"),
    };
    match &status.spool.trouble {
        Some(trouble) => format!("{stream}; records are kept in memory only: {trouble}"),
        None => stream,
    }
}

impl Status {
    /// What is worth telling at once when it changes.
    fn news(&self) -> News {
        News {
            link: self.link.clone(),
            troubles: [self.spool.trouble.clone(), self.recorder_trouble.clone()],
            dropped_records: self.spool.dropped_records,
            backlog: self.spool.records.checked_div(BACKLOG_RECORDS).and_then(u64::checked_ilog2),
            failing: self.probes.iter().map(|probe| probe.failing.clone()).collect(),
        }
    }
}

fn to_json(status: &Status) -> Vec<u8> {
    serde_json::to_vec(status).expect("texts and finite numbers always have a JSON form")
}

/// The last account that an agent wrote in `state`.
pub fn read(state: &StateDir) -> Option<Status> {
    super::read_json(&state.scratch_file(FILE)).or_else(|| super::read_json(&state.path(FILE)))
}
