//! A backup as one file, and both forms as a row of files.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Manifest, digest, manifest};
use crate::app::owner;
use crate::config;

/// Whether a backup of this name is one file.
pub(super) fn is_file_name(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "tar")
}

/// Packs the folder of a backup into the new file `to`: the manifest comes last, so that half a file has none.
pub(super) fn pack(folder: &Path, content: &Manifest, to: &Path) -> anyhow::Result<()> {
    let file = owner::create(to).with_context(|| format!("making {}", to.display()))?;
    let mut archive = tar::Builder::new(file);
    for path in content.files.iter().map(|entry| entry.path.as_str()).chain([manifest::FILE]) {
        archive.append_path_with_name(folder.join(path), path).with_context(|| format!("writing {}", to.display()))?;
    }
    let file = archive.into_inner().with_context(|| format!("writing {}", to.display()))?;
    file.sync_all().with_context(|| format!("writing {}", to.display()))
}

/// Copies a backup of either form into the folder `to`, and gives its manifest. Every file is as the manifest says, and
/// there is no other.
pub(super) fn unpack(from: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let kind = fs::metadata(from).with_context(|| format!("looking at the backup {}", from.display()))?;
    if kind.is_dir() { from_folder(from, to) } else { from_file(from, to) }
}

fn from_folder(from: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let path = from.join(manifest::FILE);
    let file = File::open(&path)
        .with_context(|| format!("{} is not a whole backup: {} is missing", from.display(), path.display()))?;
    let content = read_manifest(file)?;
    for entry in &content.files {
        let source = from.join(&entry.path);
        let mut file = File::open(&source).with_context(|| format!("the backup lacks {}", source.display()))?;
        take(&mut file, to, &entry.path, Some(&content))?;
    }
    Ok(content)
}

fn from_file(from: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let broken = || format!("{} is not a whole backup", from.display());
    let mut archive = tar::Archive::new(File::open(from).with_context(|| format!("opening {}", from.display()))?);
    let mut found = Vec::new();
    for entry in archive.entries().with_context(broken)? {
        // What tar says of a file that is none quotes it.
        let mut entry =
            entry.map_err(|_| anyhow::anyhow!("{}, or no backup at all: it ends or breaks off", broken()))?;
        let path = entry.path().with_context(broken)?.to_str().with_context(broken)?.to_owned();
        if path == manifest::FILE {
            let content = read_manifest(entry)?;
            return matching(&found, content);
        }
        if !entry.header().entry_type().is_file() || !manifest::is_within(&path) {
            bail!("{}: {path:?} is no file of a backup", broken());
        }
        found.push(take(&mut entry, to, &path, None).with_context(broken)?);
    }
    bail!("{}: its end, with the manifest, is missing", broken())
}

/// The manifest, when the files that were found before it are what it says.
fn matching(found: &[super::Entry], content: Manifest) -> anyhow::Result<Manifest> {
    for entry in found {
        check(entry, &content)?;
    }
    match content.files.iter().find(|entry| !found.iter().any(|one| one.path == entry.path)) {
        Some(missing) => bail!("the backup lacks {}", missing.path),
        None => Ok(content),
    }
}

/// Copies one file to its place below `to`, and compares it with the manifest when that is known.
fn take(from: &mut impl Read, to: &Path, path: &str, content: Option<&Manifest>) -> anyhow::Result<super::Entry> {
    let target = to.join(path);
    if let Some(folder) = target.parent() {
        owner::make_folder(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let entry = digest::copy_into(from, &target, path).with_context(|| format!("copying {path} of the backup"))?;
    if let Some(content) = content {
        check(&entry, content)?;
    }
    Ok(entry)
}

/// Compares a file with the manifest. The configuration may have been changed: it names the database to restore into.
fn check(entry: &super::Entry, content: &Manifest) -> anyhow::Result<()> {
    let Some(wanted) = content.entry(&entry.path) else {
        bail!("the backup holds {}, which its manifest does not name", entry.path);
    };
    if wanted != entry && entry.path != config::FILE {
        bail!(
            "{} of the backup is damaged: its SHA-256 is {} over {} bytes, the manifest says {} over {}; use another backup",
            entry.path,
            entry.sha256,
            entry.bytes,
            wanted.sha256,
            wanted.bytes
        );
    }
    Ok(())
}

fn read_manifest(from: impl Read) -> anyhow::Result<Manifest> {
    let mut text = Vec::new();
    from.take(manifest::BYTES_MAX).read_to_end(&mut text).context("reading the manifest of the backup")?;
    Manifest::parse(&text)
}
