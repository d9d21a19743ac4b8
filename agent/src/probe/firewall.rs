//! Whether anything guards what comes in from the network.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "firewall",
    section: Section::Trust,
    tier: Tier::Change,
    deadline: Duration::from_secs(8),
    priority: 4,
    waits: false,
    heavy: false,
    signals: &["endpoint.firewall.state", "endpoint.firewall.provider"],
};

/// Who guards this machine, and whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Firewall {
    /// `firewalld`, `ufw`, `nftables`, `iptables` or `none`.
    pub(crate) provider: &'static str,
    /// The zone in force, where there are zones.
    pub(crate) profile: Option<String>,
    /// Whether anything that comes in could be refused.
    pub(crate) is_on: bool,
}

/// The firewall of this machine.
pub(crate) struct Guard;

impl Probe for Guard {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let firewall = native::firewall(&cx.root)?;
        let mut gather = Gather::new(cx);
        let profile = firewall.profile.unwrap_or_else(|| "default".to_owned());
        let state = if firewall.is_on { "on" } else { "off" };
        gather.value("endpoint.firewall.state", [("profile", profile.as_str())], state);
        gather.single("endpoint.firewall.provider", firewall.provider);
        Ok(gather.done())
    }
}
