//! The endpoints' table.

use std::collections::BTreeMap;

use firstline_diagnosis::document::{Endpoint, Kinship, Os, Related};
use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use firstline_proto::convert::Machine;

use super::find::short;
use super::{FleetError, state};
use crate::authority::{Fingerprint, RevokedSerial, hexadecimal};
use crate::store::{Connection, Reads, Store, StoreError, sql};

/// Columns in the order that [`Known::read`] expects by name.
macro_rules! select {
    ($($rest:literal),+) => {
        concat!(
            "SELECT key, id, name, os_type, os_name, os_version, os_build_id, users, tags, state, worst_severity, ",
            "last_seen_ms, paused, revoked_at_ms, boot_id, agent_version, hardware, forked_from, same_hardware_as, ",
            "(SELECT o.key FROM endpoints o WHERE LOWER(o.name) = LOWER(endpoints.name) AND o.key <> endpoints.key ",
            "AND o.merged_into IS NULL AND o.left_at_ms IS NULL LIMIT 1) AS namesake ",
            "FROM endpoints ",
            $($rest),+
        )
    };
}
pub(super) use select;

/// An endpoint as the table knows it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Internal key.
    pub key: i64,
    /// What documents show.
    pub endpoint: Endpoint,
    /// Whether it said that it would pause.
    pub paused: bool,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The boot it last reported.
    pub boot_id: String,
    /// The agent's version it last reported.
    pub agent_version: String,
    /// What the machine said of its hardware when it was enrolled, hashed.
    pub hardware: BTreeMap<String, String>,
}

/// The program that reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Its version.
    pub version: String,
    /// The kernel's name for the boot.
    pub boot_id: String,
    /// Random name of its run; empty when it does not say.
    pub run_id: String,
    /// Whether it can become an endpoint of its own.
    pub can_fork: bool,
    /// The root under which the certificate is that it showed.
    pub root: Fingerprint,
}

impl Known {
    pub(super) fn read(row: &sql::Row) -> Result<Self, sql::Error> {
        let users: String = row.try_get("users")?;
        let tags: String = row.try_get("tags")?;
        let id: String = row.try_get("id")?;
        let endpoint = Endpoint {
            short_id: row.try_get::<Option<i64>>("namesake")?.map(|_| short(&id)),
            id,
            name: row.try_get("name")?,
            os: Os {
                os_type: row.try_get("os_type")?,
                name: row.try_get("os_name")?,
                version: row.try_get("os_version")?,
                build_id: row.try_get("os_build_id")?,
            },
            users: serde_json::from_str(&users).unwrap_or_default(),
            tags: serde_json::from_str(&tags).unwrap_or_default(),
            state: state::named(row.try_get("state")?),
            last_seen: row.try_get::<Option<i64>>("last_seen_ms")?.map(Timestamp),
            worst_severity: severity(row.try_get("worst_severity")?),
            related: related(row)?,
        };
        Ok(Self {
            key: row.try_get("key")?,
            endpoint,
            paused: row.try_get::<i64>("paused")? != 0,
            revoked: row.try_get::<Option<i64>>("revoked_at_ms")?.is_some(),
            boot_id: row.try_get("boot_id")?,
            agent_version: row.try_get("agent_version")?,
            hardware: serde_json::from_str(row.try_get("hardware")?).unwrap_or_default(),
        })
    }
}

/// Endpoints that this one has to do with.
fn related(row: &sql::Row) -> Result<Vec<Related>, sql::Error> {
    let kinds = [(Kinship::CloneOf, "forked_from"), (Kinship::SameHardwareAs, "same_hardware_as")];
    let mut related = Vec::new();
    for (kind, column) in kinds {
        related.extend(row.try_get::<Option<String>>(column)?.map(|id| Related::known_as(kind, id)));
    }
    Ok(related)
}

/// Severities in the order of their numbers in the table, from 1.
const SEVERITIES: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

fn severity(number: i64) -> Option<Severity> {
    usize::try_from(number - 1).ok().and_then(|index| SEVERITIES.get(index).copied())
}

pub(super) async fn by_id(reads: &Reads, id: &str) -> Result<Known, FleetError> {
    let row = sql::query(select!("WHERE id = $1")).bind(id).fetch_optional(reads).await?;
    row.map(|row| Known::read(&row)).transpose()?.ok_or_else(|| FleetError::Unknown(id.to_owned()))
}

/// Stores what an endpoint said about its machine when it connected; says whether it may be here: nobody has revoked it.
pub(super) async fn update_machine(
    store: &Store,
    known: &Known,
    machine: Machine,
    agent: Agent,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let key = known.key;
    store
        .write(move |tx| {
            Box::pin(async move {
                let update = sql::query(
                    "UPDATE endpoints SET name = $2, os_type = $3, os_name = $4, os_version = $5, os_build_id = $6,
                     users = $7, agent_version = $8, boot_id = $9, state = 'online', paused = 0, last_seen_ms = $10,
                     root = $11
                     WHERE key = $1 AND revoked_at_ms IS NULL",
                );
                let done = told(update.bind(key), &machine)
                    .bind(agent.version)
                    .bind(agent.boot_id)
                    .bind(now.unix_ms())
                    .bind(hexadecimal(&agent.root))
                    .execute(tx)
                    .await?;
                Ok(done.rows_affected() == 1)
            })
        })
        .await
}

/// Fills the next six places of a statement with what an endpoint says of its machine: name, the system's four, users.
pub(crate) fn told<'q>(query: sql::Query<'q>, machine: &Machine) -> sql::Query<'q> {
    query
        .bind(machine.host_name.clone())
        .bind(machine.os.os_type.clone())
        .bind(machine.os.name.clone())
        .bind(machine.os.version.clone())
        .bind(machine.os.build_id.clone())
        .bind(json(&machine.users))
}

/// Stores what an endpoint said about its machine since it connected.
pub(super) async fn change_machine(store: &Store, key: i64, machine: Machine) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let update = sql::query(
                    "UPDATE endpoints SET name = $2, os_type = $3, os_name = $4, os_version = $5, os_build_id = $6,
                     users = $7 WHERE key = $1 AND revoked_at_ms IS NULL",
                );
                told(update.bind(key), &machine).execute(tx).await?;
                Ok(())
            })
        })
        .await
}

pub(super) async fn revoke(store: &Store, id: &str, now: Timestamp) -> Result<(), StoreError> {
    let id = id.to_owned();
    store.write(move |tx| Box::pin(async move { revoke_within(tx, &id, now).await })).await
}

/// Revokes an endpoint and its certificates.
pub(super) async fn revoke_within(tx: &mut Connection, id: &str, now: Timestamp) -> Result<(), StoreError> {
    sql::query("UPDATE endpoints SET state = 'revoked', revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE id = $1")
        .bind(id)
        .bind(now.unix_ms())
        .execute(&mut *tx)
        .await?;
    sql::query(
        "UPDATE certificates SET revoked_at_ms = $2 WHERE revoked_at_ms IS NULL
         AND endpoint_key = (SELECT key FROM endpoints WHERE id = $1)",
    )
    .bind(id)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores when an endpoint was heard, unless it was heard later.
pub(super) async fn note_heard(store: &Store, id: &str, at: Timestamp) -> Result<(), StoreError> {
    let id = id.to_owned();
    store
        .write(move |tx| {
            Box::pin(async move {
                sql::query("UPDATE endpoints SET last_seen_ms = $2 WHERE id = $1 AND COALESCE(last_seen_ms, 0) < $2")
                    .bind(id)
                    .bind(at.unix_ms())
                    .execute(tx)
                    .await?;
                Ok(())
            })
        })
        .await
}

/// Certificates that are revoked and would still be good.
pub(super) async fn revoked(reads: &Reads, now: Timestamp) -> Result<Vec<RevokedSerial>, FleetError> {
    let rows: Vec<(String, i64)> = sql::query_as(
        "SELECT serial, revoked_at_ms FROM certificates WHERE revoked_at_ms IS NOT NULL AND expires_at_ms > $1",
    )
    .bind(now.unix_ms())
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().map(|(serial, at)| RevokedSerial { serial, at: Timestamp(at) }).collect())
}

pub(super) async fn note_worst_severity(store: &Store, id: &str, worst: Option<Severity>) -> Result<(), StoreError> {
    let id = id.to_owned();
    let number = SEVERITIES.iter().position(|&one| Some(one) == worst).map_or(0, |index| index as i64 + 1);
    store
        .write(move |tx| {
            Box::pin(async move {
                sql::query("UPDATE endpoints SET worst_severity = $2 WHERE id = $1")
                    .bind(id)
                    .bind(number)
                    .execute(tx)
                    .await?;
                Ok(())
            })
        })
        .await
}

/// Names and tags as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("lists and maps of texts are always JSON")
}
