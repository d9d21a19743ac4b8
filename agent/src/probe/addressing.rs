//! What the network told this machine: addresses, ways out, name servers, the lease. The machine's own part of every
//! address is cut off, and the domain is a keyed name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::interface::{Interface, told};
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::{native, networks};

static SPEC: Spec = Spec {
    name: "addressing",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(3),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.network.address",
        "endpoint.network.prefix_length",
        "endpoint.network.default_route",
        "endpoint.dns.server",
        "endpoint.dns.resolver",
        "endpoint.network.domain",
        "endpoint.dhcp.server",
        "endpoint.dhcp.lease_time",
        "endpoint.dhcp.lease_remaining",
    ],
};

/// What a lease says.
const LEASE: [&str; 3] = ["endpoint.dhcp.server", "endpoint.dhcp.lease_time", "endpoint.dhcp.lease_remaining"];
/// Name servers are told by their place in the list, as the look-ups are.
const PLACES: [&str; 3] = ["server1", "server2", "server3"];

/// Addresses, routes, name servers, leases.
pub(crate) struct Addressing;

impl Probe for Addressing {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let told = told(cx)?;
        let mut gather = Gather::new(cx);
        enter_addresses(&told, &mut gather);
        enter_routes(cx, &mut gather);
        enter_names(cx, &mut gather);
        for interface in told.iter().filter(|interface| interface.kind.is_physical()) {
            enter_lease(cx, interface, &mut gather);
        }
        Ok(gather.done())
    }
}

fn enter_addresses(told: &[Interface], gather: &mut Gather) {
    let all = match networks() {
        Ok(all) => all,
        Err(why) => {
            gather.unknown("endpoint.network.address", [], why.clone());
            return gather.unknown("endpoint.network.prefix_length", [], why);
        }
    };
    for ((interface, family, scope), networks) in masked(told, &all) {
        let attributes = [("network.interface.name", interface), ("family", family), ("scope", scope)];
        let masks: Vec<&str> = networks.masks.iter().map(String::as_str).collect();
        gather.value("endpoint.network.address", attributes, masks.join(","));
        gather.value("endpoint.network.prefix_length", attributes, u64::from(networks.shortest));
    }
}

type Instance<'a> = (&'a str, &'static str, &'static str);

/// The networks of one interface, family and scope.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Networks {
    masks: BTreeSet<String>,
    /// The length of the widest network's part, in bits.
    shortest: u8,
}

/// The networks that the interfaces are in, by interface, family and scope.
fn masked<'a>(told: &[Interface], all: &'a [(String, IpAddr, u8)]) -> BTreeMap<Instance<'a>, Networks> {
    let mut masked: BTreeMap<Instance<'a>, Networks> = BTreeMap::new();
    for (interface, address, length) in all.iter().filter(|(name, ..)| told.iter().any(|one| one.name == *name)) {
        let instance = (interface.as_str(), family(*address), scope(*address));
        let networks = masked.entry(instance).or_insert(Networks { masks: BTreeSet::new(), shortest: *length });
        networks.masks.insert(mask(*address));
        networks.shortest = networks.shortest.min(*length);
    }
    masked
}

/// The ways out, with the network that the next machine on each is in, and its rank: the lowest wins.
fn enter_routes(cx: &Context, gather: &mut Gather) {
    let routes = match native::default_routes(&cx.root) {
        Ok(routes) => routes,
        Err(why) => return gather.unknown("endpoint.network.default_route", [], why),
    };
    if routes.is_empty() {
        gather.unknown("endpoint.network.default_route", [], ProbeError::NotPresent("way out of the network"));
    }
    let mut entered = BTreeSet::new();
    for route in routes {
        let attributes = [("network.interface.name", route.interface.as_str()), ("family", route.family)];
        // The best of several through one interface.
        if entered.insert((route.interface.clone(), route.family)) {
            let next = route.gateway.map_or_else(|| "the interface itself".to_owned(), mask);
            gather.value("endpoint.network.default_route", attributes, format!("{next}, rank {}", route.metric));
        }
    }
}

fn enter_names(cx: &Context, gather: &mut Gather) {
    let resolv = native::resolv(&cx.root);
    gather.outcome("endpoint.dns.resolver", [], native::resolver(&cx.root));
    let (servers, domain) = match resolv {
        Ok(resolv) => (resolv.servers.into_iter().map(mask).collect(), resolv.domain),
        Err(why) => {
            gather.unknown("endpoint.dns.server", [], why.clone());
            return gather.unknown("endpoint.network.domain", [], why);
        }
    };
    let servers: Vec<String> = servers;
    for (place, name) in PLACES.iter().enumerate() {
        let server = servers.get(place).cloned().ok_or(ProbeError::NotPresent("name server in this place"));
        gather.outcome("endpoint.dns.server", [("server", *name)], server);
    }
    let domain = domain.filter(|domain| domain != ".").ok_or(ProbeError::NotPresent("domain of the network"));
    let domain = domain.map(|domain| cx.pseudonyms.name("domain", &domain.to_ascii_lowercase()));
    gather.outcome("endpoint.network.domain", [], domain);
}

fn enter_lease(cx: &Context, interface: &Interface, gather: &mut Gather) {
    let now = u64::try_from(cx.clock.now().unix_ms() / 1000).unwrap_or(0);
    // A client that no longer runs leaves its last lease behind.
    let in_force = |ends: Option<u64>| ends.is_none_or(|ends| ends > now);
    let lease = native::lease(&cx.root, &interface.name).filter(|lease| in_force(lease.ends));
    let Some(lease) = lease else {
        for signal in &LEASE {
            gather.unknown(
                signal,
                [("network.interface.name", interface.name.as_str())],
                ProbeError::NotPresent("lease"),
            );
        }
        return;
    };
    let attributes = [("network.interface.name", interface.name.as_str())];
    let unsaid = || ProbeError::NotPresent("word of the server about it");
    let server = lease.server.map(|server| mask(IpAddr::V4(server))).ok_or_else(unsaid);
    gather.outcome("endpoint.dhcp.server", attributes, server);
    gather.outcome("endpoint.dhcp.lease_time", attributes, lease.seconds.ok_or_else(unsaid));
    let remaining = lease.ends.map(|ends| ends.saturating_sub(now)).ok_or_else(unsaid);
    gather.outcome("endpoint.dhcp.lease_remaining", attributes, remaining);
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// How far an address reaches.
pub(super) fn scope(address: IpAddr) -> &'static str {
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
    use super::super::interface::Kind;
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
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
        let told = [Interface { name: "eth0".to_owned(), kind: Kind::Ethernet, is_up: true }];
        let all = [
            ("eth0".to_owned(), address("10.0.1.4"), 24),
            ("eth0".to_owned(), address("10.0.2.4"), 16),
            ("docker0".to_owned(), address("172.17.0.1"), 16),
        ];
        let masked = masked(&told, &all);
        assert_eq!(masked.len(), 1);
        let networks = &masked[&("eth0", "ipv4", "private")];
        assert_eq!((networks.masks.len(), networks.shortest), (2, 16));
    }
}
