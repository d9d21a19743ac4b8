//! Says that the machine goes to sleep before it does, and that it is back when it is.
//!
//! What was read goes to the disk, the mark `pausing` into the spool, and the collector is told, within [`PATIENCE`], a
//! fraction of what the machine waits for. A machine that is offline does not wait. That it is back is noticed
//! by the clocks as well (`schedule/turns.rs`); whoever comes second is not heard.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Mark;
use tokio::sync::watch;

use super::{Intake, lock};
use crate::os::Clock;
use crate::os::native::{Sleeps, Turn};
use crate::uplink::{LinkState, LinkStatus, Outbox};

/// How long the machine is kept awake at most; logind waits for five seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// When nobody announces sleep, or the bus went away, it is tried again after so long.
const AGAIN: Duration = Duration::from_mins(15);

/// What it takes to say so.
pub(super) struct Sleep {
    pub(super) intake: Arc<Mutex<Intake>>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) link: watch::Receiver<LinkStatus>,
}

impl Sleep {
    /// Listens for ever.
    pub(super) async fn run(self) {
        loop {
            match Sleeps::listen().await {
                Ok(sleeps) => self.follow(sleeps).await,
                Err(why) => tracing::debug!("Nobody announces sleep here: {why}"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn follow(&self, mut sleeps: Sleeps) {
        while let Some(turn) = sleeps.next().await {
            match turn {
                Turn::Going => {
                    self.goes().await;
                    sleeps.let_go();
                }
                Turn::Back => {
                    lock(&self.intake).mark(self.clock.now(), Mark::Resumed);
                    self.outbox.wakes();
                    sleeps.hold().await;
                }
            }
        }
    }

    async fn goes(&self) {
        let start = self.clock.awake();
        {
            let mut intake = lock(&self.intake);
            intake.finish();
            intake.pause();
        }
        let is_connected = self.link.borrow().state == LinkState::Connected;
        let told = is_connected && self.outbox.falls_asleep(PATIENCE).await;
        let took = self.clock.awake().saturating_sub(start);
        let knows = if told { "knows" } else { "does not know yet" };
        tracing::info!("The machine goes to sleep; the collector {knows}, after {} ms", took.as_millis());
    }
}
