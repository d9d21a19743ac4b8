use std::collections::BTreeSet;
use std::path::Path;

use crate::os::proc::sockets::{self, Segments, TcpSockets};
use crate::os::read;
use crate::probe::ProbeError;
use crate::probe::sockets::Ports;

/// Segments of TCP since boot.
pub(crate) fn segments(root: &Path) -> Result<Segments, ProbeError> {
    sockets::segments(&read(root, "proc/net/snmp")?).ok_or(ProbeError::Unsupported("the count of repeated segments"))
}

/// Sockets of TCP now.
pub(crate) fn tcp_sockets(root: &Path) -> Result<TcpSockets, ProbeError> {
    let four = read(root, "proc/net/sockstat")?;
    // A kernel without IPv6 has no such file.
    Ok(sockets::tcp_sockets(&four, &read(root, "proc/net/sockstat6").unwrap_or_default()))
}

/// The ports that connections may use, and how many of them are in use. Counted in the kernel's tables; where those are
/// long, the number of sockets stands for it, which is a little more than the number of ports.
pub(crate) fn ephemeral_ports(root: &Path) -> Result<Ports, ProbeError> {
    /// What one read of a table takes.
    const SOCKETS_MAX: u64 = 6_000;
    let range = sockets::port_range(&read(root, "proc/sys/net/ipv4/ip_local_port_range")?);
    let range = range.ok_or(ProbeError::Unsupported("the range of ports for connections"))?;
    let offered = range.clone().count() as u64;
    let sockets = tcp_sockets(root)?;
    let all = sockets.in_use.unwrap_or(0) + sockets.time_wait.unwrap_or(0);
    if all > SOCKETS_MAX {
        return Ok(Ports { used: all.min(offered), offered });
    }
    let mut used = BTreeSet::new();
    sockets::add_used_ports(&read(root, "proc/net/tcp")?, &range, &mut used);
    sockets::add_used_ports(&read(root, "proc/net/tcp6").unwrap_or_default(), &range, &mut used);
    Ok(Ports { used: used.len() as u64, offered })
}
