//! `/proc/net/snmp`, `/proc/net/sockstat`, `/proc/net/tcp` and the range of ports that connections may use.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Segments that TCP sent since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segments {
    pub(crate) sent: u64,
    pub(crate) repeated: u64,
}

/// Parses `/proc/net/snmp`, which has a line of names and a line of numbers for each protocol.
pub(crate) fn segments(snmp: &str) -> Option<Segments> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let number = |wanted: &str| {
        let at = names.split_ascii_whitespace().position(|name| name == wanted)?;
        numbers.split_ascii_whitespace().nth(at)?.parse().ok()
    };
    Some(Segments { sent: number("OutSegs")?, repeated: number("RetransSegs")? })
}

/// Sockets of TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TcpSockets {
    pub(crate) in_use: Option<u64>,
    /// Closed, with nobody waiting, and kept for stragglers.
    pub(crate) time_wait: Option<u64>,
    /// Without a program.
    pub(crate) orphaned: Option<u64>,
}

/// Parses `/proc/net/sockstat`, and `/proc/net/sockstat6` where there is one.
pub(crate) fn tcp_sockets(sockstat: &str, sockstat6: &str) -> TcpSockets {
    let four = |name| figure(sockstat, "TCP:", name);
    let six = figure(sockstat6, "TCP6:", "inuse");
    TcpSockets {
        in_use: four("inuse").map(|four| four + six.unwrap_or(0)),
        time_wait: four("tw"),
        orphaned: four("orphan"),
    }
}

fn figure(text: &str, protocol: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(protocol))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

/// Parses `/proc/sys/net/ipv4/ip_local_port_range`.
pub(crate) fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_ascii_whitespace().map(str::parse);
    let (first, last) = (words.next()?.ok()?, words.next()?.ok()?);
    (first <= last).then_some(first..=last)
}

/// Ports of `range` that a connection in `/proc/net/tcp` (or `tcp6`) uses, added to `used`. Listening sockets are left
/// out: they were given their port by name.
pub(crate) fn add_used_ports(table: &str, range: &RangeInclusive<u16>, used: &mut BTreeSet<u16>) {
    const LISTEN: &str = "0A";
    for line in table.lines().skip(1) {
        let mut words = line.split_ascii_whitespace();
        let (local, state) = (words.nth(1), words.nth(1));
        let port = local.and_then(|local| u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok());
        used.extend(port.filter(|port| range.contains(port) && state != Some(LISTEN)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SNMP: &str = "\
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 1234 12 3 4 7 884321 401234 1203 0 44 0
Udp: InDatagrams NoPorts
Udp: 1 2
";
    const SOCKSTAT: &str = "sockets: used 301\nTCP: inuse 12 orphan 1 tw 34 alloc 15 mem 3\nUDP: inuse 4 mem 2\n";
    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17001 1 0 100 0 0 10 0
   1: 0F02000A:9C40 2C01A8C0:01BB 01 00000000:00000000 02:000A7D8B 00000000  1000        0 23410 2 0 24 4 30 10 -1
   2: 0F02000A:9C41 2C01A8C0:01BB 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
   3: 0F02000A:9C40 2D01A8C0:01BB 01 00000000:00000000 02:000A7D8B 00000000  1000        0 23411 2 0 24 4 30 10 -1
   4: 00000000:C000 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17002 1 0 100 0 0 10 0
";

    #[test]
    fn reads_segments_by_the_names_of_their_columns() {
        assert_eq!(segments(SNMP), Some(Segments { sent: 401_234, repeated: 1_203 }));
        assert_eq!(segments("Tcp: OutSegs\nTcp: 5\n"), None);
        assert_eq!(segments("Tcp: OutSegs RetransSegs\n"), None);
    }

    #[test]
    fn counts_sockets_of_both_families() {
        let sockets = tcp_sockets(SOCKSTAT, "TCP6: inuse 3\n");
        assert_eq!(sockets, TcpSockets { in_use: Some(15), time_wait: Some(34), orphaned: Some(1) });
        assert_eq!(tcp_sockets("nonsense", ""), TcpSockets::default());
    }

    #[test]
    fn a_port_that_serves_two_connections_is_one_port_and_a_listener_none() {
        let mut used = BTreeSet::new();
        add_used_ports(TABLE, &(32_768..=60_999), &mut used);
        assert_eq!(used, BTreeSet::from([40_000, 40_001]));
        add_used_ports("head\n 0: torn\n", &(1..=65_535), &mut used);
        assert_eq!(used.len(), 2);
    }

    #[test]
    fn a_range_that_is_upside_down_is_none() {
        assert_eq!(port_range("32768\t60999\n"), Some(32_768..=60_999));
        assert_eq!(port_range("60999 32768"), None);
        assert_eq!(port_range("many"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(Tcp: |TCP: |[a-zA-Z0-9: ]{0,40}\n){0,6}") {
            let _ = (segments(&text), tcp_sockets(&text, &text), port_range(&text));
            add_used_ports(&text, &(1..=9), &mut BTreeSet::new());
        }
    }
}
