//! What Prometheus and Grafana are given to watch a collector with, against a collector that runs.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use firstline_tests::wire::sender::Sender;
use firstline_tests::{Outcome, Stage, binary, wait};

const SOON: Duration = Duration::from_mins(2);
const PREFIX: &str = "firstline_collector_";

/// Names of metrics in a text, without what a histogram adds.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter)).filter(|word| word.starts_with(PREFIX));
    let whole = |word: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    words.map(whole).collect()
}

#[tokio::test]
async fn every_metric_of_the_dashboard_and_of_the_alerts_comes_from_a_running_collector() {
    let packaging = binary::repository().join("collector/packaging");
    let rules = packaging.join("prometheus/firstline.rules.yml");
    let dashboard = std::fs::read_to_string(packaging.join("grafana/firstline.json")).expect("a dashboard");
    serde_json::from_str::<serde_json::Value>(&dashboard).expect("the dashboard is JSON");
    let mut named = metrics(&dashboard);
    named.extend(metrics(&std::fs::read_to_string(&rules).expect("rules")));
    assert!(named.len() > 20, "{named:?}");

    let stage = Stage::open().await;
    let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    for name in ["one", "two"] {
        let identity = stage.identity(name).await;
        let sender = Sender::start(stage.collector.agents, name, identity, start_ms);
        wait::for_condition("records to be stored", SOON, async || sender.acknowledged() > 200).await;
        sender.stop().await;
    }
    wait::for_condition("everything to be measured", SOON, async || {
        let told = metrics(&stage.collector.metrics().await);
        named.is_subset(&told)
    })
    .await;
    let text = stage.collector.metrics().await;
    let value = |name: &str| stage_value(&text, name);
    assert!(value("firstline_collector_disk_free_bytes") > 0.0);
    assert!(value("firstline_collector_database_bytes{part=\"data\"}") > 0.0);
    assert!(value("firstline_collector_streams_max") > 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") < value("process_max_fds"));
    assert!(value("firstline_collector_records_stored_total") >= 400.0);
    let root = value("firstline_collector_certificate_expires_timestamp_seconds{certificate=\"root\"}");
    assert!(root > start_ms as f64 / 1000.0, "{root}");
}

fn stage_value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[tokio::test]
async fn each_alert_rings_when_it_should_and_not_on_an_ordinary_evening() {
    let played = binary::repository().join("tests/fixtures/prometheus/firstline.test.yml");
    let rules = binary::repository().join("collector/packaging/prometheus/firstline.rules.yml");
    let mut command = Command::new("promtool");
    command.args(["check", "rules"]).arg(&rules);
    let said = Outcome::of(command).await.done();
    assert!(said.stdout.contains("SUCCESS"), "{}", said.stdout);
    let mut command = Command::new("promtool");
    command.args(["test", "rules"]).arg(&played);
    Outcome::of(command).await.done();
    let guide = std::fs::read_to_string(binary::repository().join("docs/operations.md")).expect("a guide");
    let rules = std::fs::read_to_string(rules).expect("rules");
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let silent: Vec<&str> = alerts.clone().filter(|alert| !guide.contains(&format!("`{alert}`"))).collect();
    assert!(silent.is_empty(), "docs/operations.md does not say what to do at {silent:?}");
    let played = std::fs::read_to_string(&played).expect("the stories of the alerts");
    let unplayed: Vec<&str> = alerts.filter(|alert| !played.contains(&format!("alertname: {alert}\n"))).collect();
    assert!(unplayed.is_empty(), "no story rings {unplayed:?}");
}
