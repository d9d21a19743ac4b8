//! Where the data is kept.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;

use super::error::guess;
use super::in_range;
use crate::store::{Location, Server};

/// Name of SQLite's file within the data folder.
const FILE: &str = "firstline.sqlite";

/// The password, when neither a file nor the administrator's own `.pgpass` holds it.
const PASSWORD_VARIABLE: &str = "FIRSTLINE_DATABASE_PASSWORD";

/// What may follow the `?` of a URL.
const PARAMETERS: [&str; 8] =
    ["application_name", "host", "options", "port", "sslcert", "sslkey", "sslmode", "sslrootcert"];

/// What sslmode may be.
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Those of them that name a PEM file.
const FILES: [&str; 3] = ["sslcert", "sslkey", "sslrootcert"];

/// What every PEM file has.
const PEM: &[u8] = b"-----BEGIN ";

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://user@host:port/name?sslmode=..`; empty: SQLite in the data folder.
    pub url: String,
    /// File with the password alone.
    pub password_file: PathBuf,
    /// What stands in front of the server.
    pub pooler: Pooler,
    /// Connections for reads of PostgreSQL.
    pub read_connections: u32,
}

/// What stands in front of a PostgreSQL server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooler {
    /// Nothing, or a pooler that gives each connection a server of its own.
    #[default]
    None,
    /// A pooler that gives each transaction any server (pgbouncer with `pool_mode = transaction`).
    Transaction,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: String::new(), password_file: PathBuf::new(), pooler: Pooler::None, read_connections: 8 }
    }
}

impl Database {
    /// Where that is, for the collector in `folder`.
    ///
    /// # Errors
    /// When a file that it names cannot be read.
    pub fn location(&self, folder: &Path) -> Result<Location, String> {
        if self.url.is_empty() {
            return Ok(Location::Sqlite(folder.join(FILE)));
        }
        self.certificates()?;
        let mut options = self.options()?;
        if let Some(password) = self.password(folder)? {
            options = options.password(&password);
        }
        let pooled = self.pooler == Pooler::Transaction;
        Ok(Location::Postgres(Box::new(Server { options, pooled, read_connections: self.read_connections })))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        in_range("database.read_connections", self.read_connections, 1, 100)?;
        if self.url.is_empty() {
            let more = !self.password_file.as_os_str().is_empty() || self.pooler != Pooler::None;
            let reason =
                "database.password_file and database.pooler are for PostgreSQL; database.url says where that is";
            return if more { Err(reason.to_owned()) } else { Ok(()) };
        }
        let rest = self.url.strip_prefix("postgres://").or_else(|| self.url.strip_prefix("postgresql://"));
        let rest = rest.ok_or("database.url must begin with postgres://; leave it empty for SQLite")?;
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let user = place.rsplit_once('@').map_or("", |(user, _)| user);
        if user.contains(':') {
            return Err(format!(
                "database.url holds a password, which this file is not the place for; put it into a file and name that in \
                 database.password_file, or into the environment as {PASSWORD_VARIABLE}"
            ));
        }
        if place.split_once('/').is_none_or(|(_, name)| name.is_empty()) {
            return Err("database.url names no database, as in postgres://user@host/firstline".to_owned());
        }
        parameters.split('&').filter(|one| !one.is_empty()).try_for_each(known)?;
        self.options().map(drop)
    }

    fn options(&self) -> Result<PgConnectOptions, String> {
        let reason = |error: sqlx::Error| error.to_string().replace("error with configuration: ", "");
        let options =
            self.url.parse::<PgConnectOptions>().map_err(|error| format!("database.url: {}", reason(error)))?;
        Ok(if options.get_application_name().is_some() { options } else { options.application_name("firstline") })
    }

    /// Looks at the files that the URL names, since a connection that lacks one does not say which.
    fn certificates(&self) -> Result<(), String> {
        let url = reqwest::Url::parse(&self.url).map_err(|error| format!("database.url: {error}"))?;
        for (name, path) in url.query_pairs().filter(|(name, _)| FILES.contains(&name.as_ref())) {
            let cannot = |cause| format!("database.url: {name}: cannot read {path}: {cause}");
            let text = fs::read(path.as_ref()).map_err(|cause| cannot(cause.to_string()))?;
            if !text.windows(PEM.len()).any(|part| part == PEM) {
                return Err(cannot("it is not a PEM file".to_owned()));
            }
        }
        Ok(())
    }

    /// The server's password, when the file or the environment has one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn password(&self, folder: &Path) -> Result<Option<String>, String> {
        if self.password_file.as_os_str().is_empty() {
            return Ok(env::var(PASSWORD_VARIABLE).ok());
        }
        let path = folder.join(&self.password_file);
        let text = fs::read_to_string(&path)
            .map_err(|cause| format!("database.password_file: cannot read {}: {cause}", path.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Refuses a parameter that would be ignored, or not understood.
fn known(parameter: &str) -> Result<(), String> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    if !PARAMETERS.contains(&name) {
        return Err(format!("database.url: unknown parameter `{name}`{}", guess(name, &PARAMETERS)));
    }
    if name == "sslmode" && !SSL_MODES.contains(&value.to_ascii_lowercase().as_str()) {
        let (modes, guess) = (SSL_MODES.join(", "), guess(value, &SSL_MODES));
        return Err(format!("database.url: sslmode is {value:?}, it must be one of {modes}{guess}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        let database = Database { url: url.to_owned(), ..Database::default() };
        database.check().expect_err(url)
    }

    #[test]
    fn takes_what_reaches_a_server() {
        for url in [
            "postgres://firstline@db.example.com/firstline",
            "postgresql://firstline@db.example.com:5433/firstline?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem",
            "postgres://firstline@localhost/firstline?host=/run/postgresql",
        ] {
            let database = Database { url: url.to_owned(), ..Database::default() };
            assert_eq!(database.check(), Ok(()), "{url}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_or_no_certificate_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let named = |file: &str| {
            let path = folder.path().join(file);
            let url = format!("postgres://a@b/c?sslmode=verify-full&sslrootcert={}", path.display());
            Database { url, ..Database::default() }.location(folder.path())
        };
        let reason = |file: &str| named(file).expect_err("no certificate");
        fs::write(folder.path().join("empty.pem"), "").expect("written");
        fs::write(folder.path().join("good.pem"), "-----BEGIN CERTIFICATE-----").expect("written");
        let missing = reason("missing.pem");
        assert!(missing.contains("sslrootcert: cannot read") && missing.contains("missing.pem"), "{missing}");
        assert!(reason("empty.pem").ends_with("it is not a PEM file"));
        assert!(named("good.pem").is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_a_url() {
        assert!(reason("mysql://a@b/c").contains("must begin with postgres://"));
        assert!(reason("postgres://a:secret@b/c").contains("database.password_file"));
        assert!(reason("postgres://a@b").contains("names no database"));
        assert!(reason("postgres://a@b/c?sslmod=require").contains("did you mean `sslmode`?"));
        assert!(reason("postgres://a@b/c?sslmode=perhaps").contains("database.url"));
    }

    #[test]
    fn refuses_half_a_server() {
        let database = Database { pooler: Pooler::Transaction, ..Database::default() };
        assert!(database.check().expect_err("no url").contains("database.url"));
    }

    #[test]
    fn the_password_comes_from_its_file() {
        let folder = tempfile::tempdir().expect("folder");
        let url = "postgres://a@b/c".to_owned();
        let database = Database { url, password_file: "secret".into(), ..Database::default() };
        assert!(database.location(folder.path()).expect_err("no file").contains("cannot read"));
        fs::write(folder.path().join("secret"), "s3cret\n").expect("written");
        let Ok(Location::Postgres(server)) = database.location(folder.path()) else { panic!("a server") };
        assert!(format!("{:?}", server.options).contains("s3cret"));
    }
}
