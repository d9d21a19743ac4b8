use std::net::IpAddr;
use std::path::Path;

use super::netlink::Kernel;
use crate::os::neighbour::{Entry, State};
use crate::os::netlink::neighbour;
use crate::os::proc::netdev::{self, Traffic};
use crate::os::proc::resolv::{self, Resolv};
use crate::os::proc::route::{self, DefaultRoute};
use crate::os::{exists, read, read_trimmed};
use crate::probe::ProbeError;

/// Whether a signal arrives and the interface is switched on.
pub(crate) fn is_up(root: &Path, name: &str) -> bool {
    match read_trimmed(root, &format!("sys/class/net/{name}/operstate")).as_deref() {
        Some("up") => true,
        // Drivers that do not tell their state, among them tunnels, still tell whether there is a carrier.
        Some("unknown") => read_trimmed(root, &format!("sys/class/net/{name}/carrier")).as_deref() == Some("1"),
        _ => false,
    }
}

/// Speed in bits a second; drivers of virtual adapters have none.
pub(crate) fn speed(root: &Path, name: &str) -> Option<f64> {
    let megabits: i64 = read_trimmed(root, &format!("sys/class/net/{name}/speed"))?.parse().ok()?;
    (megabits > 0).then_some(megabits as f64 * 1e6)
}

/// `full` or `half`.
pub(crate) fn duplex(root: &Path, name: &str) -> Option<String> {
    read_trimmed(root, &format!("sys/class/net/{name}/duplex")).filter(|duplex| duplex == "full" || duplex == "half")
}

/// Totals of all interfaces.
pub(crate) fn traffic(root: &Path) -> Result<Vec<Traffic>, ProbeError> {
    Ok(netdev::parse(&read(root, "proc/net/dev")?))
}

/// The way out of the network; `Ok(None)` when there is none.
pub(crate) fn default_route(root: &Path) -> Result<Option<DefaultRoute>, ProbeError> {
    let four = read(root, "proc/net/route")?;
    // A kernel without IPv6 has no such file.
    let six = read(root, "proc/net/ipv6_route").unwrap_or_default();
    Ok(route::default_route(&four, &six))
}

/// The default route of each interface, the best first.
pub(crate) fn default_routes(root: &Path) -> Result<Vec<DefaultRoute>, ProbeError> {
    let four = read(root, "proc/net/route")?;
    let six = read(root, "proc/net/ipv6_route").unwrap_or_default();
    Ok(route::default_routes(&four, &six))
}

/// What the kernel knows about a neighbour. Where it cannot be asked, no more than the address in the old table.
pub(crate) fn neighbour_entry(root: &Path, address: IpAddr) -> Option<Entry> {
    let asked = Kernel::route(root).and_then(|kernel| kernel.ask("neighbours", &neighbour::ask(address)));
    if let Ok(answer) = asked {
        return neighbour::find(&answer, address);
    }
    let hardware = route::neighbour(&read(root, "proc/net/arp").ok()?, address)?;
    Some(Entry { state: State::Known, hardware: Some(hardware), heard_ago: None })
}

/// The number of interface `name`, which link-local addresses need.
pub(crate) fn interface_index(root: &Path, name: &str) -> Option<u32> {
    read_trimmed(root, &format!("sys/class/net/{name}/ifindex"))?.parse().ok()
}

/// Who looks names up for the programs of this machine: the servers themselves, systemd-resolved, or another cache here.
pub(crate) fn resolver(root: &Path) -> Result<&'static str, ProbeError> {
    let own = resolv::parse(&read(root, "etc/resolv.conf")?);
    if own.servers.is_empty() {
        return Err(ProbeError::NotPresent("name server"));
    }
    Ok(match (resolv::is_relay(&own), exists(root, "run/systemd/resolve/resolv.conf")) {
        (false, _) => "direct",
        (true, true) => "systemd-resolved",
        (true, false) => "local cache",
    })
}

/// Servers and domain; behind a local cache, those that the cache asks.
pub(crate) fn resolv(root: &Path) -> Result<Resolv, ProbeError> {
    let own = resolv::parse(&read(root, "etc/resolv.conf")?);
    let behind = || read(root, "run/systemd/resolve/resolv.conf").ok().map(|text| resolv::parse(&text));
    match resolv::is_relay(&own).then(behind).flatten() {
        Some(behind) if !behind.servers.is_empty() => {
            Ok(Resolv { servers: behind.servers, domain: own.domain.or(behind.domain) })
        }
        _ => Ok(own),
    }
}
