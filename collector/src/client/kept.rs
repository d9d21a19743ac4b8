//! What is kept between commands: where the collector is, whom to trust, and the session.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::private;

/// A sign-in that lasts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// `https://host:8443`.
    pub collector: String,
    /// The certificates that are trusted, PEM; empty: a certificate that is pinned itself.
    pub trust: super::trust::Trust,
    /// Who signed in.
    pub name: String,
    /// The bearer token; empty after a sign-out.
    pub token: String,
}

impl Kept {
    /// What was kept, if anything.
    pub(super) fn read() -> Result<Option<Self>, Failure> {
        let path = path()?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::failed(format!("cannot read the session {}: {error}", path.display()))),
        };
        let again = |error| format!("the session {} is damaged ({error}); delete it and sign in again", path.display());
        serde_json::from_str(&text).map(Some).map_err(|error| Failure::failed(again(error)))
    }

    /// Keeps this, readable by its owner only.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let path = path()?;
        let text = serde_json::to_string_pretty(self).map_err(|error| Failure::failed(error.to_string()))?;
        let failed = |error| Failure::failed(format!("cannot keep the session in {}: {error}", path.display()));
        private::write(&path, &text).map_err(failed)
    }
}

/// Where it is kept.
fn path() -> Result<PathBuf, Failure> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named("FIRSTLINE_CONFIG")
        .or_else(|| named("XDG_CONFIG_HOME").or_else(|| named("APPDATA")).map(|base| base.join("firstline")))
        .or_else(|| named("HOME").map(|home| home.join(".config/firstline")));
    let folder = folder.ok_or_else(|| {
        Failure::usage("there is no home folder to keep the session in; set FIRSTLINE_CONFIG to a folder")
    })?;
    Ok(folder.join("session.json"))
}
