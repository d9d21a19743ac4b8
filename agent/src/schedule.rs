//! Runs probes: tiers, jitter, deadlines, cost.
//!
//! - One wake-up runs everything that is due: slower tiers ride on the fast tick that is nearest to their time, and the
//!   probes of a wake-up run one after another on as few threads as can be (`schedule/train.rs`).
//! - At most [`WORKERS`] threads run probes. A probe that is late is left behind with its thread and reported as
//!   `timeout`; it is not started again before it returns. A probe that panics is reported as `failed`.
//! - Readings of signals that the registry does not declare, or that were denied, are dropped and counted.
//! - While the agent costs more than it may, the least important probes are left out and say `agent_limit`.
//! - A reading of a signal whose tier is slower than its probe's passes when that tier is due; one of tier `change`
//!   passes when it differs from the one before.

mod account;
mod clockwork;
mod diet;
mod gate;
mod rest;
mod section;
mod slot;
mod train;
mod turns;
mod weight;

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Event, Mark, Reading, Timestamp};
use firstline_proto::v1::Section;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::bookmarks::Bookmark;
use crate::os::{Wait, native};
use crate::probe::{Context, Probe, Tier};
use crate::settings::Settings;
pub use account::{Cost, ProbeCost};
use clockwork::Clockwork;
use diet::Diet;
use rest::Rest;
pub use section::{Missing, SectionReadings};
use slot::Slot;
use train::Ran;
use turns::Turns;

/// Threads that may run probes at the same time.
const WORKERS: usize = 4;

/// What the schedule has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// One run of one probe.
    Batch(Batch),
    /// A turn in the machine's day.
    Mark(Timestamp, Mark),
}

/// The readings of one run of one probe that passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which probe.
    pub probe: &'static str,
    /// Its tier.
    pub tier: Tier,
    /// When it started.
    pub at: Timestamp,
    /// The same moment in milliseconds since boot, sleep included.
    pub boot_ms: u64,
    /// What it read. Empty when nothing of it was due or had changed.
    pub readings: Vec<Reading>,
    /// What happened since its last run.
    pub events: Vec<Event>,
    /// Where their sources go on, once they are in the spool.
    pub bookmarks: Vec<Bookmark>,
    /// What it took.
    pub cost: Cost,
}

/// All probes, their state, and what they cost.
pub struct Schedule {
    slots: Vec<Arc<Slot>>,
    cx: Arc<Context>,
    settings: watch::Receiver<Settings>,
    workers: Arc<Semaphore>,
}

impl Schedule {
    /// A schedule of `probes`; nothing runs yet.
    pub fn new(probes: Vec<Arc<dyn Probe>>, cx: Context, settings: watch::Receiver<Settings>) -> Self {
        let slots = probes.into_iter().map(|probe| Arc::new(Slot::new(probe))).collect();
        Self { slots, cx: Arc::new(cx), settings, workers: Arc::new(Semaphore::new(WORKERS)) }
    }

    /// Waits for this long by the clock that the ticks go by.
    pub fn wait(&self, time: Duration) -> Wait {
        self.cx.clock.wait(time)
    }

    /// Runs every tier until `stop`. Returns without waiting for probes that hang.
    pub async fn run(self: Arc<Self>, out: mpsc::Sender<Output>, stop: CancellationToken) {
        let mut turns = Turns::new(self.cx.clock.as_ref());
        let (mut clockwork, mut diet, mut rest) = (Clockwork::new(), Diet::new(), Rest::default());
        let mut settings = self.settings.clone();
        if let Some((at, mark)) = turns.at_start() {
            let _ = out.send(Output::Mark(at, mark)).await;
        }
        loop {
            let wait = clockwork.until_next(tokio::time::Instant::now());
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.cx.clock.wait(wait) => {}
            }
            if let Some((at, mark)) = turns.look(self.cx.clock.as_ref()) {
                let _ = out.send(Output::Mark(at, mark)).await;
            }
            let due = clockwork.due(tokio::time::Instant::now(), &settings.borrow_and_update());
            if native::own_cpu().is_some_and(|used| diet.look(used, self.cx.clock.awake())) {
                tracing::warn!(
                    priority = diet.from(),
                    "The agent now leaves out probes of priority {} and above",
                    diet.from()
                );
            }
            rest = self.look_for_rest(rest, &due).await;
            self.depart(&due, &diet, rest, &out);
        }
    }

    /// Whether heavy work should wait now; says so when that is new.
    async fn look_for_rest(&self, before: Rest, due: &[Tier]) -> Rest {
        if !due.contains(&Tier::Minute) {
            return before;
        }
        let (root, due) = (self.cx.root.clone(), due.to_vec());
        // A thread of its own: a bus that hangs must not hold up the ticks' own thread.
        let looked = tokio::task::spawn_blocking(move || before.look(&root, &due)).await;
        let rest = looked.unwrap_or(before);
        if rest != before {
            tracing::info!(rest.low_battery, rest.metered, "Heavy probes wait while {}", rest.words());
        }
        rest
    }

    /// Starts everything that is due; what it yields goes to `out` when it is there.
    fn depart(self: &Arc<Self>, due: &[Tier], diet: &Diet, rest: Rest, out: &mpsc::Sender<Output>) {
        let denied = &self.settings.borrow().denied_signals;
        let (mut boarded, mut left_out) = (Vec::new(), Vec::new());
        let is_due = |slot: &Slot| due.contains(&slot.spec().tier) || slot.is_owed();
        for slot in self.slots.iter().filter(|slot| is_due(slot) && !slot.is_denied(denied)) {
            if rest.holds_back(slot.spec()) {
                slot.put_off();
            } else if diet.leaves_out(slot.spec().priority) {
                left_out.push(train::left_out(slot, &self.cx));
            } else if let Some(ticket) = slot.board() {
                boarded.push(ticket);
            } else {
                slot.count_overlap();
            }
        }
        for train in train::couple(boarded) {
            let (schedule, out, due) = (Arc::clone(self), out.clone(), due.to_vec());
            tokio::spawn(async move {
                let ran = train::drive(train, Arc::clone(&schedule.cx), Arc::clone(&schedule.workers)).await;
                schedule.hand_over(ran, &due, &out).await;
            });
        }
        if !left_out.is_empty() {
            let (schedule, out, due) = (Arc::clone(self), out.clone(), due.to_vec());
            tokio::spawn(async move { schedule.hand_over(left_out, &due, &out).await });
        }
    }

    /// Settles runs and passes on what they yield.
    async fn hand_over(&self, ran: Vec<Ran>, due: &[Tier], out: &mpsc::Sender<Output>) {
        for one in ran {
            let denied = self.settings.borrow().denied_signals.clone();
            for output in one.slot.settle(&one, gate::Gate { due, denied: &denied }) {
                let _ = out.send(output).await;
            }
        }
        self.tell_vitals();
    }

    /// Runs the probes of `section` now and waits for them, at most until `deadline`.
    pub async fn collect_section(&self, section: Section, deadline: Duration) -> SectionReadings {
        section::collect(self, section, deadline).await
    }

    /// What each probe costs, in the order of the list of probes.
    pub fn cost_table(&self) -> Vec<ProbeCost> {
        let settings = self.settings.borrow();
        self.slots.iter().map(|slot| slot.cost(&settings)).collect()
    }

    /// Counts the probes that gave nothing, for the readings about the agent.
    fn tell_vitals(&self) {
        let failing = self.slots.iter().filter(|slot| slot.is_failing()).count();
        self.cx.vitals.set_probes(failing as u64, self.slots.len() as u64);
    }
}

#[cfg(test)]
mod tests;
