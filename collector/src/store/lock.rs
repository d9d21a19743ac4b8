//! The file beside a database that one process has at a time. It also says whether whoever had the database last closed it:
//! then the write-ahead log was folded in and removed, and else it must be there.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a collector that is just ending is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to try.
const EVERY: Duration = Duration::from_millis(50);

/// What the file says. Equally long, so that one replaces the other on a full disk, too.
const OPEN: &str = "open  \n";
const CLOSED: &str = "closed\n";

/// A database that this process has for itself, until this is dropped or the process ends, however it ends. Two writers
/// would each remember other sequence numbers.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    left: Left,
}

/// How a database was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nobody says.
    Unknown,
    /// In order.
    Closed,
    /// By a process that was killed, or a machine that lost its power.
    Open,
}

/// As long as this lives the file says that the database is open.
#[derive(Debug)]
pub(super) struct Opened(File);

/// Where the lock of a database is.
pub(super) fn beside(database: &Path) -> PathBuf {
    database.with_extension("lock")
}

/// How a database was left by who had it last.
pub(super) fn left(database: &Path) -> Left {
    File::open(beside(database)).map_or(Left::Unknown, |file| read(&file))
}

/// Takes a database for this process alone.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when another process has it; or the file cannot be made.
pub(super) async fn take(database: &Path) -> io::Result<Lock> {
    let file = File::options().create(true).truncate(false).read(true).write(true).open(beside(database))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => {
                let left = read(&file);
                return Ok(Lock { file, left });
            }
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(EVERY).await,
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
    }
}

/// Says of a database that nobody has open that it was left in order, so that nobody takes its loss for a beginning.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn leave_in_order(database: &Path) -> io::Result<()> {
    std::fs::write(beside(database), CLOSED)
}

impl Lock {
    /// How the database was left by who had it last.
    pub(super) fn left(&self) -> Left {
        self.left
    }

    /// Says that the database is open.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn open(&self) -> io::Result<Opened> {
        let file = self.file.try_clone()?;
        write(&file, OPEN)?;
        Ok(Opened(file))
    }
}

/// Before the connection is closed: between the two a killed process leaves a log that nobody asks for.
impl Drop for Opened {
    fn drop(&mut self) {
        // Without room for seven bytes that are there already, the disk is broken, and the next start says what is missing.
        let _ = write(&self.0, CLOSED);
    }
}

fn read(mut file: &File) -> Left {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if text == OPEN => Left::Open,
        Ok(_) if text == CLOSED => Left::Closed,
        _ => Left::Unknown,
    }
}

fn write(mut file: &File, text: &str) -> io::Result<()> {
    file.rewind()?;
    file.write_all(text.as_bytes())
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

    #[tokio::test]
    async fn it_says_how_the_database_was_left() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("db");
        let lock = take(&path).await.expect("a lock");
        assert_eq!(lock.left(), Left::Unknown);
        let opened = lock.open().expect("written");
        assert_eq!(left(&path), Left::Open);
        drop(opened);
        assert_eq!(left(&path), Left::Closed);
        drop(lock);
        assert_eq!(take(&path).await.expect("a lock").left(), Left::Closed);
    }
}
