use std::sync::Arc;

use thiserror::Error;

/// Why the store could not do something.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// The database said no.
    #[error("the database refused a statement")]
    Database(#[source] Arc<sqlx::Error>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}
