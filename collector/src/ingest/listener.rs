use std::fmt::Debug;

use firstline_proto::convert::{Piece, SectionProgress};

use super::Observation;

/// Who else wants to know what streams bring. Called in order for one endpoint; a slow answer slows that endpoint only.
#[tonic::async_trait]
pub trait Listener: Debug + Send + Sync + 'static {
    /// These are stored now.
    async fn observe(&self, endpoint_id: &str, observations: Vec<Observation>);
    /// It is not known whether something that it told is stored: the database went away, and the stream ends.
    async fn doubtful(&self, endpoint_id: &str);
    /// A stream is open and has been welcomed.
    async fn connected(&self, endpoint_id: &str);
    /// A stream is gone and no other took its place.
    async fn disconnected(&self, endpoint_id: &str);
    /// A pull moved on.
    async fn progress(&self, endpoint_id: &str, progress: SectionProgress);
    /// A piece of a snapshot arrived.
    async fn piece(&self, endpoint_id: &str, piece: Piece);
}
