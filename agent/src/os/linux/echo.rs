mod arrival;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, Timeout, set_ip_mtu_discover, set_ipv6_mtu_discover, set_socket_timeout,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, ipproto, recv, send, socket_with,
};

use crate::os::proc::icmp::{self, Family};
use crate::probe::ProbeError;

/// So many packets that are no answers are looked at in one go: a raw socket sees everybody's.
const STRAY_MAX: usize = 256;

/// A line to one machine on which echoes are sent, one thread at a time.
///
/// The kernel's socket for echoes needs no right where the administrator opened it to our group (`ping_group_range`,
/// as systemd does); elsewhere a raw socket needs `CAP_NET_RAW`.
pub(crate) struct Echoes {
    socket: OwnedFd,
    family: Family,
    /// Raw sockets see the answers to everybody's echoes; this tells ours.
    identity: u16,
    is_raw: bool,
}

impl Echoes {
    /// A line to `address`; `scope` is the number of the interface, for link-local addresses.
    ///
    /// # Errors
    /// Neither socket may be opened, or no route leads there.
    pub(crate) fn to(address: IpAddr, scope: Option<u32>) -> Result<Self, ProbeError> {
        let (family, domain, protocol) = match address {
            IpAddr::V4(_) => (Family::V4, AddressFamily::INET, ipproto::ICMP),
            IpAddr::V6(_) => (Family::V6, AddressFamily::INET6, ipproto::ICMPV6),
        };
        let open = |kind| socket_with(domain, kind, SocketFlags::CLOEXEC, Some(protocol));
        let (socket, is_raw) = match open(SocketType::DGRAM) {
            Ok(socket) => (socket, false),
            Err(Errno::ACCESS | Errno::PERM) => {
                (open(SocketType::RAW).map_err(|error| failed(error, "an echo socket"))?, true)
            }
            Err(error) => return Err(failed(error, "an echo socket")),
        };
        let to = match address {
            IpAddr::V4(_) => SocketAddr::new(address, 0),
            IpAddr::V6(six) => SocketAddrV6::new(six, 0, 0, scope.unwrap_or(0)).into(),
        };
        connect(&socket, &to).map_err(|error| failed(error, "a way to send echoes"))?;
        Ok(Self { socket, family, identity: rand::random(), is_raw })
    }

    /// From now on packets are sent whole or not at all, whatever the kernel has heard about the path.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn forbid_fragments(&self) -> Result<(), ProbeError> {
        let set = match self.family {
            Family::V4 => set_ip_mtu_discover(&self.socket, Ipv4PathMtuDiscovery::PROBE),
            Family::V6 => set_ipv6_mtu_discover(&self.socket, Ipv6PathMtuDiscovery::PROBE),
        };
        set.map_err(|error| failed(error, "a packet that is not cut"))
    }

    /// Sends echo number `sequence` with `payload` bytes.
    ///
    /// # Errors
    /// The kernel's: it knows no way, or the packet is longer than the interface takes.
    pub(crate) fn send(&self, sequence: u16, payload: usize) -> io::Result<()> {
        let packet = icmp::request(self.family, self.identity, sequence, payload);
        send(&self.socket, &packet, SendFlags::empty())?;
        Ok(())
    }

    /// Lets the kernel note when answers arrive, for [`Self::arrived`].
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn stamp(&self) -> Result<(), ProbeError> {
        arrival::stamp(&self.socket).map_err(|error| ProbeError::io("the time of an answer", &error))
    }

    /// The number of an answer that is there, and when it arrived by the machine's clock; nothing when there is none yet.
    pub(crate) fn arrived(&self) -> Option<(u16, SystemTime)> {
        let mut buffer = [0; 2048];
        for _ in 0..STRAY_MAX {
            match arrival::next(&self.socket, &mut buffer) {
                Ok((length, Some(at))) => {
                    if let Some(sequence) = self.number(&buffer[..length]) {
                        return Some((sequence, at));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An error that a router sent back is no answer, and is told once.
                Ok(_) | Err(_) => {}
            }
        }
        None
    }

    /// The number of the echo that this packet answers, if it does.
    fn number(&self, packet: &[u8]) -> Option<u16> {
        let packet = if self.is_raw { icmp::without_head(self.family, packet) } else { packet };
        icmp::answer(self.family, self.is_raw.then_some(self.identity), packet)
    }

    /// Waits at most `patience` for an answer, and gives its number.
    pub(crate) fn receive(&self, patience: Duration) -> Option<u16> {
        let until = Instant::now() + patience;
        let mut buffer = [0; 2048];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // Zero would mean for ever.
            set_socket_timeout(&self.socket, Timeout::Recv, Some(left.max(Duration::from_millis(1)))).ok()?;
            match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((length, _)) => {
                    if let Some(sequence) = self.number(&buffer[..length]) {
                        return Some(sequence);
                    }
                }
                // An error that a router sent back is no answer; the next packet may still be one.
                Err(Errno::INTR | Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::MSGSIZE | Errno::CONNREFUSED) => {}
                Err(_) => return None,
            }
            if left.is_zero() {
                return None;
            }
        }
    }
}

fn failed(error: Errno, what: &str) -> ProbeError {
    ProbeError::io(what, &error.into())
}

/// Makes the kernel look for the neighbour where echoes are not allowed.
pub(crate) fn wake_neighbour(address: IpAddr) {
    /// `discard`: whoever gets it does nothing.
    const DISCARD: u16 = 9;
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // Nothing depends on its success: what counts is the neighbour entry afterwards.
    let _ = UdpSocket::bind((any, 0)).and_then(|socket| socket.send_to(&[], (address, DISCARD)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_answers_itself() {
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let echoes = match Echoes::to(address, None) {
                Ok(echoes) => echoes,
                // A machine without IPv6, or a test without the right.
                Err(ProbeError::NoPermission(_) | ProbeError::Failed(_) | ProbeError::Missing(_)) => continue,
                Err(other) => panic!("{other}"),
            };
            echoes.forbid_fragments().expect("the kernel can");
            echoes.send(7, 1400).expect("sent");
            assert_eq!(echoes.receive(Duration::from_secs(5)), Some(7), "{address}");
            assert_eq!(echoes.receive(Duration::from_millis(1)), None);
            echoes.stamp().expect("the kernel can");
            let sent = SystemTime::now();
            echoes.send(8, 32).expect("sent");
            // This machine answers before it says that it has sent.
            let (number, at) = echoes.arrived().expect("an answer");
            assert_eq!(number, 8);
            assert!(sent <= at && at <= SystemTime::now(), "{address}");
            assert_eq!(echoes.arrived(), None);
        }
    }
}
