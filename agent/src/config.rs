//! The agent's configuration file and directories.
//!
//! The file is [`CONFIG_FILE`] for the agent that is this machine's service, and `agent.toml` in the state directory for one
//! that has another state directory. It may be absent. Unknown keys are refused, since a misspelt key that is silently
//! ignored is worse than an agent that does not start.

mod collectors;
mod proxy;
mod services;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use firstline_diagnosis::order;
use firstline_diagnosis::registry::{Privacy, Registry};
use serde::Deserialize;

pub use collectors::Collectors;
pub use proxy::{ProxyConfig, ProxyUrl};
pub use services::{ServiceName, ServicesConfig};

use crate::settings::Policy;
use crate::spool;

/// Where the agent keeps its state unless told otherwise.
pub const STATE_DIR: &str = "/var/lib/firstline-agent";

/// Where the configuration of the machine's own agent is.
pub const CONFIG_FILE: &str = "/etc/firstline/agent.toml";

/// The configuration file as it is installed: every key with its default, commented.
pub const DEFAULTS: &str = include_str!("../packaging/agent.toml");

/// The port on which collectors listen for agents.
pub const COLLECTOR_PORT: u16 = 7443;

/// `agent.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port` of the collector, or of several of its replicas. Default: the one that this agent was enrolled at.
    pub collector: Option<Collectors>,
    /// What must not be collected on this machine, whatever the collector asks.
    pub policy: PolicyConfig,
    /// How the collector is reached.
    pub proxy: ProxyConfig,
    /// Which services are watched besides the well-known ones.
    pub services: ServicesConfig,
    /// How much the queue for the collector may hold.
    pub spool: SpoolConfig,
    /// How much the agent's own memory may hold.
    pub recorder: RecorderConfig,
}

/// `[policy]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Signals that are never read here. Default: none.
    pub denied_signals: BTreeSet<String>,
    /// Classes of signals that are never read here: `person`, `software`, `network`, `machine`. Default: none.
    pub denied_classes: BTreeSet<Privacy>,
}

impl PolicyConfig {
    /// Every signal that is denied, by its name or by its class.
    fn denied(&self) -> BTreeSet<String> {
        let of_class = Registry::builtin().iter().filter(|spec| self.denied_classes.contains(&spec.privacy));
        order::set(of_class.map(|spec| spec.name.clone()).chain(self.denied_signals.iter().cloned()))
    }
}

/// `[spool]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolConfig {
    /// Space on disk in MiB, 1 to 4096. Default 64.
    pub size_mebibytes: u32,
    /// Records older than this are dropped, days, 1 to 90. Default 14.
    pub age_days: u32,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { size_mebibytes: 64, age_days: 14 }
    }
}

/// `[recorder]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecorderConfig {
    /// Space on disk in MiB, 1 to 256. Default 24.
    pub size_mebibytes: u32,
    /// How far back it remembers, hours, 1 to 72. Default 24.
    pub age_hours: u32,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self { size_mebibytes: 24, age_hours: 24 }
    }
}

/// The configuration file of an agent with this state directory.
pub fn file_for(state_dir: &Path) -> PathBuf {
    if state_dir == Path::new(STATE_DIR) { CONFIG_FILE.into() } else { state_dir.join("agent.toml") }
}

impl Config {
    /// Reads `path`; everything is at its default when there is no such file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                let what_to_do = match source.kind() {
                    std::io::ErrorKind::PermissionDenied => {
                        "this account may not look there; run this as root, for example with sudo"
                    }
                    std::io::ErrorKind::InvalidData => "it must be text in UTF-8",
                    _ => "correct its name or the disk that it is on",
                };
                return Err(source).with_context(|| format!("reading {}; {what_to_do}", path.display()));
            }
        };
        Self::parse(&text).with_context(|| format!("{} is not usable; correct it and start again", path.display()))
    }

    /// Reads and checks the text of a configuration file.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        within("spool.size_mebibytes", config.spool.size_mebibytes, 1..=4096)?;
        within("spool.age_days", config.spool.age_days, 1..=90)?;
        within("recorder.size_mebibytes", config.recorder.size_mebibytes, 1..=256)?;
        within("recorder.age_hours", config.recorder.age_hours, 1..=72)?;
        config.services.check()?;
        for signal in &config.policy.denied_signals {
            if Registry::builtin().get(signal).is_none() {
                let hint = Registry::builtin().nearest(signal).map(|near| format!("; did you mean {near}?"));
                bail!("policy.denied_signals names {signal}, which is no signal{}", hint.unwrap_or_default());
            }
        }
        Ok(config)
    }

    /// What the spool may hold.
    pub fn spool_limits(&self) -> spool::Limits {
        spool::Limits {
            bytes: u64::from(self.spool.size_mebibytes) * 1024 * 1024,
            age: Duration::from_hours(24) * self.spool.age_days,
        }
    }

    /// What no collector can widen.
    pub fn policy(&self, collector: Option<&Address>) -> Policy {
        Policy {
            collector: collector.map(|address| (address.host.clone(), address.port)),
            denied_signals: self.policy.denied(),
            watched_services: self.services.names(),
        }
    }
}

fn within(key: &str, value: u32, range: std::ops::RangeInclusive<u32>) -> Result<()> {
    if !range.contains(&value) {
        bail!("{key} is {value}; it must be {} to {}", range.start(), range.end());
    }
    Ok(())
}

/// `host:port`; `[2001:db8::1]:7443` for IPv6. The port may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail = || format!("{text:?} is not HOST:PORT, for example collector.example.com:{COLLECTOR_PORT}");
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match text.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') => (host, Some(port)),
                _ => (text, None),
            },
        };
        let port = port.map_or(Ok(COLLECTOR_PORT), str::parse).map_err(|_| fail())?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_:%".contains(letter);
        if host.is_empty() || !host.chars().all(plain) || port == 0 {
            return Err(fail());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults() {
        let config = Config::parse("").expect("empty");
        assert_eq!(config, Config::default());
        assert_eq!(config.spool_limits(), spool::Limits::default());
    }

    #[test]
    fn the_installed_file_says_the_defaults_and_changes_nothing() {
        assert_eq!(Config::parse(DEFAULTS).expect("comments"), Config::default());
        // A line that is a key in a comment, and not a sentence.
        let uncommented =
            |line: &str| line.strip_prefix("#").filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned();
        let keys: Vec<String> = DEFAULTS.lines().map(uncommented).collect();
        let config = Config::parse(&keys.join("\n")).expect("the keys it names exist");
        let examples = (config.collector.clone(), config.proxy.url.clone(), config.proxy.credentials_file.clone());
        assert!(matches!(examples, (Some(_), Some(_), Some(_))), "what has no default is shown by an example");
        let proxy = ProxyConfig::default();
        assert_eq!(Config { collector: None, proxy, ..config }, Config::default());
    }

    #[test]
    fn the_service_is_configured_where_administrators_look() {
        assert_eq!(file_for(Path::new(STATE_DIR)), Path::new("/etc/firstline/agent.toml"));
        assert_eq!(file_for(Path::new("/tmp/one")), Path::new("/tmp/one/agent.toml"));
    }

    #[test]
    fn refuses_unknown_keys_and_values_out_of_range() {
        assert!(Config::parse("colector = 'a:1'").expect_err("misspelt").to_string().contains("colector"));
        assert!(Config::parse("[spool]\nsize_mebibytes = 0").is_err());
        assert!(Config::parse("collector = 'http://a'").is_err());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_as_what_it_is() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let refused = |path: &Path| format!("{:#}", Config::read(path).expect_err("refused"));
        assert!(!refused(dir.path()).contains("UTF-8"), "a folder is no question of letters");
        let latin = dir.path().join("agent.toml");
        std::fs::write(&latin, b"# caf\xe9").expect("written");
        assert!(refused(&latin).contains("it must be text in UTF-8"));
        assert_eq!(Config::read(&dir.path().join("none.toml")).expect("all defaults"), Config::default());
    }

    #[test]
    fn a_denied_signal_must_exist() {
        assert!(Config::parse("[policy]\ndenied_signals = ['process.cpu.time']").is_ok());
        let error = Config::parse("[policy]\ndenied_signals = ['process.cpu.tim']").expect_err("misspelt");
        assert!(error.to_string().contains("process.cpu.time"), "{error}");
    }

    #[test]
    fn a_denied_class_denies_all_its_signals_and_no_collector_brings_them_back() {
        let config = Config::parse("[policy]\ndenied_classes = ['person']").expect("a class");
        let policy = config.policy(None);
        let person = |name: &str| Registry::builtin().get(name).is_some_and(|spec| spec.privacy == Privacy::Person);
        assert!(policy.denied_signals.contains("endpoint.session.users"));
        assert!(policy.denied_signals.iter().all(|name| person(name)));
        let wishes = firstline_proto::v1::Settings { revision: 9, ..Default::default() };
        let settings = policy.apply(&wishes).expect("good settings");
        assert!(settings.denied_signals.is_superset(&policy.denied_signals));
        assert!(Config::parse("[policy]\ndenied_classes = ['persons']").is_err());
    }

    #[test]
    fn reads_addresses_as_people_write_them() {
        let address = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(address("collector.example:9"), Ok("collector.example:9".into()));
        assert_eq!(address("collector.example"), Ok("collector.example:7443".into()));
        assert_eq!(address("[2001:db8::1]:9"), Ok("[2001:db8::1]:9".into()));
        assert_eq!(address("127.0.0.1:80"), Ok("127.0.0.1:80".into()));
        assert!(address("a b:1").is_err() && address(":1").is_err() && address("a:x").is_err());
    }
}
