use super::*;
use crate::app::Clock as _;
use crate::app::fixture::Collector;
use crate::store::{Body, RecordBatch, Row, StateValue};

/// An endpoint that tells states.
struct Machine {
    collector: Collector,
    id: String,
    key: i64,
    sequence: u64,
}

impl Machine {
    async fn start() -> Self {
        let collector = Collector::start().await;
        let id = collector.machine("m").await.id;
        let key = collector.app.fleet.known(&id).await.expect("known").key;
        Self { collector, id, key, sequence: 0 }
    }

    /// A moment so many hours after the start.
    fn hour(&self, hours: u64) -> Timestamp {
        self.collector.clock.now() + Duration::from_hours(hours)
    }

    async fn append(&mut self, at: Timestamp, body: Body) {
        self.sequence += 1;
        let rows = vec![Row { sequence: self.sequence, at_ms: at.unix_ms(), body }];
        let batch = RecordBatch { endpoint_key: self.key, received_ms: at.unix_ms(), rows, ahead: false, epoch: None };
        self.collector.app.store.append(batch).await.expect("stored");
    }

    /// Tells states at an hour; an empty text is one that is not there any more, `?` one that could not be read.
    async fn tells(&mut self, hours: u64, states: &[(&str, &str)]) {
        let at = self.hour(hours);
        let outcome = |text: &str| match text {
            "" => r#"{"why":"not_present","detail":""}"#.to_owned(),
            "?" => r#"{"why":"timeout","detail":""}"#.to_owned(),
            text => format!(r#"{{"value":"{text}"}}"#),
        };
        let value = |&(series, text): &(&str, &str)| StateValue {
            series: series.to_owned(),
            outcome: outcome(text),
            at_ms: at.unix_ms(),
        };
        self.append(at, Body::Inventory(states.iter().map(value).collect())).await;
    }

    async fn installs(&mut self, hours: u64, name: &str, from: &str, to: &str) {
        let series = Series::new("endpoint.software.change", [("package.manager", "dpkg"), ("package.name", name)]);
        let fields = format!(r#"{{"from":"{from}","to":"{to}"}}"#);
        self.append(self.hour(hours), Body::Event { series: series.to_string(), fields, count: 1 }).await;
    }

    /// A snapshot that lists these programs.
    async fn pulls(&mut self, hours: u64, programs: &[(&str, &str)]) {
        let readings: Vec<serde_json::Value> = programs
            .iter()
            .map(|(name, version)| {
                serde_json::json!({ "signal": "endpoint.software", "attrs": { "package.manager": "dpkg", "package.name": name },
                    "value": version, "unit": "", "quality": "ok", "at": self.hour(hours).to_string() })
            })
            .collect();
        let document = serde_json::json!({ "readings": readings }).to_string().into_bytes();
        let (id, name, at) = (self.id.clone(), format!("pull-{hours}"), self.hour(hours).unix_ms());
        let write = self.collector.app.store.write(move |tx| {
            Box::pin(async move {
                sql::query("INSERT INTO blobs (sha256, bytes) VALUES ($1, $2)").bind(&name).bind(document).execute(&mut *tx).await?;
                sql::query(
                    "INSERT INTO pulls (id, endpoint_id, state, requested_at_ms, expires_at_ms, document) VALUES ($1, $2, 'done', $3, $3, '{}')",
                )
                .bind(&name)
                .bind(&id)
                .bind(at)
                .execute(&mut *tx)
                .await?;
                sql::query(
                    "INSERT INTO snapshots (id, pull_id, endpoint_id, taken_at_ms, received_at_ms, document_sha256, diagnosis)
                     VALUES ($1, $1, $2, $3, $3, $1, '{}')",
                )
                .bind(&name)
                .bind(&id)
                .bind(at)
                .execute(tx)
                .await?;
                Ok::<_, StoreError>(())
            })
        });
        write.await.expect("a snapshot");
    }

    /// Everything of the moment, as `signal{..}=value`.
    async fn at(&self, hours: u64) -> Vec<String> {
        let inventory = self.collector.app.history.inventory_at(&self.id, self.hour(hours)).await.expect("read");
        let value = |item: &Item| item.value.as_ref().map_or_else(|| "?".to_owned(), text);
        inventory.items.iter().map(|item| format!("{}={}", short(&item.reference), value(item))).collect()
    }

    /// Every change between two hours, the newest first.
    async fn changes(&self, from: u64, to: u64) -> Vec<String> {
        let changes = self.collector.app.history.inventory_changes(&self.id, self.hour(from), self.hour(to)).await;
        let word = |told: &Option<String>| told.clone().unwrap_or_else(|| "-".to_owned());
        let changes = changes.expect("read");
        changes
            .iter()
            .map(|one| format!("{}: {} > {}", short(&one.reference), word(&one.from), word(&one.to)))
            .collect()
    }
}

/// A series without what is the same for all of the test.
fn short(reference: &str) -> String {
    let series: Series = reference.parse().expect("a series");
    let names = ["driver", "package.name", "server"];
    let instance = names.iter().find_map(|name| series.attributes.get(name));
    format!("{} {}", series.signal.rsplit('.').next().unwrap_or_default(), instance.unwrap_or_default())
        .trim()
        .to_owned()
}

const DRIVER: &str = r#"endpoint.driver{device.class="display",driver="nvidia"}"#;
const OTHER: &str = r#"endpoint.driver{device.class="network",driver="iwlwifi"}"#;
const RESOLVER: &str = "endpoint.dns.resolver";

#[tokio::test]
async fn a_moment_is_told_as_it_was_and_changes_between_two() {
    let mut machine = Machine::start().await;
    machine.tells(0, &[(DRIVER, "535"), (RESOLVER, "relay"), ("endpoint.boot.id", "a")]).await;
    machine.tells(10, &[(DRIVER, "550"), ("endpoint.boot.id", "b")]).await;
    machine.tells(20, &[(RESOLVER, "direct"), (OTHER, "6.1")]).await;
    machine.tells(30, &[(DRIVER, "")]).await;
    assert_eq!(machine.at(0).await, ["driver nvidia=535", "resolver=relay"]);
    assert_eq!(machine.at(15).await, ["driver nvidia=550", "resolver=relay"]);
    assert_eq!(machine.at(25).await, ["driver nvidia=550", "driver iwlwifi=6.1", "resolver=direct"]);
    assert_eq!(machine.at(40).await, ["driver iwlwifi=6.1", "resolver=direct"]);
    assert_eq!(machine.changes(0, 15).await, ["driver nvidia: 535 > 550"]);
    assert_eq!(
        machine.changes(15, 40).await,
        ["driver nvidia: 550 > -", "resolver: relay > direct", "driver iwlwifi: - > 6.1"]
    );
}

#[tokio::test]
async fn what_could_not_be_read_for_a_while_did_not_change() {
    let mut machine = Machine::start().await;
    machine.tells(0, &[(RESOLVER, "relay")]).await;
    machine.tells(1, &[(RESOLVER, "?")]).await;
    machine.tells(2, &[(RESOLVER, "relay")]).await;
    machine.tells(3, &[(RESOLVER, "?")]).await;
    machine.tells(4, &[(RESOLVER, "direct")]).await;
    assert_eq!(machine.at(1).await, ["resolver=?"], "unknown is told as unknown");
    assert_eq!(machine.changes(0, 3).await, Vec::<String>::new());
    assert_eq!(machine.changes(0, 9).await, ["resolver: relay > direct"]);
}

#[tokio::test]
async fn programs_are_the_nearest_list_moved_by_what_was_installed_and_removed() {
    let mut machine = Machine::start().await;
    machine.installs(5, "firefox", "120", "121").await;
    assert!(machine.at(6).await.is_empty());
    let inventory = machine.collector.app.history.inventory_at(&machine.id, machine.hour(6)).await.expect("read");
    assert!(inventory.programs.why.contains("none has been pulled"), "{:?}", inventory.programs);
    machine.pulls(10, &[("firefox", "121"), ("zoom", "5")]).await;
    machine.installs(12, "zoom", "5", "none").await;
    machine.installs(13, "teams", "none", "1").await;
    machine.installs(14, "libssl", "3.0", "3.1").await;
    assert_eq!(machine.at(2).await, ["software firefox=120", "software zoom=5"], "backwards from the list");
    assert_eq!(machine.at(10).await, ["software firefox=121", "software zoom=5"]);
    assert_eq!(machine.at(20).await, ["software firefox=121", "software teams=1"], "forwards; a library is not listed");
    assert_eq!(
        machine.changes(10, 20).await,
        ["software libssl: 3.0 > 3.1", "software teams: - > 1", "software zoom: 5 > -"]
    );
}
