//! Where the database is, and how its connections are set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;

use super::StoreError;
use super::connection::{Connection, Reads};
use super::sql::{Error, Remember};

/// How long a connection waits for a lock that somebody else (a backup, a shell) holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections for reads of SQLite.
const READ_CONNECTIONS: u32 = 8;

/// How long a server may take to answer a new connection, and how long a read waits for one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file, made when it is missing.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Box<Server>),
}

/// A PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Server {
    /// How to reach it.
    pub options: PgConnectOptions,
    /// Whether a transaction pooler stands in front of it.
    pub pooled: bool,
    /// Connections for reads.
    pub read_connections: u32,
}

/// The file, or the server without its password.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(server) => {
                let (user, host, port) =
                    (server.options.get_username(), server.options.get_host(), server.options.get_port());
                let name = server.options.get_database().unwrap_or(user);
                write!(f, "{name} of {user} at {host}:{port}")
            }
        }
    }
}

impl Location {
    /// A connection that writes.
    pub(super) async fn connect(&self) -> Result<Connection, Error> {
        match self {
            Self::Sqlite(path) => Ok(Connection::sqlite(sqlite(path.clone()).connect().await?)),
            Self::Postgres(server) => server.connect().await,
        }
    }

    /// Connections that read.
    pub(super) async fn reads(&self) -> Result<Reads, Error> {
        match self {
            Self::Sqlite(path) => {
                let options = sqlite(path.clone()).read_only(true).create_if_missing(false);
                let pool = SqlitePoolOptions::new().max_connections(READ_CONNECTIONS).connect_with(options).await?;
                Ok(Reads::Sqlite(pool))
            }
            Self::Postgres(server) => Ok(server.reads()),
        }
    }

    /// Connections that look at a database of which nothing is known: on SQLite without setting anything up.
    pub(super) async fn looks(&self) -> Result<Reads, Error> {
        match self {
            Self::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
                Ok(Reads::Sqlite(pool))
            }
            Self::Postgres(server) => Ok(server.reads()),
        }
    }
}

/// How every connection to SQLite is set up.
fn sqlite(path: PathBuf) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// What to do about a server that cannot prove who it is.
const NOT_TRUSTED: &str = "`sslrootcert` in database.url must name the certificate of the authority that signed the server's, and \
    with sslmode=verify-full the server's certificate must name the host that database.url names";

/// What a transaction pooler says to a connection that wants settings of its own.
const POOLER_SAYS: &str = "unsupported startup parameter";

/// What to do about a server that does not encrypt.
const NO_TLS: &str = "Switch TLS on at the server (`ssl = on` in postgresql.conf), or change sslmode in database.url";

impl Server {
    /// Why a connection could not be made, with what to do when the server is not trusted or is none.
    pub(super) fn explained(&self, cause: Error) -> StoreError {
        let text = cause.to_string();
        let server = format!("the database's server {}:{}", self.options.get_host(), self.options.get_port());
        let remedy = match &cause {
            Error::Tls(said) if said.to_string().contains("does not support TLS") => NO_TLS,
            Error::Tls(_) => NOT_TRUSTED,
            Error::Io(_) if text.contains("certificate") => NOT_TRUSTED,
            Error::Database(said) if said.message().contains(POOLER_SAYS) => return StoreError::Pooler { server },
            Error::Io(_) => return StoreError::Away(Arc::new(cause)),
            _ => return cause.into(),
        };
        StoreError::Untrusted { server, cause: text, remedy }
    }

    /// Connects as reads do, once, so that what stands in their way is told at once and in the server's own words: a pool
    /// only says that nothing came.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        let connection = in_time(&self.read_options()).await.map_err(|cause| self.explained(cause))?;
        Ok(connection.close().await?)
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let connection = in_time(&self.options()).await?;
        Ok(Connection::postgres(connection, if self.pooled { Remember::No } else { Remember::Yes }))
    }

    /// Connects when somebody reads, so that a server which is away for a moment is no reason to end.
    fn reads(&self) -> Reads {
        let pool = PgPoolOptions::new().max_connections(self.read_connections).acquire_timeout(CONNECT_TIMEOUT);
        let pool = pool.connect_lazy_with(self.read_options());
        if self.pooled { Reads::Pooled(pool) } else { Reads::Postgres(pool) }
    }

    /// How connections that read are set up: they refuse to write, behind a pooler by the transaction in which each reads.
    fn read_options(&self) -> PgConnectOptions {
        let options = self.options();
        if self.pooled { options } else { options.options([("default_transaction_read_only", "on")]) }
    }

    /// How every connection to PostgreSQL is set up. A pooler refuses settings that it does not know, and gives the next
    /// transaction another server, which has not seen the statements of the one before.
    fn options(&self) -> PgConnectOptions {
        let options = self.options.clone().extra_float_digits(None);
        if self.pooled { options.statement_cache_capacity(0) } else { options }
    }
}

/// Connects, unless that takes too long.
async fn in_time(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let silent =
        || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()));
    timeout(CONNECT_TIMEOUT, options.connect()).await.map_err(|_| Error::Io(silent()))?
}
