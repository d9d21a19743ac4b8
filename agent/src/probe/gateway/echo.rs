use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use surge_ping::{Client, Config, ICMP, PingIdentifier, PingSequence, SurgeError};

use crate::probe::ProbeError;

/// How an echo ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Echo {
    /// The answer took this long.
    Answered(Duration),
    /// No answer came in time.
    Silent,
    /// It could not be sent.
    Unsent(ProbeError),
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);
const PAYLOAD: [u8; 32] = [0x46; 32];
/// The port to which a packet goes that only wakes the neighbour search: `discard`.
const DISCARD: u16 = 9;

/// Sends one echo to `address`; `interface` is the number of the interface, for link-local addresses.
pub(super) async fn echo(address: IpAddr, interface: Option<u32>) -> Echo {
    let kind = if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
    let client = match Client::new(&Config::builder().kind(kind).build()) {
        Ok(client) => client,
        Err(source) => {
            write_to(address);
            return Echo::Unsent(ProbeError::io("an echo socket", &source));
        }
    };
    let mut pinger = client.pinger(address, PingIdentifier(rand::random())).await;
    pinger.timeout(PATIENCE);
    if let Some(index) = interface.filter(|_| address.is_ipv6()) {
        pinger.scope_id(index);
    }
    match pinger.ping(PingSequence(0), &PAYLOAD).await {
        Ok((_, rtt)) => Echo::Answered(rtt),
        Err(SurgeError::Timeout { .. }) => Echo::Silent,
        Err(SurgeError::IOError(source)) => Echo::Unsent(ProbeError::io("an echo", &source)),
        Err(other) => Echo::Unsent(ProbeError::Failed(format!("an echo: {other}"))),
    }
}

/// Makes the kernel look for the neighbour where echoes are not allowed.
fn write_to(address: IpAddr) {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // Nothing depends on its success: what counts is the neighbour entry afterwards.
    let _ = UdpSocket::bind(any).and_then(|socket| socket.send_to(&[], (address, DISCARD)));
}

impl Echo {
    /// The time it took.
    pub(super) fn rtt(&self) -> Result<f64, ProbeError> {
        match self {
            Self::Answered(rtt) => Ok(rtt.as_secs_f64()),
            Self::Silent => Err(ProbeError::Timeout("the gateway".to_owned())),
            Self::Unsent(why) => Err(why.clone()),
        }
    }

    /// Whether it was answered; `None` when it says nothing about the gateway.
    pub(super) fn counts(&self) -> Option<bool> {
        match self {
            Self::Answered(_) => Some(true),
            Self::Silent => Some(false),
            Self::Unsent(_) => None,
        }
    }
}
