use std::path::Path;

use super::kind::interfaces;
use super::netlink::Kernel;
use super::network;
use crate::os::netlink::wireguard::{self, Handshake};
use crate::os::{exists, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::interface::Kind;
use crate::probe::vpn::Tunnel;

/// The interfaces that lead through other networks. IPsec without an interface of its own is not among them.
pub(crate) fn tunnels(root: &Path) -> Result<Vec<Tunnel>, ProbeError> {
    let names = interfaces(root)?.into_iter().filter(|(_, kind)| *kind == Kind::Vpn).map(|(name, _)| name);
    Ok(names
        .map(|name| Tunnel {
            kind: kind(root, &name),
            product: product(&name),
            is_up: network::is_up(root, &name),
            interface: name,
        })
        .collect())
}

/// Products that give their interface a name of their own, by how it begins.
const PRODUCTS: [(&str, &str); 12] = [
    ("cscotun", "anyconnect"),
    ("gpd", "globalprotect"),
    ("fctvpn", "forticlient"),
    ("tunsnx", "checkpoint"),
    ("tailscale", "tailscale"),
    ("CloudflareWARP", "warp"),
    ("wt", "netbird"),
    ("zt", "zerotier"),
    ("nebula", "nebula"),
    ("nord", "nordvpn"),
    ("wg-mullvad", "mullvad"),
    ("proton", "protonvpn"),
];

fn product(name: &str) -> Option<&'static str> {
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_it = |begins: &str| match begins {
        // Followed by letters of the network's own.
        "zt" => name.len() > 8 && name.starts_with(begins),
        "nord" | "proton" => stem.starts_with(begins),
        _ => stem == begins,
    };
    PRODUCTS.iter().find(|(begins, _)| is_it(begins)).map(|(_, product)| *product)
}

fn kind(root: &Path, name: &str) -> &'static str {
    const PPP: &str = "512";
    let file = |file: &str| format!("sys/class/net/{name}/{file}");
    let uevent = read_trimmed(root, &file("uevent")).unwrap_or_default();
    if uevent.lines().any(|line| line == "DEVTYPE=wireguard") {
        "wireguard"
    } else if exists(root, &file("tun_flags")) {
        "tun"
    } else if read_trimmed(root, &file("type")).as_deref() == Some(PPP) {
        "ppp"
    } else {
        "other"
    }
}

/// When any peer of a WireGuard tunnel last proved who it is, in seconds since 1970.
///
/// # Errors
/// There is no peer, none ever did, or the kernel does not tell.
pub(crate) fn last_handshake(root: &Path, interface: &str) -> Result<u64, ProbeError> {
    let kernel = Kernel::generic(root)?;
    let family = kernel.family(wireguard::NAME)?;
    let mut answer = kernel.ask("the tunnel", &wireguard::ask(family, interface))?;
    let handshake = wireguard::last_handshake(&answer);
    // The tunnel's private key is in there.
    answer.fill(0);
    match handshake {
        Handshake::At(seconds) => Ok(seconds),
        Handshake::Never => Err(ProbeError::NotPresent("handshake yet")),
        Handshake::NoPeer => Err(ProbeError::NotPresent("peer of the tunnel")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_told_by_the_names_that_they_give() {
        let known = ["cscotun0", "gpd0", "tailscale0", "CloudflareWARP", "wt0", "ztabcdefgh", "nordlynx", "proton0"];
        let told = known.map(|name| product(name).expect("a product"));
        let expected =
            ["anyconnect", "globalprotect", "tailscale", "warp", "netbird", "zerotier", "nordvpn", "protonvpn"];
        assert_eq!(told, expected);
        for plain in ["tun0", "wg0", "wg-office", "wtunnel", "ppp0", "zt", "gpdx"] {
            assert_eq!(product(plain), None, "{plain}");
        }
    }
}
