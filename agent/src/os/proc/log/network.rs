//! What the programs write that connect the machine to networks.

use super::found::{between, name};
use super::{Found, Record};

mod wifi;

pub(crate) use wifi::Wifi;

/// Services that start a client for an adapter.
const STARTERS: [&str; 4] = ["NetworkManager", "networking", "ifup@", "dhcpcd@"];

/// What an entry of a network program means, apart from Wi-Fi connections (see [`Wifi`]). They run as root, or as a user
/// of their own in a service of their own or of what started them.
pub(crate) fn meaning(record: &Record) -> Option<Found> {
    let message = record.message();
    let from = |services: &[&str]| record.is_from(services);
    match record.program() {
        "NetworkManager" if from(&[]) => manager(strip_level(message)),
        "systemd-networkd" if from(&["systemd-networkd"]) => networkd(message),
        "wpa_supplicant" if from(&[]) => wifi::sign_in(message),
        "dhclient" if from(&STARTERS) => dhclient(message),
        "dhcpcd" if from(&["dhcpcd"]) || from(&STARTERS) => dhcpcd(message),
        "openvpn" | "nm-openvpn" | "ovpn-client" if from(&OPEN_VPN) => open_vpn(message),
        "charon" | "charon-systemd" | "ipsec" if from(&STRONG_SWAN) => strong_swan(message),
        "avahi-autoipd" if from(&STARTERS) => auto_ip(message),
        _ => None,
    }
}

const OPEN_VPN: [&str; 5] = ["openvpn", "openvpn@", "openvpn-client@", "openvpn3-session@", "NetworkManager"];
const STRONG_SWAN: [&str; 4] = ["strongswan", "strongswan-starter", "ipsec", "NetworkManager"];

/// `<warn>  [1700000000.1234] device (eth0): ...` without its level and time.
fn strip_level(message: &str) -> &str {
    message.split_once("] ").filter(|(head, _)| head.starts_with('<')).map_or(message, |(_, rest)| rest)
}

fn manager(message: &str) -> Option<Found> {
    let dhcp = ["dhcp4 (", "dhcp6 ("].into_iter().find_map(|head| message.strip_prefix(head));
    if let Some((adapter, what)) = dhcp.and_then(|rest| rest.split_once("): ")) {
        let timed_out = what.starts_with("request timed out") || what.ends_with("-> timeout");
        return timed_out.then(|| lease(adapter, "timeout"));
    }
    if let Some((adapter, what)) = message.strip_prefix("device (").and_then(|rest| rest.split_once("): ")) {
        return device(adapter, what);
    }
    if message.contains("IPv4 address ") && message.contains(" is used on network connected to interface ") {
        return Some(conflict(between(message, "interface ", " from").and_then(|rest| between(rest, "(", ")"))?));
    }
    private_network(message)
}

/// `state change: ip-config -> failed (reason 'ip-config-unavailable', sys-iface-state: 'managed')`
fn device(adapter: &str, what: &str) -> Option<Found> {
    if what.contains("address conflict") || what.contains("duplicate address detect") && what.contains("fail") {
        return Some(conflict(adapter));
    }
    let reason = between(what.strip_prefix("state change: ")?, "(reason '", "'")?;
    let to = between(what, " -> ", " ")?;
    match (to, reason) {
        (
            "failed",
            "ip-config-unavailable" | "ip-config-expired" | "dhcp-failed" | "dhcp-error" | "dhcp-start-failed",
        ) => Some(lease(adapter, name(reason)?)),
        (
            "failed",
            "supplicant-config-failed" | "supplicant-failed" | "supplicant-timeout" | "supplicant-disconnect",
        ) => {
            let is_wireless = adapter.starts_with("wl");
            (!is_wireless).then(|| wired_sign_in(adapter, reason))
        }
        _ => None,
    }
}

/// `vpn[0x55..,uuid,"Office"]: dbus: failure: connect-failed (1)`, before 1.40
/// `vpn-connection[0x55..,uuid,"Office",0]: VPN plugin: failed: connect-failed (1)`
fn private_network(message: &str) -> Option<Found> {
    let rest = message.strip_prefix("vpn-connection[").or_else(|| message.strip_prefix("vpn["))?;
    let what = rest.split_once("]: ")?.1;
    let reason = |words: &str| {
        let reason = what.split_once(words)?.1.split([' ', '\'', ':']).find(|word| !word.is_empty())?;
        name(reason).map(str::to_owned)
    };
    if what.contains("connect timeout exceeded") {
        return Some(vpn("endpoint.vpn.failure", "timeout"));
    }
    if let Some(reason) = reason("failure: ").or_else(|| reason("plugin: failed: ")) {
        return Some(vpn("endpoint.vpn.failure", &reason));
    }
    let gone = what.contains("service disappeared") || what.contains("service 'org") && what.contains("disappeared");
    gone.then(|| vpn("endpoint.vpn.drop", "service-disappeared"))
}

fn networkd(message: &str) -> Option<Found> {
    let (adapter, what) = message.split_once(": ")?;
    if what.contains("as an address conflict was detected") || what.contains("DAD") && what.contains("conflict") {
        return Some(conflict(adapter));
    }
    if what.starts_with("DHCPv4 client: ") && what.contains("failed") || what.starts_with("DHCP lease lost") {
        return Some(lease(adapter, if what.starts_with("DHCP lease") { "lease-lost" } else { "failed" }));
    }
    None
}

fn dhclient(message: &str) -> Option<Found> {
    message.starts_with("No DHCPOFFERS received").then(|| lease("unknown", "timeout"))
}

fn dhcpcd(message: &str) -> Option<Found> {
    let (adapter, what) = message.split_once(": ")?;
    if what.contains("hardware address") && what.contains("claims ") {
        return Some(conflict(adapter));
    }
    what.starts_with("timed out").then(|| lease(adapter, "timeout"))
}

fn auto_ip(message: &str) -> Option<Found> {
    let adapter = between(message, "Successfully claimed IP address ", "\n").map_or(message, |_| message);
    adapter.starts_with("Successfully claimed IP address 169.254.").then(|| lease("unknown", "self-assigned"))
}

/// `TLS Error: TLS key negotiation failed to occur within 60 seconds (check your network connectivity)`
fn open_vpn(message: &str) -> Option<Found> {
    let message = message.split_once("] ").filter(|(head, _)| head.starts_with('[')).map_or(message, |(_, rest)| rest);
    let failure = |reason| Some(vpn("endpoint.vpn.failure", reason));
    if message.contains("AUTH: Received control message: AUTH_FAILED") {
        failure("login-failed")
    } else if message.contains("TLS key negotiation failed") {
        failure("timeout")
    } else if message.starts_with("VERIFY ERROR:") {
        failure("certificate")
    } else if message.starts_with("RESOLVE: Cannot resolve host address") {
        failure("name-not-found")
    } else if message.contains("Inactivity timeout (--ping-restart), restarting") {
        Some(vpn("endpoint.vpn.drop", "no-answer"))
    } else {
        None
    }
}

/// `13[IKE] giving up after 5 retransmits`; `07[IKE] received AUTHENTICATION_FAILED notify error`
fn strong_swan(message: &str) -> Option<Found> {
    let what = message.split_once("[IKE] ")?.1;
    if what.contains("received AUTHENTICATION_FAILED") {
        Some(vpn("endpoint.vpn.failure", "login-failed"))
    } else if what.contains("received NO_PROPOSAL_CHOSEN") {
        Some(vpn("endpoint.vpn.failure", "negotiation"))
    } else if what.contains("peer not responding") || what.starts_with("giving up after ") {
        Some(vpn("endpoint.vpn.drop", "no-answer"))
    } else {
        None
    }
}

fn lease(adapter: &str, reason: &str) -> Found {
    Found::new("endpoint.dhcp.failure")
        .of("network.interface.name", name(adapter).unwrap_or("unknown"))
        .text("reason", reason)
}

fn conflict(adapter: &str) -> Found {
    Found::new("endpoint.ip.conflict").of("network.interface.name", name(adapter).unwrap_or("unknown"))
}

fn wired_sign_in(adapter: &str, reason: &str) -> Found {
    Found::new("endpoint.8021x.failure")
        .of("network.interface.name", name(adapter).unwrap_or("unknown"))
        .text("reason", reason)
}

fn vpn(signal: &'static str, reason: &str) -> Found {
    Found::new(signal).text("reason", reason)
}
