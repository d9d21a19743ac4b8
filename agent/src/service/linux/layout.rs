//! What lies where, and the steps that put it there.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::program::run;
use super::{Installed, USER, rights, unit};
use crate::config::DEFAULTS;
use crate::probe::Right;

pub(super) const OWN_UNIT: &str = "/etc/systemd/system/firstline-agent.service";
pub(super) const OWN_PROGRAM: &str = "/usr/local/bin/firstline-agent";

/// What was done, in sentences.
#[derive(Debug, Default)]
pub(super) struct Steps {
    said: Vec<String>,
    changed: bool,
}

impl Steps {
    pub(super) fn said(&mut self, sentence: &str) {
        self.said.push(sentence.to_owned());
    }

    pub(super) fn into_said(self) -> Vec<String> {
        self.said
    }

    pub(super) fn into_installed(self) -> Installed {
        Installed { said: self.said, changed: self.changed }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Copies the running program to where only root can change it.
    pub(super) fn program(&mut self) -> Result<()> {
        let running = std::env::current_exe().context("finding the running program")?;
        if running == Path::new(OWN_PROGRAM) {
            return Ok(());
        }
        let program = fs::read(&running).with_context(|| format!("reading {}", running.display()))?;
        self.put(Path::new(OWN_PROGRAM), &program, 0o755)
    }

    /// The unit, for the program at its place.
    pub(super) fn unit(&mut self) -> Result<()> {
        self.put(Path::new(OWN_UNIT), unit::for_program(OWN_PROGRAM).as_bytes(), 0o644)
    }

    /// The user as whom the agent runs: nobody can sign in as it, and it owns nothing but the state.
    pub(super) fn user(&mut self) -> Result<()> {
        if has_user() {
            return Ok(());
        }
        let home = "--home-dir=/var/lib/firstline-agent";
        run("useradd", &["--system", "--user-group", "--no-create-home", home, "--shell=/usr/sbin/nologin", USER])?;
        self.said(&format!("The system user {USER} was made."));
        Ok(())
    }

    /// The configuration with every default commented; one that is there is left alone.
    pub(super) fn config(&mut self, path: &Path) -> Result<()> {
        if path.exists() {
            return Ok(());
        }
        self.put(path, DEFAULTS.as_bytes(), 0o644)
    }

    /// Takes away the rights that are for nothing, and gives back those that are not any more.
    pub(super) fn rights(&mut self, needed: &BTreeSet<Right>, config: &Path) -> Result<()> {
        let file = Path::new(rights::FILE);
        if let Some(content) = rights::narrowed(needed, config) {
            return self.put(file, content.as_bytes(), 0o644);
        }
        self.changed |= file.exists();
        self.remove(file)
    }

    /// The state directory, for the agent's user alone, with everything that root may have left in it.
    pub(super) fn state_dir(&mut self, path: &Path) -> Result<()> {
        fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
        let (user, group) = user_ids().with_context(|| format!("the user {USER} does not exist"))?;
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
        let changed = own(path, user, group).with_context(|| format!("giving {} to {USER}", path.display()))?;
        if changed > 0 {
            self.said(&format!("{} belongs to the user {USER} alone.", path.display()));
        }
        Ok(())
    }

    /// Puts `content` at `path` unless it is there already.
    fn put(&mut self, path: &Path, content: &[u8], mode: u32) -> Result<()> {
        if fs::read(path).is_ok_and(|there| there == content) {
            return Ok(());
        }
        let folder = path.parent().context("a file lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        // Renamed into place: a program that runs cannot be written over.
        let beside = beside(path);
        let write = || -> io::Result<()> {
            fs::write(&beside, content)?;
            fs::set_permissions(&beside, Permissions::from_mode(mode))?;
            fs::rename(&beside, path)
        };
        write().with_context(|| format!("writing {}", path.display()))?;
        self.said(&format!("{} was written.", path.display()));
        self.changed = true;
        Ok(())
    }

    /// Removes a file or a folder with everything in it; nothing there is fine.
    pub(super) fn remove(&mut self, path: &Path) -> Result<()> {
        let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
        let gone = if there.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        gone.with_context(|| format!("removing {}", path.display()))?;
        self.said(&format!("{} was removed.", path.display()));
        Ok(())
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

pub(super) fn has_user() -> bool {
    user_ids().is_some()
}

/// The agent's user and its group, as the account database says.
fn user_ids() -> Option<(u32, u32)> {
    let entry = run("getent", &["passwd", USER]).ok()?;
    let mut fields = entry.trim().split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Gives `path` and all below it to `user`; how many had another owner. Links are given, never followed.
fn own(path: &Path, user: u32, group: u32) -> io::Result<u32> {
    let there = fs::symlink_metadata(path)?;
    let mut changed = 0;
    if there.uid() != user || there.gid() != group {
        lchown(path, Some(user), Some(group))?;
        changed += 1;
    }
    if there.is_dir() {
        for entry in fs::read_dir(path)? {
            changed += own(&entry?.path(), user, group)?;
        }
    }
    Ok(changed)
}
