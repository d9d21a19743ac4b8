//! The line of an adapter: what it agreed on with the other end, what it could do, and what goes wrong on it.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::interface::{Interface, told};
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "links",
    section: Section::Network,
    tier: Tier::Change,
    deadline: Duration::from_secs(3),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.nic.speed",
        "endpoint.nic.duplex",
        "endpoint.nic.speed_max",
        "endpoint.nic.autonegotiation",
        "endpoint.nic.media",
        "endpoint.nic.mtu",
    ],
};

static FAULTS_SPEC: Spec = Spec {
    name: "link-faults",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(3),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &["endpoint.nic.carrier_changes", "endpoint.nic.checksum_errors", "endpoint.nic.collisions"],
};

/// What an adapter for cables could do and how it agreed on what it does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cable {
    /// Whether both ends agree on speed and duplex by themselves.
    pub(crate) is_negotiated: Option<bool>,
    /// The fastest that the adapter supports, in bits a second.
    pub(crate) speed_max_bits: Option<f64>,
    /// The kind of its socket.
    pub(crate) media: Option<&'static str>,
}

/// What went wrong on a line since the adapter appeared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// How often the link came or went.
    pub(crate) carrier_changes: Option<u64>,
    /// Packets that arrived damaged.
    pub(crate) checksum_errors: Option<u64>,
    /// Packets that met another on the way, which only half duplex allows.
    pub(crate) collisions: Option<u64>,
}

/// Speed, duplex, and what they could be.
pub(crate) struct Links;

impl Probe for Links {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for interface in told(cx)? {
            let mtu = native::mtu_bytes(&cx.root, &interface.name).ok_or(ProbeError::Unsupported("the packet size"));
            gather.outcome("endpoint.nic.mtu", interface.attributes(), mtu);
            if interface.kind.is_physical() {
                enter_speed(cx, &interface, &mut gather);
            }
            if interface.kind.is_wired() {
                enter_cable(cx, &interface, &mut gather);
            }
        }
        Ok(gather.done())
    }
}

fn enter_speed(cx: &Context, interface: &Interface, gather: &mut Gather) {
    let speed = native::speed(&cx.root, &interface.name).ok_or(ProbeError::NotPresent("speed of the link"));
    let duplex = native::duplex(&cx.root, &interface.name).ok_or(ProbeError::NotPresent("duplex of the link"));
    gather.outcome("endpoint.nic.speed", interface.attributes(), speed);
    gather.outcome("endpoint.nic.duplex", interface.attributes(), duplex);
}

fn enter_cable(cx: &Context, interface: &Interface, gather: &mut Gather) {
    let cable = if interface.is_up {
        native::cable(&cx.root, &interface.name)
    } else {
        Err(ProbeError::NotPresent("link of the adapter"))
    };
    let unsupported = || ProbeError::Unsupported("the answer of this adapter's driver");
    let speed = cable.clone().and_then(|cable| cable.speed_max_bits.ok_or_else(unsupported));
    gather.outcome("endpoint.nic.speed_max", interface.attributes(), speed);
    let negotiated = cable.clone().and_then(|cable| cable.is_negotiated.ok_or_else(unsupported));
    gather.outcome("endpoint.nic.autonegotiation", interface.attributes(), negotiated);
    let media = cable.and_then(|cable| cable.media.ok_or_else(unsupported));
    gather.outcome("endpoint.nic.media", interface.attributes(), media);
}

/// What goes wrong on the lines.
pub(crate) struct LinkFaults;

impl Probe for LinkFaults {
    fn spec(&self) -> &'static Spec {
        &FAULTS_SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let physical: Vec<Interface> = told(cx)?.into_iter().filter(|one| one.kind.is_physical()).collect();
        if physical.is_empty() {
            return Err(ProbeError::NotPresent("physical network adapter"));
        }
        let mut gather = Gather::new(cx);
        for interface in &physical {
            let faults = native::faults(&cx.root, &interface.name);
            let mut enter = |signal: &str, count: Option<u64>| {
                let count = count.ok_or(ProbeError::Unsupported("this count of the adapter"));
                gather.outcome(signal, interface.attributes(), count);
            };
            enter("endpoint.nic.carrier_changes", faults.carrier_changes);
            if interface.kind.is_wired() {
                enter("endpoint.nic.checksum_errors", faults.checksum_errors);
                enter("endpoint.nic.collisions", faults.collisions);
            }
        }
        Ok(gather.done())
    }
}
