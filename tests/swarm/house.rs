//! What is put under load: one collector with SQLite, or several with PostgreSQL and NATS.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use firstline_collector::store::Location;
use firstline_tests::postgres::Durable;
use firstline_tests::stage::secret_of;
use firstline_tests::{Api, Collector, Replicas, Stage};
use serde_json::json;

use super::process::Usage;

/// The collectors, and what they stand on.
pub(super) enum House {
    One(Box<Stage>),
    Several(Box<Replicas>),
}

impl House {
    /// One with SQLite when `replicas` is 0, else so many; `more` is added to their configuration.
    pub(super) async fn open(replicas: usize, more: &str) -> Self {
        match replicas {
            0 => Self::One(Box::new(Stage::open_with(more).await)),
            count => Self::Several(Box::new(Replicas::open_with(count, Durable::Yes, more).await)),
        }
    }

    pub(super) fn collectors(&self) -> &[Collector] {
        match self {
            Self::One(stage) => std::slice::from_ref(&stage.collector),
            Self::Several(replicas) => &replicas.collectors,
        }
    }

    /// The one that is killed and stopped.
    pub(super) fn last(&mut self) -> &mut Collector {
        match self {
            Self::One(stage) => &mut stage.collector,
            Self::Several(replicas) => replicas.collectors.last_mut().expect("there is one at least"),
        }
    }

    pub(super) fn api(&self) -> &Api {
        match self {
            Self::One(stage) => &stage.api,
            Self::Several(replicas) => &replicas.apis[0],
        }
    }

    /// What it is, in words.
    pub(super) fn name(&self) -> String {
        match self {
            Self::One(_) => "one collector, SQLite".to_owned(),
            Self::Several(replicas) => format!("PostgreSQL and NATS, collectors: {}", replicas.collectors.len()),
        }
    }

    /// Agents' ports.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.collectors().iter().map(|one| one.agents).collect()
    }

    pub(super) fn servers(&self) -> Vec<SocketAddr> {
        self.ports().into_iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect()
    }

    /// The secret of a token for so many machines.
    pub(super) async fn secret(&self, uses: usize) -> String {
        let token = self.api().post("/api/v1/tokens", &json!({ "uses": uses })).await;
        secret_of(token["token"].as_str().unwrap_or_else(|| panic!("no token in {token}"))).to_owned()
    }

    /// A path in a folder that goes with the house.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        match self {
            Self::One(stage) => stage.folder(name),
            Self::Several(replicas) => replicas.folder(name),
        }
    }

    /// Where the first collector's data is.
    pub(super) fn data(&self) -> &Path {
        &self.collectors()[0].folder
    }

    /// Where the rows are.
    pub(super) fn location(&self) -> Location {
        self.collectors()[0].location()
    }

    /// Processes of the collectors.
    pub(super) fn process_ids(&self) -> Vec<u32> {
        self.collectors().iter().map(Collector::process_id).collect()
    }

    /// What the collectors take.
    pub(super) fn usage(&self) -> Usage {
        self.process_ids().into_iter().map(Usage::of).sum()
    }

    /// What the server of the database takes; nothing when there is none.
    pub(super) fn server_usage(&self) -> Usage {
        match self {
            Self::One(_) => Usage::default(),
            Self::Several(replicas) => replicas.postgres.process_ids().into_iter().map(Usage::of).sum(),
        }
    }

    /// What the collectors say of themselves, one after the other.
    pub(super) async fn metrics(&self) -> String {
        let mut text = String::new();
        for collector in self.collectors() {
            text += &collector.metrics().await;
        }
        text
    }

    /// Stops the collectors.
    pub(super) async fn stop(&mut self) {
        let collectors = match self {
            Self::One(stage) => std::slice::from_mut(&mut stage.collector),
            Self::Several(replicas) => replicas.collectors.as_mut_slice(),
        };
        for collector in collectors {
            collector.stop().await;
        }
    }
}
