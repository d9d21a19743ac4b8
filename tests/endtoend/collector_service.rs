//! The collector as a service from its package, on a machine of its own with systemd as the first process.

use std::process::Command;
use std::time::Duration;

use firstline_tests::api::Api;
use firstline_tests::stage::secret_of;
use firstline_tests::wire::Identity;
use firstline_tests::wire::sender::Sender;
use firstline_tests::{Collector, Guest, Outcome, binary, port, wait};
use serde_json::json;

const SOON: Duration = Duration::from_mins(1);
const DATA: &str = "/var/lib/firstline-collector";

/// Makes the package of this version and installs it; what that said.
async fn install(guest: &Guest, folder: &std::path::Path, version: &str) -> String {
    let mut command = Command::new(binary::repository().join("collector/packaging/deb"));
    command.arg("--binaries").arg(binary::folder()).args(["--version", version, "--compress", "none", "--output"]);
    command.arg(folder);
    let package = Outcome::of(command).await.done().stdout;
    guest.put(std::path::Path::new(package.trim()), "/root/collector.deb");
    guest.run("dpkg --install /root/collector.deb").await.done().stdout
}

async fn property(guest: &Guest, name: &str) -> String {
    guest.says(&format!("systemctl show --value --property {name} firstline-collector")).await
}

async fn more(sender: &Sender) {
    let goal = sender.acknowledged() + 300;
    wait::for_condition("records to be acknowledged", SOON, async || sender.acknowledged() >= goal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_brings_a_confined_service_that_survives_kill_upgrade_and_purge() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Guest::boot(&folder.path().join("guest")).await;

    let said = install(&guest, folder.path(), "1.0.0").await;
    assert!(said.contains("There is no collector yet, so the service waits."), "{said}");
    assert_eq!(property(&guest, "ActiveState").await, "inactive");
    assert_eq!(property(&guest, "UnitFileState").await, "enabled");
    guest.says("dpkg --purge firstline-collector").await;
    assert_eq!(guest.run(&format!("test -e {DATA} || getent passwd firstline-collector")).await.status, 2);

    install(&guest, folder.path(), "1.0.0").await;
    let (agents, people) = port::free_pair();
    let listen = format!("[listen]\nagents = \"127.0.0.1:{agents}\"\npeople = \"127.0.0.1:{people}\"\n");
    guest.write("/root/firstline.toml", &listen);
    let made =
        guest.says(&format!("firstline-collector init --json --data {DATA} --config /root/firstline.toml")).await;
    let made: serde_json::Value = serde_json::from_str(&made).expect("a document");
    let owners = guest.says(&format!("find {DATA} -printf '%u %#m %y\\n' | sort -u")).await;
    assert!(!owners.contains("root"), "root has left something behind: {owners}");
    guest.says("systemctl start firstline-collector").await;
    assert_eq!(property(&guest, "ActiveState").await, "active");
    assert!(property(&guest, "StatusText").await.contains(&people.to_string()), "it says that it is ready");
    let first = property(&guest, "MainPID").await;
    assert_eq!(guest.says(&format!("stat -c %U /proc/{first}")).await, "firstline-collector");
    assert_eq!(guest.says(&format!("grep -c '^CapEff:.0000000000000000$' /proc/{first}/status")).await, "1");
    let exposure = guest.says("systemd-analyze security --no-pager firstline-collector | tail -n 1").await;
    let level: f64 = exposure.split_whitespace().find_map(|word| word.parse().ok()).expect("a number");
    assert!(level < 2.0, "{exposure}");

    let password = made["password"].as_str().expect("a password").to_owned();
    let collector = Collector::elsewhere(folder.path(), (agents, people), password);
    let api = Api::sign_in(&collector).await;
    let token = api.post("/api/v1/tokens", &json!({ "uses": 1 })).await;
    let token = token["token"].as_str().expect("a token");
    let identity = Identity::enroll(agents, secret_of(token), "pc").await.expect("enrolled");
    let sender = Sender::start(agents, "pc", identity, jiff::Timestamp::now().as_millisecond() - 3_600_000);
    more(&sender).await;
    guest.says(&format!("firstline-collector doctor --quick --data {DATA}")).await;

    guest.says("systemctl kill --signal=SIGKILL firstline-collector").await;
    guest.comes_to(&format!("test \"$(systemctl show --value -p MainPID firstline-collector)\" != {first}")).await;
    guest.comes_to("systemctl is-active --quiet firstline-collector").await;
    more(&sender).await;

    guest.says("systemctl reload firstline-collector").await;
    guest.comes_to("journalctl -u firstline-collector | grep -q 'The configuration was read again'").await;
    guest.says(&format!("firstline-collector backup --data {DATA} --to /root/before.tar")).await;
    let before = property(&guest, "MainPID").await;
    install(&guest, folder.path(), "1.0.1").await;
    assert_ne!(property(&guest, "MainPID").await, before, "the new program runs");
    more(&sender).await;
    let acknowledged = sender.stop().await;

    guest.says("dpkg --remove firstline-collector").await;
    let said = guest.says("dpkg --purge firstline-collector").await;
    assert!(said.contains("holds a collector"), "{said}");
    guest.says(&format!("test -s {DATA}/authority/root.key && test -s {DATA}/firstline.sqlite")).await;
    println!(
        "install, init, start, kill -9, reload, backup, upgrade, purge: {acknowledged} records acknowledged, exposure {level}"
    );
}
