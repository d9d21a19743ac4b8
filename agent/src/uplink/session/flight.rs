use std::collections::VecDeque;

/// Records on their way at most, before the collector acknowledges some.
const RECORDS_MAX: usize = 1024;

/// Bytes of them: so that the answer of a pull, which shares the line, does not wait for long behind a backlog.
const BYTES_MAX: usize = 64 * 1024;

/// What was sent and is not yet acknowledged, batch by batch.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Highest number, records, and bytes of each.
    batches: VecDeque<(u64, usize, usize)>,
}

impl Flight {
    pub(super) fn launch(&mut self, last: u64, records: usize, bytes: usize) {
        self.batches.push_back((last, records, bytes));
    }

    /// Everything up to `acknowledged` has arrived.
    pub(super) fn land(&mut self, acknowledged: u64) {
        while self.batches.front().is_some_and(|(last, ..)| *last <= acknowledged) {
            self.batches.pop_front();
        }
    }

    pub(super) fn has_room(&self) -> bool {
        let (records, bytes) =
            self.batches.iter().fold((0, 0), |sum, (_, records, bytes)| (sum.0 + records, sum.1 + bytes));
        records < RECORDS_MAX && bytes < BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_full_by_records_or_by_bytes_until_they_land() {
        let mut flight = Flight::default();
        assert!(flight.has_room() && flight.is_empty());
        flight.launch(256, 256, 40 * 1024);
        assert!(flight.has_room());
        flight.launch(512, 256, 40 * 1024);
        assert!(!flight.has_room(), "too many bytes");
        flight.land(255);
        assert!(!flight.has_room(), "a part of a batch says nothing of the rest");
        flight.land(256);
        assert!(flight.has_room() && !flight.is_empty());
        flight.launch(2000, RECORDS_MAX, 1);
        assert!(!flight.has_room(), "too many records");
        flight.land(2000);
        assert!(flight.is_empty());
    }
}
