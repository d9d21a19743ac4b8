//! Which files of a data folder belong into a backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::store::Location;

/// More files than that are not a collector's.
const FILES_MAX: usize = 20_000;

/// Paths below `data`, with `/`, of everything but the database, its lock, and what is half written. What is no file, such
/// as a link, is left out: a link to a file elsewhere is the administrator's, and named by the configuration.
pub(super) fn of(data: &Path, database: &Location) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let here = data.join(&folder);
        let entries = fs::read_dir(&here).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        for entry in entries.with_context(|| format!("reading {}", here.display()))? {
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().with_context(|| format!("looking at {}", data.join(&path).display()))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && !is_apart(&data.join(&path), database) {
                let text = path.to_str().with_context(|| format!("the name of {} is not Unicode", path.display()))?;
                found.push(text.replace(std::path::MAIN_SEPARATOR, "/"));
            }
        }
        if found.len() > FILES_MAX {
            bail!("{} holds more than {FILES_MAX} files; this is not only a collector's folder", data.display());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file is the database's own, or half written.
fn is_apart(path: &Path, database: &Location) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let own = match database {
        Location::Sqlite(file) if path.parent() == file.parent() => {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            ["sqlite", "sqlite-wal", "sqlite-shm", "sqlite-journal", "lock"]
                .iter()
                .any(|ending| name == format!("{stem}.{ending}"))
        }
        _ => false,
    };
    own || Path::new(name).extension().is_some_and(|ending| ending == "new")
}

/// Files outside `data` that `config` names.
pub(super) fn outside(data: &Path, config: &Config) -> Vec<String> {
    let named = config.named_files().into_iter();
    named.filter(|path| !data.join(path).starts_with(data)).map(|path| path.display().to_string()).collect()
}
