//! Whether a file is one that a collector can begin with: never with nothing where something was, never with half.
//!
//! SQLite itself notices a file that is shorter than it should be. What it does not notice until somebody comes by is a
//! damaged page, and never that a write-ahead log was removed, with what was committed last. A database up to [`WHOLE_MAX`]
//! is looked through at every start; of a larger one the tables that everything else stands on, since that takes a moment
//! and not minutes. `firstline-collector doctor` looks at all of it.

use std::path::{Path, PathBuf};

use super::connection::Connection;
use super::lock::{self, Left, Lock};
use super::{StoreError, sql};

/// Bytes of a database that is looked through whole.
const WHOLE_MAX: u64 = 64 * 1024 * 1024;

const WHOLE: &str = "PRAGMA quick_check(1)";

/// What everything stands on, and how that is looked through.
const TABLES: [(&str, &str); 13] = [
    ("schema_migrations", "PRAGMA quick_check('schema_migrations')"),
    ("endpoints", "PRAGMA quick_check('endpoints')"),
    ("endpoint_progress", "PRAGMA quick_check('endpoint_progress')"),
    ("records_ahead", "PRAGMA quick_check('records_ahead')"),
    ("history_progress", "PRAGMA quick_check('history_progress')"),
    ("certificates", "PRAGMA quick_check('certificates')"),
    ("enrollment_tokens", "PRAGMA quick_check('enrollment_tokens')"),
    ("agent_settings", "PRAGMA quick_check('agent_settings')"),
    ("accounts", "PRAGMA quick_check('accounts')"),
    ("sessions", "PRAGMA quick_check('sessions')"),
    ("findings", "PRAGMA quick_check('findings')"),
    ("alerts", "PRAGMA quick_check('alerts')"),
    ("pulls", "PRAGMA quick_check('pulls')"),
];

/// Looks at the files before they are opened.
pub(super) fn of_files(path: &Path, lock: &Lock) -> Result<(), StoreError> {
    let is_empty = bytes(path) == 0;
    match lock.left() {
        Left::Open | Left::Closed if is_empty => Err(StoreError::Gone(path.to_owned())),
        Left::Open if !has_log(path) => Err(StoreError::LogGone(path.to_owned())),
        _ => Ok(()),
    }
}

/// Whether the write-ahead log of a database that nobody has open was removed.
pub(crate) fn log_is_gone(path: &Path) -> bool {
    lock::left(path) == Left::Open && !has_log(path)
}

/// Looks through what is in the file, before anything is changed.
pub(super) async fn of_rows(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    if bytes(path) <= WHOLE_MAX {
        return look(path, connection, WHOLE).await;
    }
    let names: Vec<String> =
        sql::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut *connection).await?;
    for (_, check) in TABLES.into_iter().filter(|(name, _)| names.iter().any(|there| there == name)) {
        look(path, connection, check).await?;
    }
    Ok(())
}

async fn look(path: &Path, connection: &mut Connection, check: &'static str) -> Result<(), StoreError> {
    let said: Vec<String> = sql::query_scalar(check).fetch_all(connection).await?;
    let is_fault = |line: &&str| *line != "ok" && !line.starts_with("***");
    match said.iter().flat_map(|text| text.lines()).find(is_fault) {
        None => Ok(()),
        Some(fault) => Err(StoreError::Damaged { path: path.to_owned(), what: fault.to_owned() }),
    }
}

/// What SQLite says of a file that is damaged, or of one that is not for this account, with what to do about it.
pub(super) fn explained(path: &Path, error: StoreError) -> StoreError {
    let (StoreError::Database(cause) | StoreError::Migration { cause, .. }) = &error else { return error };
    let Some(said) = cause.as_database_error() else { return error };
    let (path, what) = (path.to_owned(), said.message().to_owned());
    // The upper bits say more.
    match said.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xFF) {
        // SQLITE_CORRUPT and SQLITE_NOTADB.
        Some(11 | 26) => StoreError::Damaged { path, what },
        // SQLITE_PERM, SQLITE_READONLY and SQLITE_CANTOPEN.
        Some(3 | 8 | 14) => StoreError::Unopened { path, what },
        _ => error,
    }
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn has_log(path: &Path) -> bool {
    log_of(path).exists()
}

/// Where SQLite keeps the write-ahead log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}
