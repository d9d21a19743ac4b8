//! Brings the tables up to date, forward only.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};
use tracing::info;

use super::{Migration, StoreError};

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at_ms BIGINT NOT NULL
)";

/// Applies every migration of `list` that is missing, each in its own transaction.
///
/// # Errors
/// [`StoreError::Newer`] and [`StoreError::Changed`] before anything is touched; [`StoreError::Migration`] when one fails.
pub(super) async fn run(connection: &mut SqliteConnection, list: &[Migration]) -> Result<(), StoreError> {
    sqlx::query(CREATE_TABLE).execute(&mut *connection).await?;
    let applied = applied(connection).await?;
    verify(&applied, list)?;
    for migration in list.iter().filter(|one| !applied.contains_key(&one.number)) {
        apply(connection, migration).await.map_err(|cause| StoreError::Migration {
            number: migration.number,
            name: migration.name.to_owned(),
            cause: Arc::new(cause),
        })?;
        info!(migration.number, migration.name, "Applied migration {:04} {}", migration.number, migration.name);
    }
    Ok(())
}

/// Name and checksum of the migrations that the database has seen.
async fn applied(connection: &mut SqliteConnection) -> Result<BTreeMap<i64, (String, String)>, StoreError> {
    let rows: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT number, name, checksum FROM schema_migrations").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(number, name, checksum)| (number, (name, checksum))).collect())
}

/// Refuses a database that this program does not understand.
fn verify(applied: &BTreeMap<i64, (String, String)>, list: &[Migration]) -> Result<(), StoreError> {
    for (&number, (name, checksum)) in applied {
        let Some(migration) = list.iter().find(|one| one.number == number) else {
            return Err(StoreError::Newer { number, name: name.clone() });
        };
        if checksum_of(migration) != *checksum {
            return Err(StoreError::Changed { number, name: name.clone() });
        }
    }
    Ok(())
}

async fn apply(connection: &mut SqliteConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO schema_migrations (number, name, checksum, applied_at_ms) VALUES ($1, $2, $3, $4)")
        .bind(migration.number)
        .bind(migration.name)
        .bind(checksum_of(migration))
        .bind(jiff::Timestamp::now().as_millisecond())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// SHA-256 of the statements, line endings evened out, in hexadecimal.
fn checksum_of(migration: &Migration) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(migration.sql.replace("\r\n", "\n").as_bytes());
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;

    const ONE: Migration = Migration { number: 1, name: "create_a", sql: "CREATE TABLE a (b INTEGER)" };
    const TWO: Migration =
        Migration { number: 2, name: "create_c", sql: "CREATE TABLE c (d INTEGER); CREATE TABLE e (f INTEGER)" };

    async fn empty() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.expect("memory")
    }

    #[tokio::test]
    async fn builds_everything_from_nothing_and_again_changes_nothing() {
        let mut connection = empty().await;
        run(&mut connection, migrations::ALL).await.expect("first");
        run(&mut connection, migrations::ALL).await.expect("again");
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM schema_migrations")
            .fetch_one(&mut connection)
            .await
            .expect("count");
        assert_eq!(count, migrations::ALL.len() as i64);
    }

    #[tokio::test]
    async fn applies_only_what_is_missing() {
        let mut connection = empty().await;
        run(&mut connection, &[ONE]).await.expect("one");
        run(&mut connection, &[ONE, TWO]).await.expect("two");
        sqlx::query("INSERT INTO e (f) VALUES (1)").execute(&mut connection).await.expect("second statement ran");
    }

    #[tokio::test]
    async fn refuses_a_database_of_a_newer_program() {
        let mut connection = empty().await;
        run(&mut connection, &[ONE, TWO]).await.expect("new");
        let error = run(&mut connection, &[ONE]).await.expect_err("old program");
        assert!(matches!(error, StoreError::Newer { number: 2, .. }), "{error}");
    }

    #[tokio::test]
    async fn refuses_a_migration_that_was_edited() {
        let mut connection = empty().await;
        run(&mut connection, &[ONE]).await.expect("one");
        let edited = Migration { sql: "CREATE TABLE a (b TEXT)", ..ONE };
        assert!(matches!(run(&mut connection, &[edited]).await, Err(StoreError::Changed { number: 1, .. })));
    }

    #[tokio::test]
    async fn leaves_nothing_of_a_failed_migration() {
        let mut connection = empty().await;
        let broken = Migration { number: 1, name: "create_broken", sql: "CREATE TABLE a (b INTEGER); CREATE GARBAGE" };
        assert!(matches!(run(&mut connection, &[broken]).await, Err(StoreError::Migration { .. })));
        run(&mut connection, &[ONE]).await.expect("table a is not there yet");
    }
}
