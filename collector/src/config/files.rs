//! The files that a configuration names: a name that leads nowhere is as wrong as a key that nobody knows.

use std::fs;
use std::path::Path;

use super::Config;

impl Config {
    /// Looks whether the files are there that it names, and can be read. The authority's key may be away, and what comes from the
    /// environment is the service's, so that neither is looked for.
    ///
    /// # Errors
    /// The first that cannot be read: which key names it, and why.
    pub fn check_files(&self, folder: &Path) -> Result<(), String> {
        self.database.location(folder)?;
        if let Some((chain, key)) = self.listen.people_files() {
            readable("listen.people_certificate_file", chain)?;
            readable("listen.people_key_file", key)?;
        }
        let nats = self.replicas.nats(folder)?;
        if let Some(roots) = nats.and_then(|nats| nats.roots) {
            readable("replicas.nats_ca_file", &roots)?;
        }
        self.desk.iter().try_for_each(|desk| desk.check_files(folder))?;
        self.directory.iter().try_for_each(|directory| directory.check_files(folder))?;
        self.output.iter().try_for_each(|output| output.check_files(folder))
    }
}

/// Says which key names a file that cannot be read.
pub(super) fn readable(key: &str, path: &Path) -> Result<(), String> {
    fs::read(path).map(drop).map_err(|cause| format!("{key}: cannot read {}: {cause}", path.display()))
}
