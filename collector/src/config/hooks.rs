//! How a desk says by itself that something happened there.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::systems::secret;

/// What says that a call comes from the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookSignature {
    /// `X-Hub-Signature: sha1=`, as Zammad signs the body.
    Zammad,
    /// `X-Zendesk-Webhook-Signature`, over its timestamp and the body.
    Zendesk,
    /// `X-Hub-Signature: sha256=`, as Jira signs the body.
    Jira,
    /// `X-GLPI-signature`, over the body and its timestamp.
    Glpi,
    /// `X-Firstline-Secret`: the secret itself, for desks that sign nothing.
    Secret,
}

/// What the administrator says about calls of a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSettings {
    /// What says that a call comes from the desk.
    pub signature: HookSignature,
    /// File with the secret alone.
    #[serde(default)]
    pub secret_file: PathBuf,
    /// Environment variable with the secret.
    #[serde(default)]
    pub secret_variable: String,
}

impl HookSettings {
    /// The secret that the desk and we know.
    ///
    /// # Errors
    /// When its file cannot be read or the variable is not there.
    pub(crate) fn secret(&self, folder: &Path) -> Result<String, String> {
        secret(folder, "secret", &self.secret_file, &self.secret_variable)
    }
}
