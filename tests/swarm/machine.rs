//! One simulated machine, from its first stream to its last.
//!
//! It behaves as the agent does: what it records waits until it is acknowledged and is sent again over the next stream;
//! it comes back after the waits that the agent's own back-off gives it, spread as the collector asked; it answers
//! pulls with a signed snapshot. It has no probes and no disk, so that thousands fit into one process.

mod course;
mod session;

use std::sync::Arc;
use std::time::Duration;

use firstline_agent::uplink::Backoff;
use firstline_proto::v1::MarkKind;
use firstline_tests::wire::Identity;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

use super::day::{Character, mixed, unix_ms};
use super::layouts::{LARGE, Model};
use super::spool::{Account, Spool, What};
use super::world::{Count, Numbered, Order, World};
use course::{Course, Presence};

/// A machine.
pub(super) struct Machine {
    number: usize,
    identity: Arc<Identity>,
    world: Arc<World>,
    orders: watch::Receiver<Numbered>,
    carried_out: u64,
    character: Character,
    model: usize,
    spool: Spool,
    backoff: Backoff,
    course: Course,
    /// The end of what bursts have told of the past.
    oldest_ms: i64,
    has_been_here: bool,
    /// Which server it goes to next.
    server: usize,
}

/// What a machine sent in its life.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) endpoint_id: String,
    pub(super) account: Account,
    /// Records that were never acknowledged.
    pub(super) waiting: usize,
}

/// How a stream ended.
enum End {
    /// It is time for something else.
    Course,
    /// The collector asked for a wait of at least the first, and up to the second more.
    Drain(Duration, Duration),
    /// It broke.
    Lost,
}

impl Machine {
    /// Machine `number`; `large` in a hundred report about 200 series.
    pub(super) fn new(number: usize, identity: Arc<Identity>, world: &Arc<World>, large: u64) -> Self {
        let character = Character { seed: number as u64 };
        let kind = mixed(character.seed ^ 0x6b69_6e64);
        let model = if kind % 100 < large { LARGE } else { usize::try_from(kind / 100 % 3).unwrap_or(0) };
        Self {
            number,
            identity,
            world: Arc::clone(world),
            orders: world.orders.subscribe(),
            carried_out: 0,
            character,
            model,
            spool: Spool::default(),
            backoff: Backoff::default(),
            course: Course::default(),
            oldest_ms: unix_ms() - 120_000,
            has_been_here: false,
            server: number % world.servers.len(),
        }
    }

    /// Lives until it is told to finish.
    pub(super) async fn live(mut self) -> Sent {
        loop {
            self.take_order();
            let order = self.orders.borrow().1;
            if order == Order::Finish {
                break;
            }
            if !order.keeps_away(self.number) {
                self.be_here_or_away().await;
                continue;
            }
            if self.orders.changed().await.is_err() {
                break;
            }
        }
        let endpoint_id = self.identity.endpoint_id.clone();
        Sent { endpoint_id, account: self.spool.account(), waiting: self.spool.waiting() }
    }

    async fn be_here_or_away(&mut self) {
        if let Presence::Asleep(until) | Presence::CutOff(until) = self.course.presence() {
            timeout_at(until, self.orders.changed()).await.ok();
            self.record_what_is_due();
            return;
        }
        let wait = match self.session().await {
            End::Course => return,
            End::Drain(wait, spread) => {
                wait + spread.mul_f64(mixed(unix_ms().unsigned_abs() ^ self.character.seed) as f64 / u64::MAX as f64)
            }
            End::Lost => {
                self.server = (self.server + 1) % self.world.servers.len();
                self.backoff.next_wait()
            }
        };
        timeout(wait, self.orders.wait_for(|(_, order)| *order == Order::Finish)).await.ok();
    }

    /// Begins what was ordered last, once.
    fn take_order(&mut self) {
        let (number, order) = *self.orders.borrow_and_update();
        if number == self.carried_out {
            return;
        }
        self.carried_out = number;
        self.course = Course::default();
        match order {
            Order::Live { period, span } => {
                self.course = Course::of(self.character, period, span);
                self.world.tally.add(Count::Planned, self.course.all_in_all());
            }
            Order::Burst { samples } => self.remember(samples),
            Order::Return { machines, minutes } if self.number < machines => self.be_back(minutes),
            Order::Introduce => self.introduce(),
            Order::Leave | Order::Finish | Order::Stay | Order::Part { .. } | Order::Return { .. } => {}
        }
        self.world.tally.add(Count::Taken, 1);
    }

    /// What a machine tells that had no network for a while.
    fn be_back(&mut self, minutes: u32) {
        self.remember(minutes);
        self.put(unix_ms(), What::Mark(MarkKind::NetworkChanged));
    }

    fn introduce(&mut self) {
        let now_ms = unix_ms();
        self.put(now_ms - 60_000, What::Mark(MarkKind::Booted));
        self.put(now_ms - 59_000, What::Inventory);
    }

    /// Records what happened in the hours before what is known already.
    fn remember(&mut self, samples: u32) {
        let first = self.oldest_ms - i64::from(samples) * 60_000;
        for minute in 0..i64::from(samples) {
            self.put(first + minute * 60_000, What::Sample);
        }
        self.oldest_ms = first;
    }

    /// Records what the course says is due by now.
    fn record_what_is_due(&mut self) {
        for (at_ms, what) in self.course.due() {
            if what == What::Mark(MarkKind::Pausing) {
                self.world.tally.add(Count::Naps, 1);
            }
            self.put(at_ms, what);
        }
    }

    fn put(&mut self, at_ms: i64, what: What) {
        self.spool.put(at_ms, what);
        self.world.tally.add(Count::Waiting, 1);
    }

    fn model(&self) -> &Model {
        &self.world.models[self.model]
    }

    fn name(&self) -> String {
        format!("pc-{:05}", self.number)
    }
}
