//! A copy of a SQLite database that others use meanwhile.
//!
//! `VACUUM INTO` reads one moment of the database from beginning to end, whoever writes, and writes a new file without what
//! was deleted. (SQLite's page-wise backup begins again whenever another process writes, and so would never end here.)
//! Until it ends the write-ahead log cannot be folded into the file and grows by what is written meanwhile.

use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Location, StoreError, soundness, sql};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Copies the database at `from` into the new file `to`, and tells bytes copied and bytes in all while it lasts.
///
/// # Errors
/// When the database is damaged or is not one, or the file is there already or cannot be written.
pub async fn copy(from: &Path, to: &Path, tell: impl FnMut(u64, u64)) -> Result<(), StoreError> {
    let reads = Location::Sqlite(from.to_owned()).looks().await?;
    let bytes = sql::query_scalar::<i64>(
        "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    );
    let bytes = bytes.fetch_one(&reads).await.map_err(|cause| soundness::explained(from, cause.into()))?;
    let name = to.to_str().ok_or_else(|| sql::Error::Configuration("its name is not Unicode".into()))?;
    let copied = sql::query("VACUUM INTO $1").bind(name).execute(&reads);
    let done = telling(copied, to, bytes.unsigned_abs(), tell).await;
    reads.close().await;
    done.map_err(|cause| {
        let cause = StoreError::from(cause);
        match soundness::explained(from, cause.clone()) {
            damaged @ StoreError::Damaged { .. } => damaged,
            // What cannot be opened or written may be the copy.
            _ => cause,
        }
    })?;
    // A copy that only the page cache holds is none.
    File::open(to).and_then(|file| file.sync_all()).map_err(sql::Error::Io)?;
    Ok(())
}

/// Waits for `work`, and tells now and then how long the file has become.
async fn telling<T>(work: impl Future<Output = T>, to: &Path, bytes: u64, mut tell: impl FnMut(u64, u64)) -> T {
    let mut work = pin!(work);
    let mut turns = interval(TELL_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns.tick().await;
    loop {
        tokio::select! {
            done = work.as_mut() => return done,
            _ = turns.tick() => tell(std::fs::metadata(to).map_or(0, |file| file.len()), bytes),
        }
    }
}
