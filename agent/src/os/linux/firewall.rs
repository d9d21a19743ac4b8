use std::path::Path;

use super::bus::{self, Object};
use super::netlink::Kernel;
use crate::os::netlink::nftables;
use crate::os::proc::ruleset;
use crate::os::{exists, read, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::firewall::Firewall;

const FIREWALLD: Object<'static> = Object {
    service: "org.fedoraproject.FirewallD1",
    path: "/org/fedoraproject/FirewallD1",
    interface: "org.fedoraproject.FirewallD1",
};

/// Who guards this machine, and whether it does: firewalld, else ufw, else the kernel's own rules, or where those may not
/// be read, the rules that a service loads at every start.
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
        return in_the_kernel(root).or_else(|why| loaded_at_start(root).ok_or(why));
    }
    if read_trimmed(root, "proc/net/ip_tables_names").is_some() {
        return loaded_at_start(root).ok_or(ProbeError::Unsupported("the older packet filter"));
    }
    // A directory that is not a machine says nothing about its firewall.
    if !exists(root, "proc/net") {
        return Err(ProbeError::Missing("/proc/net".to_owned()));
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

/// Whether rules as they are written refuse anything.
type Reader = fn(&str) -> Option<bool>;

/// Who loads rules at every start, where they are, and how they are read.
const AT_START: [(&str, &str, &str, Reader); 3] = [
    ("nftables", "nftables.service", "etc/nftables.conf", ruleset::nftables),
    ("nftables", "nftables.service", "etc/sysconfig/nftables.conf", ruleset::nftables),
    ("iptables", "netfilter-persistent.service", "etc/iptables/rules.v4", ruleset::iptables),
];

/// What a service that is switched on loads at every start; nothing when there is none, since then anything may be loaded.
fn loaded_at_start(root: &Path) -> Option<Firewall> {
    const TARGETS: [&str; 2] = ["sysinit.target.wants", "multi-user.target.wants"];
    AT_START.iter().find_map(|(provider, service, rules, refuses)| {
        let is_switched_on =
            TARGETS.iter().any(|target| exists(root, &format!("etc/systemd/system/{target}/{service}")));
        let is_on = is_switched_on.then(|| read(root, rules).ok()).flatten().and_then(|text| refuses(&text))?;
        Some(Firewall { provider, profile: None, is_on })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary directory");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        root
    }

    const STRICT: &str = "table inet filter { chain input { type filter hook input priority 0; policy drop; } }";

    #[test]
    fn rules_that_may_not_be_read_are_those_that_a_service_loads() {
        let root = machine(&[
            ("sys/module/nf_tables/refcnt", "1"),
            ("etc/systemd/system/sysinit.target.wants/nftables.service", ""),
            ("etc/nftables.conf", STRICT),
        ]);
        let guarded = Firewall { provider: "nftables", profile: None, is_on: true };
        assert_eq!(firewall(root.path()), Ok(guarded));
    }

    #[test]
    fn a_file_that_nobody_loads_proves_nothing() {
        let root = machine(&[("sys/module/nf_tables/refcnt", "1"), ("etc/nftables.conf", STRICT)]);
        assert!(firewall(root.path()).is_err());
    }

    #[test]
    fn a_machine_without_a_packet_filter_is_open() {
        let root = machine(&[("proc/net/dev", "")]);
        assert_eq!(firewall(root.path()), Ok(Firewall { provider: "none", profile: None, is_on: false }));
    }
}
