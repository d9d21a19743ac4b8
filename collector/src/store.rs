//! The database: connection, migrations, one writer in batches, a pool for reads.
//!
//! **Acknowledged means stored.** The writer's connection runs with `synchronous = FULL`: in WAL mode `NORMAL` keeps
//! the file consistent after a power cut but may lose the last commits, and an agent deletes what was acknowledged.
//! One flush to the disk per batch is the price; batches make it small.
//!
//! There are two engines: SQLite, a file that this process locks for itself, and PostgreSQL, which several collectors may
//! share. Nobody outside knows which it is: statements go through [`sql`].
//!
//! - All writes go through [`Store::write`] or [`Store::append`] to one task, which commits many of them at once.
//!   An answer is given only after the commit. A write that fails is undone alone; the others of its batch stay.
//!   What people wait for ([`Store::for_people`]) goes first.
//! - Reads use [`Store::reads`], a pool of connections that see the last commit and never wait for the writer.
//! - What one job of [`Store::write`] reads stays true until it is committed, also when several collectors write: its
//!   transaction holds the baton (a locked row) from before its first statement. Records need no baton, the ledger locks
//!   the endpoints they are of.
//! - A collector that works beside others ([`Membership`]) writes only while they count it among them, and records only
//!   under the number under which it holds their stream.
//! - A file that is damaged, or from which something was taken away, is refused at the start, with what to do.
//! - While a server is away, senders get an error, and the writer connects again with growing pauses.
//! - Outside, things are named by UUIDs; inside, endpoints have small integer keys. Times are milliseconds since 1970.
//!
//! Not here: what the rows mean. Every room keeps its own statements beside its own types.

mod connection;
mod copy;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod inspection;
mod link;
mod location;
mod lock;
mod membership;
mod migrate;
mod migrations;
mod records;
mod soundness;
pub mod sql;
mod standing;
mod writer;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

pub use connection::{Connection, Engine, Reads};
pub use copy::copy;
pub use error::StoreError;
pub use inspection::Inspection;
use link::Link;
pub use location::{Location, Server};
use lock::Lock;
pub(crate) use lock::leave_in_order;
pub(crate) use membership::Membership;
pub use migrations::Migration;
pub use records::{Appended, Body, Claim, RecordBatch, Row, StateValue};
pub(crate) use soundness::log_is_gone;
use standing::Standing;
use writer::{Lane, Writer};

/// The database of one collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    location: Arc<Location>,
    standing: Standing,
    reads: Reads,
    writer: Writer,
}

impl Store {
    /// Opens the database, creates the file when it is one and missing, and brings the tables up to date.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, was written by a newer program, or holds migrations that differ from ours.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => {
                let opened = Self::open_file(path, location).await;
                opened.map_err(|error| soundness::explained(path, error))
            }
            Location::Postgres(server) => {
                server.look().await?;
                let connection = location.connect().await.map_err(|cause| server.explained(cause))?;
                Self::begin(location, connection, None).await
            }
        }
    }

    async fn open_file(path: &Path, location: &Location) -> Result<Self, StoreError> {
        let lock = lock::take(path).await.map_err(|cause| StoreError::locked(path, cause))?;
        soundness::of_files(path, &lock)?;
        let mut connection = location.connect().await?;
        soundness::of_rows(path, &mut connection).await?;
        Self::begin(location, connection, Some(lock)).await
    }

    async fn begin(location: &Location, mut connection: Connection, lock: Option<Lock>) -> Result<Self, StoreError> {
        migrate::run(&mut connection, migrations::ALL).await?;
        let reads = location.reads().await?;
        let standing = Standing::default();
        let link = Link::new(location.clone(), connection, standing.clone());
        let writer = Writer::start(link, lock, standing.clone());
        Ok(Self { location: Arc::new(location.clone()), standing, reads, writer })
    }

    /// The same database for those who look at a screen meanwhile: their writes do not wait behind the fleet's records.
    #[must_use]
    pub fn for_people(&self) -> Self {
        Self { writer: self.writer.for_lane(Lane::People), ..self.clone() }
    }

    /// The pool for reads. Its connections refuse to write.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Runs `job` on the writer and gives its answer once it is committed; when the job fails, what it wrote is undone.
    ///
    /// ```text
    /// let id = store.write(|tx| Box::pin(async move {
    ///     sql::query("INSERT INTO notes (id) VALUES ($1)").bind(id).execute(&mut *tx).await?;
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
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.writer.write(true, job).await
    }

    /// As [`Store::write`], also when this collector is no member of those that share the database: how it becomes one.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) async fn write_as_stranger<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.writer.for_lane(Lane::People).write(false, job).await
    }

    /// This collector's right to write beside others.
    pub(crate) fn membership(&self) -> &Membership {
        self.writer.membership()
    }

    /// Stores records of an endpoint, each exactly once, and gives the new highest sequence number after the commit.
    ///
    /// # Errors
    /// When the store has closed or could not commit; nothing of the batch is stored then.
    pub async fn append(&self, batch: RecordBatch) -> Result<Appended, StoreError> {
        self.writer.append(batch).await
    }

    /// Says who holds an endpoint's stream, and gives the number under which it is held after the commit. Only where several
    /// collectors share a PostgreSQL server.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when it is not held under the number that the claim names; or the database's.
    pub async fn claim(&self, claim: Claim) -> Result<i64, StoreError> {
        self.writer.claim(claim).await
    }

    /// How many jobs wait for the writer.
    pub fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// Whether the newest batch could not be committed.
    pub fn is_failing(&self) -> bool {
        self.writer.is_failing()
    }

    /// Bytes of the database, with what is free in it.
    ///
    /// # Errors
    /// The database's.
    pub async fn size_bytes(&self) -> Result<u64, StoreError> {
        let size = match self.reads {
            Reads::Sqlite(_) => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            Reads::Postgres(_) | Reads::Pooled(_) => "SELECT CAST(pg_database_size(current_database()) AS BIGINT)",
        };
        let bytes: i64 = sql::query_scalar(size).fetch_one(&self.reads).await?;
        Ok(bytes.unsigned_abs())
    }

    /// Whether the database answers and takes writes. While the newest batch could not be committed (a full disk), this
    /// tries a write of its own, so that it is known when that is over even if nobody else writes.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), StoreError> {
        sql::query_scalar::<i64>("SELECT CAST(1 AS BIGINT)").fetch_one(&self.reads).await?;
        if !self.writer.is_failing() {
            return Ok(());
        }
        self.write(|tx| {
            Box::pin(async move {
                // Both together leave nothing behind, but have to be written all the same.
                sql::query("INSERT INTO layouts (fingerprint, series, used_ms) VALUES (-1, '', 0)")
                    .execute(&mut *tx)
                    .await?;
                sql::query("DELETE FROM layouts WHERE fingerprint = -1").execute(tx).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
    }

    /// Whether the database does its work, for whom it fails.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Looks at a database of which somebody said that it fails, and says in the log how it stands.
    pub(crate) async fn look_after(&self) {
        if !self.standing.is_in_doubt() {
            return;
        }
        match self.attempt().await {
            // It ends, which is no failure.
            Err(StoreError::Closed) => {}
            Err(cause) => self.standing.is_away(&cause, Instant::now()),
            Ok(()) => self.standing.is_well(Instant::now()),
        }
    }

    async fn attempt(&self) -> Result<(), StoreError> {
        if let Location::Postgres(server) = &*self.location {
            server.look().await?;
        }
        self.check().await
    }

    /// Commits what is waiting, refuses what comes later, and closes all connections.
    pub async fn close(&self) {
        // The last connection to close folds the write-ahead log into the file, which a reader may not.
        self.reads.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
