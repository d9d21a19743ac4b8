//! The ends that are meant: the agent stops, or the machine sleeps.

use std::time::Duration;

use firstline_proto::v1;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tonic::Streaming;

use super::{End, Gone, Session};

/// Time for the last records to be acknowledged at a clean stop.
const FAREWELL_LIMIT: Duration = Duration::from_secs(3);

/// A machine that said that it sleeps and does not is heard again after so long. Time asleep does not count.
const HOLD: Duration = Duration::from_secs(20);

impl Session<'_> {
    /// Says that the agent pauses, and gives the last records a moment to be stored.
    pub(super) async fn farewell(&mut self, inbound: &mut Streaming<v1::CollectorFrame>) -> End {
        let _ = timeout(FAREWELL_LIMIT, self.say_pausing(inbound)).await;
        End::Stopped
    }

    /// Says that the machine sleeps, lets `told` know when the collector does, and then says nothing more until it is
    /// awake: whatever came after would be taken for a sign of life.
    pub(super) async fn pause(
        &mut self,
        inbound: &mut Streaming<v1::CollectorFrame>,
        told: oneshot::Sender<()>,
    ) -> Result<(), Gone> {
        let outbox = std::sync::Arc::clone(&self.uplink.outbox);
        // Listened for before the machine may go, so that no wake is missed.
        let awake = outbox.awake.notified();
        timeout(FAREWELL_LIMIT, self.say_pausing(inbound)).await.unwrap_or(Err(Gone))?;
        let _ = told.send(());
        tokio::select! {
            () = awake => {}
            () = sleep(HOLD) => {}
        }
        Ok(())
    }

    async fn say_pausing(&mut self, inbound: &mut Streaming<v1::CollectorFrame>) -> Result<(), Gone> {
        self.pump().await?;
        self.beat(v1::MarkKind::Pausing).await?;
        while self.unanswered > 0 || self.acknowledged < self.sent {
            match inbound.message().await {
                // What the collector wants meanwhile is taken in; what it wants to hear, the next stream says.
                Ok(Some(message)) => drop(self.handle(message)),
                _ => return Err(Gone),
            }
        }
        Ok(())
    }
}
