//! A directory in memory that outlives the process but not the machine.
//!
//! What is written every few seconds would keep a disk busy all day. It goes here first, and from here to the state
//! directory every few minutes: a killed agent finds it again, a power cut costs what had not gone on. The directory
//! lies where the service manager says (`RUNTIME_DIRECTORY`), in `/run`, in the session's runtime directory, or in
//! `/dev/shm`, whichever is memory and may be written. Without any it lies in the state directory, on disk.
//!
//! `memory` in the state directory leads to it. A clean stop takes both away. An identifier in both places keeps what
//! belonged to another state directory of the same name from being taken for this one's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{StateDir, native, replace};
use crate::os::native::{is_memory, memory_dirs};

/// Its name within the state directory.
const NAME: &str = "memory";

/// What binds the two directories, in each of them.
const ID: &str = "memory.id";

/// Where to write what is written often.
#[derive(Debug, Clone)]
pub struct Scratch {
    path: PathBuf,
    link: PathBuf,
    in_memory: bool,
}

impl StateDir {
    /// The scratch directory, for the one agent that holds the lock; what an earlier run left in it is there.
    pub fn scratch(&self) -> Result<Scratch> {
        let link = self.path(NAME);
        let id = self.scratch_id();
        let before = fs::read_link(&link).ok().filter(|path| is_ours(path, &id));
        let place = places(self.root()).into_iter().find(|place| native::create_private_dir(place).is_ok());
        let Some(path) = place else {
            let _ = fs::remove_file(&link);
            self.dir(NAME)?;
            return Ok(Scratch { path: link.clone(), link, in_memory: false });
        };
        if !is_ours(&path, &id) {
            empty(&path).with_context(|| format!("emptying {}", path.display()))?;
        }
        if let Some(before) = before.filter(|before| *before != path) {
            move_over(&before, &path);
        }
        let noted = fs::write(path.join(ID), &id).and_then(|()| lead(&link, &path));
        if let Err(source) = noted {
            tracing::warn!("{} cannot lead to {}: {source}", link.display(), path.display());
        }
        Ok(Scratch { in_memory: is_memory(&path), path, link })
    }

    /// A file of the scratch directory, for those who only read; there may be none.
    pub fn scratch_file(&self, name: &str) -> PathBuf {
        self.path(NAME).join(name)
    }

    /// A random name that this state directory keeps for life; empty when it cannot keep one.
    fn scratch_id(&self) -> String {
        let path = self.path(ID);
        let known = fs::read_to_string(&path).unwrap_or_default();
        if !known.is_empty() {
            return known;
        }
        let fresh = uuid::Uuid::new_v4().to_string();
        replace(&path, fresh.as_bytes()).map(|()| fresh).unwrap_or_default()
    }
}

impl Scratch {
    /// A directory on disk that takes the place of one in memory.
    pub fn on_disk(path: &Path) -> io::Result<Self> {
        native::create_dir(path)?;
        Ok(Self { path: path.to_owned(), link: path.to_owned(), in_memory: false })
    }

    /// The path of `name` within it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether writing to it costs no disk.
    pub fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// Takes it away, after everything in it went where it belongs.
    pub fn remove(&self) {
        let gone = fs::remove_dir_all(&self.path);
        if let Err(source) =
            gone.and_then(|()| if self.link == self.path { Ok(()) } else { fs::remove_file(&self.link) })
        {
            tracing::warn!("Removing {} failed: {source}", self.path.display());
        }
    }
}

/// Where it may lie in memory, best first, for the state directory `root`.
fn places(root: &Path) -> Vec<PathBuf> {
    let whole = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let digest = Sha256::digest(whole.as_os_str().as_encoded_bytes());
    let name = u64::from_be_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"));
    let given = std::env::var_os("RUNTIME_DIRECTORY").map(|dirs| dirs.to_string_lossy().into_owned());
    let given = given.and_then(|dirs| Some(Path::new(dirs.split(':').next()?).join(NAME)));
    let found = memory_dirs().into_iter().filter(|dir| is_memory(dir));
    given.into_iter().chain(found.map(|dir| dir.join(format!("firstline-agent-{name:016x}")))).collect()
}

fn is_ours(path: &Path, id: &str) -> bool {
    !id.is_empty() && fs::read_to_string(path.join(ID)).is_ok_and(|found| found == id)
}

fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

/// An earlier run may have used another place.
fn move_over(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        if let Err(source) = fs::copy(entry.path(), to.join(entry.file_name())) {
            tracing::warn!("{} was left behind: {source}", entry.path().display());
        }
    }
    let _ = fs::remove_dir_all(from);
}

/// Makes `link` lead to `path`, whatever was there.
fn lead(link: &Path, path: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|target| target == path) {
        return Ok(());
    }
    if link.is_dir() && !link.is_symlink() {
        move_over(link, path);
    } else {
        let _ = fs::remove_file(link);
    }
    native::symlink(path, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlives_the_process_and_is_gone_after_a_clean_stop() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let state = StateDir::open(dir.path()).expect("opens");
        let first = state.scratch().expect("made");
        fs::write(first.path("tail"), "here").expect("written");
        let again = state.scratch().expect("found");
        assert_eq!(fs::read_to_string(again.path("tail")).expect("kept"), "here");
        assert_eq!(fs::read_to_string(state.scratch_file("tail")).expect("for readers too"), "here");
        again.remove();
        assert!(!state.scratch_file("tail").exists() && !again.path("tail").exists());
    }

    #[test]
    fn belongs_to_one_state_directory_only() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let root = dir.path().join("state");
        let state = StateDir::open(&root).expect("opens");
        fs::write(state.scratch().expect("made").path("tail"), "of the first").expect("written");
        fs::remove_dir_all(&root).expect("removed");
        let second = StateDir::open(&root).expect("made again").scratch().expect("made");
        assert!(!second.path("tail").exists());
        second.remove();
    }

    #[test]
    fn what_lay_elsewhere_is_brought_along() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let state = StateDir::open(dir.path()).expect("opens");
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("made");
        fs::write(elsewhere.join(ID), state.scratch_id()).expect("written");
        fs::write(elsewhere.join("tail"), "here").expect("written");
        native::symlink(&elsewhere, state.path(NAME).as_path()).expect("linked");
        let scratch = state.scratch().expect("made");
        assert_eq!(fs::read_to_string(scratch.path("tail")).expect("brought"), "here");
        scratch.remove();
    }
}
