use firstline_diagnosis::registry::Registry;
use serde::{Deserialize, Serialize};

use super::{host, in_range};

/// What agents are asked to collect. A local policy of an endpoint can only narrow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agents {
    /// Period of the fast tier.
    pub fast_period_seconds: u32,
    /// Period of the minute tier.
    pub minute_period_seconds: u32,
    /// Signals that must not be collected.
    pub denied_signals: Vec<String>,
    /// Hosts whose reachability is probed.
    pub probe_targets: Vec<ProbeTarget>,
    /// Names that are looked up.
    pub dns_names: Vec<DnsName>,
    /// The object of the portal test.
    pub portal: Option<PortalObject>,
    /// Networks of the company.
    pub corporate_networks: Vec<String>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            fast_period_seconds: 15,
            minute_period_seconds: 60,
            denied_signals: Vec::new(),
            probe_targets: Vec::new(),
            dns_names: Vec::new(),
            portal: None,
            corporate_networks: Vec::new(),
        }
    }
}

/// A host that agents try to reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeTarget {
    /// Name on screens.
    pub label: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether to go on to a TLS handshake.
    #[serde(default)]
    pub tls: bool,
    /// Addresses to try when the name cannot be resolved.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// A name that agents look up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsName {
    /// The name.
    pub name: String,
    /// `public`, `internal` or `collector`.
    #[serde(default = "public")]
    pub class: String,
}

/// A small text that a web server shows everybody on its front page, without encryption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalObject {
    /// Host name or address.
    pub host: String,
    /// Port.
    #[serde(default = "web")]
    pub port: u16,
    /// The text.
    #[serde(default)]
    pub text: String,
}

fn web() -> u16 {
    80
}

fn public() -> String {
    "public".to_owned()
}

impl Agents {
    pub(super) fn check(&self) -> Result<(), String> {
        in_range("agents.fast_period_seconds", self.fast_period_seconds, 5, 60)?;
        in_range("agents.minute_period_seconds", self.minute_period_seconds, 30, 600)?;
        self.denied_signals.iter().try_for_each(|signal| is_declared(signal))?;
        in_range("the number of agents.probe_targets", self.probe_targets.len(), 0, 16)?;
        in_range("the number of agents.dns_names", self.dns_names.len(), 0, 8)?;
        for target in &self.probe_targets {
            in_range("the number of agents.probe_targets.addresses", target.addresses.len(), 0, 4)?;
            if target.label.is_empty() || target.host.is_empty() || target.port == 0 {
                return Err("agents.probe_targets needs a label, a host and a port".to_owned());
            }
            host::check("agents.probe_targets.host", &target.host)?;
        }
        in_range("the number of agents.corporate_networks", self.corporate_networks.len(), 0, 64)?;
        if let Some(odd) = self.corporate_networks.iter().find(|network| !is_network(network)) {
            return Err(format!("agents.corporate_networks holds {odd:?}, which is no network such as 10.20.0.0/16"));
        }
        if let Some(portal) = &self.portal
            && (portal.host.is_empty() || portal.port == 0 || portal.text.len() > 256)
        {
            return Err("agents.portal needs a host, a port, and a text of 256 bytes at most".to_owned());
        }
        if let Some(portal) = &self.portal {
            host::check("agents.portal.host", &portal.host)?;
        }
        self.dns_names.iter().try_for_each(|one| host::check("agents.dns_names.name", &one.name))?;
        match self.dns_names.iter().find(|one| !["public", "internal", "collector"].contains(&one.class.as_str())) {
            Some(one) => {
                Err(format!("agents.dns_names.class is {:?}, it must be public, internal or collector", one.class))
            }
            None => Ok(()),
        }
    }
}

/// Refuses a signal that nobody declares: who denies one wants it to stay where it is.
fn is_declared(signal: &str) -> Result<(), String> {
    let registry = Registry::builtin();
    if registry.get(signal).is_some() {
        return Ok(());
    }
    let meant = registry.nearest(signal).map_or_else(|| registry.akin(signal), |meant| vec![meant]);
    let meant: Vec<String> = meant.into_iter().map(|one| format!("`{one}`")).collect();
    let guess = if meant.is_empty() { String::new() } else { format!("; did you mean {}?", meant.join(" or ")) };
    Err(format!("agents.denied_signals holds {signal:?}, which is no signal (docs/signals.md lists all){guess}"))
}

/// Whether `text` is an address, with or without the number of bits that count.
fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}
