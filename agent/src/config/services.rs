use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde::Deserialize;

use firstline_diagnosis::order;

/// Most names of one file: each is asked for every minute.
const NAMES_MAX: usize = 32;
/// systemd takes no longer name.
const BYTES_MAX: usize = 255;
/// What systemd knows besides services.
const OTHER_KINDS: [&str; 10] =
    ["socket", "target", "timer", "mount", "automount", "path", "device", "swap", "slice", "scope"];

/// `[services]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServicesConfig {
    /// Services whose state is told besides the well-known ones. Default: none.
    pub watch: BTreeSet<ServiceName>,
}

impl ServicesConfig {
    pub(super) fn check(&self) -> Result<()> {
        if self.watch.len() > NAMES_MAX {
            bail!("services.watch names {} services; at most {NAMES_MAX} can be watched", self.watch.len());
        }
        Ok(())
    }

    /// The names as systemd writes them.
    pub(super) fn names(&self) -> BTreeSet<String> {
        order::set(self.watch.iter().map(|name| name.0.clone()))
    }
}

/// The name of a service, with `.service`: `acme-vpn`, `acme-vpn.service`, or `acme@*` for all that are made from a
/// template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName(String);

impl std::str::FromStr for ServiceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let stem = text.strip_suffix(".service").unwrap_or(text);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:\\@".contains(letter);
        let name = stem.strip_suffix("@*").unwrap_or(stem);
        if name.is_empty() || !name.chars().all(plain) || text.len() + ".service".len() > BYTES_MAX {
            return Err(format!("{text:?} is no name of a service, for example \"acme-vpn\" or \"acme-vpn@*\""));
        }
        if let Some((_, kind)) = name.rsplit_once('.').filter(|(_, kind)| OTHER_KINDS.contains(kind)) {
            return Err(format!("{text:?} is a {kind}; only services can be watched"));
        }
        Ok(Self(format!("{stem}.service")))
    }
}

impl<'de> Deserialize<'de> for ServiceName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn names(watch: &str) -> Result<Vec<String>, String> {
        let config = Config::parse(&format!("[services]\nwatch = [{watch}]")).map_err(|error| error.to_string())?;
        Ok(config.policy(None).watched_services.into_iter().collect())
    }

    #[test]
    fn names_are_taken_as_people_write_them() {
        let taken = names("'acme-vpn', 'edr.service', 'acme@*', 'acme@office.service'").expect("names");
        assert_eq!(taken, ["acme-vpn.service", "acme@*.service", "acme@office.service", "edr.service"]);
    }

    #[test]
    fn what_can_not_be_a_service_is_refused_with_the_reason() {
        for (wrong, reason) in [
            ("'*'", "is no name of a service"),
            ("''", "is no name of a service"),
            ("'a b'", "is no name of a service"),
            ("'acme*'", "is no name of a service"),
            ("'cups.socket'", "is a socket"),
        ] {
            let error = names(wrong).expect_err(wrong);
            assert!(error.contains(reason), "{wrong}: {error}");
        }
        let many: Vec<String> = (0..33).map(|number| format!("'s{number}'")).collect();
        assert!(names(&many.join(",")).expect_err("too many").contains("at most 32"));
    }
}
