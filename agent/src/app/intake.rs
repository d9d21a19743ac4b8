use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use firstline_diagnosis::document::{AgentHealth, SnapshotSeries};
use firstline_diagnosis::registry::{Registry, Tier};
use firstline_diagnosis::vocabulary::{Attributes, Event, Mark, Reading, Series, Timestamp};
use firstline_proto::convert::Body;
use tokio::sync::watch;

use super::recorded::{Wanted, recorder_series};
use super::repeats::Repeats;
use crate::bookmarks::{Bookmark, Bookmarks};
use crate::config::Config;
use crate::os::Clock;
use crate::privacy::Gate;
use crate::probe::Vitals;
use crate::recorder::{Limits, Moment, Recorder};
use crate::sampler::{Known, Row, Sampler};
use crate::schedule::{Batch, ProbeCost, SectionReadings};
use crate::settings::Settings;
use crate::snapshot::{History, HistoryEntry, Parts, boot_id, machine};
use crate::spool::Fill;
use crate::state::{self, Scratch, StateDir};
use crate::uplink::{About, Acknowledged, Outbox, Sent};

/// Series whose last reading is kept at most.
const LATEST_MAX: usize = 8192;

/// Changes are told for two weeks, events and marks with them.
const HISTORY: Duration = Duration::from_hours(14 * 24);

/// The signal that people are counted in. Where it is denied, their names stay here too.
pub const USERS: &str = "endpoint.session.users";

/// Takes what the probes read to where it belongs: rows, records, history, and the last reading of everything.
#[derive(Debug)]
pub struct Intake {
    gate: Gate,
    sampler: Sampler,
    outbox: Arc<Outbox>,
    fast: Recorder,
    minute: Recorder,
    history: History,
    repeats: Repeats,
    bookmarks: Bookmarks,
    latest: BTreeMap<Series, Reading>,
    clock: Arc<dyn Clock>,
    vitals: Arc<Vitals>,
    settings: watch::Receiver<Settings>,
    about: watch::Sender<About>,
    known_path: std::path::PathBuf,
    recorder_trouble: Option<String>,
    /// Fast steps until the minute is closed. The first step closes one, so that the collector sees a new endpoint soon.
    until_minute: u32,
    minute_closed: Option<Timestamp>,
    /// How many fast steps were closed: what need not be on time rides on them, so that nothing wakes up for it.
    steps: watch::Sender<u64>,
    /// When what is gathered in memory last went to the disk.
    settled_boot_ms: Option<u64>,
    /// When the machine last woke.
    resumed_boot_ms: Option<u64>,
}

/// That the machine woke is told by who announces sleep and by the clocks; within this time it is the same wake.
const ONE_WAKE_MS: u64 = 60_000;

/// Rows and known states go to the disk so often, all at the same moment.
const SETTLE_EVERY_MS: u64 = 5 * 60_000;

/// The two recorders' steps, seconds.
const FAST_STEP_SECONDS: u32 = 15;
const MINUTE_STEP_SECONDS: u32 = 60;

/// Their newest rows in the scratch directory.
pub const FAST_ROWS: &str = "fast.rows";
/// See [`FAST_ROWS`].
pub const MINUTE_ROWS: &str = "minute.rows";

impl Intake {
    /// Opens what is kept in `state`.
    pub fn open(
        state: &StateDir,
        scratch: &Scratch,
        config: &Config,
        outbox: Arc<Outbox>,
        clock: Arc<dyn Clock>,
        vitals: Arc<Vitals>,
        settings: watch::Receiver<Settings>,
    ) -> Result<(Self, watch::Receiver<About>)> {
        let bytes = u64::from(config.recorder.size_mebibytes) * 1024 * 1024;
        let age = Duration::from_hours(u64::from(config.recorder.age_hours));
        let open = |name: &str, tail: &str, step, bytes| -> Result<Recorder> {
            let dir = state.dir(name)?;
            Recorder::open(&dir, scratch, tail, step, Limits { bytes, age })
                .with_context(|| format!("opening the recorder in {}", dir.display()))
        };
        let history = History::at(state.path("journal"));
        vitals.set_ended_well(history.ended_with_pausing());
        let (about, about_seen) = watch::channel(About {
            catalogue: super::catalogue_version(),
            resumes: history.ended_with_pausing(),
            boot_id: "unknown".to_owned(),
            ..About::default()
        });
        let known_path = state.path("inventory.json");
        let known: Known = super::read_json(&known_path).unwrap_or_default();
        let mut intake = Self {
            gate: Gate::default(),
            sampler: Sampler::new(known),
            outbox,
            fast: open("recorder/fast", FAST_ROWS, FAST_STEP_SECONDS, bytes / 4 * 3)?,
            minute: open("recorder/minute", MINUTE_ROWS, MINUTE_STEP_SECONDS, bytes / 4)?,
            history,
            repeats: Repeats::default(),
            bookmarks: Bookmarks::open(&state.dir("remembered")?),
            latest: BTreeMap::new(),
            clock,
            vitals,
            settings,
            about,
            known_path,
            recorder_trouble: None,
            until_minute: 1,
            minute_closed: None,
            steps: watch::Sender::new(0),
            settled_boot_ms: None,
            resumed_boot_ms: None,
        };
        intake.tell_vitals();
        Ok((intake, about_seen))
    }

    /// Takes the first identity readings, so that the collector can be told who connects.
    pub fn introduce(&mut self, SectionReadings { readings, events, bookmarks, .. }: SectionReadings) {
        let users = self.users();
        self.about.send_modify(|about| {
            about.boot_id = boot_id(&readings);
            about.machine = machine(&readings, users);
        });
        self.resume();
        self.readings(readings);
        self.events(events, bookmarks);
    }

    /// Goes on where a run that was killed left off.
    fn resume(&mut self) {
        self.repeats.resume(self.bookmarks.held());
        let unfinished = self.bookmarks.unfinished(&mut self.outbox.spool());
        self.tell(unfinished, Vec::new());
    }

    /// The period of the fast tier in force.
    pub fn fast_period(&self) -> Duration {
        self.settings.borrow().fast_period
    }

    /// Takes the readings of one run of one probe.
    pub fn batch(&mut self, batch: Batch) {
        self.readings(batch.readings);
        self.events(batch.events, batch.bookmarks);
    }

    /// Takes what happened, and where its sources go on. The same thing within ten minutes is counted, not repeated.
    pub fn events(&mut self, events: Vec<Event>, bookmarks: Vec<Bookmark>) {
        if events.is_empty() && bookmarks.is_empty() {
            return;
        }
        let (denied, now) = (self.settings.borrow().denied_signals.clone(), self.clock.now());
        let admitted: Vec<_> = events.into_iter().filter_map(|event| self.gate.admit_event(event, &denied)).collect();
        let told = admitted.into_iter().filter_map(|event| self.repeats.take(event, now)).collect();
        self.tell(told, bookmarks);
    }

    /// Takes events to the spool in step with the bookmarks (see [`Bookmarks`]).
    fn tell(&mut self, events: Vec<Event>, bookmarks: Vec<Bookmark>) {
        let from = self.outbox.spool().next_sequence();
        self.bookmarks.intend(bookmarks, self.repeats.held(), &events, from);
        for event in events {
            self.record(event.at, Body::Event(event.clone()));
            self.note(HistoryEntry::Event { event });
        }
        self.bookmarks.done();
    }

    /// Takes readings; what must be told at once becomes one record.
    pub fn readings(&mut self, readings: Vec<Reading>) {
        let denied = self.settings.borrow().denied_signals.clone();
        let now_boot_ms = self.since_boot_ms();
        let (mut tell, mut changed) = (Vec::new(), false);
        for reading in readings {
            let Some(reading) = self.gate.admit(reading, &denied) else { continue };
            let taken = self.sampler.take(&reading, now_boot_ms);
            tell.extend(taken.tell);
            if let Some(change) = taken.changed {
                self.note(HistoryEntry::Change { change: change.into() });
                changed = true;
            }
            let is_known = self.latest.contains_key(&reading.series);
            if !is_known {
                self.forget_absence(&reading.series);
            }
            if is_known || self.latest.len() < LATEST_MAX {
                self.latest.insert(reading.series.clone(), reading);
            }
        }
        if changed || self.about.borrow().machine.users != self.users() {
            self.refresh_machine();
        }
        if !tell.is_empty() {
            self.record(self.clock.now(), Body::Inventory(tell));
        }
    }

    /// That there is none of something is over when there is one.
    fn forget_absence(&mut self, appeared: &Series) {
        let nameless = Series::new(&appeared.signal, Attributes::none());
        if *appeared != nameless && self.latest.get(&nameless).is_some_and(|reading| reading.outcome.is_err()) {
            self.latest.remove(&nameless);
        }
    }

    /// Who is signed in, unless nobody may know.
    fn users(&self) -> Vec<String> {
        let denied = self.settings.borrow().denied_signals.contains(USERS);
        if denied { Vec::new() } else { self.vitals.people() }
    }

    fn refresh_machine(&mut self) {
        let machine = machine(self.latest.values(), self.users());
        self.about.send_if_modified(|about| {
            let differs = about.machine != machine;
            about.machine = machine;
            differs
        });
    }

    /// Takes a turn in the machine's day.
    pub fn mark(&mut self, at: Timestamp, mark: Mark) {
        let now_boot_ms = self.since_boot_ms();
        if mark == Mark::Resumed {
            let before = self.resumed_boot_ms.replace(now_boot_ms);
            if before.is_some_and(|before| now_boot_ms.saturating_sub(before) < ONE_WAKE_MS) {
                return;
            }
        }
        self.note(HistoryEntry::Mark { at, mark });
        self.record(at, Body::Mark(mark));
        if matches!(mark, Mark::Resumed | Mark::NetworkChanged) {
            self.outbox.turned();
        }
    }

    fn note(&self, entry: HistoryEntry) {
        self.history.note(entry, self.moment(self.clock.now()));
    }

    fn record(&mut self, at: Timestamp, body: Body) {
        let at_boot_ms = self.since_boot_ms();
        let boot_id = self.about.borrow().boot_id.clone();
        self.outbox.spool().append(at, at_boot_ms, &boot_id, body);
        self.outbox.wake();
    }

    fn since_boot_ms(&self) -> u64 {
        u64::try_from(self.clock.since_boot().as_millis()).unwrap_or(u64::MAX)
    }

    /// `now` by the clock that never jumps.
    fn moment(&self, now: Timestamp) -> Moment {
        Moment::new(&self.about.borrow().boot_id, self.since_boot_ms(), now)
    }

    /// How many fast steps were closed.
    pub fn steps(&self) -> watch::Receiver<u64> {
        self.steps.subscribe()
    }

    /// Closes the fast step, and the minute when it is over.
    pub fn close_step(&mut self) {
        let (now, fast, minute) = {
            let settings = self.settings.borrow();
            (self.clock.now(), settings.fast_period, settings.minute_period)
        };
        let moment = self.moment(now);
        if let Some(row) = self.sampler.close_fast(now, seconds(fast)) {
            let done = self.fast.append(&row.layout, moment, &row.sample.values);
            note_trouble(&mut self.recorder_trouble, done);
        }
        self.until_minute = self.until_minute.saturating_sub(1);
        if self.until_minute == 0 {
            self.until_minute = u32::try_from(minute.as_millis() / fast.as_millis().max(1)).unwrap_or(1).max(1);
            self.close_minute(now, fast, minute);
        }
        self.outbox.spool().tick(moment.boot_ms);
        let settled = *self.settled_boot_ms.get_or_insert(moment.boot_ms);
        if moment.boot_ms.saturating_sub(settled) >= SETTLE_EVERY_MS {
            self.settled_boot_ms = Some(moment.boot_ms);
            self.settle();
        }
        self.tell_vitals();
        self.steps.send_modify(|steps| *steps += 1);
    }

    /// Takes rows and known states to the disk.
    fn settle(&mut self) {
        let done = self.fast.flush().and(self.minute.flush());
        note_trouble(&mut self.recorder_trouble, done);
        self.keep_known();
    }

    fn close_minute(&mut self, now: Timestamp, fast: Duration, minute: Duration) {
        let step = self.minute_closed.map_or(fast, |_| minute);
        self.minute_closed = Some(now);
        let Some(row) = self.sampler.close_minute(now, seconds(step)) else { return };
        let (slow, values) = self.sampler.slow_part(&row);
        if !values.is_empty() {
            let done = self.minute.append(&slow, self.moment(now), &values);
            note_trouble(&mut self.recorder_trouble, done);
        }
        let Row { layout, sample } = row;
        if self.about.borrow().layout != layout.fingerprint() {
            self.outbox.spool().use_layout((&layout).into());
            self.about.send_modify(|about| about.layout = layout.fingerprint());
        }
        self.record(now, Body::Sample(sample));
        let over = self.repeats.over(now);
        if !over.is_empty() {
            self.tell(over, Vec::new());
        }
    }

    /// States that changes are told from survive a restart.
    fn keep_known(&mut self) {
        let known = self.sampler.take_known_if_changed();
        let Some(known) = known else { return };
        let bytes = serde_json::to_vec(&known).expect("texts and finite numbers always have a JSON form");
        if let Err(source) = state::replace(&self.known_path, &bytes) {
            tracing::warn!("Keeping the states in {} failed: {source}", self.known_path.display());
        }
    }

    fn tell_vitals(&mut self) {
        let fill = self.fill();
        self.vitals.set_spool(fill.records, fill.ratio);
    }

    /// Notes that silence from here on is meant.
    pub fn pause(&mut self) {
        self.mark(self.clock.now(), Mark::Pausing);
    }

    /// Writes what is only in memory.
    pub fn finish(&mut self) {
        let held = self.repeats.finish();
        if !held.is_empty() {
            self.tell(held, Vec::new());
        }
        self.settle();
    }

    /// What the spool holds.
    pub fn fill(&self) -> Fill {
        self.outbox.spool().fill()
    }

    /// How far the collector has everything.
    pub fn acknowledged(&self) -> Option<Acknowledged> {
        self.outbox.acknowledged()
    }

    /// What left the machine over streams, and in what.
    pub fn sent(&self) -> Sent {
        self.outbox.account()
    }

    /// The last number of a signal that has one series.
    pub fn latest_number(&self, signal: &str) -> Option<f64> {
        self.latest.get(&Series::new(signal, Attributes::none()))?.number()
    }

    /// What was stopped by the privacy gate: signal, how often, why first.
    pub fn stopped(&self) -> Vec<(String, u64, String)> {
        self.gate.stopped().iter().map(|(signal, (count, why))| (signal.clone(), *count, why.clone())).collect()
    }

    /// Bytes that the recorders hold.
    pub fn recorder_bytes(&self) -> u64 {
        self.fast.bytes() + self.minute.bytes()
    }

    /// What is wrong with the recorders; absent when nothing is.
    pub fn recorder_trouble(&self) -> Option<String> {
        self.recorder_trouble.clone()
    }

    /// Readings that passed the gate, for a snapshot; states of this section that were not read again are added.
    pub fn admit(&mut self, readings: Vec<Reading>) -> Vec<Reading> {
        let denied = self.settings.borrow().denied_signals.clone();
        readings.into_iter().filter_map(|reading| self.gate.admit(reading, &denied)).collect()
    }

    /// The last reading of every series, for what a pull did not read again.
    pub fn latest(&self) -> impl Iterator<Item = &Reading> {
        let settings = self.settings.borrow().clone();
        self.latest.values().filter(move |reading| !settings.denied_signals.contains(&*reading.series.signal))
    }

    /// The recorders' series that are wanted, without those that the policy keeps here.
    pub fn series(&mut self, now: Timestamp, wanted: Wanted) -> Vec<SnapshotSeries> {
        let mut series = recorder_series(&self.fast, &self.minute, now, wanted);
        let settings = self.settings.borrow();
        series.retain(|one| !settings.denied_signals.contains(&one.signal));
        series
    }

    /// Marks, events and changes of the last two weeks.
    pub fn history(&self) -> Vec<HistoryEntry> {
        let mut history = self.history.of_last(HISTORY, self.moment(self.clock.now()));
        let settings = self.settings.borrow();
        history.retain(|entry| entry.signal().is_none_or(|signal| !settings.denied_signals.contains(signal)));
        history
    }

    /// A snapshot's parts that the intake knows.
    pub fn parts(&self, readings: Vec<Reading>, costs: &[ProbeCost]) -> Parts {
        let about = self.about.borrow().clone();
        Parts {
            endpoint_id: String::new(),
            machine: about.machine,
            boot_id: about.boot_id,
            uptime_seconds: self.clock.since_boot().as_secs(),
            agent: self.health(&readings, costs),
            readings,
            series: Vec::new(),
            history: Vec::new(),
        }
    }

    fn health(&self, readings: &[Reading], costs: &[ProbeCost]) -> AgentHealth {
        let fill = self.fill();
        AgentHealth {
            spool_records: Some(fill.records),
            spool_bytes: Some(fill.bytes),
            dropped_records: fill.dropped_records,
            ..health(readings, costs)
        }
    }
}

/// What readings and costs say of the agent.
pub fn health(readings: &[Reading], costs: &[ProbeCost]) -> AgentHealth {
    let number =
        |signal: &str| readings.iter().find(|reading| &*reading.series.signal == signal).and_then(Reading::number);
    let failing = costs.iter().filter_map(|cost| Some(format!("{}: {}", cost.probe, cost.failing.as_ref()?)));
    AgentHealth {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cpu_ratio: number("endpoint.agent.cpu.utilization"),
        memory_bytes: number("endpoint.agent.memory").map(|bytes| bytes as u64),
        failing_probes: failing.collect(),
        ..AgentHealth::default()
    }
}

/// That the recorder cannot be written, and that it works again, is told once.
fn note_trouble(trouble: &mut Option<String>, done: std::io::Result<()>) {
    match done {
        Ok(()) if trouble.take().is_some() => tracing::info!("The recorder can be written again"),
        Ok(()) => {}
        Err(source) => {
            if trouble.is_none() {
                tracing::warn!("Writing the recorder failed, what is measured is not kept here for long: {source}");
            }
            *trouble = Some(source.to_string());
        }
    }
}

fn seconds(period: Duration) -> u32 {
    u32::try_from(period.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// Whether a reading of `signal` stays true until it is read again.
pub fn is_state(signal: &str) -> bool {
    Registry::builtin().get(signal).is_some_and(|spec| spec.is_state() || spec.tier > Tier::Minute)
}
