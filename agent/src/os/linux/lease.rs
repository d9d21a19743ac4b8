use std::path::Path;
use std::time::UNIX_EPOCH;

use super::network::interface_index;
use crate::os::proc::lease::{self, Lease};
use crate::os::{list, read};

/// What DHCP gave `interface`, by whoever takes care of it; nothing when its address was set by hand, or by somebody who
/// leaves no trace.
pub(crate) fn lease(root: &Path, interface: &str) -> Option<Lease> {
    let index = interface_index(root, interface)?;
    let by_network_manager =
        || lease::network_manager(&read(root, &format!("run/NetworkManager/devices/{index}")).ok()?);
    let by_networkd = || {
        let file = format!("run/systemd/netif/leases/{index}");
        let text = read(root, &file).ok()?;
        let written = root.join(&file).metadata().and_then(|file| file.modified()).ok();
        let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|at| at.as_secs());
        lease::networkd(&text, written)
    };
    by_network_manager().or_else(by_networkd).or_else(|| by_dhclient(root, interface))
}

fn by_dhclient(root: &Path, interface: &str) -> Option<Lease> {
    ["var/lib/dhcp", "var/lib/dhclient"].into_iter().find_map(|directory| {
        let files = list(root, directory).ok()?.into_iter().filter(|name| name.ends_with(".leases"));
        files
            .filter_map(|name| lease::dhclient(&read(root, &format!("{directory}/{name}")).ok()?, interface))
            .next_back()
    })
}
