//! The database: connection, migrations, one writer in batches, a pool for reads.
//!
//! **Acknowledged means stored.** The writer's connection runs with `synchronous = FULL`: in WAL mode `NORMAL` keeps
//! the file consistent after a power cut but may lose the last commits, and an agent deletes what was acknowledged.
//! One flush to the disk per batch is the price; batches make it small.
//!
//! - All writes go through [`Store::write`] or [`Store::append`] to one task, which commits many of them at once.
//!   An answer is given only after the commit. A write that fails is undone alone; the others of its batch stay.
//! - Reads use [`Store::reads`], a pool of connections that see the last commit and never wait for the writer.
//! - Statements are `&'static str` with `$1` places, in SQL that PostgreSQL understands as well. Column types of the
//!   migrations are SQLite's.
//! - Outside, things are named by UUIDs; inside, endpoints have small integer keys. Times are milliseconds since 1970.
//!
//! Not here: what the rows mean. Every room keeps its own statements beside its own types.

mod error;
mod lock;
mod migrate;
mod migrations;
mod records;
mod writer;

use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};

pub use error::StoreError;
pub use migrations::Migration;
pub use records::{Appended, Body, RecordBatch, Row, StateValue};
use writer::Writer;

/// How long a connection waits for a lock that somebody else (a backup, a shell) holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections for reads.
const READ_CONNECTIONS: u32 = 8;

/// The database of one collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    reads: SqlitePool,
    writer: Writer,
}

impl Store {
    /// Opens the database at `path`, creates it when missing, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, was written by a newer program, or holds migrations that differ from ours.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock::take(path).await.map_err(|cause| StoreError::locked(path, cause))?;
        let options = options(path);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        migrate::run(&mut connection, migrations::ALL).await?;
        let reads = SqlitePoolOptions::new()
            .max_connections(READ_CONNECTIONS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self { reads, writer: Writer::start(connection, lock) })
    }

    /// The pool for reads. Its connections refuse to write.
    pub fn reads(&self) -> &SqlitePool {
        &self.reads
    }

    /// Runs `job` on the writer and gives its answer once it is committed; when the job fails, what it wrote is undone.
    ///
    /// ```text
    /// let id = store.write(|tx| Box::pin(async move {
    ///     sqlx::query("INSERT INTO notes (id) VALUES ($1)").bind(id).execute(&mut *tx).await?;
    ///     Ok::<_, StoreError>(id)
    /// })).await?;
    /// ```
    ///
    /// # Errors
    /// What the job says, or that the store has closed or could not commit.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.writer.write(job).await
    }

    /// Stores records of an endpoint, each exactly once, and gives the new highest sequence number after the commit.
    ///
    /// # Errors
    /// When the store has closed or could not commit; nothing of the batch is stored then.
    pub async fn append(&self, batch: RecordBatch) -> Result<Appended, StoreError> {
        self.writer.append(batch).await
    }

    /// Whether the database answers and takes writes. While the newest batch could not be committed (a full disk), this
    /// tries a write of its own, so that it is known when that is over even if nobody else writes.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query_scalar::<_, i64>("SELECT 1").fetch_one(&self.reads).await?;
        if !self.writer.is_failing() {
            return Ok(());
        }
        self.write(|tx| {
            Box::pin(async move {
                // Both together leave nothing behind, but have to be written all the same.
                sqlx::query("INSERT INTO layouts (fingerprint, series, used_ms) VALUES (-1, '', 0)")
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("DELETE FROM layouts WHERE fingerprint = -1").execute(tx).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
    }

    /// Commits what is waiting, refuses what comes later, and closes all connections.
    pub async fn close(&self) {
        // The last connection to close folds the write-ahead log into the file, which a reader may not.
        self.reads.close().await;
        self.writer.close().await;
    }
}

/// How every connection is set up.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

#[cfg(test)]
mod tests;
