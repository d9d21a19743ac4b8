//! Endpoints that come from another collector, and go there, or of which it is not known whether all was seen.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use super::rebuild::Rebuilding;
use super::watch::Watch;
use super::{AlertError, Detect, DetectError, FleetError, Seat};
use crate::store::StoreError;

impl Detect {
    /// An endpoint opened a stream here. What was seen of it earlier goes on only when nobody else has held the stream
    /// meanwhile; else the past is read again when it is heard.
    pub async fn connected(&self, endpoint_id: &str) {
        let epoch = self.parts().fleet.epoch(endpoint_id);
        if self.doubts().remove(endpoint_id) {
            return self.begin_anew(endpoint_id).await;
        }
        let Some(place) = self.watches().get(endpoint_id).cloned().filter(|_| epoch.is_some()) else { return };
        let mut seat = place.lock().await;
        match &mut *seat {
            Seat::Watched(watch) if follows(watch.epoch(), epoch) => watch.hold_under(epoch),
            Seat::Rebuilding(rebuilding) if follows(rebuilding.epoch(), epoch) => rebuilding.hold_under(epoch),
            _ => self.leave(endpoint_id, &mut seat),
        }
    }

    /// It is not known whether something that an endpoint told is stored. What was seen of it is given up, and its past read
    /// when it is back, since what is stored does not come again.
    pub async fn doubtful(&self, endpoint_id: &str) {
        let place = self.watches().get(endpoint_id).cloned();
        if let Some(place) = place {
            self.leave(endpoint_id, &mut *place.lock().await);
        }
        self.doubts().insert(endpoint_id.to_owned());
    }

    /// Has the past of an endpoint read again, although it has told nothing new.
    async fn begin_anew(&self, endpoint_id: &str) {
        let place = self.place(endpoint_id);
        let mut seat = place.lock().await;
        *seat = Seat::Rebuilding(Rebuilding::under(self.parts().fleet.epoch(endpoint_id)));
        self.shared.waiting.add(endpoint_id);
    }

    fn doubts(&self) -> MutexGuard<'_, HashSet<String>> {
        // Every change under this lock is one call, so a panic elsewhere leaves it usable.
        self.shared.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another collector holds the endpoint's stream under this number.
    pub async fn moved(&self, endpoint_id: &str, epoch: i64) {
        let place = self.watches().get(endpoint_id).cloned();
        if let Some(place) = place {
            let mut seat = place.lock().await;
            if seat.epoch().is_some_and(|ours| ours < epoch) {
                self.leave(endpoint_id, &mut seat);
            }
        }
    }

    /// The others have given this collector up: nothing that it saw counts any more.
    pub fn expelled(&self) {
        self.doubts().clear();
        self.watches().clear();
    }

    /// Gives up a watch. Who waits for the seat finds it empty; who is just rebuilding takes one that nobody comes to.
    pub(super) fn leave(&self, endpoint_id: &str, seat: &mut Seat) {
        *seat = Seat::Empty;
        self.watches().remove(endpoint_id);
    }

    /// The watch in a seat, unless another collector may know better.
    pub(super) fn ours<'s>(&self, endpoint_id: &str, seat: &'s mut Seat) -> Option<&'s mut Watch> {
        let epoch = self.parts().fleet.epoch(endpoint_id);
        seat.watch().filter(|watch| watch.epoch().is_none() || watch.epoch() == epoch)
    }
}

impl Seat {
    /// The number under which it was taken.
    fn epoch(&self) -> Option<i64> {
        match self {
            Self::Empty => None,
            Self::Rebuilding(rebuilding) => rebuilding.epoch(),
            Self::Watched(watch) => watch.epoch(),
        }
    }
}

/// Whether nobody else has held the stream between these two.
fn follows(before: Option<i64>, now: Option<i64>) -> bool {
    before == now || before.map(|before| before + 1) == now
}

impl DetectError {
    /// Whether another collector judges by now.
    pub(super) fn is_of_move(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Moved | StoreError::Expelled)
                | Self::Alert(AlertError::Store(StoreError::Moved | StoreError::Expelled))
                | Self::Endpoint(FleetError::Store(StoreError::Moved | StoreError::Expelled))
        )
    }
}
