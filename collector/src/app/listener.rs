//! What streams bring, handed to the rooms that want it.

use firstline_proto::convert::{Piece, SectionProgress};

use super::App;
use crate::ingest::{Listener, Observation};
use crate::outage::say_of;

#[tonic::async_trait]
impl Listener for App {
    async fn observe(&self, endpoint_id: &str, observations: Vec<Observation>) {
        self.detect.observe(endpoint_id, &observations).await;
        let states = observations.iter().filter_map(|one| match one {
            Observation::Reading(reading) => Some(&*reading.series.signal),
            _ => None,
        });
        if let Err(error) = self.fleet.states_told(endpoint_id, states).await {
            say_of(endpoint_id, "its tags wait for the next look at the rules", &error);
        }
    }

    async fn doubtful(&self, endpoint_id: &str) {
        self.detect.doubtful(endpoint_id).await;
    }

    async fn connected(&self, endpoint_id: &str) {
        self.detect.connected(endpoint_id).await;
        self.detect.retagged(endpoint_id).await;
        if let Err(error) = self.pulls.connected(endpoint_id).await {
            say_of(endpoint_id, "its pulls wait for the next tick", &error);
        }
    }

    async fn disconnected(&self, endpoint_id: &str) {
        if let Err(error) = self.pulls.disconnected(endpoint_id).await {
            say_of(endpoint_id, "its pulls wait for the next tick", &error);
        }
    }

    async fn progress(&self, endpoint_id: &str, progress: SectionProgress) {
        self.pulls.progress(endpoint_id, &progress);
    }

    async fn piece(&self, endpoint_id: &str, piece: Piece) {
        self.pulls.chunk(endpoint_id, &piece);
    }
}
