//! Taking a backup.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use firstline_diagnosis::vocabulary::Timestamp;

use super::{Database, Manifest, archive, database, digest, files, manifest};
use crate::app::owner;
use crate::config::Config;
use crate::store::Location;

/// What to back up, and where to.
#[derive(Debug)]
pub struct Order<'a> {
    /// The collector's data folder.
    pub data: &'a Path,
    /// The new backup: a file when its name ends with `.tar`, else a folder.
    pub to: &'a Path,
    /// Whether the server's database is backed up in another way.
    pub without_database: bool,
    /// The moment now.
    pub now: Timestamp,
}

/// Takes a backup while the collector runs, or while it does not. `tell` hears how long work is going.
///
/// # Errors
/// When something is in the way, or cannot be read or written. Nothing is left behind then.
pub async fn take(order: &Order<'_>, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Manifest> {
    let data = fs::canonicalize(order.data).with_context(|| format!("looking for {}", order.data.display()))?;
    let config = Config::read(&data)?;
    let to = free_place(order.to, &data)?;
    let staging = with_ending(&to, "partial");
    owner::make_new_folder(&staging).map_err(|cause| {
        let remedy = match cause.kind() {
            io::ErrorKind::AlreadyExists => {
                "; a backup that did not end has left it, or another is being taken: remove it first"
            }
            _ => "",
        };
        anyhow::Error::new(cause).context(format!("making {}{remedy}", staging.display()))
    })?;
    let taken = fill(order, &config, &data, &staging, tell).await.and_then(|manifest| {
        publish(&staging, &to, &manifest)?;
        Ok(manifest)
    });
    if staging.exists() {
        let _ = fs::remove_dir_all(&staging);
    }
    taken
}

/// The whole path of the new backup, when there is nothing yet.
fn free_place(to: &Path, data: &Path) -> anyhow::Result<PathBuf> {
    let name = to.file_name().with_context(|| format!("{} is no name for a backup", to.display()))?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent)
        .with_context(|| format!("{} is not there; make it, or name another place", parent.display()))?;
    if parent.starts_with(data) {
        bail!(
            "a backup in the data folder would be lost with it, and be part of the next; name a place outside of {}",
            data.display()
        );
    }
    let to = parent.join(name);
    if fs::symlink_metadata(&to).is_ok() {
        bail!("{} is there already, and backups never take the place of anything; choose another name", to.display());
    }
    Ok(to)
}

/// Everything of a backup, in a folder.
async fn fill(
    order: &Order<'_>,
    config: &Config,
    data: &Path,
    staging: &Path,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<Manifest> {
    let location = config.database.location(data).map_err(anyhow::Error::msg)?;
    let database = if order.without_database {
        left_out(&location).await?
    } else {
        database::take(config, data, staging, tell).await?
    };
    let mut entries = Vec::new();
    if let Some(name) = &database.file {
        entries.push(digest::of(&staging.join(name), name).with_context(|| format!("reading {name} of the backup"))?);
    }
    for path in files::of(data, &location)? {
        let (source, target) = (data.join(&path), staging.join(&path));
        if let Some(folder) = target.parent() {
            owner::make_folder(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let copied = File::open(&source).and_then(|mut file| digest::copy_into(&mut file, &target, &path));
        entries.push(copied.with_context(|| format!("copying {}", source.display()))?);
    }
    let manifest = Manifest::new(order.now, database, entries, files::outside(data, config));
    let text = serde_json::to_vec_pretty(&manifest).context("writing the manifest")?;
    digest::copy_into(&mut text.as_slice(), &staging.join(manifest::FILE), manifest::FILE)
        .context("writing the manifest")?;
    Ok(manifest)
}

/// What is said of a database that the administrator backs up in another way.
async fn left_out(location: &Location) -> anyhow::Result<Database> {
    match location {
        Location::Sqlite(path) => {
            bail!("--without-database is for PostgreSQL; {} belongs into the backup", path.display())
        }
        Location::Postgres(_) => database::described(location, None).await,
    }
}

/// Gives a finished backup its name.
fn publish(staging: &Path, to: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    if archive::is_file_name(to) {
        if let Err(cause) = archive::pack(staging, manifest, to) {
            let _ = fs::remove_file(to);
            return Err(cause);
        }
    } else {
        digest::sync_folder(staging).with_context(|| format!("writing {}", staging.display()))?;
        fs::rename(staging, to).with_context(|| format!("naming the backup {}", to.display()))?;
    }
    let parent = to.parent().unwrap_or(to);
    digest::sync_folder(parent).with_context(|| format!("writing {}", parent.display()))
}

/// `name.ending` beside `path`.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
