//! What streams bring, handed to the rooms that want it.

use firstline_proto::convert::{Piece, SectionProgress};

use super::App;
use crate::ingest::{Listener, Observation};

#[tonic::async_trait]
impl Listener for App {
    async fn observe(&self, _endpoint_id: &str, _observations: Vec<Observation>) {}

    async fn connected(&self, _endpoint_id: &str) {}

    async fn disconnected(&self, _endpoint_id: &str) {}

    async fn progress(&self, _endpoint_id: &str, _progress: SectionProgress) {}

    async fn piece(&self, _endpoint_id: &str, _piece: Piece) {}
}
