//! The harness itself: what it promises to the tests.

use std::process::Command;
use std::time::Duration;

use firstline_tests::{Browser, Process, Volume, wait};

#[tokio::test]
async fn a_volume_can_be_filled_and_freed_and_is_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let volume = Volume::mount(folder.path(), "small", 24);
    assert!(volume.is_mounted());
    let available = || firstline_tests::machine::filesystem_bytes(&volume.path().display().to_string()).1;
    let before = available();
    volume.fill();
    assert!(available() < before / 20.0, "{} bytes are left of {before}", available());
    volume.free();
    wait::for_condition("the space to come back", Duration::from_secs(10), async || available() > before * 0.9).await;
    let path = volume.path().to_owned();
    drop(volume);
    assert!(std::fs::read_dir(path).unwrap().next().is_none(), "still mounted");
}

#[tokio::test]
async fn a_process_does_not_outlive_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("tail");
    command.args(["-f", "/dev/null"]);
    let process = Process::start("tail", command, &folder.path().join("log"));
    let id = process.id();
    drop(process);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

#[tokio::test]
#[should_panic(expected = "waited 0 s in vain for rain")]
async fn a_wait_ends_and_says_what_it_waited_for() {
    wait::for_condition("rain", Duration::ZERO, async || false).await;
}

#[tokio::test]
async fn browser_opens_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::open(folder.path(), 390, 800).await;
    browser
        .tell("browser_opens_a_page", async {
            browser.go("data:text/html,<h1>Good morning</h1>").await;
            browser.shows("Good morning", Duration::from_mins(1)).await;
        })
        .await;
    browser.close().await;
}
