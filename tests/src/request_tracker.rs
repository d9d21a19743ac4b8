//! A Request Tracker of its own, from Debian's packages, in a folder that goes with it.
//!
//! It lives on SQLite and is one process, which may be killed at any moment. Its mail goes into a folder of files.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, port, wait};

/// How long it may take to come up, on a busy machine.
const READY: Duration = Duration::from_mins(3);

/// Where Debian puts its programs.
const SERVER: &str = "/usr/share/request-tracker5/libexec/rt-server";
const SETUP: &str = "/usr/sbin/rt-setup-database-5";

/// Attachments that it lists at a time; it gives no more.
const PAGE: usize = 100;

/// What its queue, people and tokens are made with.
const SEED: &str = include_str!("../request_tracker/seed.pl");

/// A token is checked with as much work as a password: a third of a second of each request, unless it is told to do less.
const CHEAP_TOKENS: &str = "Set($BcryptCost, 4);";

/// A Request Tracker, perhaps running.
#[derive(Debug)]
pub struct RequestTracker {
    /// Where it listens.
    pub port: u16,
    /// What its configuration has beside what it must have.
    beside: &'static str,
    folder: TempDir,
    process: Option<Process>,
}

/// An attachment as it is stored there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it belongs to.
    pub transaction: String,
    /// Subject of a message; empty for a file.
    pub subject: String,
    /// Name of a file; empty for a message.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl RequestTracker {
    /// A new one with a queue `Workstations`, ready to be used, which takes less time for each request than others do.
    pub async fn start() -> Self {
        Self::start_with(CHEAP_TOKENS).await
    }

    /// The same, as it is where nobody tells it to be quick.
    pub async fn start_as_installed() -> Self {
        Self::start_with("").await
    }

    async fn start_with(beside: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut tracker = Self { port: port::free(), beside, folder, process: None };
        for part in ["log", "mason", "session", "mail"] {
            fs::create_dir(tracker.folder.path().join(part)).expect("a folder can be made");
        }
        tracker.configure("");
        fs::write(tracker.path("root.password"), uuid::Uuid::new_v4().to_string()).expect("written");
        fs::write(tracker.path("seed.pl"), SEED).expect("written");
        let password = tracker.path("root.password");
        let made = ["--action", "init", "--skip-create", "--force", "--root-password-file"];
        tracker.run(Command::new(SETUP).args(made).arg(password));
        tracker.run(Command::new("perl").arg(tracker.path("seed.pl")).env("FIRSTLINE_SEED", tracker.folder.path()));
        tracker.go().await;
        tracker
    }

    /// Writes its configuration; `more` is added.
    pub fn configure(&self, more: &str) {
        let folder = self.folder.path().display();
        let mut text = format!(
            "use utf8;\nSet($rtname, 'desk.test');\nSet($Organization, 'desk.test');\nSet($WebDomain, '127.0.0.1');\n\
             Set($WebPort, {});\nSet($WebPath, '');\nSet($DatabaseType, 'SQLite');\nSet($DatabaseName, '{folder}/rt.sqlite');\n\
             Set($LogToSyslog, undef);\nSet($LogToSTDERR, 'warning');\nSet($MailCommand, 'testfile');\nSet($Timezone, 'UTC');\n\
             Set($WebSecureCookies, 0);\n$RT::MasonDataDir = '{folder}/mason';\n$RT::MasonSessionDir = '{folder}/session';\n",
            self.port
        );
        let _ = writeln!(text, "{}\n{more}\n1;", self.beside);
        fs::write(self.path("RT_SiteConfig.pm"), text).expect("the configuration can be written");
    }

    /// Starts it, or starts it again, and waits until it answers.
    pub async fn go(&mut self) {
        let mut command = Command::new(SERVER);
        let port = self.port.to_string();
        command.args(["--server", "HTTP::Server::PSGI", "--host", "127.0.0.1", "--port", &port]);
        self.at_home(&mut command);
        self.process = Some(Process::start("Request Tracker", command, &self.path("log/server")));
        wait::for_listener(self.port, READY).await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// The file with the token of `user`: `root`, `firstline` or `looker`.
    pub fn token(&self, user: &str) -> PathBuf {
        self.path(&format!("{user}.token"))
    }

    /// What root is told at `path` below the interface.
    pub async fn get(&self, path: &str) -> Value {
        self.sent(reqwest::Method::GET, path, None).await
    }

    /// What root is told when it sends `body`.
    pub async fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        self.sent(method, path, Some(body)).await
    }

    async fn sent(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Value {
        let token = fs::read_to_string(self.token("root")).expect("a token was made");
        let request = crate::collector::insecure().request(method, format!("{}/REST/2.0{path}", self.address()));
        let request = request.header("authorization", format!("token {token}"));
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await.expect("Request Tracker answers");
        answer.json().await.expect("Request Tracker answers with JSON")
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends a mail to the queue, which opens a ticket.
    pub async fn mail(&self, from: &str, subject: &str, text: &str) {
        let message = format!(
            "From: {from}\r\nTo: workstations@desk.test\r\nSubject: {subject}\r\nMessage-ID: <{}@corp.test>\r\n\r\n{text}\r\n",
            uuid::Uuid::new_v4()
        );
        let mut form = reqwest::Url::parse("http://form/").expect("an address");
        let pairs = [("queue", "Workstations"), ("action", "correspond"), ("message", message.as_str())];
        form.query_pairs_mut().extend_pairs(pairs);
        let request = crate::collector::insecure().post(format!("{}/REST/1.0/NoAuth/mail-gateway", self.address()));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form.query().unwrap_or_default().to_owned()).send().await;
        let said = answer.expect("the gateway answers").text().await.expect("text");
        assert!(said.starts_with("ok"), "no ticket was opened: {said}");
    }

    /// Everything that is attached to a ticket, oldest first, with its bytes.
    pub async fn attachments(&self, ticket: &str) -> Vec<Stored> {
        self.read(ticket, |_| true).await
    }

    /// Whether a message with such a subject is on a ticket.
    pub async fn has_subject(&self, ticket: &str, words: &str) -> bool {
        let holds = |one: &Value| one["Subject"].as_str().is_some_and(|subject| subject.contains(words));
        self.listed(ticket).await.iter().any(holds)
    }

    /// How many messages on a ticket hold `words`.
    pub async fn count(&self, ticket: &str, words: &str) -> usize {
        self.messages(ticket).await.iter().filter(|message| message.contains(words)).count()
    }

    /// What the messages on a ticket say, oldest first.
    pub async fn messages(&self, ticket: &str) -> Vec<String> {
        let all = self.rows(ticket, "Filename,Content").await;
        let messages = all.iter().filter(|one| one["Filename"].as_str().is_none_or(str::is_empty));
        messages.filter_map(|one| one["Content"].as_str().map(str::to_owned)).collect()
    }

    async fn listed(&self, ticket: &str) -> Vec<Value> {
        self.rows(ticket, "Subject,Filename,TransactionId").await
    }

    /// Everything that is attached to a ticket, oldest first, with these fields.
    async fn rows(&self, ticket: &str, fields: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = all.len() / PAGE + 1;
            let path = format!("/ticket/{ticket}/attachments?fields={fields}&orderby=id&per_page={PAGE}&page={page}");
            let mut list = self.get(&path).await;
            let rows = list["items"].as_array_mut().map(std::mem::take).expect("a list");
            let last = rows.len() < PAGE;
            all.extend(rows);
            if last {
                return all;
            }
        }
    }

    async fn read(&self, ticket: &str, meant: impl Fn(&Value) -> bool) -> Vec<Stored> {
        let mut found = Vec::new();
        for item in self.listed(ticket).await.iter().filter(|item| meant(item)) {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let whole = self.get(&format!("/attachment/{}", text("id"))).await;
            let content: String = whole["Content"].as_str().unwrap_or_default().split_ascii_whitespace().collect();
            found.push(Stored {
                transaction: text("TransactionId"),
                subject: text("Subject"),
                name: text("Filename"),
                bytes: BASE64_STANDARD.decode(content).expect("base64"),
            });
        }
        found
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at_home(&self, command: &mut Command) {
        let file = self.path("RT_SiteConfig.pm");
        command.env("RT_SITE_CONFIG", file).env("RT_SITE_CONFIG_DIR", "/dev/null").env("HOME", self.folder.path());
        command.env("RT_TESTING", "0").env("RT_TEST_MAIL", self.path("mail"));
    }

    fn run(&self, command: &mut Command) {
        self.at_home(command);
        let done = command.stdin(Stdio::null()).output().expect("the packages of Request Tracker are installed");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{command:?}: {}{said}", String::from_utf8_lossy(&done.stdout));
    }
}
