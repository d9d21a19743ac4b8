//! A collector of its own: data folder, ports, process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use firstline_collector::config::Config;
use firstline_collector::store::Location;
use rustix::process::Signal;

use crate::command::{Outcome, program_at};
use crate::{Process, binary, port, wait};

/// How long a collector may take to be ready, on a busy machine and after a crash.
const READY: Duration = Duration::from_mins(1);

const COLLECTOR: &str = "firstline-collector";

/// How long it may take to say goodbye to everybody.
const DRAIN: Duration = Duration::from_secs(30);

/// A collector with SQLite on free ports of the loopback.
#[derive(Debug)]
pub struct Collector {
    /// Its data.
    pub folder: PathBuf,
    /// Port for agents.
    pub agents: u16,
    /// Port for people.
    pub people: u16,
    /// Password of the first administrator.
    pub password: String,
    programs: PathBuf,
    process: Option<Process>,
}

/// Name of the first administrator.
pub const ADMINISTRATOR: &str = "admin";

impl Collector {
    /// Makes the data folder below `folder`; nothing runs yet. `more` is added to the configuration.
    pub async fn prepare(folder: &Path, more: &str) -> Self {
        Self::prepare_from(binary::folder(), folder, more).await
    }

    /// The same with the binaries in the folder `programs`.
    pub async fn prepare_from(programs: PathBuf, folder: &Path, more: &str) -> Self {
        let data = folder.join("collector");
        let (agents, people) = port::free_pair();
        let config = folder.join("collector.toml");
        fs::write(&config, configuration(agents, people, more)).expect("the configuration can be written");
        let arguments = ["init", "--json", "--data", text(&data), "--config", text(&config)];
        let made = Outcome::of(program_at(&programs.join(COLLECTOR), &arguments)).await.done();
        let made = made.json();
        let password = made["password"].as_str().unwrap_or_else(|| panic!("no password in {made}")).to_owned();
        Self { folder: data, agents, people, password, programs, process: None }
    }

    /// Makes the data folder of a further replica of `first` below `folder`; nothing runs yet.
    pub async fn join(folder: &Path, first: &Self, more: &str) -> Self {
        let data = folder.join("collector");
        let (agents, people) = port::free_pair();
        let config = folder.join("collector.toml");
        fs::write(&config, configuration(agents, people, more)).expect("the configuration can be written");
        let authority = first.folder.join("authority");
        let arguments = ["init", "--data", text(&data), "--config", text(&config), "--join", text(&authority)];
        Outcome::of(program_at(&first.programs.join(COLLECTOR), &arguments)).await.done();
        let (password, programs) = (first.password.clone(), first.programs.clone());
        Self { folder: data, agents, people, password, programs, process: None }
    }

    /// Stops its process where it stands, as a machine that hangs.
    pub fn freeze(&self) {
        self.process.as_ref().expect("the collector runs").signal(Signal::STOP);
    }

    /// Stops its process where it stands, and waits until no call of it into the kernel is under way.
    pub async fn halt(&self) {
        self.process.as_ref().expect("the collector runs").halt(READY).await;
    }

    /// Lets its process go on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("the collector runs").signal(Signal::CONT);
    }

    /// One that somebody else runs.
    pub fn elsewhere(folder: &Path, (agents, people): (u16, u16), password: String) -> Self {
        Self { folder: folder.to_owned(), agents, people, password, programs: binary::folder(), process: None }
    }

    /// Replaces the configuration: the ports, and `more`.
    pub fn configure(&self, more: &str) {
        let text = configuration(self.agents, self.people, more);
        fs::write(self.folder.join("firstline.toml"), text).expect("the configuration can be written");
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) {
        self.start_with(&[]).await;
    }

    /// Starts it with these variables in its environment.
    pub async fn start_with(&mut self, environment: &[(&str, &str)]) {
        self.launch(environment);
        self.ready().await;
    }

    /// Starts it with these variables in its environment, and waits for nothing.
    pub fn launch(&mut self, environment: &[(&str, &str)]) {
        let mut command = program_at(&self.programs.join(COLLECTOR), &["serve", "--data", text(&self.folder)]);
        command.envs(environment.iter().copied());
        self.process = Some(Process::start("the collector", command, &self.folder.join("test.log")));
    }

    /// Has it run the version under test when it starts again.
    pub fn upgrade(&mut self) {
        self.programs = binary::folder();
    }

    /// Where its rows are, by its configuration.
    pub fn location(&self) -> Location {
        let config = Config::read(&self.folder).expect("the configuration is right");
        config.database.location(&self.folder).expect("the database has a place")
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        let address = format!("{}/readyz", self.address());
        let client = insecure();
        let process = self.process.as_mut().expect("the collector was started");
        wait::for_condition("the collector to be ready", READY, async || {
            assert!(process.is_running(), "the collector ended:\n{}", process.log());
            client.get(&address).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// What it says of itself.
    pub async fn metrics(&self) -> String {
        let answer = insecure().get(format!("{}/metrics", self.address())).send().await;
        answer.expect("the collector answers").text().await.expect("metrics are text")
    }

    /// Where people go.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.people)
    }

    /// The root certificate of its authority.
    pub fn root(&self) -> PathBuf {
        self.folder.join("authority/root.pem")
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the collector was started").id()
    }

    /// SIGKILL, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.process.take().expect("the collector runs").kill();
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("the collector runs").terminate(DRAIN).await
    }

    /// SIGHUP: read the configuration and the checks again.
    pub fn reload(&self) {
        self.process.as_ref().expect("the collector runs").signal(Signal::HUP);
    }

    /// Everything it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("test.log")).unwrap_or_default()
    }
}

/// The ports, and `more`.
fn configuration(agents: u16, people: u16, more: &str) -> String {
    format!("[listen]\nagents = \"127.0.0.1:{agents}\"\npeople = \"127.0.0.1:{people}\"\n{more}")
}

/// A client that looks at answers, not at certificates.
pub fn insecure() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = reqwest::Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs(30));
    builder.build().expect("a client can be made")
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}
