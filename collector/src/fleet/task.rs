//! Brings the stored states in step with streams and clock. Idempotent: running it twice changes nothing.
//!
//! Where several collectors share the database, each sees to the endpoints whose streams it holds, and the keeper to those
//! that nobody holds. What is stored is stored only while the stream has not changed hands.

use std::sync::atomic::Ordering;
use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::Timestamp;

use super::live::{Ending, Heard, Stream};
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
    /// Only while the stream is held under this number.
    epoch: Option<i64>,
}

impl Fleet {
    /// Computes every endpoint's state and stores what differs; the number of rows that did.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle(&self) -> Result<usize, FleetError> {
        let now = self.shared.clock.now();
        let pulses = self.shared.live.pulses();
        let statement = if self.shared.replicas.is_alone() { ALONE } else { SHARED };
        let rows = sql::query(statement).fetch_all(self.shared.store.reads()).await?;
        let (mut changes, mut population) = (Vec::new(), 0);
        for row in rows {
            let key: i64 = row.try_get("key")?;
            let stored: Option<i64> = row.try_get("last_seen_ms")?;
            let paused_before = row.try_get::<i64>("paused")? != 0;
            let (heard, held_under) = pulses.get(&key).copied().unzip();
            let last_seen = stored.map(Timestamp).max(heard.map(|heard| heard.at));
            let known = last_seen.unwrap_or(Timestamp(0)).max(Timestamp(row.try_get("enrolled_at_ms")?));
            population += usize::from(now.since(known) < MAY_COME_BACK);
            let Turn::Ours { epoch } = self.shared.turn(&row, held_under.flatten())? else { continue };
            let paused = heard.map_or(paused_before, |heard| heard.paused);
            let facts = state::Facts { revoked: false, connected: heard.is_some(), paused, last_seen };
            let before = state::named(row.try_get("state")?);
            let after = state::of(facts, now);
            let lags = last_seen > stored.map(|at| Timestamp(at) + LAG);
            if before != after || paused != paused_before || lags {
                let last_seen_ms = last_seen.map(Timestamp::unix_ms);
                changes.push(Change { key, id: row.try_get("id")?, before, now: after, paused, last_seen_ms, epoch });
            }
        }
        self.shared.population.store(population, Ordering::Relaxed);
        let count = changes.len();
        store(&self.shared, changes).await?;
        Ok(count)
    }
}

const ALONE: &str =
    "SELECT key, id, state, paused, last_seen_ms, enrolled_at_ms FROM endpoints WHERE revoked_at_ms IS NULL";

const SHARED: &str = "SELECT e.key, e.id, e.state, e.paused, e.last_seen_ms, e.enrolled_at_ms, p.epoch, p.holder
    FROM endpoints e LEFT JOIN endpoint_progress p ON p.endpoint_key = e.key WHERE e.revoked_at_ms IS NULL";

/// Who sees to an endpoint.
enum Turn {
    /// This collector, as long as the stream is held under this number.
    Ours { epoch: Option<i64> },
    /// Another, or nobody at this moment.
    NotOurs,
}

impl Shared {
    /// Who sees to an endpoint whose stream this collector holds under this number, if it does. A stream that somebody
    /// else holds by now ends here.
    fn turn(&self, row: &sql::Row, held_under: Option<i64>) -> Result<Turn, sql::Error> {
        if self.replicas.is_alone() {
            return Ok(Turn::Ours { epoch: None });
        }
        let epoch: Option<i64> = row.try_get("epoch")?;
        let holder: Option<String> = row.try_get("holder")?;
        let run_id = self.replicas.run_id();
        let is_ours = run_id.is_some_and(|run_id| holder.as_ref() == Some(&*run_id));
        if let Some(ours) = held_under {
            if epoch.is_some_and(|epoch| epoch > ours) {
                self.live.end_up_to(row.try_get("id")?, ours, Ending::Replaced);
            }
            if epoch == Some(ours) && !is_ours {
                // It was opened in the name of a run that the others have given up.
                self.live.end_up_to(row.try_get("id")?, ours, Ending::Expelled);
            }
            return Ok(if epoch == Some(ours) { Turn::Ours { epoch } } else { Turn::NotOurs });
        }
        // One that is ours and not here is just coming or going.
        let taken = is_ours || holder.is_some_and(|holder| self.replicas.is_other_member(&holder));
        Ok(if !taken && self.replicas.is_keeper() { Turn::Ours { epoch } } else { Turn::NotOurs })
    }
}

/// Stores the state of one endpoint whose stream just ended.
pub(super) async fn settle_one(shared: &Shared, stream: &Stream, heard: Heard) -> Result<(), FleetError> {
    let (key, id, epoch) = (stream.endpoint_key, &stream.endpoint_id, stream.epoch);
    let known = row::by_id(shared.store.reads(), id).await?;
    let last_seen = known.endpoint.last_seen.max(Some(heard.at));
    let facts = state::Facts { revoked: known.revoked, connected: false, paused: heard.paused, last_seen };
    let now = state::of(facts, shared.clock.now());
    let last_seen_ms = last_seen.map(Timestamp::unix_ms);
    let change =
        Change { key, id: id.to_owned(), before: known.endpoint.state, now, paused: heard.paused, last_seen_ms, epoch };
    Ok(store(shared, vec![change]).await?)
}

async fn store(shared: &Shared, changes: Vec<Change>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> =
        changes.iter().map(|one| (one.key, one.now.name(), one.paused, one.last_seen_ms, one.epoch)).collect();
    shared
        .store
        .write(move |tx| {
            Box::pin(async move {
                for (key, state, paused, last_seen_ms, epoch) in rows {
                    sql::query(
                        "UPDATE endpoints SET state = $2, paused = $3, last_seen_ms = $4
                         WHERE key = $1 AND revoked_at_ms IS NULL AND ($5 < 0 OR EXISTS
                         (SELECT 1 FROM endpoint_progress p WHERE p.endpoint_key = $1 AND p.epoch = $5))",
                    )
                    .bind(key)
                    .bind(state)
                    .bind(i64::from(paused))
                    .bind(last_seen_ms)
                    .bind(epoch.unwrap_or(-1))
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
