//! Putting a backup back.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Manifest, archive, database, digest};
use crate::app::owner;
use crate::config::{self, Config};
use crate::store::{Inspection, Location, StoreError, leave_in_order};

/// Where files wait, within the new data folder, until everything is checked.
const STAGING: &str = ".restoring";

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// What is left to do for the database, as a command; none when it is there.
    pub database_by_hand: Option<String>,
}

/// Puts the backup `from` into the folder `data`, which is missing or empty. Everything is checked before the first file
/// has its name; root gives what it makes to the folder's owner.
///
/// # Errors
/// When the backup is not whole, is of a newer program, or the folder or the server's database is in use or not empty. The
/// folder is as it was then.
pub async fn restore(from: &Path, data: &Path, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Restored> {
    let made = claim(data)?;
    let staging = data.join(STAGING);
    owner::make_new_folder(&staging).with_context(|| format!("making {}", staging.display()))?;
    let restored = fill(from, data, &staging, tell).await;
    let _ = fs::remove_dir_all(&staging);
    if restored.is_err() && made {
        let _ = fs::remove_dir(data);
    }
    restored
}

/// Makes sure that there is an empty folder. Says whether it was made.
fn claim(data: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(data) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            owner::make_folder(data).with_context(|| format!("making {}", data.display()))?;
            Ok(true)
        }
        Err(cause) => Err(cause).with_context(|| format!("reading {}", data.display())),
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) if data.join(config::FILE).exists() => bail!(
                "{} holds a collector; restore into an empty folder, and let the old one be until the new one serves",
                data.display()
            ),
            Some(_) => {
                bail!("{} is not empty; restore into an empty folder, or one that is not there yet", data.display())
            }
        },
    }
}

async fn fill(from: &Path, data: &Path, staging: &Path, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Restored> {
    tell("Copying the backup, and comparing it with its manifest");
    let manifest = archive::unpack(from, staging)?;
    let config = Config::read(staging).context("the configuration of the backup")?;
    let database_by_hand = match &manifest.database.file {
        Some(name) if manifest.database.engine == "sqlite" => {
            tell("Checking the database");
            check(&Location::Sqlite(staging.join(name))).await?;
            leave_in_order(&staging.join(name)).context("noting how the database was left")?;
            None
        }
        Some(name) => {
            refuse_used(&config, staging).await?;
            tell("The database: pg_restore runs");
            database::put_back(&config, staging, &staging.join(name)).await?;
            fs::remove_file(staging.join(name)).with_context(|| format!("removing {name}"))?;
            check(&config.database.location(staging).map_err(anyhow::Error::msg)?).await?;
            None
        }
        None => Some(database::by_hand_back(&config.database, "FILE")),
    };
    publish(staging, data)?;
    Ok(Restored { manifest, database_by_hand })
}

/// Refuses a database that is damaged, or that this program does not know.
async fn check(location: &Location) -> anyhow::Result<()> {
    let inspection = Inspection::open(location).await.context("opening the database of the backup")?;
    let looked = async {
        inspection.migrations_missing().await?;
        inspection.damage(true).await
    };
    let looked: Result<Vec<String>, StoreError> = looked.await;
    inspection.close().await;
    let faults = looked.context("checking the database of the backup")?;
    match faults.first() {
        Some(fault) => bail!("the database of the backup is damaged: {fault}; use another backup"),
        None => Ok(()),
    }
}

/// Refuses a server's database in which a collector has worked.
async fn refuse_used(config: &Config, data: &Path) -> anyhow::Result<()> {
    let location = config.database.location(data).map_err(anyhow::Error::msg)?;
    let inspection = Inspection::open(&location).await.with_context(|| format!("opening the database {location}"))?;
    let answers = inspection.answers().await;
    let used = inspection.migrations().await.is_ok();
    inspection.close().await;
    answers.with_context(|| format!("reaching the database {location}"))?;
    if used {
        bail!(
            "the database {location} holds a collector's tables; make an empty one and name it in database.url of the backup's \
             {file} (of one that is a file, unpacked: mkdir DIR && tar -xf BACKUP -C DIR), and restore that",
            file = config::FILE
        );
    }
    Ok(())
}

/// Gives every file its name, the configuration last: without it nobody can take the folder for a collector's.
fn publish(staging: &Path, data: &Path) -> anyhow::Result<()> {
    let wrap = || format!("moving the files to {}", data.display());
    owner::hand_over(staging, data).with_context(|| format!("giving the files to the owner of {}", data.display()))?;
    let entries = fs::read_dir(staging).and_then(Iterator::collect::<io::Result<Vec<_>>>).with_context(wrap)?;
    let (last, first): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.file_name() == config::FILE);
    for entry in first.into_iter().chain(last) {
        let name = entry.file_name();
        let is_database_help = name.to_str().is_some_and(|name| name.ends_with("-shm") || name.ends_with("-wal"));
        if !is_database_help {
            fs::rename(entry.path(), data.join(name)).with_context(wrap)?;
        }
    }
    digest::sync_folder(data).with_context(wrap)
}
