//! How many records an endpoint still has to send, as its part of the sum over all streams.

use metrics::gauge;

use crate::metrics::BACKLOG;

/// More than an agent keeps: what an endpoint says beyond is not believed.
const RECORDS_MAX: u64 = 1_000_000;

/// One stream's part. It leaves the sum with the stream.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The number that the endpoint's next record will get, as last told.
    next: u64,
    stored: u64,
    /// What this stream added to the sum.
    told: u64,
}

impl Backlog {
    /// The endpoint said where it stands.
    pub(super) fn stands(&mut self, next_sequence: u64) {
        self.next = next_sequence.max(self.next);
        self.tell();
    }

    /// Everything up to here is stored.
    pub(super) fn stored(&mut self, sequence: u64) {
        self.stored = sequence;
        self.tell();
    }

    /// Changes the sum only when there is something to change, which for most streams is never.
    fn tell(&mut self) {
        let waits = self.next.saturating_sub(self.stored.saturating_add(1)).min(RECORDS_MAX);
        if waits != self.told {
            gauge!(BACKLOG).increment(waits as f64 - self.told as f64);
            self.told = waits;
        }
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        if self.told > 0 {
            gauge!(BACKLOG).decrement(self.told as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_what_was_numbered_and_is_not_stored() {
        let mut backlog = Backlog::default();
        backlog.stored(100);
        backlog.stands(101);
        assert_eq!(backlog.told, 0, "nothing waits");
        backlog.stands(161);
        assert_eq!(backlog.told, 60);
        backlog.stored(140);
        assert_eq!(backlog.told, 20);
        backlog.stored(170);
        assert_eq!(backlog.told, 0, "newer records than the endpoint spoke of");
    }
}
