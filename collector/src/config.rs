//! The collector's configuration file, `firstline.toml`.
//!
//! One struct a section, one file a struct; every key has a default, a unit in its name, and a comment in the file
//! that `init` writes ([`TEMPLATE`]). Unknown keys are refused with a guess at what was meant. What is parsed here is
//! not checked again elsewhere.

mod agents;
mod alert_tickets;
mod alerts;
mod authority;
mod changed;
mod database;
mod desks;
mod diagnosis;
mod directories;
mod error;
mod files;
mod history;
mod hooks;
mod host;
mod limits;
mod listen;
mod log;
mod outputs;
mod replicas;
mod systems;
mod tags;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use agents::{Agents, DnsName, ProbeTarget};
pub(crate) use alert_tickets::BUILTIN;
pub use alert_tickets::{TicketRule, WhenOver};
pub use alerts::Alerts;
pub use authority::AuthorityFiles;
pub use database::{Database, Pooler};
pub use desks::{DeskKind, DeskSettings};
pub use diagnosis::Diagnosis;
pub use directories::{DirectoryKind, DirectorySettings};
pub use error::ConfigError;
pub use history::History;
pub use hooks::{HookSettings, HookSignature};
pub use limits::Limits;
pub use listen::Listen;
pub use log::{Log, LogFormat};
pub use outputs::{OutputKind, OutputSettings};
pub use replicas::{Nats, Replicas};
pub(crate) use tags::check_tag;
pub use tags::{TagRule, Tags};

/// Name of the file within the data folder.
pub const FILE: &str = "firstline.toml";

/// The file that `init` writes: every key with its default, commented out.
pub const TEMPLATE: &str = include_str!("config/firstline.toml");

/// Everything that the administrator decides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen, and under which names.
    pub listen: Listen,
    /// What agents are asked to collect.
    pub agents: Agents,
    /// Which endpoints get which tags.
    pub tags: Tags,
    /// How diagnoses are ranked.
    pub diagnosis: Diagnosis,
    /// Of what people are told without asking.
    pub alerts: Alerts,
    /// Where the authority keeps its key.
    pub authority: AuthorityFiles,
    /// Where data is kept.
    pub database: Database,
    /// How several collectors work as one.
    pub replicas: Replicas,
    /// The ticket systems that people work in.
    pub desk: Vec<DeskSettings>,
    /// The directories that know people's accounts.
    pub directory: Vec<DirectorySettings>,
    /// Where alerts and diagnoses are told to programs.
    pub output: Vec<OutputSettings>,
    /// How long.
    pub history: History,
    /// What one collector takes on.
    pub limits: Limits,
    /// What it writes about its work.
    pub log: Log,
}

impl Config {
    /// Reads the file in `folder`.
    ///
    /// # Errors
    /// When it cannot be read, or says something that cannot be.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(FILE);
        let text =
            std::fs::read_to_string(&path).map_err(|cause| ConfigError::Unreadable { path: path.clone(), cause })?;
        Self::parse(&text).map_err(|reason| ConfigError::Wrong { path, reason })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// A reason that names the line and, for a misspelt key, the one that was probably meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|cause| error::explain(&cause, text))?;
        config.agents.check()?;
        config.tags.check()?;
        config.alerts.check()?;
        config.database.check()?;
        config.replicas.check(&config.database)?;
        desks::check(&config.desk)?;
        directories::check(&config.directory)?;
        outputs::check(&config.output, &config.desk)?;
        alert_tickets::check(&config.alerts.tickets, &config.desk)?;
        config.history.check()?;
        config.limits.check()?;
        config.listen.check()?;
        config.log.check()?;
        Ok(config)
    }
}

/// Says that `key` is out of its range.
fn in_range<T: PartialOrd + std::fmt::Display>(key: &str, value: T, least: T, most: T) -> Result<(), String> {
    if !(&least..=&most).contains(&&value) {
        return Err(format!("{key} is {value}, it must be from {least} to {most}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_init_writes_means_the_defaults() {
        assert_eq!(Config::parse(TEMPLATE), Ok(Config::default()));
    }

    #[test]
    fn every_commented_key_is_a_real_key_with_its_real_default() {
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with([' ', '#']) && !setting.is_empty() => setting.to_owned() + "\n",
                _ => line.to_owned() + "\n",
            })
            .collect();
        assert_eq!(Config::parse(&uncommented), Ok(Config::default()));
    }

    #[test]
    fn guesses_what_a_misspelt_key_meant() {
        let reason = Config::parse("[listen]\nagent = \"0.0.0.0:1\"").expect_err("misspelt");
        assert!(reason.contains("line 2") && reason.contains("did you mean `agents`?"), "{reason}");
        let reason = Config::parse("[hsitory]").expect_err("misspelt section");
        assert!(reason.contains("did you mean `history`?"), "{reason}");
    }

    #[test]
    fn says_the_range_of_a_number_that_is_out_of_it() {
        let reason = Config::parse("[agents]\nfast_period_seconds = 2").expect_err("too fast");
        assert_eq!(reason, "agents.fast_period_seconds is 2, it must be from 5 to 60");
    }

    #[test]
    fn every_usual_mistake_is_answered_with_what_would_be_right() {
        for (text, answer) in [
            ("[listen]\nagent = \"0.0.0.0:1\"", "did you mean `agents`?"),
            ("[Listen]", "did you mean `listen`?"),
            ("[listen]\npeople = \"8443\"", "such as \"0.0.0.0:8443\""),
            ("[listen]\npeople = 8443", "in quotes"),
            ("[listen]\npublic_names = \"a.example.com\"", "expected a list"),
            ("[listen]\npeople_key_file = \"a.key\"", "must be given together"),
            ("[agents]\ndns_names = [\"a\"]", "[[agents.dns_names]]"),
            ("[diagnosis]\nreorder_symptom = false", "did you mean `reorder_symptoms`?"),
            ("[diagnosis]\nreorder_symptoms = \"no\"", "true or false"),
            ("[database]\npooler = \"transactions\"", "did you mean `transaction`?"),
            ("[history]\nminute_hours = 48", "did you mean `minutes_hours`?"),
            ("[history]\nminutes_hours = \"48\"", "without quotes"),
            ("[limits]\nstreams = 0", "from 1 to 1000000"),
            ("[log]\nformat = \"JSON\"", "did you mean `json`?"),
            ("[log]\nlevel = \"infos\"", "did you mean `info`?"),
            ("[log]\nlevel = \"info,firstline_collector=verbose\"", "error, warn, info"),
            ("[log]\nlevel = \"info,firstline_colector=debug\"", "did you mean `firstline_collector`?"),
            ("[database]\nurl = \"postgres://a@b/c?sslmode=requires\"", "did you mean `require`?"),
            ("[[agents.probe_targets]]\nlabel = \"a\"\nhost = \"b\"\nport = 99999", "from 0 to 65535"),
            ("[[agents.probe_targets]]\nlabel = \"a\"\nhost = \"b\"\nport = 1\ntls = \"yes\"", "true or false"),
            ("[agents]\ndenied_signals = [\"cpu.buzy\"]", "`system.cpu.utilization`"),
            ("[agents]\ndenied_signals = [\"memory.availble\"]", "did you mean `endpoint.memory.available`?"),
            ("[authority]\nkeyfile = \"x\"", "did you mean `key_file`?"),
            ("[listen]\npublic_names = [\"https://fl.example:8443/\"]", "did you mean `fl.example`?"),
            ("[listen]\npublic_names = [\"fl.example:7443\"]", "did you mean `fl.example`?"),
            ("[listen]\npublic_names = [\"fl example\"]", "no name or address of a host"),
            ("[listen]\npeople = \"0.0.0.0:7443\"", "each needs a port of its own"),
            ("[agents]\ndenied_signals = [\"system.cpu.utilisation\"]", "did you mean `system.cpu.utilization`?"),
            ("[[agents.probe_targets]]\nlabel = \"a\"\nhost = \"https://a.example\"\nport = 443", "`a.example`"),
            ("[[agents.dns_names]]\nname = \"a example\"", "no name or address of a host"),
            ("[agents.portal]\nhost = \"http://a.example\"\ntext = \"b\"", "`a.example`"),
            ("listen = 3", "a table, as in [listen]"),
            ("alerts = 3", "a table, as in [alerts]"),
            ("[desk]\nname = \"a\"", "two brackets"),
            ("desk = [3]", "a table, as in [[desk]]"),
            ("[alerts]\nleast_severity = \"hihg\"", "did you mean `high`?"),
            ("[alerts]\nleast_confidence = \"0.8\"", "a number, without quotes"),
            ("[[output]]\nkind = \"webhok\"", "did you mean `webhook`?"),
            ("[limits]\nstreams = 1\nstreams = 2", "`streams` is there twice"),
            ("[limits]\nstreams = -1", "a whole number from 0"),
        ] {
            let said = Config::parse(text).expect_err(text);
            assert!(said.contains(answer), "{text}: {said}");
        }
        for level in ["info", "WARN", "info,firstline_collector::ingest=debug,sqlx::query=warn", "off"] {
            assert!(Config::parse(&format!("[log]\nlevel = \"{level}\"")).is_ok(), "{level}");
        }
    }

    #[test]
    fn names_of_hosts_are_taken_as_people_write_them() {
        for name in ["fl", "fl.example.com", "FL-1.example.", "192.0.2.7", "2001:db8::7", "_fl.example"] {
            let text = format!("[listen]\npublic_names = [\"{name}\"]");
            assert!(Config::parse(&text).is_ok(), "{name}: {:?}", Config::parse(&text));
        }
    }

    #[test]
    fn refuses_an_address_without_a_port() {
        assert!(Config::parse("[listen]\npeople = \"localhost\"").is_err());
    }
}
