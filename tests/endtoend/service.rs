//! The agent as a service, on a machine of its own with systemd as the first process.

mod bus;
mod faults;
mod install;
mod limits;
mod package;
mod sleep;
mod watching;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use firstline_tests::{Guest, Outcome, Stage, binary, wait};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// How long what was asked of a service may take on a busy machine.
const SOON: Duration = Duration::from_mins(1);

/// Steps as short as a collector may ask for, so that nobody waits.
const FAST: &str = "[agents]\nfast_period_seconds = 5\nminute_period_seconds = 30\n";

/// A collector here, and a machine on which an agent can be a service.
struct Site {
    stage: Stage,
    guest: Guest,
}

impl Site {
    async fn open() -> Self {
        let stage = Stage::open_with(FAST).await;
        let guest = Guest::boot(&stage.folder("guest")).await;
        Self { stage, guest }
    }

    /// A site where the package is installed and the agent online; its endpoint.
    async fn managed() -> (Self, String) {
        let site = Self::open().await;
        site.install("1.0.0").await.done();
        let endpoint = site.enroll("firstline-agent").await;
        (site, endpoint)
    }

    /// Makes the package of this version and installs it in the guest.
    async fn install(&self, version: &str) -> Outcome {
        self.guest.put(&self.package(version).await, "/root/agent.deb");
        self.guest.run("dpkg --install /root/agent.deb").await
    }

    async fn package(&self, version: &str) -> PathBuf {
        let mut command = Command::new(binary::repository().join("agent/packaging/deb"));
        command.arg("--binary").arg(binary::path("firstline-agent")).args(["--version", version]);
        command.args(["--compress", "none", "--output"]).arg(self.stage.folder("packages"));
        Outcome::of(command).await.done().stdout.trim().into()
    }

    /// Runs `install` of the `program` with a fresh token, and waits for the endpoint.
    async fn enroll(&self, program: &str) -> String {
        let token = self.stage.token(json!({ "uses": 1 })).await;
        self.guest.write("/root/token", &token);
        let collector = format!("127.0.0.1:{}", self.stage.collector.agents);
        let line = format!("{program} install --collector {collector} --token-file /root/token && rm /root/token");
        let said = self.guest.says(&line).await;
        assert!(said.contains("The service runs."), "{said}");
        let [endpoint] = self.stage.endpoint_ids().await.try_into().expect("one endpoint");
        self.stage.endpoint_is(&endpoint, "online").await;
        endpoint
    }

    /// A property that systemd keeps of the service.
    async fn property(&self, name: &str) -> String {
        self.guest.says(&format!("systemctl show firstline-agent --value --property {name}")).await
    }

    /// What `status --json` prints in the guest.
    async fn status(&self) -> Value {
        self.guest.run("firstline-agent status --json").await.done().json()
    }

    /// The readings of a fresh snapshot that a technician pulls from the service.
    async fn pulled(&self, endpoint: &str) -> Vec<Value> {
        self.stage.sign_in().await.done();
        let document = self.stage.firstline(&["pull", endpoint, "--json"]).await.done().json();
        document["snapshot"]["readings"].as_array().expect("a list of readings").clone()
    }

    /// Waits until the service was started again by systemd for the `count`th time, and runs.
    async fn restarted(&self, count: u32) {
        let line = format!(
            "test $(systemctl show firstline-agent --value -p NRestarts) = {count} && systemctl is-active firstline-agent"
        );
        self.guest.comes_to(&line).await;
    }

    /// Rows of the collector's database.
    async fn rows<T>(&self, query: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
    {
        let options = SqliteConnectOptions::new().filename(self.stage.collector.folder.join("firstline.sqlite"));
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let rows = sqlx::query_as(query).fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows
    }

    /// The marks that the collector has, in the order of their arrival.
    async fn marks(&self) -> Vec<(String, i64)> {
        self.rows("SELECT mark, at_ms FROM marks ORDER BY id").await
    }

    /// Waits until the collector has an event of this series; the fields of all.
    async fn event(&self, series: &str) -> Vec<Value> {
        wait::until(&format!("the event {series}"), SOON, async || {
            Some(self.events(series).await).filter(|events| !events.is_empty())
        })
        .await
    }

    /// The fields of the events of this series that the collector has.
    async fn events(&self, series: &str) -> Vec<Value> {
        let rows: Vec<(String, String)> = self.rows("SELECT series, fields FROM events ORDER BY id").await;
        let of_series = rows.into_iter().filter(|(name, _)| name == series);
        of_series.map(|(_, fields)| serde_json::from_str(&fields).expect("fields are a document")).collect()
    }

    /// Waits until the collector has samples of this time; how many.
    async fn heard(&self, times: std::ops::Range<i64>) -> usize {
        wait::until("samples from before to arrive", SOON, async || {
            let samples: Vec<(i64,)> = self.rows("SELECT at_ms FROM samples").await;
            Some(samples.iter().filter(|(at,)| times.contains(at)).count()).filter(|count| *count > 0)
        })
        .await
    }

    /// Waits until the collector has the current value of a series.
    async fn told(&self, series: &str, outcome: &Value) {
        let what = format!("{series} to be {outcome}");
        wait::for_condition(&what, SOON, async || {
            let rows: Vec<(String, String)> = self.rows("SELECT series, outcome FROM inventory").await;
            let found = rows.iter().find(|(name, _)| name == series);
            found.is_some_and(|(_, text)| serde_json::from_str::<Value>(text).is_ok_and(|value| value == *outcome))
        })
        .await;
    }

    /// Runs the agent until its first sample lies in the spool, with no collector to take it, after a line of shell that
    /// nobody heard of either. The time of the start.
    async fn run_unheard(&mut self, line: &str) -> i64 {
        self.stage.collector.stop().await;
        self.guest.says("systemctl stop firstline-agent").await;
        self.guest.says(line).await;
        let start = now_ms();
        self.guest.says("systemctl start firstline-agent").await;
        // The recorder gets the row that the spool gets as a sample; it is in memory, so the stop took the ones before.
        self.guest.comes_to("test -s /run/firstline-agent/memory/minute.rows").await;
        start
    }

    /// Everything that is a file, and every account: what an installation may change and a removal must change back.
    async fn traces(&self) -> String {
        let keep = "-path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /var/lib/systemd -o -path /tmp \
                    -o -path /var/tmp -o -path /root -o -name 'passwd-' -o -name 'group-' -o -name '*shadow-' \
                    -o -name '*.lock'";
        self.guest
            .says(&format!("find / -xdev \\( {keep} \\) -prune -o -print | sort; sort /etc/passwd /etc/group"))
            .await
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// What is in `after` and not in `before`, and the other way round.
fn difference(before: &str, after: &str) -> Vec<String> {
    let only = |one: &str, other: &str, sign: char| -> Vec<String> {
        let other: std::collections::BTreeSet<&str> = other.lines().collect();
        one.lines().filter(|line| !other.contains(line)).map(|line| format!("{sign}{line}")).collect()
    };
    [only(after, before, '+'), only(before, after, '-')].concat()
}
