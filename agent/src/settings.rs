//! What the collector asked for, narrowed by what the machine's policy allows.
//!
//! A collector can set cadence, name hosts to probe and forbid signals. The local policy can forbid more; nothing that
//! arrives from a network can widen it.

mod memory;
mod network;

use std::collections::BTreeSet;
use std::time::Duration;

use firstline_diagnosis::order;
use firstline_proto::v1;
use thiserror::Error;

pub use memory::remember;
pub use network::Network;

/// What the probes and the scheduler go by. Every reader holds a `watch::Receiver` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Grows with every change at the collector; 0 means the agent's defaults.
    pub revision: u64,
    /// Period of the fast tier, 5 to 60 seconds. Default 15 s.
    pub fast_period: Duration,
    /// Period of the minute tier, 30 to 600 seconds. Default 60 s.
    pub minute_period: Duration,
    /// Hosts whose reachability is probed; the first is the collector. At most 17.
    pub probe_targets: Vec<ProbeTarget>,
    /// Names that the DNS probe looks up. At most 9.
    pub dns_names: Vec<DnsName>,
    /// The object of the portal test. None: the test is not made.
    pub portal: Option<PortalObject>,
    /// Networks of the company. At most 64.
    pub corporate_networks: Vec<Network>,
    /// Signals that must not be collected: the collector's wish and the local policy together.
    pub denied_signals: BTreeSet<String>,
    /// Services that this machine's administrator wants watched besides the well-known ones, with `.service`.
    pub watched_services: BTreeSet<String>,
}

/// A host and port to which a connection is attempted. No data is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProbeTarget {
    /// Name on screens and in readings.
    pub label: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether to go on to a TLS handshake.
    pub tls: bool,
    /// Addresses to try when the name cannot be resolved.
    pub addresses: Vec<String>,
}

/// A small text that a web server shows everybody on its front page, without encryption. Whoever changes it on the way
/// wants the user to sign in first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortalObject {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The text.
    pub text: String,
}

/// A name that must exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsName {
    /// The name.
    pub name: String,
    /// `public`, `internal` or `collector`.
    pub name_class: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            revision: 0,
            fast_period: Duration::from_secs(15),
            minute_period: Duration::from_mins(1),
            probe_targets: Vec::new(),
            dns_names: Vec::new(),
            portal: None,
            corporate_networks: Vec::new(),
            denied_signals: BTreeSet::new(),
            watched_services: BTreeSet::new(),
        }
    }
}

/// Settings that break a bound the wire states. The settings in force stay.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} {problem}")]
pub struct BadSettings {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// What this machine's configuration fixes, whatever a collector says.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The collector itself, always probed.
    pub collector: Option<(String, u16)>,
    /// Signals that must not be collected here.
    pub denied_signals: BTreeSet<String>,
    /// Services that are watched here besides the well-known ones. No collector can name one.
    pub watched_services: BTreeSet<String>,
}

impl Policy {
    /// The settings before a collector said anything.
    pub fn defaults(&self) -> Settings {
        self.narrow(Settings::default())
    }

    /// The settings that `message` asks for, within what this machine allows.
    pub fn apply(&self, message: &v1::Settings) -> Result<Settings, BadSettings> {
        Ok(self.narrow(Settings {
            revision: message.revision,
            fast_period: period("fast_period_seconds", message.fast_period_seconds, 15, 5..=60)?,
            minute_period: period("minute_period_seconds", message.minute_period_seconds, 60, 30..=600)?,
            probe_targets: targets(&message.probe_targets)?,
            dns_names: dns_names(&message.dns_names)?,
            portal: message.portal.as_ref().map(portal).transpose()?,
            corporate_networks: networks(&message.corporate_networks)?,
            denied_signals: order::set(message.denied_signals.iter().cloned()),
            watched_services: BTreeSet::new(),
        }))
    }

    fn narrow(&self, mut settings: Settings) -> Settings {
        settings.denied_signals.extend(self.denied_signals.iter().cloned());
        settings.watched_services.clone_from(&self.watched_services);
        if let Some((host, port)) = &self.collector {
            // Where it is, is this machine's business; where else it may be looked for when its name fails, the collector's.
            let listed = settings.probe_targets.iter().find(|target| target.label == "collector");
            let addresses = listed.map(|target| target.addresses.clone()).unwrap_or_default();
            settings.probe_targets.retain(|target| target.label != "collector");
            settings.probe_targets.insert(0, collector_target(host, *port, addresses));
            if host.parse::<std::net::IpAddr>().is_err() && host != "localhost" {
                settings.dns_names.retain(|name| name.name != *host);
                settings.dns_names.insert(0, DnsName { name: host.clone(), name_class: "collector".to_owned() });
            }
        }
        settings
    }
}

fn collector_target(host: &str, port: u16, addresses: Vec<String>) -> ProbeTarget {
    ProbeTarget { label: "collector".to_owned(), host: host.to_owned(), port, tls: true, addresses }
}

fn period(
    field: &'static str,
    seconds: Option<u32>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<Duration, BadSettings> {
    let seconds = seconds.unwrap_or(default);
    if !range.contains(&seconds) {
        let problem = format!("is {seconds}, allowed are {} to {}", range.start(), range.end());
        return Err(BadSettings { field, problem });
    }
    Ok(Duration::from_secs(u64::from(seconds)))
}

fn targets(messages: &[v1::ProbeTarget]) -> Result<Vec<ProbeTarget>, BadSettings> {
    let fail = |problem: &str| BadSettings { field: "probe_targets", problem: problem.to_owned() };
    if messages.len() > 16 {
        return Err(fail("holds more than 16 targets"));
    }
    let one = |message: &v1::ProbeTarget| {
        let port = u16::try_from(message.port).ok().filter(|&port| port > 0);
        let port = port.ok_or_else(|| fail("names a port outside 1 to 65,535"))?;
        if message.label.is_empty() || message.host.is_empty() || message.addresses.len() > 4 {
            return Err(fail("holds a target without label or host, or with more than 4 addresses"));
        }
        Ok(ProbeTarget {
            label: message.label.clone(),
            host: message.host.clone(),
            port,
            tls: message.tls,
            addresses: message.addresses.clone(),
        })
    };
    messages.iter().map(one).collect()
}

fn dns_names(messages: &[v1::DnsName]) -> Result<Vec<DnsName>, BadSettings> {
    let fail = |problem: &str| BadSettings { field: "dns_names", problem: problem.to_owned() };
    if messages.len() > 8 {
        return Err(fail("holds more than 8 names"));
    }
    let known = |message: &v1::DnsName| ["public", "internal", "collector"].contains(&message.name_class.as_str());
    if !messages.iter().all(|message| known(message) && !message.name.is_empty()) {
        return Err(fail("holds an empty name or an unknown class"));
    }
    let one = |message: &v1::DnsName| DnsName { name: message.name.clone(), name_class: message.name_class.clone() };
    Ok(messages.iter().map(one).collect())
}

fn portal(message: &v1::PortalObject) -> Result<PortalObject, BadSettings> {
    let port = u16::try_from(message.port).ok().filter(|&port| port > 0);
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match port.filter(|_| is_plain(&message.host) && message.host.len() <= 255 && message.text.len() <= 256) {
        Some(port) => Ok(PortalObject { host: message.host.clone(), port, text: message.text.clone() }),
        None => Err(BadSettings { field: "portal", problem: "needs a host, a port and a short text".to_owned() }),
    }
}

fn networks(messages: &[String]) -> Result<Vec<Network>, BadSettings> {
    let fail = |problem: String| BadSettings { field: "corporate_networks", problem };
    if messages.len() > 64 {
        return Err(fail("holds more than 64 networks".to_owned()));
    }
    messages.iter().map(|text| text.parse().map_err(fail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_cannot_widen_what_the_policy_denies() {
        let policy = Policy { denied_signals: ["process.cpu.time".to_owned()].into(), ..Default::default() };
        let message = v1::Settings { denied_signals: vec!["host.name".into()], ..Default::default() };
        let settings = policy.apply(&message).expect("within bounds");
        assert!(settings.denied_signals.contains("process.cpu.time") && settings.denied_signals.contains("host.name"));
    }

    #[test]
    fn the_collector_is_always_probed() {
        let policy = Policy { collector: Some(("firstline.example".into(), 7443)), ..Default::default() };
        assert_eq!(policy.defaults().probe_targets[0].host, "firstline.example");
        assert_eq!(policy.defaults().dns_names[0].name_class, "collector");
        let impostor = v1::ProbeTarget { label: "collector".into(), host: "x".into(), port: 1, ..Default::default() };
        let message = v1::Settings { probe_targets: vec![impostor], ..Default::default() };
        let targets = policy.apply(&message).expect("within bounds").probe_targets;
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].port, 7443);
    }

    #[test]
    fn refuses_a_cadence_out_of_range() {
        let message = v1::Settings { fast_period_seconds: Some(1), ..Default::default() };
        let bad = Policy::default().apply(&message).expect_err("too fast");
        assert_eq!(bad.to_string(), "fast_period_seconds is 1, allowed are 5 to 60");
    }
}
