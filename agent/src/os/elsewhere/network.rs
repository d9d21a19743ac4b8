use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::os::neighbour::Entry;
use crate::os::proc::lease::Lease;
use crate::os::proc::proxy::Proxy;
use crate::os::proc::route::DefaultRoute;
use crate::os::proc::sockets::{Segments, TcpSockets};
use crate::probe::ProbeError;
use crate::probe::firewall::Firewall;
use crate::probe::link::{Cable, Faults};
use crate::probe::sockets::Ports;
use crate::probe::vpn::{Managed, Tunnel};
use crate::probe::wifi::{Radio, Wireless};

pub(crate) fn cable(_: &Path, _: &str) -> Result<Cable, ProbeError> {
    Err(ProbeError::Unsupported("what the cable could do"))
}

pub(crate) fn faults(_: &Path, _: &str) -> Faults {
    Faults::default()
}

pub(crate) fn mtu_bytes(_: &Path, _: &str) -> Option<u64> {
    None
}

pub(crate) fn default_routes(_: &Path) -> Result<Vec<DefaultRoute>, ProbeError> {
    Err(ProbeError::Unsupported("the ways out of the network"))
}

pub(crate) fn resolver(_: &Path) -> Result<&'static str, ProbeError> {
    Err(ProbeError::Unsupported("who looks names up"))
}

pub(crate) fn lease(_: &Path, _: &str) -> Option<Lease> {
    None
}

pub(crate) fn connectivity(_: &Path) -> Result<&'static str, ProbeError> {
    Err(ProbeError::Unsupported("the system's verdict about the network"))
}

pub(crate) fn metered(_: &Path) -> Option<bool> {
    None
}

pub(crate) fn wireless(_: &Path) -> Result<Vec<Wireless>, ProbeError> {
    Err(ProbeError::Unsupported("the state of Wi-Fi"))
}

pub(crate) fn radios(_: &Path) -> Result<Vec<Radio>, ProbeError> {
    Err(ProbeError::Unsupported("the state of radios"))
}

pub(crate) fn segments(_: &Path) -> Result<Segments, ProbeError> {
    Err(ProbeError::Unsupported("the count of repeated segments"))
}

pub(crate) fn tcp_sockets(_: &Path) -> Result<TcpSockets, ProbeError> {
    Err(ProbeError::Unsupported("the count of sockets"))
}

pub(crate) fn ephemeral_ports(_: &Path) -> Result<Ports, ProbeError> {
    Err(ProbeError::Unsupported("the ports in use"))
}

pub(crate) fn tunnels(_: &Path) -> Result<Vec<Tunnel>, ProbeError> {
    Err(ProbeError::Unsupported("the list of tunnels"))
}

pub(crate) fn managed_vpns(_: &Path) -> Result<Vec<Managed>, ProbeError> {
    Err(ProbeError::Unsupported("the list of VPNs"))
}

pub(crate) fn ipsec(_: &Path) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the list of IPsec connections"))
}

pub(crate) fn last_handshake(_: &Path, _: &str) -> Result<u64, ProbeError> {
    Err(ProbeError::Unsupported("the handshake of a tunnel"))
}

pub(crate) fn proxies(_: &Path) -> Vec<(&'static str, Result<Proxy, ProbeError>)> {
    vec![("machine", Err(ProbeError::Unsupported("the settings about proxies")))]
}

pub(crate) fn firewall(_: &Path) -> Result<Firewall, ProbeError> {
    Err(ProbeError::Unsupported("the state of the firewall"))
}

pub(crate) fn neighbour_entry(_: &Path, _: IpAddr) -> Option<Entry> {
    None
}

/// Nothing needs to be woken where neighbours are not asked about.
pub(crate) fn wake_neighbour(_: IpAddr) {}

/// A line to one machine on which echoes would be sent.
pub(crate) struct Echoes;

impl Echoes {
    pub(crate) fn to(_: IpAddr, _: Option<u32>) -> Result<Self, ProbeError> {
        Err(ProbeError::Unsupported("a socket for echoes"))
    }

    pub(crate) fn forbid_fragments(&self) -> Result<(), ProbeError> {
        Err(ProbeError::Unsupported("a packet that is not cut"))
    }

    pub(crate) fn send(&self, _: u16, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn receive(&self, _: Duration) -> Option<u16> {
        None
    }

    pub(crate) fn stamp(&self) -> Result<(), ProbeError> {
        Err(ProbeError::Unsupported("the time of an answer"))
    }

    pub(crate) fn arrived(&self) -> Option<(u16, SystemTime)> {
        None
    }
}
