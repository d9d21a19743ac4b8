use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a collector that is just ending is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to try.
const EVERY: Duration = Duration::from_millis(50);

/// Takes a database for this process alone, until the file is dropped or the process ends, however it ends. Two
/// writers would each remember other sequence numbers.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when another process has it; or the file cannot be made.
pub(super) async fn take(database: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(database.with_extension("lock"))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(EVERY).await,
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_one_has_a_database() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("db");
        let first = take(&path).await.expect("first");
        assert_eq!(take(&path).await.expect_err("second").kind(), io::ErrorKind::WouldBlock);
        drop(first);
        take(&path).await.expect("after the first");
    }
}
