//! All machines together: enrolled, set going, and asked at the end what they sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firstline_tests::stage::secret_of;
use firstline_tests::wire::Identity;
use firstline_tests::{Stage, wait};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tokio::task::JoinHandle;

use super::layouts::Model;
use super::machine::{Machine, Sent};
use super::world::{Order, World};

/// Machines that enrol at the same time.
const ENROLLING: usize = 32;

/// How long everybody may take to be where they should be.
const LONG: Duration = Duration::from_mins(15);

/// Enrols `count` machines with one token.
pub(super) async fn enroll(stage: &Stage, count: usize) -> anyhow::Result<Vec<Arc<Identity>>> {
    let token = stage.token(json!({ "uses": count })).await;
    let (port, secret) = (stage.collector.agents, secret_of(&token));
    let one = |number: usize| async move {
        let identity = Identity::enroll(port, secret, &format!("pc-{number:05}")).await?;
        Ok::<_, tonic::Status>(Arc::new(identity))
    };
    Ok(stream::iter(0..count).map(one).buffered(ENROLLING).try_collect().await?)
}

/// Machines that are alive.
pub(super) struct Crowd {
    pub(super) world: Arc<World>,
    machines: Vec<JoinHandle<Sent>>,
}

impl Crowd {
    /// Sets machines going that go to `server` when they are told to.
    pub(super) fn gather(server: SocketAddr, identities: &[Arc<Identity>], large: u64, handshakes: usize) -> Self {
        let world = World::new(server, handshakes);
        let machine = |(number, identity): (usize, &Arc<Identity>)| {
            tokio::spawn(Machine::new(number, Arc::clone(identity), &world, large).live())
        };
        let machines = identities.iter().enumerate().map(machine).collect();
        Self { world, machines }
    }

    /// Which kinds there are.
    pub(super) fn kinds(&self) -> String {
        let kind = |model: &Model| format!("{} ({} series)", model.name, model.shapes.len());
        self.world.models.iter().map(kind).collect::<Vec<_>>().join(", ")
    }

    /// Waits until every machine holds a stream; how long that took.
    pub(super) async fn all_here(&self) -> Duration {
        let since = Instant::now();
        let count = self.machines.len();
        let what = format!("{count} machines to hold a stream");
        wait::for_condition(&what, LONG, async || self.world.connected() == count).await;
        since.elapsed()
    }

    /// Waits until everything that was recorded is acknowledged; how long that took.
    pub(super) async fn all_told(&self) -> Duration {
        let since = Instant::now();
        wait::for_condition("everything to be acknowledged", LONG, async || self.world.waiting() == 0).await;
        since.elapsed()
    }

    /// Ends all machines; what they sent.
    pub(super) async fn finish(self) -> Vec<Sent> {
        self.world.order(Order::Finish);
        let mut sent = Vec::with_capacity(self.machines.len());
        for machine in self.machines {
            sent.push(machine.await.expect("a machine does not panic"));
        }
        sent
    }
}
