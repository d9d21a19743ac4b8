//! What DHCP gave an interface, as NetworkManager, systemd-networkd and dhclient write it down.

use std::net::Ipv4Addr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Who gave it.
    pub(crate) server: Option<Ipv4Addr>,
    /// How long it was given for.
    pub(crate) seconds: Option<u64>,
    /// When it ends, in seconds since 1970.
    pub(crate) ends: Option<u64>,
}

/// The state of a device that NetworkManager keeps in `/run/NetworkManager/devices`; nothing without a lease.
pub(crate) fn network_manager(text: &str) -> Option<Lease> {
    let option =
        |name: &str| text.lines().find_map(|line| line.strip_prefix("dhcp4.")?.strip_prefix(name)?.strip_prefix('='));
    option("ip_address")?;
    Some(Lease {
        server: option("dhcp_server_identifier").and_then(|server| server.parse().ok()),
        seconds: option("dhcp_lease_time").and_then(|seconds| seconds.parse().ok()),
        ends: option("expiry").and_then(|ends| ends.parse().ok()),
    })
}

/// A lease of systemd-networkd in `/run/systemd/netif/leases`. The file has no dates: its own, in seconds since 1970, is
/// when the lease was given.
pub(crate) fn networkd(text: &str, written: Option<u64>) -> Option<Lease> {
    let key = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    key("ADDRESS")?;
    let seconds: Option<u64> = key("LIFETIME").and_then(|seconds| seconds.parse().ok());
    Some(Lease {
        server: key("SERVER_ADDRESS").and_then(|server| server.parse().ok()),
        seconds,
        ends: seconds.zip(written).map(|(seconds, written)| written.saturating_add(seconds)),
    })
}

/// The newest lease of `interface` in a file of dhclient, which appends.
pub(crate) fn dhclient(text: &str, interface: &str) -> Option<Lease> {
    let leases = text.split("lease {").skip(1).map(|lease| lease.split('}').next().unwrap_or_default());
    let is_ours = |lease: &&str| statement(lease, "interface").is_some_and(|name| name.trim_matches('"') == interface);
    let lease = leases.filter(is_ours).last()?;
    Some(Lease {
        server: statement(lease, "option dhcp-server-identifier").and_then(|server| server.parse().ok()),
        seconds: statement(lease, "option dhcp-lease-time").and_then(|seconds| seconds.parse().ok()),
        ends: statement(lease, "expire").and_then(moment),
    })
}

fn statement<'a>(lease: &'a str, name: &str) -> Option<&'a str> {
    let statements = lease.split(';').map(str::trim);
    statements.filter_map(|one| one.strip_prefix(name)?.strip_prefix(' ')).next_back().map(str::trim)
}

/// `6 2026/11/22 15:28:08` in universal time; the first number is the day of the week. `never` has no moment.
fn moment(text: &str) -> Option<u64> {
    let (_weekday, text) = text.split_once(' ')?;
    let moment = DateTime::strptime("%Y/%m/%d %H:%M:%S", text.trim()).ok()?;
    u64::try_from(moment.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NETWORK_MANAGER: &str = "[device]\nmanaged=true\nconnection-uuid=eaefc7aa\nnext-server=10.5.0.1\n\n[dhcp4]\n\
        dhcp4.dhcp_lease_time=43200\ndhcp4.dhcp_server_identifier=10.5.0.1\ndhcp4.domain_name=corp.example\n\
        dhcp4.expiry=1795361298\ndhcp4.ip_address=10.5.0.71\n";
    const NETWORKD: &str = "# This is private data. Do not parse.\nADDRESS=10.5.0.70\nNETMASK=255.255.255.0\n\
        SERVER_ADDRESS=10.5.0.1\nT1=21600\nLIFETIME=43200\nDNS=10.5.0.1\n";
    const DHCLIENT: &str = "\
lease {
  interface \"v0\";
  fixed-address 10.5.0.70;
  option dhcp-lease-time 600;
  option dhcp-server-identifier 10.5.0.9;
  expire 0 2026/11/22 01:00:00;
}
lease {
  interface \"v0\";
  fixed-address 10.5.0.70;
  option dhcp-lease-time 43200;
  option dhcp-server-identifier 10.5.0.1;
  option host-name \"vm1\";
  renew 0 2026/11/22 09:05:55;
  expire 0 2026/11/22 15:28:08;
}
lease {
  interface \"other\";
  expire never;
}
";
    const SERVER: Option<Ipv4Addr> = Some(Ipv4Addr::new(10, 5, 0, 1));

    #[test]
    fn reads_what_network_manager_remembers() {
        let lease = Lease { server: SERVER, seconds: Some(43_200), ends: Some(1_795_361_298) };
        assert_eq!(network_manager(NETWORK_MANAGER), Some(lease));
        assert_eq!(network_manager("[device]\nmanaged=true\n"), None);
    }

    #[test]
    fn a_lease_of_networkd_runs_from_when_it_was_written() {
        let lease = Lease { server: SERVER, seconds: Some(43_200), ends: Some(1_000_043_200) };
        assert_eq!(networkd(NETWORKD, Some(1_000_000_000)), Some(lease));
        assert_eq!(networkd(NETWORKD, None).and_then(|lease| lease.ends), None);
        assert_eq!(networkd("# nothing\n", Some(1)), None);
    }

    #[test]
    fn the_last_lease_of_the_interface_counts() {
        let lease = Lease { server: SERVER, seconds: Some(43_200), ends: Some(1_795_361_288) };
        assert_eq!(dhclient(DHCLIENT, "v0"), Some(lease));
        assert_eq!(dhclient(DHCLIENT, "other"), Some(Lease::default()), "a lease for ever has no end");
        assert_eq!(dhclient(DHCLIENT, "eth9"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(lease \\{|\\}|expire|interface|[a-z0-9:;/= \"]{0,20}\n?){0,12}") {
            let _ = (network_manager(&text), networkd(&text, Some(u64::MAX)), dhclient(&text, "v0"));
        }
    }
}
