//! Where alerts and diagnoses are told to programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::Severity;
use serde::{Deserialize, Serialize};

use super::alert_tickets::{BUILTIN, means};
use super::desks::{DeskKind, DeskSettings};
use super::files::readable;
use super::in_range;
use super::systems::{check_name, one_place, secret, secure};

/// Most outputs.
const OUTPUTS_MAX: usize = 20;

/// What the administrator says about an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputSettings {
    /// What it is called here.
    pub name: String,
    /// What it is.
    pub kind: OutputKind,
    /// Its address: of a webhook the whole one, of a ServiceNow up to where its pages begin.
    pub url: String,
    /// Who signs in (ServiceNow); empty: the secret is an API key.
    pub user: String,
    /// The OAuth client whose secret it is (ServiceNow).
    pub client_id: String,
    /// File with the secret alone; of a webhook that with which events are signed.
    pub secret_file: PathBuf,
    /// Environment variable with the secret.
    pub secret_variable: String,
    /// PEM roots that its certificate is held against, instead of the system's.
    pub ca_file: PathBuf,
    /// What is less bad is not told.
    pub least_severity: Severity,
    /// Only findings of these categories, `Storage` or `Storage/Capacity`; none: of all.
    pub categories: Vec<String>,
    /// Also alerts of which nobody is told, since the day's quota is spent.
    pub beyond_quota: bool,
    /// Whether it is told of diagnoses on tickets, too (webhook).
    pub diagnoses: bool,
}

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// A signed `POST` for each event.
    #[default]
    Webhook,
    /// ServiceNow's Event Management.
    #[serde(rename = "servicenow-events")]
    ServiceNowEvents,
}

impl OutputKind {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::ServiceNowEvents => "servicenow-events",
        }
    }
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: OutputKind::default(),
            url: String::new(),
            user: String::new(),
            client_id: String::new(),
            secret_file: PathBuf::new(),
            secret_variable: String::new(),
            ca_file: PathBuf::new(),
            least_severity: Severity::Medium,
            categories: Vec::new(),
            beyond_quota: false,
            diagnoses: true,
        }
    }
}

impl OutputSettings {
    /// The secret that opens it, or with which events are signed.
    ///
    /// # Errors
    /// When its file cannot be read or the variable is not there.
    pub(crate) fn secret(&self, folder: &Path) -> Result<String, String> {
        secret(folder, "secret", &self.secret_file, &self.secret_variable)
    }

    /// Looks whether the files are there that it names.
    pub(super) fn check_files(&self, folder: &Path) -> Result<(), String> {
        let check = || {
            if self.secret_variable.is_empty() {
                self.secret(folder)?;
            }
            if self.ca_file.as_os_str().is_empty() { Ok(()) } else { readable("ca_file", &folder.join(&self.ca_file)) }
        };
        check().map_err(|why| format!("output {:?}: {why}", self.name))
    }

    /// The way to it is that to a desk.
    pub(crate) fn as_desk(&self) -> DeskSettings {
        DeskSettings {
            name: self.name.clone(),
            kind: DeskKind::ServiceNow,
            url: self.url.clone(),
            user: self.user.clone(),
            client_id: self.client_id.clone(),
            token_file: self.secret_file.clone(),
            token_variable: self.secret_variable.clone(),
            ca_file: self.ca_file.clone(),
            ..DeskSettings::default()
        }
    }

    /// Whether a finding of this severity and category is meant.
    pub(crate) fn means(&self, severity: Severity, category: &str) -> bool {
        severity >= self.least_severity && means(&self.categories, category)
    }

    fn check(&self) -> Result<(), String> {
        secure(&self.url, "secret_file")?;
        one_place("secret", &self.secret_file, &self.secret_variable)?;
        let signs_in = !self.user.is_empty() || !self.client_id.is_empty();
        match self.kind {
            OutputKind::Webhook if signs_in => {
                Err("nobody signs in at a webhook, its events are signed; remove user and client_id".to_owned())
            }
            OutputKind::ServiceNowEvents if !self.user.is_empty() && !self.client_id.is_empty() => {
                Err("it has both user and client_id; one is enough".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Checks all outputs; no two ways out have one name.
pub(super) fn check(outputs: &[OutputSettings], desks: &[DeskSettings]) -> Result<(), String> {
    in_range("the number of [[output]]", outputs.len(), 0, OUTPUTS_MAX)?;
    let mut names: BTreeSet<&str> = desks.iter().map(|desk| desk.name.as_str()).chain([BUILTIN]).collect();
    for output in outputs {
        check_name("output", "automation", &output.name)?;
        output.check().map_err(|why| format!("output {:?}: {why}", output.name))?;
        if !names.insert(output.name.as_str()) {
            let name = &output.name;
            return Err(format!("two desks or outputs are called {name:?}; give each a name of its own"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const GOOD: &str = r#"[[output]]
        name = "automation"
        kind = "webhook"
        url = "https://hooks.example.com/firstline"
        secret_file = "automation.secret"
        categories = ["Storage"]
    "#;

    #[test]
    fn every_usual_mistake_with_an_output_is_answered_with_what_would_be_right() {
        for (from, to, answer) in [
            ("name = \"automation\"", "name = \"Auto Mation\"", "small letters"),
            ("kind = \"webhook\"", "kind = \"webhok\"", "did you mean `webhook`?"),
            ("https://hooks", "http://hooks", "use https://"),
            ("https://hooks", "https://a:b@hooks", "use secret_file"),
            ("secret_file = \"automation.secret\"", "", "needs secret_file"),
            ("secret_file =", "user = \"ana\"\nsecret_file =", "remove user"),
            ("kind = \"webhook\"", "kind = \"servicenow-events\"\nuser = \"a\"\nclient_id = \"b\"", "one is enough"),
            ("categories", "category", "did you mean `categories`?"),
        ] {
            let said = Config::parse(&GOOD.replace(from, to)).expect_err(to);
            assert!(said.contains(answer), "{to}: {said}");
        }
        let desk = "[[desk]]\nname = \"automation\"\nurl = \"https://rt.example.com\"\ntoken_file = \"t\"\n";
        assert!(Config::parse(&format!("{desk}{GOOD}")).expect_err("twice").contains("a name of its own"));
    }

    #[test]
    fn an_output_means_what_is_bad_enough_and_of_its_categories() {
        let output = Config::parse(GOOD).expect("an output").output.remove(0);
        assert!(output.means(Severity::Medium, "Storage/Capacity"));
        assert!(!output.means(Severity::Low, "Storage/Capacity") && !output.means(Severity::High, "Network"));
    }
}
