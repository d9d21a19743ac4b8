//! `./quickstart`, from outside.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use firstline_tests::{Outcome, Process, binary, port, wait};
use rustix::process::Signal;

const RUNNING: Duration = Duration::from_mins(4);
const STOPPED: Duration = Duration::from_secs(90);

/// The quickstart with binaries that are built already, its data in `folder`, on free ports.
fn quickstart(folder: &Path, arguments: &[&str]) -> Command {
    let (agents, people) = port::free_pair();
    let mut command = Command::new(binary::repository().join("quickstart"));
    command.args(arguments).env("FIRSTLINE_DATA", folder.join("data")).env("FIRSTLINE_PROFILE", "dev");
    command.env("FIRSTLINE_BIN_DIR", binary::folder()).env("NO_COLOR", "1");
    command.env("FIRSTLINE_AGENT_PORT", agents.to_string()).env("FIRSTLINE_PEOPLE_PORT", people.to_string());
    command
}

#[tokio::test]
async fn once_ends_well_with_the_diagnosis_on_the_ticket_and_again_with_the_data_of_the_first_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Outcome::of(quickstart(folder.path(), &["--once"])).await.done();
    assert!(first.stdout.contains("Ruled out"), "{}", first.stdout);
    assert!(first.stdout.contains("https://"), "{}", first.stdout);
    let root = std::fs::read(folder.path().join("data/authority/root.pem")).unwrap();
    let again = Outcome::of(quickstart(folder.path(), &["--once"])).await.done();
    assert!(again.stdout.contains("is on ticket FL-1002"), "{}", again.stdout);
    assert_eq!(std::fs::read(folder.path().join("data/authority/root.pem")).unwrap(), root, "another authority");
}

#[tokio::test]
async fn keeps_running_until_it_is_interrupted_and_leaves_nobody_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start("quickstart", quickstart(folder.path(), &[]), &folder.path().join("log"));
    wait::for_condition("the quickstart to be through", RUNNING, async || {
        assert!(process.is_running(), "it ended:\n{}", process.log());
        process.log().contains("Ctrl-C")
    })
    .await;
    process.signal(Signal::INT);
    process.ended(STOPPED).await;
    let data = folder.path().join("data").display().to_string();
    assert!(running_with(&data).is_empty(), "left behind: {:?}", running_with(&data));
}

/// Command lines of processes that name `text`.
fn running_with(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text) && line.contains("firstline-")).collect()
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for variable in ["FIRSTLINE_AGENT_PORT", "FIRSTLINE_PEOPLE_PORT"] {
        let (_listener, port) = port::taken();
        let mut command = quickstart(folder.path(), &["--once"]);
        command.env(variable, port.to_string());
        let said = Outcome::of(command).await.ended_with(1).stderr;
        assert!(said.contains(&port.to_string()) && said.contains(variable), "{said}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be stops root, too.
    std::fs::write(folder.path().join("data"), "").unwrap();
    let said = Outcome::of(quickstart(folder.path(), &["--once"])).await.ended_with(1).stderr;
    assert!(said.contains("FIRSTLINE_DATA"), "{said}");
}

#[tokio::test]
async fn tells_how_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Outcome::of(quickstart(folder.path(), &["--help"])).await.done().stdout.contains("--once"));
    assert!(Outcome::of(quickstart(folder.path(), &["--twice"])).await.ended_with(2).stderr.contains("--twice"));
}
