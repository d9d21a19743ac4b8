//! What the system's log says reaches the people who look at the machine.

use std::time::Duration;

use firstline_tests::{FailingDisk, Stage, wait};

/// A log is read once a minute.
const TOLD: Duration = Duration::from_mins(3);

#[tokio::test]
async fn a_disk_that_cannot_be_read_is_among_the_endpoints_events_and_in_a_snapshot() {
    let stage = Stage::open().await;
    let disk = FailingDisk::new(&stage.folder("disk.img"));
    disk.read();
    let (mut agent, id) = stage.agent_online("agent").await;
    let series = format!("endpoint.disk.errors{{kind=\"io\",place=\"virtual\",system.device=\"{}\"}}", disk.name());
    let path = format!("/api/v1/endpoints/{id}/events");
    let told = wait::until("the disk's error to arrive", TOLD, async || {
        let list = stage.api.get(&path).await;
        let events = list["events"].as_array().expect("a list").clone();
        events.into_iter().find(|event| event["series"] == series.as_str())
    })
    .await;
    assert!(told["count"].as_u64().is_some_and(|count| count >= 1), "{told}");

    let pull = stage.attach(&stage.ticket("slow", "ada").await, &id).await;
    let result = stage.api.get(&format!("/api/v1/pulls/{}/result", pull["id"].as_str().expect("an id"))).await;
    let events = result["snapshot"]["events"].as_array().expect("a snapshot with events");
    assert!(events.iter().any(|event| event["series"] == series.as_str()), "{events:?}");
    assert!(agent.stop().await.success());
}
