//! Endpoints that are no more: a machine that was enrolled twice becomes one endpoint again, and one that was taken out of
//! service leaves.
//!
//! - Merging moves what was recorded as the earlier endpoint to the later one, in one transaction. What the machine tells
//!   anew by itself (current values, findings) does not move. A row stays behind: the certificates of the earlier one
//!   stay refused, and whoever asks for its id, in an old ticket, finds the endpoint that it became.
//! - It is offered for machines whose firmware says the same, and refused where it does not, or while both are connected:
//!   those are two machines.
//! - What left is not listed among the others any more. Its history stays as long as everybody's, or is forgotten at once;
//!   tickets, snapshots on them, alerts and the audit log stay.
//! - [`TABLES`] says of each table that speaks of endpoints what becomes of its rows.

use firstline_diagnosis::document::{Endpoint, EndpointState};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::Serialize;

use super::evidence::{self, Verdict};
use super::{Ending, Fleet, FleetError, find, row, tags};
use crate::history;
use crate::store::sql::Value;
use crate::store::{Connection, StoreError, sql};

/// Pairs that are offered at a time.
const OFFERED_MAX: i64 = 200;

/// What becomes of a table's rows when an endpoint is merged into another (`$1` into `$2`), and when it is forgotten (`$1`).
struct Table {
    name: &'static str,
    merged: Option<&'static str>,
    forgotten: Option<&'static str>,
}

/// A table whose rows move with the machine, and are forgotten with it.
macro_rules! history {
    ($name:literal, $column:literal) => {
        Table {
            name: $name,
            merged: Some(concat!("UPDATE ", $name, " SET ", $column, " = $2 WHERE ", $column, " = $1")),
            forgotten: Some(concat!("DELETE FROM ", $name, " WHERE ", $column, " = $1")),
        }
    };
}

/// A table whose rows the machine tells anew.
macro_rules! told_anew {
    ($name:literal, $column:literal) => {
        Table {
            name: $name,
            merged: Some(concat!("DELETE FROM ", $name, " WHERE ", $column, " = $1 AND $2 <> $1")),
            forgotten: Some(concat!("DELETE FROM ", $name, " WHERE ", $column, " = $1")),
        }
    };
}

/// A table whose rows are about tickets and people: they move, and are never forgotten with a machine.
macro_rules! of_tickets {
    ($name:literal, $column:literal) => {
        Table {
            name: $name,
            merged: Some(concat!("UPDATE ", $name, " SET ", $column, " = $2 WHERE ", $column, " = $1")),
            forgotten: None,
        }
    };
}

/// A table of numbers: [`history::join`] moves its rows.
macro_rules! numbers {
    ($name:literal) => {
        Table { name: $name, merged: None, forgotten: Some(concat!("DELETE FROM ", $name, " WHERE endpoint_key = $1")) }
    };
}

/// Tables that know endpoints by their key.
const BY_KEY: [Table; 17] = [
    history!("events", "endpoint_key"),
    history!("inventory_changes", "endpoint_key"),
    history!("marks", "endpoint_key"),
    history!("gaps", "endpoint_key"),
    numbers!("samples"),
    numbers!("sealed_minutes"),
    numbers!("sealed_five_minutes"),
    numbers!("sealed_hours"),
    numbers!("history_progress"),
    told_anew!("inventory", "endpoint_key"),
    told_anew!("records_ahead", "endpoint_key"),
    told_anew!("hardware_keys", "endpoint_key"),
    // What people said of the machine stays with it, unless they said something else since.
    Table {
        name: "endpoint_tags",
        merged: Some(
            "INSERT INTO endpoint_tags (endpoint_key, name, source, value, origin, why, at_ms)
             SELECT $2, name, source, value, origin, why, at_ms FROM endpoint_tags
             WHERE endpoint_key = $1 AND source = 'person' ON CONFLICT (endpoint_key, name, source) DO NOTHING",
        ),
        forgotten: None,
    },
    history!("state_history", "endpoint_key"),
    told_anew!("outlooks", "endpoint_key"),
    // Both keep the earlier identity refused, whatever it sends.
    Table { name: "endpoint_progress", merged: None, forgotten: None },
    Table { name: "certificates", merged: None, forgotten: None },
];

/// Tables that know endpoints by their id.
const BY_ID: [Table; 11] = [
    told_anew!("fork_permits", "endpoint_id"),
    told_anew!("findings", "endpoint_id"),
    told_anew!("alert_decisions", "endpoint_id"),
    of_tickets!("alerts", "endpoint_id"),
    of_tickets!("announcements", "endpoint_id"),
    of_tickets!("tickets", "endpoint_id"),
    of_tickets!("pulls", "endpoint_id"),
    of_tickets!("snapshots", "endpoint_id"),
    of_tickets!("diagnoses", "endpoint_id"),
    of_tickets!("retests", "endpoint_id"),
    // What was an incident of the machine stays one.
    Table {
        name: "incident_members",
        merged: Some(
            "INSERT INTO incident_members (incident_id, endpoint_id, joined_at_ms)
             SELECT incident_id, $2, joined_at_ms FROM incident_members
             WHERE endpoint_id = $1 ON CONFLICT (incident_id, endpoint_id) DO NOTHING",
        ),
        forgotten: None,
    },
];

/// A machine that seems to be enrolled twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    /// The later endpoint, which the machine is now.
    pub endpoint: Named,
    /// The earlier one.
    pub earlier: Named,
    /// When the machine enrolled again.
    pub enrolled_at: Timestamp,
    /// What both say alike, in words.
    pub alike: Vec<String>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: EndpointState,
    /// When it was last heard; absent when never.
    pub last_seen: Option<Timestamp>,
}

impl From<Endpoint> for Named {
    fn from(endpoint: Endpoint) -> Self {
        Self { id: endpoint.id, name: endpoint.name, state: endpoint.state, last_seen: endpoint.last_seen }
    }
}

impl Fleet {
    /// Machines that were enrolled again and are still two endpoints, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn duplicates(&self) -> Result<Vec<Duplicate>, FleetError> {
        let pairs: Vec<(String, String, i64)> = sql::query_as(
            "SELECT later.id, earlier.id, later.enrolled_at_ms FROM endpoints later
             JOIN endpoints earlier ON earlier.id = later.same_hardware_as
             WHERE later.revoked_at_ms IS NULL AND later.merged_into IS NULL
             AND earlier.merged_into IS NULL AND earlier.left_at_ms IS NULL ORDER BY later.key DESC LIMIT $1",
        )
        .bind(OFFERED_MAX)
        .fetch_all(self.shared.store.reads())
        .await?;
        let mut found = Vec::new();
        for (later, earlier, at_ms) in pairs {
            let (later, earlier) = (self.known(&later).await?, self.known(&earlier).await?);
            let alike = evidence::alike(&later.hardware, &earlier.hardware);
            found.push(Duplicate {
                endpoint: self.seen(later).into(),
                earlier: self.seen(earlier).into(),
                enrolled_at: Timestamp(at_ms),
                alike: alike.into_iter().map(str::to_owned).collect(),
            });
        }
        Ok(found)
    }

    /// How many endpoints cannot be compared with others, since their firmware tells nothing, of how many in all.
    ///
    /// # Errors
    /// The database's.
    pub async fn incomparable(&self) -> Result<(i64, i64), FleetError> {
        let [first, second, third] = evidence::HARDWARE;
        let counts = sql::query_as(
            "SELECT COUNT(*) - COUNT(told.endpoint_key), COUNT(*) FROM endpoints
             LEFT JOIN (SELECT DISTINCT endpoint_key FROM hardware_keys WHERE kind IN ($1, $2, $3)) told
             ON told.endpoint_key = endpoints.key
             WHERE revoked_at_ms IS NULL AND left_at_ms IS NULL AND merged_into IS NULL",
        );
        let counts = counts.bind(first).bind(second).bind(third);
        Ok(counts.fetch_one(self.shared.store.reads()).await?)
    }

    /// Makes `earlier` a part of the past of `later` (ids or names).
    ///
    /// # Errors
    /// [`FleetError::Refused`] when they are not one machine as far as can be told; else as [`Fleet::revoke`].
    pub async fn merge(&self, earlier: &str, later: &str, who: &str) -> Result<Endpoint, FleetError> {
        let reads = self.shared.store.reads();
        let (earlier, later) = (find::find(reads, earlier).await?, find::find(reads, later).await?);
        self.may_merge(&earlier, &later)?;
        let (from, into) = ((earlier.key, earlier.endpoint.id.clone()), (later.key, later.endpoint.id.clone()));
        let now = self.shared.clock.now();
        let write = self.shared.store.write(move |tx| Box::pin(move_rows(tx, from, into, now)));
        write.await?;
        let (gone, id) = (&earlier.endpoint, &later.endpoint.id);
        tracing::info!(host.id = %gone.id, by = who, "Endpoint {} was merged into {id}", gone.id);
        self.ended(gone, Ending::Revoked).await?;
        self.find(id).await
    }

    fn may_merge(&self, earlier: &row::Known, later: &row::Known) -> Result<(), FleetError> {
        let (one, other) = (&earlier.endpoint, &later.endpoint);
        let why = if one.id == other.id {
            "they are one endpoint already".to_owned()
        } else if later.revoked {
            format!("{} is revoked; name the one that the machine is now last", other.name)
        } else if self.is_connected(&one.id) || self.shared.may_be_elsewhere(one.state) {
            format!("{} is connected, so it is a machine of its own", one.id)
        } else if evidence::compare(&earlier.hardware, &later.hardware) == Verdict::Different {
            "their firmware says that they are two machines".to_owned()
        } else if evidence::compare(&earlier.hardware, &later.hardware) == Verdict::Unknown {
            "their firmware says nothing by which they could be told to be one machine".to_owned()
        } else {
            return Ok(());
        };
        Err(FleetError::Refused(format!("{} was not merged into {}: {why}", one.id, other.id)))
    }

    /// Takes an endpoint out of service: revoked, and not among the others any more; with `forget`, its records go at once.
    ///
    /// # Errors
    /// As [`Fleet::revoke`].
    pub async fn decommission(&self, id_or_name: &str, forget: bool, who: &str) -> Result<Endpoint, FleetError> {
        let known = find::find(self.shared.store.reads(), id_or_name).await?;
        let (key, id, now) = (known.key, known.endpoint.id.clone(), self.shared.clock.now());
        let write = self.shared.store.write(move |tx| {
            Box::pin(async move {
                leave(tx, &id, None, now).await?;
                if forget {
                    each(tx, |table| table.forgotten, key, &id, None).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        write.await?;
        let gone = &known.endpoint;
        tracing::info!(host.id = %gone.id, by = who, forgotten = forget, "Endpoint {} was taken out of service", gone.id);
        self.ended(gone, Ending::Revoked).await?;
        Ok(self.seen(self.known(&gone.id).await?))
    }
}

/// Moves what was recorded as one endpoint to another.
async fn move_rows(
    tx: &mut Connection,
    (key, id): (i64, String),
    (into_key, into): (i64, String),
    now: Timestamp,
) -> Result<(), StoreError> {
    leave(tx, &id, Some(&into), now).await?;
    history::join(tx, key, into_key).await?;
    each(tx, |table| table.merged, key, &id, Some((into_key, &into))).await?;
    Ok(tags::settle(tx, into_key).await?)
}

/// Runs a statement of each table, for an endpoint or a pair of them.
async fn each(
    tx: &mut Connection,
    statement: fn(&Table) -> Option<&'static str>,
    key: i64,
    id: &str,
    into: Option<(i64, &str)>,
) -> Result<(), StoreError> {
    let by_key = BY_KEY.iter().map(|table| (table, Value::from(key), into.map(|into| Value::from(into.0))));
    let by_id = BY_ID.iter().map(|table| (table, Value::from(id), into.map(|into| Value::from(into.1))));
    for (table, of, into) in by_key.chain(by_id) {
        let Some(statement) = statement(table) else { continue };
        let query = into.into_iter().fold(sql::query(statement).bind(of), sql::Query::bind);
        let rows = query.execute(&mut *tx).await?.rows_affected();
        tracing::debug!(host.id = id, table = table.name, rows, "{rows} rows of {} went", table.name);
    }
    Ok(())
}

/// Notes that an endpoint is no more, and revokes its certificates.
async fn leave(tx: &mut Connection, id: &str, into: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
    row::revoke_within(&mut *tx, id, now).await?;
    // Pairs point at the endpoint that is left, also those that pointed at the one that is gone.
    sql::query("UPDATE endpoints SET merged_into = $2 WHERE id = $1 OR (merged_into = $1 AND $2 IS NOT NULL)")
        .bind(id)
        .bind(into)
        .execute(&mut *tx)
        .await?;
    sql::query("UPDATE endpoints SET left_at_ms = $2, worst_severity = 0 WHERE id = $1")
        .bind(id)
        .bind(now.unix_ms())
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
