//! A machine that goes to sleep says so first, and nothing afterwards until it wakes.

use std::time::Duration;

use firstline_agent::uplink::{LinkState, Routes};
use firstline_proto::v1;

use crate::collector::{Collector, Temper};
use crate::uplink::Agent;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_collector_knows_that_the_machine_sleeps_before_it_does_and_hears_no_more_until_it_wakes() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let mut running = agent.connect_by(collector.address(), Routes::default());
    running.reaches(LinkState::Connected).await;
    agent.append(20);
    assert!(agent.outbox.falls_asleep(LONG).await, "it was told in time");
    assert_eq!(collector.beats(), [v1::MarkKind::Pausing]);
    assert_eq!(collector.count(), 20, "with everything that was recorded before");
    // What is read while the machine is on its way into sleep would be a sign of life.
    agent.append(5);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(collector.count(), 20);
    agent.outbox.wakes();
    collector.stored(25).await;
    assert_eq!(collector.streams(), 1, "over the same stream, when that is still there");
    running.stop().await;
}

#[tokio::test]
async fn a_machine_that_does_not_reach_its_collector_does_not_wait_for_it_and_a_later_stream_does_not_sleep() {
    let collector = Collector::start(Temper { acknowledge: false, ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    assert!(!agent.outbox.falls_asleep(Duration::from_millis(10)).await, "nobody is there to be told");
    agent.append(3);
    let mut running = agent.connect_by(collector.address(), Routes::default());
    running.reaches(LinkState::Connected).await;
    collector.stored(3).await;
    assert_eq!(collector.beats(), [], "nobody waits for that any more");
    assert!(
        !agent.outbox.falls_asleep(Duration::from_millis(300)).await,
        "a collector that stores nothing does not know"
    );
    running.stop().await;
}
