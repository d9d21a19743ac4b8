use std::collections::BTreeMap;
use std::path::{Component, Path};

use anyhow::{Context as _, bail};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the manifest within a backup.
pub(super) const FILE: &str = "manifest.json";

/// The arrangement of files that this program writes and reads.
const FORMAT: u32 = 1;

/// The largest manifest that is read: a data folder of many thousand files.
pub(super) const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The arrangement of its files; now 1.
    pub format: u32,
    /// Version of the program that took it.
    pub program: String,
    /// The moment of the database.
    pub taken_at: Timestamp,
    /// The database.
    pub database: Database,
    /// Its files, without this one.
    pub files: Vec<Entry>,
    /// Files that the configuration names outside the data folder; they are not in the backup.
    pub outside: Vec<String>,
}

/// The database within a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// Its file; none when the administrator backs the server up in another way.
    pub file: Option<String>,
    /// Number and name of each migration that it has seen.
    pub migrations: BTreeMap<i64, String>,
    /// How many rows of a few kinds it holds.
    pub counts: BTreeMap<String, i64>,
}

/// A file within a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Its path, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// A manifest of this program.
    pub(super) fn new(taken_at: Timestamp, database: Database, mut files: Vec<Entry>, outside: Vec<String>) -> Self {
        files.sort();
        Self { format: FORMAT, program: env!("CARGO_PKG_VERSION").to_owned(), taken_at, database, files, outside }
    }

    /// Reads a manifest, and refuses one that this program does not understand.
    pub(super) fn parse(text: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            program: String,
        }
        let head: Head = serde_json::from_slice(text).context("reading the manifest of the backup")?;
        if head.format != FORMAT {
            bail!(
                "the backup was taken by firstline-collector {}, whose backups this program cannot read; restore it with that \
                 version",
                head.program
            );
        }
        let manifest: Self = serde_json::from_slice(text).context("reading the manifest of the backup")?;
        match manifest.files.iter().find(|entry| !is_within(&entry.path)) {
            Some(odd) => bail!("the manifest names {:?}, which is no path within a backup", odd.path),
            None => Ok(manifest),
        }
    }

    /// What the manifest says of a file.
    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }
}

/// Whether a path leads to a place below the folder that it is laid over.
pub(super) fn is_within(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
