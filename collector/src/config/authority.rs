use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::authority::Place;

/// Where the authority keeps its key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthorityFiles {
    /// File of the root's key; empty: in the data folder.
    pub key_file: PathBuf,
}

impl AuthorityFiles {
    /// Where everything is, for the collector in `folder`.
    pub fn place(&self, folder: &Path) -> Place {
        Place::with_key(folder, &self.key_file)
    }
}
