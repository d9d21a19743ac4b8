//! What happens between a pull and its endpoint.

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{Piece, SectionProgress};
use tracing::warn;

use super::flight::{FAILURES, Flight, Received};
use super::{Pull, PullError, PullState, Pulls, rows};

/// What a pull says while its endpoint has not been asked.
const AWAY: &str = "The computer is not connected. It is asked as soon as it is.";

/// What the endpoint's answer asks for.
enum Next {
    Nothing,
    Verify(Box<Pull>, Vec<u8>),
    AskAgain(String, String),
}

impl Pulls {
    /// An endpoint holds a stream: everything that waits for it goes out.
    ///
    /// # Errors
    /// When the store failed; the pulls are asked for at the next tick.
    pub async fn connected(&self, endpoint_id: &str) -> Result<(), PullError> {
        for id in self.of(endpoint_id, |flight| flight.pull.snapshot_id.is_none()) {
            self.ask(&id).await?;
        }
        self.attend(Some(endpoint_id)).await
    }

    /// An endpoint lost its stream: what it was answering waits for it. Called after the fleet forgot the stream; when
    /// another has taken its place, nothing happens.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn disconnected(&self, endpoint_id: &str) -> Result<(), PullError> {
        if self.parts().fleet.is_connected(endpoint_id) {
            return Ok(());
        }
        let why = "The computer vanished while it was answering. It is asked again as soon as it is back.";
        for id in self.of(endpoint_id, Flight::is_under_way) {
            self.change(&id, |flight| flight.wait(why)).await?;
        }
        Ok(())
    }

    /// An endpoint says how a section is going.
    pub fn progress(&self, endpoint_id: &str, progress: &SectionProgress) {
        let now = self.parts().clock.now();
        let pull = self.with_own(endpoint_id, &progress.pull_id, |flight| {
            flight.progress(progress, now);
            flight.pull.clone()
        });
        if let Some(pull) = pull {
            self.tell(pull);
        }
    }

    /// An endpoint sends a piece of its snapshot. What follows from the last piece happens in a task of its own.
    pub fn chunk(&self, endpoint_id: &str, piece: &Piece) {
        let now = self.parts().clock.now();
        let next = self.with_own(endpoint_id, &piece.pull_id, |flight| {
            let received = flight.receive(piece, now);
            let pull = flight.pull.clone();
            self.tell(pull.clone());
            match received {
                Received::Part => Next::Nothing,
                Received::Whole(document) => Next::Verify(Box::new(pull), document),
                Received::Broken(why) => Next::AskAgain(pull.id, why),
            }
        });
        match next.unwrap_or(Next::Nothing) {
            Next::Nothing => {}
            Next::Verify(pull, document) => self.answer(*pull, document),
            Next::AskAgain(id, why) => self.ask_again(id, why),
        }
    }

    /// Goes on with answers that the store held up, ends what has expired, asks again who fell silent, and asks who can be
    /// reached. Called on a period.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn tick(&self) -> Result<(), PullError> {
        let now = self.parts().clock.now();
        for id in self.having(|flight| flight.is_left) {
            if let Some(verified) = rows::result(self.parts().store.reads(), &id).await? {
                self.with(&id, |flight| flight.is_left = false);
                self.write_down(&id, verified).await;
            }
        }
        for id in self.having(|flight| flight.pull.snapshot_id.is_none() && flight.pull.expires_at <= now) {
            self.expire(&id, now).await?;
        }
        for id in self.having(|flight| flight.is_overdue(now)) {
            self.change(&id, |flight| flight.wait_after_failure("The computer fell silent while it was answering."))
                .await?;
        }
        for id in self.having(|flight| flight.pull.state == PullState::Queued) {
            self.ask(&id).await?;
        }
        Ok(())
    }

    /// Takes up what had not ended, for this reason: an answer that is stored is written down, the rest is asked again.
    pub(super) async fn take_up(&self, ids: &[String], why: &str) -> Result<(), PullError> {
        for id in ids {
            let facts = self.with(id, |flight| (flight.pull.snapshot_id.is_some(), flight.is_under_way()));
            match facts {
                Some((true, _)) => {
                    if let Some(verified) = rows::result(self.parts().store.reads(), id).await? {
                        self.write_down(id, verified).await;
                    }
                }
                Some((_, true)) => self.change(id, |flight| flight.wait(why)).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Asks the endpoint when it can be reached, else says that it cannot.
    pub(super) async fn ask(&self, id: &str) -> Result<(), PullError> {
        let now = self.parts().clock.now();
        let Some((endpoint, frame, hopeless)) =
            self.with(id, |flight| (flight.pull.endpoint.id.clone(), flight.request(), flight.is_hopeless()))
        else {
            return Ok(());
        };
        if !self.parts().fleet.is_connected(&endpoint) {
            return self.wait_for_endpoint(id).await;
        }
        if hopeless {
            let why = format!("The computer was asked {FAILURES} times and gave no good answer.");
            return self.fail(id, &why).await;
        }
        // The state is stored before the frame goes out: an answer never meets a pull that does not wait for one.
        self.change(id, |flight| flight.asked(now)).await?;
        if self.parts().fleet.send(&endpoint, frame).is_err() {
            return self.wait_for_endpoint(id).await;
        }
        Ok(())
    }

    /// Says that the endpoint is away, unless the pull says so already, or says how the endpoint went away.
    async fn wait_for_endpoint(&self, id: &str) -> Result<(), PullError> {
        let said = |flight: &mut Flight| {
            flight.pull.state == PullState::Queued && (flight.pull.attempts > 0 || flight.pull.why == AWAY)
        };
        match self.with(id, said) {
            Some(false) => self.change(id, |flight| flight.wait(AWAY)).await,
            _ => Ok(()),
        }
    }

    fn ask_again(&self, id: String, why: String) {
        let pulls = self.clone();
        self.shared.tasks.spawn(async move {
            let waiting = pulls.change(&id, |flight| flight.wait_after_failure(&format!("Asked again: {why}."))).await;
            let asked = match waiting {
                Ok(()) => pulls.ask(&id).await,
                failed => failed,
            };
            if let Err(error) = asked {
                warn!(pull.id = %id, error = %error, "Pull {id} could not be asked for again; the next tick tries");
            }
        });
    }

    /// Ends a pull that cannot succeed, and says so on its ticket.
    pub(super) async fn fail(&self, id: &str, why: &str) -> Result<(), PullError> {
        let now = self.parts().clock.now();
        if let Some(pull) = self.with(id, |flight| flight.pull.clone()) {
            self.note_failure(&pull, why).await;
        }
        self.change(id, |flight| flight.end(PullState::Failed, why, now)).await
    }

    async fn expire(&self, id: &str, now: Timestamp) -> Result<(), PullError> {
        let why = "The computer did not answer in time.";
        if let Some(pull) = self.with(id, |flight| flight.pull.clone()) {
            self.note_failure(&pull, why).await;
        }
        self.change(id, |flight| flight.end(PullState::Expired, why, now)).await
    }

    /// Changes a pull that has not ended, stores it and tells watchers.
    pub(super) async fn change(&self, id: &str, change: impl FnOnce(&mut Flight)) -> Result<(), PullError> {
        let pull = self.with(id, |flight| {
            change(flight);
            flight.pull.clone()
        });
        match pull {
            Some(pull) => self.settle(pull).await,
            None => Ok(()),
        }
    }

    pub(super) fn with<T>(&self, id: &str, work: impl FnOnce(&mut Flight) -> T) -> Option<T> {
        self.flights().get_mut(id).map(work)
    }

    /// As `with`, when the pull is this endpoint's; what another endpoint says about it is a lie.
    fn with_own<T>(&self, endpoint_id: &str, id: &str, work: impl FnOnce(&mut Flight) -> T) -> Option<T> {
        let mut flights = self.flights();
        let flight = flights.get_mut(id)?;
        if flight.pull.endpoint.id != endpoint_id {
            warn!(pull.id = %id, host.id = %endpoint_id, "Endpoint {endpoint_id} answers a pull of another endpoint");
            return None;
        }
        Some(work(flight))
    }

    fn having(&self, which: impl Fn(&Flight) -> bool) -> Vec<String> {
        self.flights().values().filter(|flight| which(flight)).map(|flight| flight.pull.id.clone()).collect()
    }

    fn of(&self, endpoint_id: &str, which: impl Fn(&Flight) -> bool) -> Vec<String> {
        self.having(|flight| flight.pull.endpoint.id == endpoint_id && which(flight))
    }
}
