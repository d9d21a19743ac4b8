use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use sqlx::error::ErrorKind;
use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

use super::link::is_loss;
use super::lock::beside;
use super::soundness::log_of;

/// Why the store could not do something.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the database refused a statement: {0}")]
    Database(Arc<sqlx::Error>),
    /// The server cannot be reached.
    #[error("the database cannot be reached: {}", bare(.0))]
    Away(Arc<sqlx::Error>),
    /// Another process has the database.
    #[error("{} is in use by another collector; stop that one first", .0.display())]
    InUse(PathBuf),
    /// The lock beside the database cannot be taken.
    #[error("the lock of {} cannot be taken", path.display())]
    Lock {
        /// The database.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Arc<io::Error>,
    },
    /// The database is not there any more.
    #[error(
        "{} is missing or empty, though it was a collector's database: every endpoint, ticket and account would be gone. Put \
         the file back together with its write-ahead log, or a backup into a new folder with `firstline-collector restore`",
        .0.display()
    )]
    Gone(PathBuf),
    /// What was committed last is not there any more.
    #[error(
        "the write-ahead log {log} is missing, though the collector did not end in order: it held what was committed last, and \
         {database} alone is older than what agents and people were told. Put the log back beside it, or a backup into a new \
         folder with `firstline-collector restore`; to go on with the older state all the same, remove {lock}",
        database = .0.display(), log = log_of(.0).display(), lock = beside(.0).display()
    )]
    LogGone(PathBuf),
    /// The file is damaged.
    #[error(
        "{} is damaged: {what}. Keep the file for later, put a backup into a new folder with `firstline-collector restore`, and \
         look at the disk and the memory of this machine; `firstline-collector doctor` says more", path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite found.
        what: String,
    },
    /// The file cannot be opened or written by this account.
    #[error(
        "{} cannot be opened: {what}. Every file of its folder must be that of the account which runs the collector, on a disk \
         that takes writes; `firstline-collector doctor`, asked by root, names those that are not", path.display()
    )]
    Unopened {
        /// The database.
        path: PathBuf,
        /// What the system or SQLite says.
        what: String,
    },
    /// The server cannot prove who it is.
    #[error("{server} is not trusted: {cause}. {remedy}")]
    Untrusted {
        /// The server.
        server: String,
        /// What the handshake said.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A pooler stands in front of the server, and nobody said so.
    #[error(
        "{server} is a pooler that takes no settings of a connection; say so in firstline.toml: [database] pooler = \
         \"transaction\""
    )]
    Pooler {
        /// The pooler.
        server: String,
    },
    /// The server went away between a commit and its word on it, and has not come back since.
    #[error("{0}; whether it was stored is not known")]
    Doubtful(Box<Self>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// The endpoint's stream is another collector's by now, or was taken from everybody.
    #[error("the endpoint's stream has moved to another collector")]
    Moved,
    /// The other collectors have given this one up, and it must begin anew.
    #[error("the other collectors have taken over the work of this one, which was away for too long")]
    Expelled,
    /// A newer program has written this database.
    #[error(
        "the database holds migration {number:04} ({name}) that this program does not know; \
         it was used by a newer release, start that one"
    )]
    Newer {
        /// The unknown migration.
        number: i64,
        /// Its name.
        name: String,
    },
    /// A migration that was applied is not the one that this program carries.
    #[error(
        "migration {number:04} ({name}) was applied with other contents than this program's; restore the release that made this database"
    )]
    Changed {
        /// The migration.
        number: i64,
        /// Its name.
        name: String,
    },
    /// A migration failed; the database is as it was before it.
    #[error("migration {number:04} ({name}) failed")]
    Migration {
        /// The migration.
        number: i64,
        /// Its name.
        name: String,
        /// What the database said.
        #[source]
        cause: Arc<sqlx::Error>,
    },
}

/// What the system said, where that is what it is.
fn bare(cause: &sqlx::Error) -> &dyn fmt::Display {
    if let sqlx::Error::Io(said) = cause { said } else { cause }
}

impl StoreError {
    /// Whether what was to be stored is the reason, not the database or the way to it.
    pub(super) fn is_of_data(&self) -> bool {
        let Self::Database(cause) = self else { return false };
        match cause.as_ref() {
            sqlx::Error::Encode(_) => true,
            // PostgreSQL's classes: bad data, a broken constraint, a limit of rows and indexes.
            sqlx::Error::Database(cause) if cause.try_downcast_ref::<PgDatabaseError>().is_some() => {
                cause.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
            }
            sqlx::Error::Database(cause) => cause.kind() != ErrorKind::Other,
            _ => false,
        }
    }

    /// Whether this is of the moment: the server is away or overloaded, the disk is full or read-only, the collector ends.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Away(_) | Self::Closed | Self::Doubtful(_) => true,
            Self::Database(cause) => is_loss(cause) || is_refused_now(cause),
            _ => false,
        }
    }

    /// What the database itself says, without the words around it, for who says where that was.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Database(cause) => match cause.as_database_error() {
                Some(said) => said.message().to_owned(),
                None => cause.to_string(),
            },
            other => other.to_string(),
        }
    }

    /// Whether a server has no table of this name.
    pub(crate) fn is_of_missing_table(&self) -> bool {
        let Self::Database(cause) = self else { return false };
        cause.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some("42P01")
    }

    /// Whether the way to the database was lost, so that what was asked last may have been done.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Database(cause) if is_loss(cause))
    }

    /// Whether the same may succeed when it is tried again at once: the connection broke, or two transactions were in
    /// each other's way.
    pub(super) fn may_pass(&self) -> bool {
        let Self::Database(cause) = self else { return false };
        let code = cause.as_database_error().and_then(sqlx::error::DatabaseError::code);
        is_loss(cause) || matches!(code.as_deref(), Some("40001" | "40P01"))
    }

    pub(super) fn locked(path: &Path, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::WouldBlock => Self::InUse(path.to_owned()),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Unopened { path: path.to_owned(), what: cause.to_string() }
            }
            _ => Self::Lock { path: path.to_owned(), cause: Arc::new(cause) },
        }
    }
}

/// Whether a database that is well would have taken the same.
fn is_refused_now(cause: &sqlx::Error) -> bool {
    match cause {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(cause) if cause.try_downcast_ref::<PgDatabaseError>().is_some() => {
            // Insufficient resources, an operator's intervention.
            cause.code().is_some_and(|code| code.starts_with("53") || code.starts_with("57"))
        }
        // SQLite's codes; the low byte is the kind: busy, locked, read-only, I/O, full, cannot open.
        sqlx::Error::Database(cause) => {
            let code = cause.code().and_then(|code| code.parse::<i32>().ok());
            code.is_some_and(|code| [5, 6, 8, 10, 13, 14].contains(&(code & 0xFF)))
        }
        _ => false,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}
