use std::path::Path;

use super::bus::{self, Object};
use super::netlink::Kernel;
use crate::os::netlink::nftables;
use crate::os::{exists, read, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::firewall::Firewall;

const FIREWALLD: Object<'static> = Object {
    service: "org.fedoraproject.FirewallD1",
    path: "/org/fedoraproject/FirewallD1",
    interface: "org.fedoraproject.FirewallD1",
};

/// Who guards this machine, and whether it does: firewalld, else ufw, else the kernel's own rules.
///
/// # Errors
/// The kernel's rules are the only ones, and may not be read or are of the older kind.
pub(crate) fn firewall(root: &Path) -> Result<Firewall, ProbeError> {
    if let Ok(state) = bus::property::<String>(root, FIREWALLD, "state") {
        let zone: Option<String> = bus::call(root, FIREWALLD, "getDefaultZone", &()).ok();
        // The zone that lets everything in.
        let is_on = state == "RUNNING" && zone.as_deref() != Some("trusted");
        return Ok(Firewall { provider: "firewalld", profile: zone, is_on });
    }
    if let Ok(settings) = read(root, "etc/ufw/ufw.conf")
        && settings.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"))
    {
        return Ok(Firewall { provider: "ufw", profile: None, is_on: true });
    }
    if has_packet_filter(root) {
        return in_the_kernel(root);
    }
    if read_trimmed(root, "proc/net/ip_tables_names").is_some() {
        return Err(ProbeError::Unsupported("the older packet filter"));
    }
    // A directory that is not a machine says nothing about its firewall.
    if !exists(root, "proc/net") {
        return Err(ProbeError::Missing("proc/net".to_owned()));
    }
    Ok(Firewall { provider: "none", profile: None, is_on: false })
}

/// Whether the packet filter is in the kernel already; asking it otherwise would load it.
fn has_packet_filter(root: &Path) -> bool {
    let is_built_in = || {
        let release = read_trimmed(root, "proc/sys/kernel/osrelease")?;
        let built_in = read(root, &format!("lib/modules/{release}/modules.builtin")).ok()?;
        Some(built_in.lines().any(|line| line.ends_with("/nf_tables.ko")))
    };
    exists(root, "sys/module/nf_tables") || is_built_in().unwrap_or(false)
}

fn in_the_kernel(root: &Path) -> Result<Firewall, ProbeError> {
    let kernel = Kernel::netfilter(root)?;
    let chains = kernel.ask("the packet filter", &nftables::ask_chains())?;
    let rules = kernel.ask("the packet filter", &nftables::ask_rules())?;
    let is_on = nftables::refuses(&chains, &rules).unwrap_or(false);
    Ok(Firewall { provider: "nftables", profile: None, is_on })
}
