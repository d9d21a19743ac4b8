//! Network adapters: whether they have a link and an address, and their traffic.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::addressing::scope;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::proc::netdev::Flow;
use crate::os::{addresses, native};

static SPEC: Spec = Spec {
    name: "interfaces",
    section: Section::Network,
    tier: Tier::Fast,
    deadline: Duration::from_secs(3),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[
        "hw.network.up",
        "endpoint.network.physical_up",
        "endpoint.network.usable_address",
        "system.network.io",
        "system.network.packet.count",
        "system.network.errors",
        "system.network.packet.dropped",
    ],
};

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ethernet,
    Wifi,
    Wwan,
    Vpn,
    Virtual,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "eth",
            Self::Wifi => "wifi",
            Self::Wwan => "wwan",
            Self::Vpn => "vpn",
            Self::Virtual => "virtual",
        }
    }

    /// Whether a cable or a radio is behind it.
    pub(crate) fn is_physical(self) -> bool {
        matches!(self, Self::Ethernet | Self::Wifi | Self::Wwan)
    }

    /// Whether a cable is behind it.
    pub(crate) fn is_wired(self) -> bool {
        self == Self::Ethernet
    }
}

/// State and traffic.
pub(crate) struct Interfaces;

impl Probe for Interfaces {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let told = told(cx)?;
        let mut gather = Gather::new(cx);
        for interface in &told {
            gather.value("hw.network.up", interface.attributes(), interface.is_up);
        }
        gather.outcome("endpoint.network.physical_up", [], physical_up(&told));
        gather.outcome("endpoint.network.usable_address", [], usable_address(cx));
        for traffic in native::traffic(&cx.root)? {
            if let Some(interface) = told.iter().find(|interface| interface.name == traffic.interface) {
                enter(&mut gather, interface, "receive", traffic.receive);
                enter(&mut gather, interface, "transmit", traffic.transmit);
            }
        }
        Ok(gather.done())
    }
}

fn enter(gather: &mut Gather, interface: &Interface, direction: &str, flow: Flow) {
    let attributes = interface.attributes().with("network.io.direction", direction);
    gather.value("system.network.io", attributes.clone(), flow.bytes);
    gather.value("system.network.packet.count", attributes.clone(), flow.packets);
    gather.value("system.network.errors", attributes.clone(), flow.errors);
    gather.value("system.network.packet.dropped", attributes, flow.dropped);
}

/// One interface that is told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) is_up: bool,
}

impl Interface {
    /// What tells its readings from those of others.
    pub(super) fn attributes(&self) -> Attributes {
        Attributes::from([("network.interface.name", self.name.as_str()), ("endpoint.nic.kind", self.kind.name())])
    }
}

/// The interfaces that matter to a person: adapters, tunnels, and a virtual one only when it is the way out. Machines
/// with containers have dozens of others that come and go.
pub(super) fn told(cx: &Context) -> Result<Vec<Interface>, ProbeError> {
    let way_out = native::default_route(&cx.root).ok().flatten().map(|route| route.interface);
    let all = native::interfaces(&cx.root)?.into_iter();
    let told = all.filter(|(name, kind)| *kind != Kind::Virtual || way_out.as_ref() == Some(name));
    let told = told.map(|(name, kind)| Interface { is_up: native::is_up(&cx.root, &name), name, kind });
    Ok(told.collect())
}

/// Whether any cable or radio has a link.
pub(crate) fn physical_up(told: &[Interface]) -> Result<bool, ProbeError> {
    let mut physical = told.iter().filter(|interface| interface.kind.is_physical()).peekable();
    if physical.peek().is_none() {
        return Err(ProbeError::NotPresent("physical network adapter"));
    }
    Ok(physical.any(|interface| interface.is_up))
}

/// Whether the interface that is the way out, or should become it, has an address that works beyond the link.
pub(crate) fn usable_address(cx: &Context) -> Result<bool, ProbeError> {
    let candidate = if let Some(route) = native::default_route(&cx.root)? {
        route.interface
    } else {
        let up = told(cx)?.into_iter().find(|interface| interface.kind.is_physical() && interface.is_up);
        up.ok_or(ProbeError::NotPresent("network adapter with a link"))?.name
    };
    Ok(addresses()?.iter().any(|(interface, address)| *interface == candidate && scope(*address) != "link_local"))
}

/// Whether a link and a usable address are there, for conclusions about the layers above them.
pub(crate) fn link_and_address(cx: &Context) -> (Option<bool>, Option<bool>) {
    let link = told(cx).and_then(|told| physical_up(&told)).ok();
    (link, usable_address(cx).ok())
}

/// Whether a tunnel to another network stands.
pub(crate) fn has_tunnel(cx: &Context) -> bool {
    let all = native::interfaces(&cx.root).unwrap_or_default();
    all.iter().any(|(name, kind)| *kind == Kind::Vpn && native::is_up(&cx.root, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, kind: Kind, is_up: bool) -> Interface {
        Interface { name: name.to_owned(), kind, is_up }
    }

    #[test]
    fn a_tunnel_is_no_link() {
        let told = [interface("eth0", Kind::Ethernet, false), interface("tun0", Kind::Vpn, true)];
        assert_eq!(physical_up(&told), Ok(false));
        assert!(matches!(physical_up(&told[1..]), Err(ProbeError::NotPresent(_))));
    }
}
