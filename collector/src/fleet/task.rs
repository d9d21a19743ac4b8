//! Brings the stored states in step with streams and clock. Idempotent: running it twice changes nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::Timestamp;

use super::live::Heard;
use super::{Fleet, FleetError, Shared, row, state};
use crate::store::{StoreError, sql};

/// A row's `last_seen_ms` may lag behind memory by this much.
const LAG: Duration = Duration::from_mins(1);

/// Who was not heard for so long is not counted among those who may come back at any moment.
const MAY_COME_BACK: Duration = Duration::from_hours(24);

/// What a row should say.
struct Change {
    key: i64,
    id: String,
    before: EndpointState,
    now: EndpointState,
    paused: bool,
    last_seen_ms: Option<i64>,
}

impl Fleet {
    /// Computes every endpoint's state and stores what differs; the number of rows that did.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle(&self) -> Result<usize, FleetError> {
        let now = self.shared.clock.now();
        let pulses = self.shared.live.pulses();
        let rows = sql::query(
            "SELECT key, id, state, paused, last_seen_ms, enrolled_at_ms FROM endpoints WHERE revoked_at_ms IS NULL",
        )
        .fetch_all(self.shared.store.reads())
        .await?;
        let (mut changes, mut population) = (Vec::new(), 0);
        for row in rows {
            let key: i64 = row.try_get("key")?;
            let stored: Option<i64> = row.try_get("last_seen_ms")?;
            let paused_before = row.try_get::<i64>("paused")? != 0;
            let heard = pulses.get(&key).copied();
            let last_seen = stored.map(Timestamp).max(heard.map(|heard| heard.at));
            let known = last_seen.unwrap_or(Timestamp(0)).max(Timestamp(row.try_get("enrolled_at_ms")?));
            population += usize::from(now.since(known) < MAY_COME_BACK);
            let paused = heard.map_or(paused_before, |heard| heard.paused);
            let facts = state::Facts { revoked: false, connected: heard.is_some(), paused, last_seen };
            let before = state::named(row.try_get("state")?);
            let after = state::of(facts, now);
            let lags = last_seen > stored.map(|at| Timestamp(at) + LAG);
            if before != after || paused != paused_before || lags {
                let last_seen_ms = last_seen.map(Timestamp::unix_ms);
                changes.push(Change { key, id: row.try_get("id")?, before, now: after, paused, last_seen_ms });
            }
        }
        self.shared.population.store(population, Ordering::Relaxed);
        let count = changes.len();
        store(&self.shared, changes).await?;
        Ok(count)
    }
}

/// Stores the state of one endpoint whose stream just ended.
pub(super) async fn settle_one(shared: &Shared, key: i64, id: &str, heard: Heard) -> Result<(), FleetError> {
    let known = row::by_id(shared.store.reads(), id).await?;
    let last_seen = known.endpoint.last_seen.max(Some(heard.at));
    let facts = state::Facts { revoked: known.revoked, connected: false, paused: heard.paused, last_seen };
    let now = state::of(facts, shared.clock.now());
    let last_seen_ms = last_seen.map(Timestamp::unix_ms);
    let change =
        Change { key, id: id.to_owned(), before: known.endpoint.state, now, paused: heard.paused, last_seen_ms };
    Ok(store(shared, vec![change]).await?)
}

async fn store(shared: &Shared, changes: Vec<Change>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> =
        changes.iter().map(|change| (change.key, change.now.name(), change.paused, change.last_seen_ms)).collect();
    shared
        .store
        .write(move |tx| {
            Box::pin(async move {
                for (key, state, paused, last_seen_ms) in rows {
                    sql::query(
                        "UPDATE endpoints SET state = $2, paused = $3, last_seen_ms = $4
                         WHERE key = $1 AND revoked_at_ms IS NULL",
                    )
                    .bind(key)
                    .bind(state)
                    .bind(i64::from(paused))
                    .bind(last_seen_ms)
                    .execute(&mut *tx)
                    .await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    for change in changes {
        shared.tell(&change.id, change.before, change.now);
    }
    Ok(())
}
