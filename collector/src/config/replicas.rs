//! How several collectors work as one.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::Database;

/// Longest name of a replica.
const NAME_BYTES_MAX: usize = 64;

/// How several collectors work as one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Replicas {
    /// NATS servers, separated by commas; empty: this collector is alone.
    pub nats_url: String,
    /// File with the password of the user that the URL names.
    pub nats_password_file: PathBuf,
    /// NATS credentials (`.creds`).
    pub nats_credentials_file: PathBuf,
    /// PEM roots that NATS' certificates are held against, instead of the system's.
    pub nats_ca_file: PathBuf,
    /// What this replica is called; empty: as its host.
    pub name: String,
}

/// The way to NATS, with its secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Nats {
    /// Servers: any of them will do.
    pub servers: Vec<String>,
    /// User and password.
    pub user: Option<(String, String)>,
    /// Contents of a `.creds` file.
    pub credentials: Option<String>,
    /// PEM file of roots.
    pub roots: Option<PathBuf>,
}

impl Replicas {
    /// Whether this collector shares its database with others.
    pub fn is_on(&self) -> bool {
        !self.nats_url.is_empty()
    }

    /// What this replica is called.
    pub fn name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        host.chars().filter(|letter| !letter.is_control()).take(NAME_BYTES_MAX / 4).collect()
    }

    /// How NATS is reached; nothing when this collector is alone.
    ///
    /// # Errors
    /// When a file with a secret cannot be read.
    pub fn nats(&self, folder: &Path) -> Result<Option<Nats>, String> {
        if !self.is_on() {
            return Ok(None);
        }
        let password = secret(folder, "nats_password_file", &self.nats_password_file)?;
        let credentials = secret(folder, "nats_credentials_file", &self.nats_credentials_file)?;
        let user = self.servers().find_map(|server| Some(user_of(server)?.to_owned()));
        let roots = (!self.nats_ca_file.as_os_str().is_empty()).then(|| folder.join(&self.nats_ca_file));
        Ok(Some(Nats {
            servers: self.servers().map(without_user).collect(),
            user: user.map(|user| (user, password.unwrap_or_default())),
            credentials,
            roots,
        }))
    }

    pub(super) fn check(&self, database: &Database) -> Result<(), String> {
        if !self.is_on() {
            let alone = Self { name: self.name.clone(), ..Self::default() };
            let reason = "replicas.nats_password_file, nats_credentials_file and nats_ca_file are for NATS; \
                          replicas.nats_url says where that is";
            return if *self == alone { Ok(()) } else { Err(reason.to_owned()) };
        }
        if database.url.is_empty() {
            return Err(
                "replicas share a PostgreSQL database, which database.url must name; SQLite is for one collector, \
                        which needs no replicas.nats_url"
                    .to_owned(),
            );
        }
        if self.name.len() > NAME_BYTES_MAX || self.name.chars().any(char::is_control) {
            return Err(format!("replicas.name is a line of at most {NAME_BYTES_MAX} bytes"));
        }
        self.servers().try_for_each(check_server)?;
        let has_user = self.servers().any(|server| user_of(server).is_some());
        match (has_user, !self.nats_password_file.as_os_str().is_empty()) {
            (false, true) => Err("replicas.nats_url names no user for replicas.nats_password_file, as in \
                                  nats://user@host:4222"
                .to_owned()),
            (true, false) => {
                Err("replicas.nats_url names a user; replicas.nats_password_file must name the file with \
                                  the password"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }

    fn servers(&self) -> impl Iterator<Item = &str> {
        self.nats_url.split(',').map(str::trim)
    }
}

/// Refuses what is not the address of a NATS server.
fn check_server(server: &str) -> Result<(), String> {
    let rest = server.strip_prefix("nats://").or_else(|| server.strip_prefix("tls://"));
    let rest = rest.ok_or("replicas.nats_url must begin with nats:// or tls://")?;
    if user_of(server).is_some_and(|user| user.contains(':')) {
        return Err(
            "replicas.nats_url holds a password, which this file is not the place for; put it into a file and name \
                    that in replicas.nats_password_file"
                .to_owned(),
        );
    }
    if rest.rsplit('@').next().is_none_or(str::is_empty) {
        return Err("replicas.nats_url names no host, as in nats://nats.example.com:4222".to_owned());
    }
    let wrong = |cause| {
        format!("replicas.nats_url holds {server:?}, which is no address ({cause}), as in nats://nats.example.com:4222")
    };
    Url::parse(server).map(drop).map_err(wrong)
}

fn user_of(server: &str) -> Option<&str> {
    let (_, rest) = server.split_once("://")?;
    rest.rsplit_once('@').map(|(user, _)| user)
}

fn without_user(server: &str) -> String {
    let user = user_of(server).map(|user| format!("{user}@")).unwrap_or_default();
    server.replacen(&user, "", 1)
}

/// What a file holds that may be named.
fn secret(folder: &Path, key: &str, file: &Path) -> Result<Option<String>, String> {
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let path = folder.join(file);
    let text = fs::read_to_string(&path)
        .map_err(|cause| format!("replicas.{key}: cannot read {}: {cause}", path.display()))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(nats_url: &str) -> Replicas {
        Replicas { nats_url: nats_url.to_owned(), ..Replicas::default() }
    }

    fn postgres() -> Database {
        Database { url: "postgres://a@b/c".to_owned(), ..Database::default() }
    }

    #[test]
    fn says_what_is_wrong_with_replicas() {
        let reason = |replicas: Replicas| replicas.check(&postgres()).expect_err("wrong");
        assert!(on("nats://n:4222").check(&Database::default()).expect_err("SQLite").contains("database.url"));
        assert!(reason(on("http://n")).contains("must begin with nats://"));
        assert!(reason(on("nats://a:secret@n")).contains("nats_password_file"));
        assert!(reason(on("nats://a@n")).contains("the password"));
        assert!(reason(on("nats://")).contains("names no host"));
        assert!(reason(on("nats://n:4222, nats://n:42x2")).contains(r#""nats://n:42x2", which is no address"#));
        assert!(reason(Replicas { nats_password_file: "p".into(), ..on("nats://n") }).contains("names no user"));
        assert!(reason(Replicas { nats_ca_file: "p".into(), ..Replicas::default() }).contains("replicas.nats_url"));
    }

    #[test]
    fn finds_servers_user_and_password() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("secret"), "s3cret\n").expect("written");
        let replicas = Replicas { nats_password_file: "secret".into(), ..on("tls://fl@one:4222, tls://fl@two:4222") };
        assert_eq!(replicas.check(&postgres()), Ok(()));
        let nats = replicas.nats(folder.path()).expect("readable").expect("on");
        assert_eq!(nats.servers, ["tls://one:4222", "tls://two:4222"]);
        assert_eq!(nats.user, Some(("fl".to_owned(), "s3cret".to_owned())));
        assert_eq!(Replicas::default().nats(folder.path()), Ok(None));
    }
}
