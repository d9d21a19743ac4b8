//! The agent's own directory: what lies where, owner-only, and replaced whole or not at all.
//!
//! ```text
//! agent.toml          configuration, when this is not the machine's own agent
//! identity/           key, certificate, authorities
//! spool/              what the collector has not acknowledged
//! recorder/           15 s for 24 h
//! memory              leads to the scratch directory: what is written often, in memory
//! memory.id           what binds the two
//! journal             marks, events and changes of the last two weeks
//! remembered/         what probes remember: bookmarks in logs, the packages of the last look, the last beat
//! inventory.json      the values that changes are told from
//! ledger              what left this machine
//! status.json         the running agent's account of itself
//! pseudonym.key       key of the names that stand for identities
//! lock                held by the running agent
//! ```

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use scratch::Scratch;

#[cfg(not(unix))]
#[path = "state/plain.rs"]
mod native;
#[cfg(unix)]
#[path = "state/unix.rs"]
mod native;
mod scratch;

/// Where an agent keeps what it must remember.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// The directory `root`, made owner-only when it does not exist.
    pub fn open(root: &Path) -> Result<Self> {
        native::create_dir(root).with_context(|| {
            format!("creating the state directory {}; name another with --state-dir, or run as root", root.display())
        })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The directory `root` for those who only look: nothing is made, and it may be absent.
    pub fn look(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether there is such a directory.
    pub fn is_there(&self) -> bool {
        self.root.is_dir()
    }

    /// Whether what is in it can be read; what cannot would look as if it were not there.
    ///
    /// # Errors
    /// It is there and may not be read.
    pub fn check_readable(&self) -> Result<()> {
        let root = self.root.display();
        match fs::read_dir(&self.root) {
            Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => bail!(
                "the state directory {root} may be read by the agent and by root only; run this as root, for example with sudo"
            ),
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(source)
                .with_context(|| format!("reading the state directory {root}; name the agent's with --state-dir")),
            _ => Ok(()),
        }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of `name` within it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A directory within it, made when it does not exist.
    pub fn dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        native::create_dir(&path).with_context(|| {
            let root = self.root.display();
            format!(
                "creating the directory {}; this account must be able to write in {root}: run this as root, for example \
                 with sudo, or name another state directory with --state-dir",
                path.display()
            )
        })?;
        Ok(path)
    }

    /// Takes the lock of the running agent; it is free again when the result is dropped or the process ends.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.path("lock");
        let file = open_private(&path, true).with_context(|| {
            format!("opening the lock {}; the agent must be able to write where it keeps its state", path.display())
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("another firstline-agent runs with the state directory {}; stop it first", self.root.display())
            }
            Err(fs::TryLockError::Error(source)) => Err(source).with_context(|| format!("locking {}", path.display())),
        }
    }

    /// Whether an agent runs with this directory.
    pub fn is_locked(&self) -> bool {
        File::open(self.path("lock")).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
    }
}

/// Held by the running agent.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Replaces the file at `path` by `bytes`: after a crash there is the old or the new content, never a part. Owner-only.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = open_private(&beside, false)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    native::sync_dir(folder_of(path))
}

/// The folder that a file lies in; of a bare name it is the one that the program was started in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Replaces the file at `path` by `bytes` for those who read it; not synced, so a power cut may cost both.
pub fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    open_private(&beside, false)?.write_all(bytes)?;
    fs::rename(&beside, path)
}

/// Writes `bytes` over the file at `path`, in the room that it already has: the way that is left when the disk is full.
/// What was longer keeps its end, and a crash leaves a mixture, so it is only for what is written again soon.
pub fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // What a failed replacement left behind takes room that others need.
    let _ = fs::remove_file(beside);
    File::options().write(true).open(path)?.write_all(bytes)
}

/// Writes `bytes` to the file at `path` in place, without waiting for the disk: for what is written often and small, and
/// may be a few seconds old after a power cut. Owner-only.
pub fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open_private(path, true)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// Opens a file that only its owner may read, making it when absent; `keep` says whether what is in it stays.
pub fn open_private(path: &Path, keep: bool) -> io::Result<File> {
    native::open_private(path, keep)
}

/// Makes a directory with its parents, or one that is there, its owner's alone.
pub fn private_dir(path: &Path) -> io::Result<()> {
    native::private_dir(path)
}

/// The access rights of `path` when accounts other than its owner have any, as people write them (`0640`).
pub fn shared_mode(path: &Path) -> io::Result<Option<String>> {
    native::shared_mode(path)
}

/// Makes removals and new names in `dir` last.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    native::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let state = StateDir::open(dir.path()).expect("open");
        assert!(!state.is_locked());
        let lock = state.lock().expect("first");
        assert!(state.is_locked());
        assert!(state.lock().expect_err("second").to_string().contains("another firstline-agent"));
        drop(lock);
        assert!(state.lock().is_ok());
    }

    #[test]
    fn who_only_looks_makes_nothing() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (absent, file) = (dir.path().join("misspelt"), dir.path().join("file"));
        fs::write(&file, "").expect("written");
        assert!(StateDir::look(&absent).check_readable().is_ok(), "there is nothing to read");
        assert!(!absent.exists());
        let refused = StateDir::look(&file).check_readable().expect_err("a file is no directory");
        assert!(refused.to_string().contains("--state-dir"), "{refused}");
        let refused = StateDir::look(&file).dir("identity").expect_err("nothing can be made there");
        assert!(refused.to_string().contains("run this as root"), "{refused}");
    }

    #[test]
    fn overwrites_in_place_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("status.json");
        assert!(overwrite(&path, b"none").is_err(), "there is no room that it could take");
        replace(&path, b"one").expect("first");
        fs::write(path.with_extension("new"), b"t").expect("torn");
        overwrite(&path, b"two").expect("second");
        assert_eq!(fs::read(&path).expect("there"), b"two");
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1);
    }

    #[test]
    fn a_bare_name_lies_in_the_folder_that_the_program_was_started_in() {
        assert_eq!(folder_of(Path::new("diagnosis.json")), Path::new("."));
        assert_eq!(folder_of(Path::new("saved/diagnosis.json")), Path::new("saved"));
        let name = format!("firstline-{}.json", std::process::id());
        replace(Path::new(&name), b"one").expect("written");
        assert_eq!(fs::read(&name).expect("there"), b"one");
        fs::remove_file(&name).expect("removed");
    }

    #[test]
    fn replaces_whole() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("status.json");
        replace(&path, b"one, and longer").expect("first");
        replace(&path, b"two").expect("second");
        assert_eq!(fs::read(&path).expect("there"), b"two");
    }
}
