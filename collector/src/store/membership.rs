//! A collector's right to write to a database that several share.
//!
//! A member is a row of `replicas`, which the others take away when they no longer hear from it. Every transaction that runs
//! jobs looks for that row after it has taken the baton, so that a collector that was frozen and wakes up, and does not know
//! that it was given up, changes nothing. Records are protected by the number of their stream.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::StoreError;
use super::connection::Connection;
use super::sql;

/// Whether this collector is a member, and by which name of its run. A collector that is alone has none, and asks nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Membership(Arc<ArcSwapOption<String>>);

impl Membership {
    /// From now on, this is a run among others.
    pub(crate) fn begin(&self, run_id: &str) {
        self.0.store(Some(Arc::new(run_id.to_owned())));
    }

    /// The name of this run; none when this collector is alone.
    pub(crate) fn run_id(&self) -> Option<Arc<String>> {
        self.0.load_full()
    }

    /// Whether jobs may write. To be asked with the baton in hand, which who takes the row away has, too.
    pub(super) async fn holds(&self, connection: &mut Connection) -> Result<bool, StoreError> {
        let Some(run_id) = self.run_id() else { return Ok(true) };
        let row: Option<i64> = sql::query_scalar("SELECT number FROM replicas WHERE run_id = $1")
            .bind(run_id.as_str())
            .fetch_optional(connection)
            .await?;
        Ok(row.is_some())
    }
}
