//! `/proc/net/route`, `/proc/net/ipv6_route` and `/proc/net/arp`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use firstline_diagnosis::order::Arrange as _;

/// The way out of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefaultRoute {
    /// The interface it goes through.
    pub(crate) interface: String,
    /// The next machine on it; absent where the interface itself is the way (tunnels, dial-up).
    pub(crate) gateway: Option<IpAddr>,
    /// `ipv4` or `ipv6`.
    pub(crate) family: &'static str,
    /// Among several, the lowest wins.
    pub(crate) metric: u64,
}

const UP: u64 = 0x1;
const REJECT: u64 = 0x200;

/// The default route that the kernel would take: the IPv4 one with the lowest metric, else the IPv6 one. One with a
/// gateway goes before one without, since a full tunnel rides on it.
pub(crate) fn default_route(route: &str, ipv6_route: &str) -> Option<DefaultRoute> {
    let best =
        |routes: Vec<DefaultRoute>| routes.into_iter().min_by_key(|route| (route.gateway.is_none(), route.metric));
    let four = best(route.lines().skip(1).filter_map(ipv4).collect());
    four.or_else(|| best(ipv6_route.lines().filter_map(ipv6).collect()))
}

/// The default route of each interface, the best first.
pub(crate) fn default_routes(route: &str, ipv6_route: &str) -> Vec<DefaultRoute> {
    let mut routes: Vec<DefaultRoute> = route.lines().skip(1).filter_map(ipv4).collect();
    routes.extend(ipv6_route.lines().filter_map(ipv6));
    routes.arrange_by_key(|route| (route.metric, route.gateway.is_none()));
    routes
}

fn ipv4(line: &str) -> Option<DefaultRoute> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, destination, gateway, flags, _, _, metric, mask, ..] = words[..] else { return None };
    let flags = u64::from_str_radix(flags, 16).ok()?;
    let is_default = destination == "00000000" && mask == "00000000";
    if !is_default || flags & UP == 0 || flags & REJECT != 0 {
        return None;
    }
    // The kernel prints the address as a number in its own byte order.
    let gateway = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
    let gateway = (!gateway.is_unspecified()).then_some(IpAddr::V4(gateway));
    Some(DefaultRoute { interface: interface.to_owned(), gateway, family: "ipv4", metric: metric.parse().ok()? })
}

fn ipv6(line: &str) -> Option<DefaultRoute> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [destination, length, _, _, gateway, metric, _, _, flags, interface] = words[..] else { return None };
    let flags = u64::from_str_radix(flags, 16).ok()?;
    let is_default = destination.bytes().all(|byte| byte == b'0') && length == "00";
    if !is_default || flags & UP == 0 || flags & REJECT != 0 || interface == "lo" {
        return None;
    }
    let gateway = Ipv6Addr::from(u128::from_str_radix(gateway, 16).ok()?);
    let gateway = (!gateway.is_unspecified()).then_some(IpAddr::V6(gateway));
    Some(DefaultRoute {
        interface: interface.to_owned(),
        gateway,
        family: "ipv6",
        metric: u64::from_str_radix(metric, 16).ok()?,
    })
}

/// The hardware address of the neighbour `address`, when the kernel has one that is valid now.
pub(crate) fn neighbour(arp: &str, address: IpAddr) -> Option<String> {
    let address = address.to_string();
    let line = arp.lines().skip(1).find(|line| line.split_ascii_whitespace().next() == Some(address.as_str()))?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let flags = u32::from_str_radix(words.get(2)?.strip_prefix("0x")?, 16).ok()?;
    let hardware = *words.get(3)?;
    const COMPLETE: u32 = 0x2;
    (flags & COMPLETE != 0 && hardware != "00:00:00:00:00:00").then(|| hardware.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
        eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
        eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    const SIX: &str = "\
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
";

    #[test]
    fn takes_the_route_with_the_lowest_metric() {
        let route = default_route(ROUTE, SIX).expect("there are two");
        assert_eq!(route.interface, "eth0");
        assert_eq!(route.gateway, Some(IpAddr::from([192, 0, 2, 1])));
    }

    #[test]
    fn falls_back_to_ipv6_and_leaves_the_reject_route_out() {
        let route = default_route("Iface\n", SIX).expect("there is one");
        assert_eq!(route.gateway, Some("fd00::1".parse().expect("address")));
        assert_eq!(default_route("", SIX.lines().last().expect("line")), None);
    }

    #[test]
    fn a_tunnel_is_a_way_out_without_a_gateway() {
        let tunnel = "head\ntun0 00000000 00000000 0001 0 0 50 00000000 0 0 0\n";
        assert_eq!(default_route(tunnel, "").expect("a way").gateway, None);
        let both = format!("{ROUTE}tun0 00000000 00000000 0001 0 0 50 00000000 0 0 0\n");
        assert_eq!(default_route(&both, "").expect("a way").interface, "eth0");
    }

    #[test]
    fn only_a_resolved_neighbour_has_an_address() {
        let arp = "IP address HW type Flags HW address Mask Device\n\
            192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * eth0\n\
            192.0.2.9 0x1 0x0 00:00:00:00:00:00 * eth0\n";
        assert_eq!(neighbour(arp, IpAddr::from([192, 0, 2, 1])).as_deref(), Some("02:fc:00:00:00:05"));
        assert_eq!(neighbour(arp, IpAddr::from([192, 0, 2, 9])), None);
        assert_eq!(neighbour(arp, IpAddr::from([192, 0, 2, 3])), None);
        assert_eq!(neighbour("", IpAddr::from([192, 0, 2, 1])), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-z0-9]{1,6}( [0-9A-F]{0,9}){0,12}\n){0,5}") {
            let _ = (default_route(&text, &text), neighbour(&text, IpAddr::from([0, 0, 0, 1])));
        }
    }
}
