use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::{Attributes, Mark, Reading, Series, Timestamp, Unknown, Value, Why};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::account::{Account, ProbeCost};
use super::clockwork;
use super::gate::{self, Gate};
use super::train::{News, Ran};
use super::{Batch, Output, weight};
use crate::probe::{Probe, Spec};
use crate::settings::Settings;

/// One probe and what the schedule remembers about it.
pub(super) struct Slot {
    pub(super) probe: Arc<dyn Probe>,
    /// One permit: whoever holds it runs the probe.
    turn: Arc<Semaphore>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    account: Account,
    /// Series that it gave when it last gave any, to say `unknown` about when it gives none.
    seen: BTreeSet<Series>,
    /// Things that it saw and no longer sees, and of which nobody was told yet.
    gone: BTreeSet<Series>,
    /// What was passed on last of the series that are told only when they change.
    told: BTreeMap<Series, Result<Value, Unknown>>,
    /// The name of the network that the machine was last seen in.
    network: Option<Value>,
    /// A run was put off and is to be made up for.
    owed: bool,
    /// What runs noticed that nobody waited for.
    left: News,
}

/// The right to run a probe, until dropped.
pub(super) struct Ticket {
    pub(super) slot: Arc<Slot>,
    /// Somebody waits for the answer; it is not the clock.
    pub(super) asked: bool,
    _turn: OwnedSemaphorePermit,
}

/// Attributes that name a thing which can be taken away while the agent runs.
const THINGS: [&str; 16] = [
    "mountpoint",
    "system.device",
    "hw.id",
    "network.interface.name",
    "process.executable.name",
    "service",
    "vpn",
    "profile",
    "driver",
    "autostart",
    "printer",
    "device",
    "display.connector",
    "share",
    "user",
    "certificate",
];
/// The signal that names the network.
const NETWORK_CONTEXT: &str = "endpoint.network.context_id";

impl Slot {
    pub(super) fn new(probe: Arc<dyn Probe>) -> Self {
        Self { probe, turn: Arc::new(Semaphore::new(1)), memory: Mutex::default() }
    }

    pub(super) fn spec(&self) -> &'static Spec {
        self.probe.spec()
    }

    /// Whether every signal of the probe was denied.
    pub(super) fn is_denied(&self, denied: &BTreeSet<String>) -> bool {
        !denied.is_empty() && self.spec().signals.iter().all(|signal| denied.contains(*signal))
    }

    /// The right to run it now; `None` while it runs.
    pub(super) fn board(self: &Arc<Self>) -> Option<Ticket> {
        let turn = Arc::clone(&self.turn).try_acquire_owned().ok()?;
        Some(Ticket { slot: Arc::clone(self), asked: false, _turn: turn })
    }

    /// The right to run it for somebody who asks, as soon as it does not run.
    pub(super) async fn board_later(self: &Arc<Self>) -> Ticket {
        let turn = Arc::clone(&self.turn).acquire_owned().await.expect("the semaphore is never closed");
        Ticket { slot: Arc::clone(self), asked: true, _turn: turn }
    }

    pub(super) fn count_overlap(&self) {
        self.memory().account.overlaps += 1;
    }

    /// Puts a run off.
    pub(super) fn put_off(&self) {
        let mut memory = self.memory();
        memory.account.put_off += u64::from(!memory.owed);
        memory.owed = true;
    }

    /// Whether a run was put off.
    pub(super) fn is_owed(&self) -> bool {
        self.memory().owed
    }

    pub(super) fn is_failing(&self) -> bool {
        self.memory().account.failing.is_some()
    }

    /// Books a run and makes its outputs: what passes the gate, and a mark when the network is another.
    pub(super) fn settle(&self, ran: &Ran, gate: Gate) -> Vec<Output> {
        let readings = self.admitted(ran, &gate);
        let mut memory = self.memory();
        let gone = memory.last_words(ran.at, gate.denied);
        let mut outputs = Vec::new();
        let moved = readings.iter().find(|reading| memory.is_other_network(reading)).map(|reading| reading.at);
        outputs.extend(moved.map(|at| Output::Mark(at, Mark::NetworkChanged)));
        let readings = readings.into_iter().filter(|reading| gate.passes(self.spec().tier, reading, &mut memory.told));
        let readings: Vec<_> = readings.chain(gone).collect();
        drop(memory);
        let News { events, bookmarks } = ran.news(gate.denied);
        let mut memory = self.memory();
        memory.account.bytes_told += weight::told(&readings, &events, gate.due);
        outputs.push(Output::Batch(Batch {
            probe: self.spec().name,
            tier: self.spec().tier,
            at: ran.at,
            boot_ms: ran.boot_ms,
            readings,
            events,
            bookmarks,
            cost: ran.cost,
        }));
        outputs
    }

    /// Books a run and gives its readings that are declared and not denied; when it failed, its reasons.
    pub(super) fn admitted(&self, ran: &Ran, gate: &Gate) -> Vec<Reading> {
        let mut memory = self.memory();
        memory.owed = false;
        memory.account.flooded += ran.cut;
        memory.account.enter(ran.cost, ran.failure().map(Unknown::words));
        let all = match &ran.outcome {
            Ok(collected) => collected.readings.clone(),
            Err(unknown) => self.unknowns(&memory.seen, unknown, ran),
        };
        let total = all.len();
        let declared: Vec<_> = all.into_iter().filter(gate::is_declared).collect();
        memory.account.undeclared += (total - declared.len()) as u64;
        if ran.outcome.is_ok() {
            memory.see(order::set(declared.iter().map(|reading| reading.series.clone())));
        }
        declared.into_iter().filter(|reading| !gate.denied.contains(&*reading.series.signal)).collect()
    }

    /// A reason for every series that was there, and for every signal that never was.
    fn unknowns(&self, seen: &BTreeSet<Series>, unknown: &Unknown, ran: &Ran) -> Vec<Reading> {
        let never = self.spec().signals.iter().filter(|signal| !seen.iter().any(|series| *series.signal == ***signal));
        let never = never.map(|signal| Series::new(signal, Attributes::none()));
        let series = seen.iter().cloned().chain(never);
        series.map(|series| Reading { series, outcome: Err(unknown.clone()), at: ran.at }).collect()
    }

    pub(super) fn cost(&self, settings: &Settings) -> ProbeCost {
        let memory = self.memory();
        let account = &memory.account;
        ProbeCost {
            probe: self.spec().name,
            tier: self.spec().tier,
            period: clockwork::period(self.spec().tier, settings),
            runs: account.runs,
            last: account.last,
            wall_p50: account.wall_quantile(0.5),
            wall_p99: account.wall_quantile(0.99),
            cpu_total: account.cpu_total,
            bytes_told: account.bytes_told,
            failures: account.failures,
            overlaps: account.overlaps,
            put_off: account.put_off,
            undeclared: account.undeclared,
            flooded: account.flooded,
            failing: account.failing.clone(),
        }
    }

    /// Keeps what a run noticed that nobody waited for.
    pub(super) fn leave(&self, news: News) {
        if !news.is_empty() {
            self.memory().left.extend(news);
        }
    }

    /// What runs noticed that nobody waited for.
    pub(super) fn left(&self) -> News {
        std::mem::take(&mut self.memory().left)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Remembers what a run saw, and which things the run before it saw and this one did not.
    fn see(&mut self, now: BTreeSet<Series>) {
        let before = std::mem::replace(&mut self.seen, now);
        self.gone.retain(|series| !self.seen.contains(series));
        let things =
            before.into_iter().filter(|series| THINGS.iter().any(|name| series.attributes.get(name).is_some()));
        self.gone.extend(things.filter(|series| !self.seen.contains(series)));
    }

    /// A last word on each thing that is gone: a volume that was removed, an adapter that was unplugged. Silence would
    /// leave its last values standing.
    fn last_words(&mut self, at: Timestamp, denied: &BTreeSet<String>) -> Vec<Reading> {
        let why = Unknown::new(Why::NotPresent, "it is no longer there");
        let gone = std::mem::take(&mut self.gone);
        self.told.retain(|series, _| !gone.contains(series));
        let gone = gone.into_iter().filter(|series| !denied.contains(&*series.signal));
        gone.map(|series| Reading { series, outcome: Err(why.clone()), at }).collect()
    }

    /// Whether `reading` names another network than the last one. Losing a network and finding it again is no change.
    fn is_other_network(&mut self, reading: &Reading) -> bool {
        let Ok(now) = &reading.outcome else { return false };
        if &*reading.series.signal != NETWORK_CONTEXT || self.network.as_ref() == Some(now) {
            return false;
        }
        self.network.replace(now.clone()).is_some()
    }
}
