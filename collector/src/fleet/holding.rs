//! Who holds a stream, where several collectors share the database. One that is alone holds all there are.

use firstline_diagnosis::document::EndpointState;
use metrics::counter;

use super::{Ending, Fleet, FleetError, Shared, Stream, row};
use crate::metrics::MOVED;
use crate::replica::Message;
use crate::store::{Claim, Connection, StoreError, sql};

impl Fleet {
    /// The number under which this collector holds an endpoint's stream; none when it holds none, or is alone.
    pub fn epoch(&self, endpoint_id: &str) -> Option<i64> {
        self.shared.live.epoch(endpoint_id)
    }

    /// Another collector holds an endpoint's stream under `epoch`: ours, if there is one left, ends.
    pub fn moved(&self, endpoint_id: &str, epoch: i64) {
        self.shared.live.end_up_to(endpoint_id, epoch - 1, Ending::Replaced);
    }

    /// Another collector has revoked an endpoint.
    ///
    /// # Errors
    /// The database's or the authority's; the stream is ended all the same.
    pub async fn revoked(&self, endpoint_id: &str) -> Result<(), FleetError> {
        self.shared.end_for_good(endpoint_id, Ending::Revoked).await?;
        self.refresh_authority().await
    }

    /// Ends streams of endpoints that were revoked at another collector, which nobody told: NATS is away, or lost it.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_revoked(&self) -> Result<(), FleetError> {
        if self.shared.replicas.is_alone() {
            return Ok(());
        }
        let revoked: Vec<String> = sql::query_scalar("SELECT id FROM endpoints WHERE revoked_at_ms IS NOT NULL")
            .fetch_all(self.shared.store.reads())
            .await?;
        for id in revoked.iter().filter(|id| self.is_connected(id)) {
            self.shared.end_for_good(id, Ending::Revoked).await?;
        }
        Ok(())
    }

    /// The others have given this collector up: all streams end, and the endpoints come back.
    pub fn expelled(&self) {
        self.shared.live.end_all(&Ending::Expelled);
    }
}

impl Shared {
    /// Ends the stream of an endpoint that may not come back. When it was heard last is in memory, which goes with the stream,
    /// and its row is not brought in step any more: it is stored now.
    pub(super) async fn end_for_good(&self, endpoint_id: &str, why: Ending) -> Result<(), StoreError> {
        let heard = self.live.heard(endpoint_id);
        self.live.end(endpoint_id, why);
        let Some(heard) = heard else { return Ok(()) };
        row::note_heard(&self.store, endpoint_id, heard.at).await
    }

    /// Takes an endpoint's stream from whoever holds it.
    pub(super) async fn claim(&self, endpoint_key: i64) -> Result<Option<i64>, StoreError> {
        let Some(run_id) = self.replicas.run_id() else { return Ok(None) };
        let holder = Some(String::clone(&run_id));
        let claim = Claim { endpoint_key, holder, only_under: None, changes_hands: true };
        self.store.claim(claim).await.map(Some)
    }

    /// Tells the other collectors that the stream is here, so that one of them that has an older one lets it go.
    pub(super) fn tell_others(&self, stream: &Stream) {
        if let Some(epoch) = stream.epoch {
            self.replicas.tell(Message::Holds { endpoint_id: stream.endpoint_id.clone(), epoch });
        }
    }

    /// Whether an endpoint in this state may hold a stream at another collector.
    pub(super) fn may_be_elsewhere(&self, state: EndpointState) -> bool {
        !self.replicas.is_alone() && state == EndpointState::Online
    }

    /// Gives a stream up; says whether it was still ours. When that cannot be stored, the number protects what follows.
    pub(super) async fn release(&self, stream: &Stream) -> bool {
        let Some(epoch) = stream.epoch else { return true };
        let endpoint_key = stream.endpoint_key;
        let claim = Claim { endpoint_key, holder: None, only_under: Some(epoch), changes_hands: false };
        !matches!(self.store.claim(claim).await, Err(StoreError::Moved))
    }

    /// Takes an endpoint's stream from everybody.
    pub(super) async fn take_away(&self, endpoint_id: &str) -> Result<(), FleetError> {
        if self.replicas.is_alone() {
            return Ok(());
        }
        let endpoint_key = row::by_id(self.store.reads(), endpoint_id).await?.key;
        let claim = Claim { endpoint_key, holder: None, only_under: None, changes_hands: true };
        Ok(self.store.claim(claim).await.map(drop)?)
    }
}

/// Refuses to go on within a transaction when an endpoint's stream is no longer held under `epoch`. Nothing is asked where
/// there is no such number.
///
/// # Errors
/// [`StoreError::Moved`], or the database's.
pub(crate) async fn guard(tx: &mut Connection, endpoint_id: &str, epoch: Option<i64>) -> Result<(), StoreError> {
    let Some(epoch) = epoch else { return Ok(()) };
    let held: Option<i64> = sql::query_scalar(
        "SELECT p.epoch FROM endpoint_progress p JOIN endpoints e ON e.key = p.endpoint_key WHERE e.id = $1",
    )
    .bind(endpoint_id)
    .fetch_optional(tx)
    .await?;
    if held == Some(epoch) {
        return Ok(());
    }
    counter!(MOVED, "kind" => "verdict").increment(1);
    Err(StoreError::Moved)
}
