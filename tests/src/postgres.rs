//! A PostgreSQL server of its own, in a folder that goes with it, and a pooler in front of one.
//!
//! The server refuses to be root: root starts it as the system's `postgres`. Nothing of a server that the machine runs
//! anyway is used but its programs.

mod pooler;
mod relay;
mod tls;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{Process, port, wait};

pub use pooler::Pooler;
pub use relay::Relay;

/// How long a server may take to come up, also after a crash.
const READY: Duration = Duration::from_mins(1);

/// Name of the database and of the user it belongs to.
const NAME: &str = "firstline";

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// As it should be.
    Yes,
    /// For tests that never lose the machine.
    No,
}

/// A server, prepared and perhaps running.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    port: u16,
    password: String,
    durable: Durable,
    /// Whether it encrypts.
    encrypts: bool,
    process: Option<Process>,
}

impl Postgres {
    /// A server with an empty database, ready to be used.
    pub async fn start(durable: Durable) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        give(folder.path());
        let password = format!("{:032x}", uuid::Uuid::new_v4().as_u128());
        let server = Self { folder, port: port::free(), password, durable, encrypts: false, process: None };
        let mut server = server.prepare();
        server.go().await;
        let mut connection = server.connect("postgres").await.expect("it answers");
        let create = format!("CREATE DATABASE {NAME}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.expect("a database can be made");
        server
    }

    fn prepare(self) -> Self {
        let secret = self.secret();
        fs::write(&secret, &self.password).expect("the password can be kept");
        give(&secret);
        let mut command = self.command("initdb");
        command.args(["-U", NAME, "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"]);
        command.arg("--pwfile").arg(&secret).arg("-D").arg(self.data());
        let done = command.output().expect("initdb starts (tests/run installs it)");
        assert!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));
        self
    }

    /// Starts the server, or starts it again, and waits until it answers.
    pub async fn go(&mut self) {
        wait::for_condition("PostgreSQL to answer", READY, async || {
            // After a crash it may refuse to start until the last of its old processes is gone.
            if !self.process.as_mut().is_some_and(Process::is_running) {
                self.process = Some(Process::start("PostgreSQL", self.server(), &self.folder.path().join("log")));
            }
            self.connect("postgres").await.is_ok()
        })
        .await;
    }

    /// SIGKILL for the server and all its processes, as in a power cut.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let children = children(process.id());
        process.kill();
        for child in children.into_iter().filter_map(|id| Pid::from_raw(id.cast_signed())) {
            kill_process(child, Signal::KILL).ok();
        }
    }

    /// The server's process, and those that it has started.
    pub fn process_ids(&self) -> Vec<u32> {
        let server = self.process.as_ref().expect("it runs").id();
        [server].into_iter().chain(children(server)).collect()
    }

    /// Stops the server and all its processes where they are, or lets them go on.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        for process in self.process_ids().into_iter().filter_map(|id| Pid::from_raw(id.cast_signed())) {
            kill_process(process, signal).ok();
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file that holds its password.
    pub fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// How to reach it, with the password.
    pub fn url(&self) -> String {
        format!("postgres://{NAME}:{}@127.0.0.1:{}/{NAME}", self.password, self.port)
    }

    /// What a collector's configuration says about it.
    pub fn configuration(&self) -> String {
        section(self.port, &self.secret(), "none")
    }

    /// For each endpoint the times of its stored samples, with how often each is there, and what its progress says. One
    /// statement, since what was sent last may be stored while this looks.
    pub async fn stored(&self) -> BTreeMap<String, (BTreeMap<i64, i64>, i64)> {
        let rows: Vec<(String, i64, i64, i64)> = self
            .rows(
                "SELECT e.id, p.stored_sequence, s.at_ms, COUNT(*) FROM endpoints e
                 JOIN endpoint_progress p ON p.endpoint_key = e.key JOIN samples s ON s.endpoint_key = e.key
                 GROUP BY e.id, p.stored_sequence, s.at_ms",
            )
            .await;
        let mut stored: BTreeMap<String, (BTreeMap<i64, i64>, i64)> = BTreeMap::new();
        for (endpoint, sequence, at_ms, count) in rows {
            let (times, stands) = stored.entry(endpoint).or_default();
            times.insert(at_ms, count);
            *stands = sequence;
        }
        stored
    }

    /// The rows of a statement.
    pub async fn rows<T>(&self, statement: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut connection = self.connect(NAME).await.expect("it answers");
        sqlx::query_as(statement).fetch_all(&mut connection).await.expect(statement)
    }

    /// Takes everything out of the database, as a new one would be.
    pub async fn empty(&self) {
        let mut connection = self.connect(NAME).await.expect("it answers");
        sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            .execute(&mut connection)
            .await
            .expect("emptied");
    }

    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let url = self.url();
        let (server, _) = url.rsplit_once('/').expect("a URL has a path");
        PgConnection::connect(&format!("{server}/{database}")).await
    }

    fn server(&self) -> Command {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "max_connections=60", "shared_buffers=32MB", "max_wal_size=128MB"]
        {
            command.args(["-c", setting]);
        }
        if self.encrypts {
            let place = |name: &str| self.folder.path().join(name).display().to_string();
            let [certificate, key] = [tls::CERTIFICATE, tls::KEY].map(place);
            command.args(["-c", "ssl=on", "-c", &format!("ssl_cert_file={certificate}")]);
            command.args(["-c", &format!("ssl_key_file={key}")]);
        }
        if self.durable == Durable::No {
            command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
        }
        command
    }

    fn command(&self, name: &str) -> Command {
        let mut command = unprivileged(program(name));
        command.env("HOME", self.folder.path()).current_dir(self.folder.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// What a collector's configuration says about a server.
fn section(port: u16, secret: &Path, pooler: &str) -> String {
    format!(
        "[database]\nurl = \"postgres://{NAME}@127.0.0.1:{port}/{NAME}\"\npassword_file = \"{}\"\npooler = \"{pooler}\"\n",
        secret.display()
    )
}

/// Debian keeps the server's programs apart from the path, a folder for each version; the newest is taken.
fn program(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// `program`, as somebody who is not root.
fn unprivileged(program: impl AsRef<OsStr>) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

/// Gives a path to whom the server runs as.
fn give(path: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let id = |flag: &str| {
        let output = Command::new("id").args([flag, "postgres"]).output().expect("id starts");
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse::<u32>().expect("there is a user postgres (tests/run installs the package)")
    };
    chown(path, Some(id("-u")), Some(id("-g"))).expect("root may give files away");
}

/// The processes that `parent` has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name before it may hold anything, also parentheses.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    };
    ids.filter(is_child).collect()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
