//! What an endpoint pays for more than its share: its stream is read later, and nothing of it is dropped.

use std::time::Duration;

use metrics::counter;
use tokio::time::Instant;
use tracing::warn;

use super::Open;
use crate::ingest::service::{RECORDS_AT_ONCE, SERIES_AT_ONCE};
use crate::metrics as names;

impl Open<'_> {
    /// A layout that nobody knew costs room until it is forgotten: who makes up many is read more slowly.
    pub(super) fn pay_for_series(&mut self, series: usize) {
        let id = &self.stream.endpoint_id;
        let Err(over) = self.session.shared.series.owe(id, units(series)) else { return };
        counter!(names::LAYOUTS_SLOWED).increment(1);
        if over.first {
            warn!(
                host.id = %id,
                "Endpoint {id} has told more than {SERIES_AT_ONCE} series in new layouts and is read more slowly; look what is \
                 named anew all the time on that machine, or revoke it when it means no good"
            );
        }
        self.rest(over.wait);
    }

    /// A record costs a row and a share of a commit, however small it is.
    pub(super) fn pay_for_records(&mut self, records: usize) {
        let id = &self.stream.endpoint_id;
        let Err(over) = self.session.shared.records.owe(id, units(records)) else { return };
        counter!(names::SENDERS_SLOWED, "reason" => "records").increment(1);
        if over.first {
            warn!(
                host.id = %id,
                "Endpoint {id} has sent more than {RECORDS_AT_ONCE} records in a row and is read more slowly; nothing of it is \
                 lost. Revoke it when it does not end"
            );
        }
        self.rest(over.wait);
    }

    fn rest(&mut self, wait: Duration) {
        self.rests_until = self.rests_until.max(Instant::now() + wait);
    }
}

fn units(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
