//! Databases for tests: SQLite in a folder, or PostgreSQL when the environment names a server
//! (`FIRSTLINE_TEST_POSTGRES`, a URL), where each folder has a schema of its own.

use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use super::{Connection, Engine, Location, Store, StoreError, sql};
use crate::config;

const SERVER_VARIABLE: &str = "FIRSTLINE_TEST_POSTGRES";

/// The configuration of a collector in `folder`.
pub(crate) async fn config(folder: &Path) -> config::Database {
    let Ok(server) = std::env::var(SERVER_VARIABLE) else { return config::Database::default() };
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let schema = format!("t_{:016x}", u64::from_be_bytes(digest[..8].try_into().expect("eight bytes")));
    let options: PgConnectOptions = server.parse().expect("the URL of a server");
    let mut connection = options.connect().await.expect("the server answers");
    let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("schema");
    let url = format!("{server}?options=-csearch_path%3D{schema}");
    config::Database { url, read_connections: 2, ..config::Database::default() }
}

/// Where the database of `folder` is.
pub(crate) async fn location(folder: &Path) -> Location {
    config(folder).await.location(folder).expect("a location")
}

/// The database of `folder`.
pub(crate) async fn open(folder: &Path) -> Store {
    Store::open(&location(folder).await).await.expect("a store")
}

/// A connection to the database of `folder` that knows nothing of the collector.
pub(crate) async fn connect(folder: &Path) -> Connection {
    location(folder).await.connect().await.expect("a connection")
}

/// Takes a trigger away, as an intruder would.
pub(crate) async fn drop_trigger(intruder: &mut Connection, trigger: &str) {
    let table = if intruder.engine() == Engine::Postgres { "ON audit_log" } else { "" };
    intruder.raw(format!("DROP TRIGGER {trigger} {table}")).await.expect("the trigger is gone");
}

/// Whether these databases are ones that several collectors may share.
pub(crate) fn is_shared() -> bool {
    std::env::var(SERVER_VARIABLE).is_ok()
}

/// An endpoint as its row says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Enrolled<'a> {
    /// Its key; the next free one when absent.
    pub(crate) key: Option<i64>,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    /// Who is signed in, as JSON.
    pub(crate) users: &'a str,
    pub(crate) state: &'a str,
    pub(crate) since_ms: i64,
    pub(crate) last_seen_ms: Option<i64>,
}

impl Default for Enrolled<'_> {
    fn default() -> Self {
        Self { key: None, id: "e1", name: "lap-1", users: "[]", state: "online", since_ms: 0, last_seen_ms: None }
    }
}

/// Writes an endpoint's row, past enrolment.
pub(crate) async fn enrol(store: &Store, one: Enrolled<'_>) {
    const SQL: &str =
        "INSERT INTO endpoints (id, name, os_type, os_name, os_version, os_build_id, users, tags, hardware,
        agent_version, boot_id, state, worst_severity, enrolled_at_ms, last_seen_ms, paused)
        VALUES ($1, $2, 'linux', '', '', '', $3, '{}', '{}', '', '', $4, 0, $5, $6, 0)";
    let Enrolled { key, since_ms, last_seen_ms, .. } = one;
    let [id, name, users, state] = [one.id, one.name, one.users, one.state].map(str::to_owned);
    let write = store.write(move |tx| {
        Box::pin(async move {
            let row = sql::query(SQL).bind(id.clone()).bind(name).bind(users).bind(state);
            row.bind(since_ms).bind(last_seen_ms).execute(&mut *tx).await?;
            if let Some(key) = key {
                sql::query("UPDATE endpoints SET key = $2 WHERE id = $1").bind(id).bind(key).execute(tx).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    write.await.expect("an endpoint");
}
