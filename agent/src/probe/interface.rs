//! Network adapters: link, addresses, traffic.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

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

static LINKS_SPEC: Spec = Spec {
    name: "links",
    section: Section::Network,
    tier: Tier::Change,
    deadline: Duration::from_secs(3),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &["endpoint.nic.speed", "endpoint.nic.duplex", "endpoint.network.address"],
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
    fn attributes(&self) -> Attributes {
        Attributes::from([("network.interface.name", self.name.as_str()), ("endpoint.nic.kind", self.kind.name())])
    }
}

/// The interfaces that matter to a person: adapters, tunnels, and a virtual one only when it is the way out. Machines
/// with containers have dozens of others that come and go.
fn told(cx: &Context) -> Result<Vec<Interface>, ProbeError> {
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

/// Speed, duplex and masked addresses.
pub(crate) struct Links;

impl Probe for Links {
    fn spec(&self) -> &'static Spec {
        &LINKS_SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let told = told(cx)?;
        let mut gather = Gather::new(cx);
        for interface in told.iter().filter(|interface| interface.kind.is_physical()) {
            let speed = native::speed(&cx.root, &interface.name).ok_or(ProbeError::NotPresent("speed of the link"));
            let duplex = native::duplex(&cx.root, &interface.name).ok_or(ProbeError::NotPresent("duplex of the link"));
            gather.outcome("endpoint.nic.speed", interface.attributes(), speed);
            gather.outcome("endpoint.nic.duplex", interface.attributes(), duplex);
        }
        for ((interface, family, scope), masks) in masked(&told, &addresses()?) {
            let attributes = [("network.interface.name", interface), ("family", family), ("scope", scope)];
            gather.value("endpoint.network.address", attributes, masks.into_iter().collect::<Vec<_>>().join(","));
        }
        Ok(gather.done())
    }
}

type Instance<'a> = (&'a str, &'static str, &'static str);

/// The networks that the interfaces are in, by interface, family and scope.
fn masked<'a>(told: &[Interface], all: &'a [(String, IpAddr)]) -> BTreeMap<Instance<'a>, BTreeSet<String>> {
    let mut masked: BTreeMap<Instance<'a>, BTreeSet<String>> = BTreeMap::new();
    for (interface, address) in all.iter().filter(|(name, _)| told.iter().any(|one| one.name == *name)) {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        masked.entry((interface, family, scope(*address))).or_default().insert(mask(*address));
    }
    masked
}

/// How far an address reaches.
fn scope(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(four) if four.is_link_local() => "link_local",
        IpAddr::V4(four) if four.is_private() || is_carrier_grade(four) => "private",
        IpAddr::V6(six) if six.is_unicast_link_local() => "link_local",
        IpAddr::V6(six) if six.is_unique_local() => "private",
        _ => "global",
    }
}

/// 100.64.0.0/10, which providers share among customers.
fn is_carrier_grade(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xc0 == 64
}

/// The network of an address: /24 or /64. The machine's own part does not leave.
fn mask(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(six) => format!("{}/64", Ipv6Addr::from(six.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, kind: Kind, is_up: bool) -> Interface {
        Interface { name: name.to_owned(), kind, is_up }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_tunnel_is_no_link() {
        let told = [interface("eth0", Kind::Ethernet, false), interface("tun0", Kind::Vpn, true)];
        assert_eq!(physical_up(&told), Ok(false));
        assert!(matches!(physical_up(&told[1..]), Err(ProbeError::NotPresent(_))));
    }

    #[test]
    fn knows_how_far_addresses_reach() {
        for (text, wanted) in [
            ("169.254.3.4", "link_local"),
            ("10.1.2.3", "private"),
            ("100.64.1.1", "private"),
            ("203.0.113.9", "global"),
            ("fe80::1", "link_local"),
            ("fd00::2", "private"),
            ("2001:db8::1", "global"),
        ] {
            assert_eq!(scope(address(text)), wanted, "{text}");
        }
    }

    #[test]
    fn the_machines_part_of_an_address_does_not_leave() {
        assert_eq!(mask(address("192.168.7.31")), "192.168.7.0/24");
        assert_eq!(mask(address("2001:db8:1:2:aaaa:bbbb:cccc:dddd")), "2001:db8:1:2::/64");
    }

    #[test]
    fn several_addresses_of_one_scope_are_one_reading() {
        let told = [interface("eth0", Kind::Ethernet, true)];
        let all = [
            ("eth0".to_owned(), address("10.0.1.4")),
            ("eth0".to_owned(), address("10.0.2.4")),
            ("docker0".to_owned(), address("172.17.0.1")),
        ];
        let masked = masked(&told, &all);
        assert_eq!(masked.len(), 1);
        assert_eq!(masked[&("eth0", "ipv4", "private")].len(), 2);
    }
}
