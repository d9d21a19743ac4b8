//! The directories that know people's accounts.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::files::readable;
use super::in_range;
use super::systems::{check_name, each_its_own, one_place, secret, secure};

/// Most directories.
const DIRECTORIES_MAX: usize = 5;
/// Ports of the global catalogue, which does not tell whether an account is locked.
const GLOBAL_CATALOGUE: [u16; 2] = [3268, 3269];

/// Where everybody's Graph is, and where its tokens are.
const GRAPH: &str = "https://graph.microsoft.com";
const SIGN_IN: &str = "https://login.microsoftonline.com";

/// What the administrator says about a directory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectorySettings {
    /// What it is called here.
    pub name: String,
    /// Which system it is.
    pub kind: DirectoryKind,
    /// Address of a domain controller; of Graph, for Entra in a cloud of its own.
    pub url: String,
    /// The account that asks (Active Directory).
    pub user: String,
    /// Below which object people are looked for; empty: in the whole domain (Active Directory).
    pub base: String,
    /// The tenant, its id or a domain of it (Entra).
    pub tenant: String,
    /// The application that asks (Entra).
    pub client_id: String,
    /// Where tokens come from, in a cloud of its own (Entra).
    pub sign_in_url: String,
    /// File with the account's password or the application's secret alone.
    pub secret_file: PathBuf,
    /// Environment variable with the same.
    pub secret_variable: String,
    /// PEM roots that its certificate is held against, instead of the system's.
    pub ca_file: PathBuf,
}

/// Which system a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryKind {
    /// Active Directory, over LDAP.
    #[default]
    ActiveDirectory,
    /// Microsoft Entra, by Graph.
    Entra,
}

impl DirectoryKind {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActiveDirectory => "active-directory",
            Self::Entra => "entra",
        }
    }
}

impl DirectorySettings {
    /// The password or secret that opens it.
    ///
    /// # Errors
    /// When its file cannot be read or the variable is not there.
    pub(crate) fn secret(&self, folder: &Path) -> Result<String, String> {
        secret(folder, "secret", &self.secret_file, &self.secret_variable)
    }

    /// Looks whether the files are there that it names.
    pub(super) fn check_files(&self, folder: &Path) -> Result<(), String> {
        let secret = if self.secret_variable.is_empty() { self.secret(folder).map(drop) } else { Ok(()) };
        let named = !self.ca_file.as_os_str().is_empty();
        let roots = || if named { readable("ca_file", &folder.join(&self.ca_file)) } else { Ok(()) };
        secret.and_then(|()| roots()).map_err(|why| format!("directory {:?}: {why}", self.name))
    }

    /// Where Graph is.
    pub(crate) fn graph_url(&self) -> &str {
        if self.url.is_empty() { GRAPH } else { self.url.trim_end_matches('/') }
    }

    /// Where Graph's tokens are.
    pub(crate) fn sign_in_url(&self) -> &str {
        if self.sign_in_url.is_empty() { SIGN_IN } else { self.sign_in_url.trim_end_matches('/') }
    }

    /// Where it is, for people.
    pub(crate) fn address(&self) -> &str {
        match self.kind {
            DirectoryKind::ActiveDirectory => &self.url,
            DirectoryKind::Entra => self.graph_url(),
        }
    }

    fn check(&self) -> Result<(), String> {
        check_name("directory", "corp", &self.name)?;
        let rest = match self.kind {
            DirectoryKind::ActiveDirectory => self.check_active(),
            DirectoryKind::Entra => self.check_entra(),
        };
        let secret = || one_place("secret", &self.secret_file, &self.secret_variable);
        rest.and_then(|()| secret()).map_err(|why| format!("directory {:?}: {why}", self.name))
    }

    fn check_active(&self) -> Result<(), String> {
        self.without(&[("tenant", &self.tenant), ("client_id", &self.client_id), ("sign_in_url", &self.sign_in_url)])?;
        let url = &self.url;
        let parsed = Url::parse(url).ok().filter(Url::has_host);
        let Some(parsed) = parsed.filter(|parsed| matches!(parsed.scheme(), "ldaps" | "ldap")) else {
            let host = url.rsplit_once("://").map_or(url.as_str(), |(_, host)| host);
            let host = if host.is_empty() { "dc1.corp.example" } else { host };
            return Err(format!("url {url:?} is no address of a domain controller; did you mean `ldaps://{host}`?"));
        };
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.path().len() > 1 {
            return Err("url ends with the host or its port; use user, secret_file and base for the rest".to_owned());
        }
        if parsed.port().is_some_and(|port| GLOBAL_CATALOGUE.contains(&port)) {
            return Err(
                "url is a global catalogue, which does not tell whether an account is locked; use port 636".to_owned()
            );
        }
        let user = &self.user;
        if !user.contains('@') && !user.contains('=') {
            return Err(format!("user {user:?} must be NAME@DOMAIN or the whole place of the account, CN=..,DC=.."));
        }
        if !self.base.is_empty() && !self.base.to_ascii_uppercase().contains("DC=") {
            return Err(format!(
                "base {:?} is no place in a directory, such as \"OU=People,DC=corp,DC=example\"",
                self.base
            ));
        }
        Ok(())
    }

    fn check_entra(&self) -> Result<(), String> {
        self.without(&[("user", &self.user), ("base", &self.base)])?;
        for (key, text) in [("tenant", &self.tenant), ("client_id", &self.client_id)] {
            let good = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
            if text.is_empty() || !text.chars().all(good) {
                return Err(format!("entra needs {key}, its id; {text:?} is none"));
            }
        }
        if matches!(self.tenant.as_str(), "common" | "organizations" | "consumers") {
            return Err(format!("tenant {:?} is nobody's; use the tenant's id", self.tenant));
        }
        secure(self.graph_url(), "secret_file")?;
        secure(self.sign_in_url(), "secret_file").map_err(|why| format!("sign_in_url: {why}"))
    }

    /// Refuses what the kind of the directory does not know.
    fn without(&self, keys: &[(&str, &String)]) -> Result<(), String> {
        match keys.iter().find(|(_, text)| !text.is_empty()) {
            Some((key, _)) => Err(format!("{} has no {key}; remove it", self.kind.name())),
            None => Ok(()),
        }
    }
}

/// Checks all directories.
pub(super) fn check(directories: &[DirectorySettings]) -> Result<(), String> {
    in_range("the number of [[directory]]", directories.len(), 0, DIRECTORIES_MAX)?;
    directories.iter().try_for_each(DirectorySettings::check)?;
    each_its_own("directories", directories.iter().map(|directory| directory.name.as_str()))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const ACTIVE: &str = r#"[[directory]]
        name = "corp"
        kind = "active-directory"
        url = "ldaps://dc1.corp.example"
        user = "firstline@corp.example"
        secret_file = "corp.secret"
    "#;
    const ENTRA: &str = r#"[[directory]]
        name = "cloud"
        kind = "entra"
        tenant = "corp.example"
        client_id = "6731de76-14a6-49ae-97bc-6eba6914391e"
        secret_variable = "ENTRA_SECRET"
    "#;

    #[test]
    fn directories_are_read_with_what_is_usual() {
        let both = Config::parse(&format!("{ACTIVE}{ENTRA}")).expect("directories").directory;
        assert_eq!(both[0].address(), "ldaps://dc1.corp.example");
        assert_eq!((both[1].graph_url(), both[1].sign_in_url()), (super::GRAPH, super::SIGN_IN));
    }

    #[test]
    fn every_usual_mistake_with_a_directory_is_answered_with_what_would_be_right() {
        for (good, from, to, answer) in [
            (ACTIVE, "\"corp\"", "\"Corp AD\"", "small letters"),
            (ACTIVE, "active-directory", "activedirectory", "did you mean `active-directory`?"),
            (ACTIVE, "ldaps://dc1.corp.example", "dc1.corp.example", "did you mean `ldaps://dc1.corp.example`?"),
            (ACTIVE, "ldaps://dc1", "https://dc1", "did you mean `ldaps://dc1.corp.example`?"),
            (ACTIVE, "dc1.corp.example", "dc1.corp.example/DC=corp", "use user, secret_file and base"),
            (ACTIVE, "dc1.corp.example", "dc1.corp.example:3269", "use port 636"),
            (ACTIVE, "firstline@corp.example", "firstline", "NAME@DOMAIN"),
            (ACTIVE, "user =", "base = \"People\"\nuser =", "OU=People,DC=corp"),
            (ACTIVE, "secret_file = \"corp.secret\"", "", "needs secret_file"),
            (ACTIVE, "secret_file", "password_file", "unknown key"),
            (ACTIVE, "user =", "tenant = \"x\"\nuser =", "active-directory has no tenant"),
            (ENTRA, "corp.example", "common", "use the tenant's id"),
            (ENTRA, "tenant =", "user = \"a@b\"\ntenant =", "entra has no user"),
            (ENTRA, "6731de76-14a6-49ae-97bc-6eba6914391e", "", "entra needs client_id"),
            (ENTRA, "tenant =", "url = \"http://graph.example\"\ntenant =", "not encrypted"),
        ] {
            let said = Config::parse(&good.replace(from, to)).expect_err(to);
            assert!(said.contains(answer), "{to}: {said}");
        }
        let twice = format!("{ACTIVE}\n{ACTIVE}");
        assert!(Config::parse(&twice).expect_err("twice").contains("a name of its own"));
    }
}
