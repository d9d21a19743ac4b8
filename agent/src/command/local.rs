use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use firstline_diagnosis::document::{Reason, Snapshot};
use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::{Event, Reading, Timestamp};
use firstline_proto::convert::Machine;
use firstline_proto::convert::{Section, every_section};
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::app::{
    self, FAST_ROWS, MINUTE_ROWS, USERS, Wanted, catalogue_version, health, read_status, recorder_series,
};
use crate::config::Config;
use crate::identity::{Identity, IdentityError};
use crate::os::{Clock, native};
use crate::privacy::{Gate, PSEUDONYM_KEY, known_pseudonyms};
use crate::probe::{self, Vitals};
use crate::recorder::{Moment, Recorder};
use crate::schedule::{Schedule, SectionReadings};
use crate::settings::Settings;
use crate::snapshot::{History, HistoryEntry, Parts, assemble, boot_id, machine, sign};
use crate::state::StateDir;

/// Time of one section.
const SECTION_LIMIT: Duration = Duration::from_secs(10);

/// Between two readings of what is a rate: the first only gives a start.
const BETWEEN: Duration = Duration::from_secs(2);

/// What one section took. Sections are read side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    pub(super) section: Section,
    pub(super) readings: usize,
    pub(super) elapsed: Duration,
}

impl Took {
    fn of(read: &SectionReadings) -> Self {
        Self { section: read.section, readings: read.readings.len(), elapsed: read.elapsed }
    }
}

/// Reads this machine without an agent that runs, or beside it.
pub(super) struct Local {
    schedule: Schedule,
    settings: watch::Receiver<Settings>,
    clock: Arc<dyn Clock>,
    vitals: Arc<Vitals>,
    root: PathBuf,
    state: StateDir,
    identity: Option<Identity>,
    _settings: watch::Sender<Settings>,
}

impl Local {
    pub(super) fn new(config: &Config, state: &StateDir) -> Self {
        let identity = match Identity::load(&state.path("identity")) {
            Ok(identity) => Some(identity),
            Err(IdentityError::NotEnrolled) => None,
            // Said in one sentence with everything else that cannot be read.
            Err(_) if state.check_readable().is_err() => None,
            Err(damaged) => {
                tracing::warn!("Going on without an identity: {damaged}");
                None
            }
        };
        let configured = config.collector.as_ref().map(|all| all.first().clone());
        let collector = configured.or_else(|| identity.as_ref().map(|one| one.collector.clone()));
        let (sender, settings) = watch::channel(config.policy(collector.as_ref()).remembered(&state.path("settings")));
        let names = known_pseudonyms(identity.as_ref().and_then(Identity::naming_key), &state.path(PSEUDONYM_KEY));
        let cx = app::context(names, settings.clone(), identity.as_ref());
        let (clock, vitals) = (Arc::clone(&cx.clock), Arc::clone(&cx.vitals));
        let root = cx.root.clone();
        let schedule = Schedule::new(probe::all(), cx, settings.clone());
        Self { schedule, settings, clock, vitals, root, state: state.clone(), identity, _settings: sender }
    }

    /// The time by this machine's clock, and how many seconds local time is ahead of UTC; nothing where that cannot be told.
    pub(super) fn now(&self) -> (Timestamp, Option<i32>) {
        let now = self.clock.now();
        (now, native::utc_offset_seconds(&self.root, now).ok())
    }

    /// Fresh readings of one section.
    pub(super) async fn section(&self, section: Section, limit: Duration) -> Vec<Reading> {
        self.schedule.collect_section(section, limit).await.readings
    }

    /// The machine that `readings` tell of, and who is signed in to it unless the policy keeps that here.
    pub(super) fn machine(&self, readings: &[Reading]) -> Machine {
        let denied = self.settings.borrow().denied_signals.contains(USERS);
        machine(readings, if denied { Vec::new() } else { self.vitals.people() })
    }

    /// A snapshot of this machine now, signed when it is enrolled, with the recorder's history when there is one: around a
    /// moment that somebody names as finely as it was recorded.
    pub(super) async fn snapshot(&self, around: Option<Timestamp>) -> Result<Snapshot> {
        Ok(self.timed_snapshot(around).await?.0)
    }

    /// A snapshot, and what each section took.
    pub(super) async fn timed_snapshot(&self, around: Option<Timestamp>) -> Result<(Snapshot, Vec<Took>)> {
        let rates = [Section::Performance, Section::Software, Section::Storage, Section::Network];
        let collect = |section| self.schedule.collect_section(section, SECTION_LIMIT);
        let first = join_all(rates.map(collect)).await;
        tokio::time::sleep(BETWEEN).await;
        let probed = every_section().filter(|section| *section != Section::History);
        let sections = join_all(probed.map(collect)).await;
        let took = sections.iter().map(Took::of).collect();
        let mut gate = Gate::default();
        let denied = self.settings.borrow().denied_signals.clone();
        let events = first.iter().chain(&sections).flat_map(|section| section.events.clone());
        let events: Vec<Event> = events.filter_map(|event| gate.admit_event(event, &denied)).collect();
        let readings = sections.into_iter().flat_map(|section| section.readings);
        let readings: Vec<Reading> = readings.filter_map(|reading| gate.admit(reading, &denied)).collect();
        let now = self.clock.now();
        let mut agent = health(&readings, &self.schedule.cost_table());
        if let Some(status) = read_status(&self.state) {
            agent.spool_records = Some(status.spool.records);
            agent.spool_bytes = Some(status.spool.bytes);
            agent.dropped_records = status.spool.dropped_records;
        }
        let boot_id = boot_id(&readings);
        let since_boot = self.clock.since_boot();
        let moment = Moment::new(&boot_id, u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX), now);
        let parts = Parts {
            endpoint_id: self.identity.as_ref().map(|one| one.endpoint_id.clone()).unwrap_or_default(),
            machine: self.machine(&readings),
            boot_id,
            uptime_seconds: since_boot.as_secs(),
            series: self.recorded(Wanted { window: Duration::from_hours(24), around }, now),
            history: self.history(moment, events),
            agent,
            readings,
        };
        let mut snapshot = assemble(parts, now, Reason::Local, None, &catalogue_version());
        if let Some(identity) = &self.identity {
            sign(&mut snapshot, identity)?;
        }
        Ok((snapshot, took))
    }

    /// What the agent on this machine remembers. Where it remembers no event, or there is none, what was found now.
    fn history(&self, now: Moment, found: Vec<Event>) -> Vec<HistoryEntry> {
        let mut history = History::at(self.state.path("journal")).of_last(Duration::from_hours(14 * 24), now);
        if !history.iter().any(|entry| matches!(entry, HistoryEntry::Event { .. })) {
            history.extend(found.into_iter().map(|event| HistoryEntry::Event { event }));
            history.arrange_by_key(HistoryEntry::at);
        }
        history
    }

    /// What the recorder of an agent remembers; nothing when none ever ran.
    fn recorded(&self, wanted: Wanted, now: Timestamp) -> Vec<firstline_diagnosis::document::SnapshotSeries> {
        let peek = |name: &str, tail: &str, step| {
            Recorder::peek(&self.state.path(name), &self.state.scratch_file(tail), step).ok()
        };
        match (peek("recorder/fast", FAST_ROWS, 15), peek("recorder/minute", MINUTE_ROWS, 60)) {
            (Some(fast), Some(minute)) => recorder_series(&fast, &minute, now, wanted),
            _ => Vec::new(),
        }
    }
}
