//! Looks at a database without becoming its writer: no lock is taken, nothing is made, nothing is changed, so that it may
//! be done beside a collector that runs.

use std::collections::BTreeMap;

use super::connection::{Engine, Reads};
use super::{Location, StoreError, migrate, migrations, sql};

/// A database that is looked at.
#[derive(Debug)]
pub struct Inspection {
    reads: Reads,
    engine: Engine,
}

impl Inspection {
    /// Opens the database for reads.
    ///
    /// # Errors
    /// When it is not there, is no database, or its server cannot be reached.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        let engine = match location {
            Location::Sqlite(_) => Engine::Sqlite,
            Location::Postgres(server) => {
                server.look().await?;
                Engine::Postgres
            }
        };
        Ok(Self { reads: location.looks().await?, engine })
    }

    /// Its connections.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn answers(&self) -> Result<(), StoreError> {
        let question = match self.engine {
            Engine::Sqlite => "SELECT COUNT(*) FROM sqlite_master",
            Engine::Postgres => "SELECT CAST(1 AS BIGINT)",
        };
        sql::query_scalar::<i64>(question).fetch_one(&self.reads).await?;
        Ok(())
    }

    /// Number and name of each migration that it has seen.
    ///
    /// # Errors
    /// When it has no list of migrations, so that it is not a collector's.
    pub async fn migrations(&self) -> Result<BTreeMap<i64, String>, StoreError> {
        let applied = migrate::applied(&self.reads).await?;
        Ok(applied.into_iter().map(|(number, (name, _))| (number, name)).collect())
    }

    /// How many migrations this program would apply when it serves.
    ///
    /// # Errors
    /// [`StoreError::Newer`] and [`StoreError::Changed`] when it would refuse the database.
    pub async fn migrations_missing(&self) -> Result<usize, StoreError> {
        let applied = migrate::applied(&self.reads).await?;
        migrate::verify(&applied, migrations::ALL, self.engine)?;
        Ok(migrations::ALL.len() - applied.len())
    }

    /// What an integrity check of the file finds, at most 20 faults; with `thorough` also whether indexes hold what their
    /// tables hold, which takes several times as long. A server checks its own pages as it reads them.
    ///
    /// # Errors
    /// When the check itself cannot run, which is a fault as well.
    pub async fn damage(&self, thorough: bool) -> Result<Vec<String>, StoreError> {
        let check = match (self.engine, thorough) {
            (Engine::Postgres, _) => return Ok(Vec::new()),
            (Engine::Sqlite, true) => "PRAGMA integrity_check(20)",
            (Engine::Sqlite, false) => "PRAGMA quick_check(20)",
        };
        let faults: Vec<String> = sql::query_scalar(check).fetch_all(&self.reads).await?;
        Ok(faults.into_iter().filter(|fault| fault != "ok").collect())
    }

    /// How many rows the tables hold that say what a collector has: endpoints, tickets, accounts.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn counts(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        const COUNTS: [(&str, &str); 5] = [
            ("endpoints", "SELECT COUNT(*) FROM endpoints"),
            ("tickets", "SELECT COUNT(*) FROM tickets"),
            ("accounts", "SELECT COUNT(*) FROM accounts"),
            ("snapshots", "SELECT COUNT(*) FROM snapshots"),
            ("audit_entries", "SELECT COUNT(*) FROM audit_log"),
        ];
        let mut counts = BTreeMap::new();
        for (name, count) in COUNTS {
            counts.insert(name.to_owned(), sql::query_scalar(count).fetch_one(&self.reads).await?);
        }
        Ok(counts)
    }

    /// Closes its connections.
    pub async fn close(self) {
        self.reads.close().await;
    }
}
