//! From a finding to a program that is told: the receiver of the documentation, run as it stands there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use firstline_tests::{Process, Stage, Volume, port, wait};
use serde_json::Value;

/// How long something may take to arrive, on a busy machine.
const ARRIVES: Duration = Duration::from_mins(3);

/// The events of a type that the receiver printed.
fn told(receiver: &Process, what: &str) -> Vec<Value> {
    let log = receiver.log();
    let lines = log.lines().filter_map(|line| line.splitn(3, ' ').collect::<Vec<_>>().try_into().ok());
    let own = lines.filter(|[_, kind, _]: &[&str; 3]| *kind == what);
    own.map(|[_, _, data]| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn a_program_is_told_of_a_diagnosis_and_of_an_alert_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, port) = (folder.path().join("secret"), port::free());
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let mut command = Command::new("python3");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/outputs/receiver.py");
    command.arg(script).arg(&secret).arg(port.to_string());
    let receiver = Process::start("the receiver", command, &folder.path().join("log"));
    wait::for_listener(port, ARRIVES).await;
    let stage = Stage::open_with(&format!(
        "[[output]]\nname = \"automation\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret_file = \"{}\"\n",
        secret.display()
    ))
    .await;
    stage.sign_in().await.done();
    let tried = stage.firstline(&["output", "test", "automation"]).await.done().stdout;
    assert!(tried.starts_with("done") && tried.contains("was taken"), "{tried}");
    assert_eq!(told(&receiver, "test").len(), 1, "{}", receiver.log());

    let volume = Volume::mount(&stage.folder(""), "volume", 64);
    let (_agent, id) = stage.agent_online("agent").await;
    let ticket = stage.ticket("My computer is slow", "sam").await;
    stage.attach(&ticket, &id).await;
    wait::for_condition("the diagnosis to be told", ARRIVES, async || told(&receiver, "diagnosis.attached").len() == 1)
        .await;
    let data = told(&receiver, "diagnosis.attached").remove(0);
    assert_eq!((&data["ticket"]["number"], &data["endpoint"]["id"]), (&ticket.into(), &id.clone().into()), "{data}");

    volume.fill();
    wait::for_condition("the alert to be told", ARRIVES, async || !told(&receiver, "alert.raised").is_empty()).await;
    let raised = told(&receiver, "alert.raised").remove(0);
    assert_eq!((&raised["status"], &raised["labels"]["endpoint"]), (&"firing".into(), &id.into()), "{raised}");
    let list = stage.firstline(&["--json", "output", "list"]).await.done().json();
    assert_eq!((&list["outputs"][0]["failed"], &list["outputs"][0]["trouble"]), (&0.into(), &"".into()), "{list}");
    let report = stage.firstline(&["report", "--csv", "desks"]).await.done().stdout;
    assert!(report.contains("\nbuiltin,1,1,1,"), "{report}");
}
