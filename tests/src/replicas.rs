//! Several collectors on one PostgreSQL server and one NATS server, each a process, and a balancer in front of them.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Api;
use crate::balancer::Balancer;
use crate::nats::Nats;
use crate::postgres::{Durable, Postgres};
use crate::stage::secret_of;
use crate::wire::Identity;
use crate::{Collector, binary, wait};

/// How long something that goes from one to another may take.
pub const TOLD: std::time::Duration = std::time::Duration::from_secs(90);

/// A running set of replicas.
#[derive(Debug)]
pub struct Replicas {
    /// The collectors, in the order in which they joined.
    pub collectors: Vec<Collector>,
    /// An administrator's session at each of them.
    pub apis: Vec<Api>,
    /// The database.
    pub postgres: Postgres,
    /// What carries news.
    pub nats: Nats,
    /// In front of the agents' ports.
    pub balancer: Balancer,
    folder: TempDir,
}

impl Replicas {
    /// Starts so many.
    pub async fn open(count: usize) -> Self {
        Self::open_with(count, Durable::No, "").await
    }

    /// Starts so many, with `more` added to the configuration of each.
    pub async fn open_with(count: usize, durable: Durable, more: &str) -> Self {
        Self::open_from(binary::folder(), count, durable, more).await
    }

    /// Starts so many of the version whose binaries lie in the folder `programs`.
    pub async fn open_from(programs: PathBuf, count: usize, durable: Durable, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (postgres, nats) = (Postgres::start(durable).await, Nats::start().await);
        let configuration = |number: usize| postgres.configuration() + &nats.configuration(&name(number)) + more;
        let place = |number: usize| {
            let place = folder.path().join(name(number));
            std::fs::create_dir(&place).expect("a folder can be made");
            place
        };
        let mut collectors = vec![Collector::prepare_from(programs, &place(0), &configuration(0)).await];
        for number in 1..count {
            let next = Collector::join(&place(number), &collectors[0], &configuration(number)).await;
            collectors.push(next);
        }
        let mut apis = Vec::new();
        for collector in &mut collectors {
            collector.start().await;
            apis.push(Api::sign_in(collector).await);
        }
        let balancer = Balancer::start(&collectors.iter().map(|one| one.agents).collect::<Vec<_>>()).await;
        Self { collectors, apis, postgres, nats, balancer, folder }
    }

    /// A path in this set's own folder.
    pub fn folder(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A fresh enrolment token, made at the first.
    pub async fn token(&self) -> String {
        let document = self.apis[0].post("/api/v1/tokens", &json!({ "uses": 1 })).await;
        document["token"].as_str().unwrap_or_else(|| panic!("no token in {document}")).to_owned()
    }

    /// A hand-made endpoint, enrolled at the replica `at`.
    pub async fn identity(&self, at: usize, name: &str) -> Identity {
        let token = self.token().await;
        Identity::enroll(self.collectors[at].agents, secret_of(&token), name).await.expect("a good token enrols")
    }

    /// Waits until the replica `at` says of an endpoint that it is in this state.
    pub async fn endpoint_is(&self, at: usize, id: &str, state: &str) {
        let (what, path) = (format!("endpoint {id} to be {state} at {at}"), format!("/api/v1/endpoints/{id}"));
        wait::for_condition(&what, TOLD, async || self.apis[at].get(&path).await["state"] == state).await;
    }

    /// Who holds an endpoint's stream: the name of the replica, or nothing.
    pub async fn holder(&self, endpoint: &str) -> Option<String> {
        let rows: Vec<(String, String)> = self
            .postgres
            .rows(
                "SELECT e.id, r.name FROM endpoints e JOIN endpoint_progress p ON p.endpoint_key = e.key
                 JOIN replicas r ON r.run_id = p.holder",
            )
            .await;
        rows.into_iter().find(|(id, _)| id == endpoint).map(|(_, name)| name)
    }

    /// Waits until this replica holds the endpoint's stream.
    pub async fn held_by(&self, endpoint: &str, replica: &str) {
        let what = format!("{replica} to hold the stream of {endpoint}");
        wait::for_condition(&what, TOLD, async || self.holder(endpoint).await.as_deref() == Some(replica)).await;
    }

    /// Names of the members, as the database has them.
    pub async fn members(&self) -> Vec<String> {
        let rows: Vec<(String,)> = self.postgres.rows("SELECT name FROM replicas ORDER BY number").await;
        rows.into_iter().map(|(name,)| name).collect()
    }

    /// Waits until a pull has ended, as the replica `at` sees it.
    pub async fn pull_ended(&self, at: usize, pull: &Value) -> Value {
        let id = pull["id"].as_str().unwrap_or_else(|| panic!("no id in {pull}"));
        let path = format!("/api/v1/pulls/{id}");
        wait::until(&format!("pull {id} to end at {at}"), TOLD, async || {
            let now = self.apis[at].get(&path).await;
            let ended = ["done", "failed", "expired", "cancelled"];
            now["state"].as_str().is_some_and(|state| ended.contains(&state)).then_some(now)
        })
        .await
    }
}

/// What a replica is called.
pub fn name(number: usize) -> String {
    format!("replica-{number}")
}
