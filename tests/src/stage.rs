//! Everything set up: a running collector, and somebody who is signed in to its API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Api;
use crate::collector::{ADMINISTRATOR, text};
use crate::command::{Outcome, program};
use crate::wire::Identity;
use crate::{Agent, Collector, wait};

/// How long an endpoint may take to be seen in a state, or a pull to end, on a busy machine.
const STATE: Duration = Duration::from_mins(2);

/// A running collector and its administrator.
#[derive(Debug)]
pub struct Stage {
    /// The collector.
    pub collector: Collector,
    /// The administrator's session.
    pub api: Api,
    folder: TempDir,
}

impl Stage {
    /// Sets everything up.
    pub async fn open() -> Self {
        Self::open_with("").await
    }

    /// Sets everything up, with `configuration` added to the collector's.
    pub async fn open_with(configuration: &str) -> Self {
        Self::set_up(tempfile::tempdir().expect("a folder can be made"), configuration).await
    }

    /// Sets everything up below `place`.
    pub async fn open_in(place: &Path) -> Self {
        Self::set_up(tempfile::tempdir_in(place).expect("a folder can be made"), "").await
    }

    async fn set_up(folder: TempDir, configuration: &str) -> Self {
        let mut collector = Collector::prepare(folder.path(), configuration).await;
        collector.start().await;
        let api = Api::sign_in(&collector).await;
        Self { collector, api, folder }
    }

    /// A path in this stage's own folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the operator's command, with a home of its own.
    pub async fn firstline(&self, arguments: &[&str]) -> Outcome {
        let mut command = program("firstline", arguments);
        command.env("HOME", self.folder.path()).env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        Outcome::of(command).await
    }

    /// Signs the operator's command in as the administrator.
    pub async fn sign_in(&self) -> Outcome {
        let password = self.folder("password");
        std::fs::write(&password, &self.collector.password).expect("the password can be kept");
        let authority = self.collector.root();
        let address = self.collector.address();
        let arguments = ["sign-in", "--collector", &address, "--ca", text(&authority), "--user", ADMINISTRATOR];
        let mut arguments = arguments.to_vec();
        arguments.extend(["--password-file", text(&password)]);
        self.firstline(&arguments).await
    }

    /// A fresh enrolment token.
    pub async fn token(&self, order: Value) -> String {
        let document = self.api.post("/api/v1/tokens", &order).await;
        document["token"].as_str().unwrap_or_else(|| panic!("no token in {document}")).to_owned()
    }

    /// An enrolled agent, running, and its endpoint's id.
    pub async fn agent(&self, name: &str) -> (Agent, String) {
        let before = self.endpoint_ids().await;
        let token = self.token(json!({ "uses": 1 })).await;
        let mut agent = Agent::new(&self.folder(name));
        agent.enroll(&self.collector, &token).await.done();
        let new = self.endpoint_ids().await.into_iter().find(|id| !before.contains(id));
        agent.start();
        (agent, new.expect("enrolment makes an endpoint"))
    }

    /// An agent as [`Stage::agent`] makes it, once the collector sees it online.
    pub async fn agent_online(&self, name: &str) -> (Agent, String) {
        let (agent, id) = self.agent(name).await;
        self.endpoint_is(&id, "online").await;
        (agent, id)
    }

    /// A hand-made endpoint.
    pub async fn identity(&self, name: &str) -> Identity {
        let token = self.token(json!({ "uses": 1 })).await;
        Identity::enroll(self.collector.agents, secret_of(&token), name).await.expect("a good token enrols")
    }

    /// Opens a ticket of the person with this sign-in name; its number.
    pub async fn ticket(&self, subject: &str, sign_in: &str) -> String {
        let requester = json!({ "name": "Sam Doe", "sign_in": sign_in });
        let order = json!({ "requester": requester, "subject": subject, "text": "Since this morning." });
        let document = self.api.post("/api/v1/tickets", &order).await;
        document["number"].as_str().unwrap_or_else(|| panic!("no number in {document}")).to_owned()
    }

    /// Pulls from the endpoint into the ticket and waits for the end; the pull's document.
    pub async fn attach(&self, ticket: &str, endpoint: &str) -> Value {
        let pull = self.api.post(&format!("/api/v1/tickets/{ticket}/attach"), &json!({ "endpoint": endpoint })).await;
        self.pull_ended(&pull).await
    }

    /// Waits until the pull has ended, one way or the other.
    pub async fn pull_ended(&self, pull: &Value) -> Value {
        let id = pull["id"].as_str().unwrap_or_else(|| panic!("no id in {pull}"));
        let path = format!("/api/v1/pulls/{id}");
        wait::until(&format!("pull {id} to end"), STATE, async || {
            let now = self.api.get(&path).await;
            let ended = ["done", "failed", "expired", "cancelled"];
            now["state"].as_str().is_some_and(|state| ended.contains(&state)).then_some(now)
        })
        .await
    }

    /// What the collector says of itself under this name and these labels, as it prints them; 0 when it says nothing.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.collector.metrics().await;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0.0)
    }

    /// One endpoint.
    pub async fn endpoint(&self, id: &str) -> Value {
        self.api.get(&format!("/api/v1/endpoints/{id}")).await
    }

    /// Ids of all endpoints.
    pub async fn endpoint_ids(&self) -> Vec<String> {
        let document = self.api.get("/api/v1/endpoints").await;
        let endpoints = document["endpoints"].as_array().expect("a list of endpoints");
        endpoints.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
    }

    /// Waits until the endpoint is in `state`.
    pub async fn endpoint_is(&self, id: &str, state: &str) {
        let what = format!("endpoint {id} to be {state}");
        wait::for_condition(&what, STATE, async || self.endpoint(id).await["state"] == state).await;
    }

    /// Waits until the endpoint is in another state than `state`.
    pub async fn endpoint_is_not(&self, id: &str, state: &str) {
        let what = format!("endpoint {id} not to be {state}");
        wait::for_condition(&what, STATE, async || self.endpoint(id).await["state"] != state).await;
    }
}

/// The secret part of a token: `fl1.<authority>.<secret>`.
pub fn secret_of(token: &str) -> &str {
    token.rsplit('.').next().expect("a token has parts")
}
