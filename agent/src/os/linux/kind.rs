use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirEntryExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use firstline_diagnosis::order::Arrange as _;

use crate::os::{exists, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::interface::Kind;

/// Loopback, as `/sys/class/net/<name>/type` numbers it.
const LOOPBACK: &str = "772";
const ETHERNET: &str = "1";
const PPP: &str = "512";
/// IPsec with an interface of its own, and other tunnels in IPv4.
const TUNNEL: &str = "768";
/// WireGuard and other tunnels without a link layer.
const NO_LINK_LAYER: &str = "65534";

/// What this machine's interfaces are, by name, with the number of the directory that was looked into: another
/// interface of the same name has another one. Machines with containers have hundreds of interfaces, and a look at one
/// takes five files.
static KNOWN: Mutex<BTreeMap<String, (u64, Option<Kind>)>> = Mutex::new(BTreeMap::new());

/// Names of all interfaces but loopback, with their kinds.
pub(crate) fn interfaces(root: &Path) -> Result<Vec<(String, Kind)>, ProbeError> {
    let listed = listed(root)?;
    let named = |(name, kind): (String, Option<Kind>)| Some((name, kind?));
    // Directories that stand for machines are not remembered: they may share names and numbers.
    if root != Path::new("/") {
        let kinds = listed.into_iter().map(|(name, _)| (name.clone(), kind(root, &name)));
        return Ok(with_cables(root, kinds.filter_map(named).collect()));
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::take(&mut *known);
    let look = |(name, number): (String, u64)| {
        let remembered = before.get(&name).filter(|(same, _)| *same == number).map(|(_, kind)| *kind);
        let kind = remembered.unwrap_or_else(|| kind(root, &name));
        // What looks like a tunnel may be about to become a virtual machine's.
        if kind != Some(Kind::Vpn) {
            known.insert(name.clone(), (number, kind));
        }
        (name, kind)
    };
    Ok(with_cables(root, listed.into_iter().map(look).filter_map(named).collect()))
}

/// A machine without any adapter is a container: the virtual cable that leads out of it is what it has for one.
fn with_cables(root: &Path, mut all: Vec<(String, Kind)>) -> Vec<(String, Kind)> {
    if !all.iter().any(|(_, kind)| kind.is_physical()) {
        for (_, kind) in all.iter_mut().filter(|(name, kind)| *kind == Kind::Virtual && is_cable_end(root, name)) {
            *kind = Kind::Ethernet;
        }
    }
    all
}

/// Whether `name` is the inner end of a virtual cable. The kernel says of bridges, bonds and the like what they are, and
/// of cables nothing.
fn is_cable_end(root: &Path, name: &str) -> bool {
    let file = |file: &str| format!("sys/class/net/{name}/{file}");
    let is_plain = !read_trimmed(root, &file("uevent")).is_some_and(|text| text.contains("DEVTYPE="));
    let is_alone = !exists(root, &file("master")) && !exists(root, &file("brport"));
    read_trimmed(root, &file("type")).as_deref() == Some(ETHERNET) && is_plain && is_alone && !name.starts_with("dummy")
}

/// The interfaces and the numbers of their directories, sorted.
fn listed(root: &Path) -> Result<Vec<(String, u64)>, ProbeError> {
    let failed = |source| ProbeError::file("sys/class/net", &source);
    let entries = fs::read_dir(root.join("sys/class/net")).map_err(failed)?.flatten();
    let mut listed: Vec<(String, u64)> =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.ino()))).collect();
    listed.arrange();
    Ok(listed)
}

/// What kind of interface `name` is; nothing for loopback.
fn kind(root: &Path, name: &str) -> Option<Kind> {
    let file = |file: &str| format!("sys/class/net/{name}/{file}");
    let number = read_trimmed(root, &file("type")).unwrap_or_default();
    let device_type = read_trimmed(root, &file("uevent")).unwrap_or_default();
    let is_type = |wanted: &str| device_type.lines().any(|line| line.strip_prefix("DEVTYPE=") == Some(wanted));
    let has_device = exists(root, &file("device"));
    Some(if number == LOOPBACK {
        return None;
    } else if is_type("wwan") || name.starts_with("ww") {
        // Before the tunnels: modems without a link layer have the same number.
        Kind::Wwan
    } else if exists(root, &file("brport")) && !has_device {
        // The far end of a virtual machine or a container.
        Kind::Virtual
    } else if is_type("wireguard")
        || exists(root, &file("tun_flags"))
        || [PPP, TUNNEL, NO_LINK_LAYER].contains(&number.as_str())
    {
        Kind::Vpn
    } else if is_type("wlan") || exists(root, &file("phy80211")) || exists(root, &file("wireless")) {
        Kind::Wifi
    } else if has_device && number == ETHERNET {
        Kind::Ethernet
    } else {
        Kind::Virtual
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_look_at_this_machine_says_the_same() {
        let root = Path::new("/");
        assert_eq!(interfaces(root), interfaces(root));
        let fresh: Vec<_> = listed(root)
            .expect("listed")
            .into_iter()
            .filter_map(|(name, _)| Some((name.clone(), kind(root, &name)?)))
            .collect();
        let fresh = with_cables(root, fresh);
        for (name, remembered) in interfaces(root).expect("listed") {
            assert!(fresh.contains(&(name.clone(), remembered)), "{name} is remembered as {remembered:?}");
        }
    }
}
