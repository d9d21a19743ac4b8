//! Several endpoints that send at once.

use std::time::Duration;

use super::sender::Sender;
use crate::{Stage, wait};

/// Endpoints that send until they are stopped.
#[derive(Debug)]
pub struct Senders {
    list: Vec<Sender>,
    /// Time of their first record, milliseconds since 1970.
    pub start_ms: i64,
}

impl Senders {
    /// Enrols so many endpoints and lets them send.
    pub async fn start(stage: &Stage, count: usize) -> Self {
        // An hour ago, so that no record lies in the future and none is old enough to be forgotten.
        let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
        let mut list = Vec::with_capacity(count);
        for number in 0..count {
            let name = format!("sender-{number}");
            let identity = stage.identity(&name).await;
            list.push(Sender::start(stage.collector.agents, &name, identity, start_ms));
        }
        Self { list, start_ms }
    }

    /// Waits until so many more records are acknowledged than are now.
    pub async fn go_on(&self, records: u64, within: Duration) {
        let total = || self.list.iter().map(Sender::acknowledged).sum::<u64>();
        let goal = total() + records;
        wait::for_condition("records to be acknowledged", within, async || total() >= goal).await;
    }

    /// Waits until something of each is acknowledged.
    pub async fn all_begin(&self, within: Duration) {
        let begun = || self.list.iter().all(|sender| sender.acknowledged() > 0);
        wait::for_condition("every sender to begin", within, async || begun()).await;
    }

    /// Waits until each has sent all that it may before more is acknowledged.
    pub async fn all_wait(&self, within: Duration) {
        let waiting = || self.list.iter().all(Sender::is_waiting);
        wait::for_condition("every sender to wait", within, async || waiting()).await;
    }

    /// Stops them; each endpoint's id, and the highest number that was acknowledged to it.
    pub async fn stop(self) -> Vec<(String, u64)> {
        let mut acknowledged = Vec::with_capacity(self.list.len());
        for sender in self.list {
            let endpoint = sender.endpoint_id.clone();
            acknowledged.push((endpoint, sender.stop().await));
        }
        acknowledged
    }
}
