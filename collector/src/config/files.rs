//! The files that a configuration names: a name that leads nowhere is as wrong as a key that nobody knows.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;

impl Config {
    /// Files with a secret that it names, as they are written: relative ones lie below the data folder.
    pub(crate) fn secret_files(&self) -> Vec<&PathBuf> {
        let own = [
            &self.listen.people_key_file,
            &self.database.password_file,
            &self.authority.key_file,
            &self.replicas.nats_password_file,
            &self.replicas.nats_credentials_file,
        ];
        let desks = self.desk.iter().flat_map(|desk| {
            let hook = desk.hook.as_ref().map(|hook| &hook.secret_file);
            [&desk.token_file, &desk.app_token_file].into_iter().chain(hook)
        });
        let others = self.directory.iter().map(|one| &one.secret_file);
        let all = own.into_iter().chain(desks).chain(others).chain(self.output.iter().map(|one| &one.secret_file));
        all.filter(|path| !path.as_os_str().is_empty()).collect()
    }

    /// Every file that it names.
    pub(crate) fn named_files(&self) -> Vec<&PathBuf> {
        let authorities = self.desk.iter().map(|one| &one.ca_file);
        let authorities = authorities.chain(self.directory.iter().map(|one| &one.ca_file));
        let authorities = authorities.chain(self.output.iter().map(|one| &one.ca_file));
        let mut named = vec![&self.listen.people_certificate_file, &self.replicas.nats_ca_file];
        named.extend(authorities);
        named.retain(|path| !path.as_os_str().is_empty());
        named.extend(self.secret_files());
        named
    }

    /// Looks whether the files are there that it names, and can be read. The authority's key may be away, and what comes from the
    /// environment is the service's, so that neither is looked for.
    ///
    /// # Errors
    /// The first that cannot be read: which key names it, and why.
    pub fn check_files(&self, folder: &Path) -> Result<(), String> {
        self.database.location(folder)?;
        if let Some((chain, key)) = self.listen.people_files(folder) {
            readable("listen.people_certificate_file", &chain)?;
            readable("listen.people_key_file", &key)?;
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
