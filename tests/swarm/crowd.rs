//! All machines together: enrolled, set going, and asked at the end what they sent.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firstline_tests::wait;
use firstline_tests::wire::Identity;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinHandle;

use super::crew::Crew;
use super::house::House;
use super::layouts::Model;
use super::machine::{Machine, Sent};
use super::world::{Count, Order, World};

/// Machines that enrol at the same time.
const ENROLLING: usize = 32;

/// How long everybody may take to be where they should be.
const LONG: Duration = Duration::from_mins(15);

/// Enrols `count` machines with one token.
pub(super) async fn enroll(house: &House, count: usize) -> anyhow::Result<Vec<Arc<Identity>>> {
    let (ports, secret) = (house.ports(), house.secret(count).await);
    let one = |number: usize| {
        let (port, secret) = (ports[number % ports.len()], secret.as_str());
        async move {
            let identity = Identity::enroll(port, secret, &format!("pc-{number:05}")).await?;
            Ok::<_, tonic::Status>(Arc::new(identity))
        }
    };
    Ok(stream::iter(0..count).map(one).buffered(ENROLLING).try_collect().await?)
}

/// How machines are set going.
#[derive(Debug, Clone)]
pub(super) struct Muster {
    /// Where they go when they are told to.
    pub(super) servers: Vec<SocketAddr>,
    /// How many in a hundred report about 200 series.
    pub(super) large: u64,
    /// How many may shake hands for the first time at once.
    pub(super) handshakes: usize,
    /// Processes that they live in; 0: this one.
    pub(super) processes: usize,
}

/// Machines that are alive.
pub(super) struct Crowd {
    pub(super) world: Arc<World>,
    count: u64,
    machines: Vec<JoinHandle<Sent>>,
    crews: Vec<Crew>,
}

impl Crowd {
    /// Sets machines going, in this process or in others that keep their notes in `folder`.
    pub(super) fn gather(muster: &Muster, identities: &[Arc<Identity>], folder: &Path) -> anyhow::Result<Self> {
        if muster.processes == 0 {
            return Ok(Self::here(muster, identities, 0));
        }
        let world = World::new(muster.servers.clone(), muster.handshakes);
        let each = identities.len().div_ceil(muster.processes).max(1);
        let mut crews = Vec::new();
        for (number, some) in identities.chunks(each).enumerate() {
            crews.push(Crew::start(muster, &world, some, number * each, folder)?);
        }
        Ok(Self { world, count: identities.len() as u64, machines: Vec::new(), crews })
    }

    /// Sets machines going in this process, numbered from `first`.
    pub(super) fn here(muster: &Muster, identities: &[Arc<Identity>], first: usize) -> Self {
        let world = World::new(muster.servers.clone(), muster.handshakes);
        let machine = |(number, identity): (usize, &Arc<Identity>)| {
            tokio::spawn(Machine::new(first + number, Arc::clone(identity), &world, muster.large).live())
        };
        let machines = identities.iter().enumerate().map(machine).collect();
        Self { world, count: identities.len() as u64, machines, crews: Vec::new() }
    }

    /// Which kinds there are.
    pub(super) fn kinds(&self) -> String {
        let kind = |model: &Model| format!("{} ({} series)", model.name, model.shapes.len());
        self.world.models.iter().map(kind).collect::<Vec<_>>().join(", ")
    }

    /// Waits until every machine holds a stream; how long that took.
    pub(super) async fn all_here(&self) -> Duration {
        self.are_here(self.count).await
    }

    /// Waits until so many machines hold a stream; how long that took.
    pub(super) async fn are_here(&self, count: u64) -> Duration {
        let since = Instant::now();
        let what = format!("{count} machines to hold a stream");
        wait::for_condition(&what, LONG, async || self.world.connected() == count).await;
        since.elapsed()
    }

    /// Waits until everything that was recorded is acknowledged; how long that took.
    pub(super) async fn all_told(&self) -> Duration {
        let since = Instant::now();
        let told = async || self.world.tally.get(Count::Waiting) == 0;
        wait::for_condition("everything to be acknowledged", LONG, told).await;
        since.elapsed()
    }

    /// Gives an order, and waits until `records` of each machine more than before are acknowledged.
    pub(super) async fn tell(&self, order: Order, records: u64, within: Duration) {
        let before = self.world.tally.get(Count::Acknowledged);
        self.world.order(order);
        let expected = before + self.count * records;
        let told = async || self.world.tally.get(Count::Acknowledged) >= expected;
        wait::for_condition("records to be acknowledged", within, told).await;
    }

    /// Ordinary life for a while: ends when everything that was due by its end is acknowledged. Says how many records that
    /// were.
    pub(super) async fn live(&self, period: Duration, span: Duration) -> u64 {
        let tally = &self.world.tally;
        let [told, planned, taken] = [Count::Acknowledged, Count::Planned, Count::Taken].map(|count| tally.get(count));
        self.world.order(Order::Live { period, span });
        let everybody = async || tally.get(Count::Taken) >= taken + self.count;
        wait::for_condition("everybody to begin", LONG, everybody).await;
        let due = tally.get(Count::Planned) - planned;
        let over = async || tally.get(Count::Acknowledged) >= told + due;
        wait::for_condition("what is due to be acknowledged", span + LONG, over).await;
        self.all_here().await;
        self.all_told().await;
        due
    }

    /// Ends all machines; what they sent.
    pub(super) async fn finish(self) -> anyhow::Result<Vec<Sent>> {
        self.world.order(Order::Finish);
        let mut sent = Vec::new();
        for machine in self.machines {
            sent.push(machine.await.expect("a machine does not panic"));
        }
        for crew in self.crews {
            sent.extend(crew.finish().await?);
        }
        Ok(sent)
    }

    /// Process ids of the crews.
    pub(super) fn process_ids(&self) -> Vec<u32> {
        self.crews.iter().filter_map(Crew::process_id).collect()
    }
}
