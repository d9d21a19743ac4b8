//! TCP as a whole: how much has to be sent again, and whether there are ports left to connect from.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::sockets::Segments;

static SPEC: Spec = Spec {
    name: "tcp",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(3),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &["endpoint.tcp.retransmit_ratio", "endpoint.tcp.sockets"],
};

static PORTS_SPEC: Spec = Spec {
    name: "ports",
    section: Section::Network,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(3),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &["endpoint.tcp.ephemeral_used"],
};

/// A share of fewer segments than these says nothing.
const FEWEST_SEGMENTS: u64 = 20;

/// Repeats and sockets.
#[derive(Debug, Default)]
pub(crate) struct Tcp {
    before: Mutex<Option<Segments>>,
}

impl Probe for Tcp {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.tcp.retransmit_ratio", [], native::segments(&cx.root).and_then(|now| self.share(now)));
        match native::tcp_sockets(&cx.root) {
            Ok(sockets) => {
                let states =
                    [("in_use", sockets.in_use), ("time_wait", sockets.time_wait), ("orphaned", sockets.orphaned)];
                for (state, count) in states {
                    let count = count.ok_or(ProbeError::Unsupported("this count of sockets"));
                    gather.outcome("endpoint.tcp.sockets", [("state", state)], count);
                }
            }
            Err(why) => gather.unknown("endpoint.tcp.sockets", [], why),
        }
        Ok(gather.done())
    }
}

impl Tcp {
    /// The share of segments since the last look that were sent again.
    fn share(&self, now: Segments) -> Result<f64, ProbeError> {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        let before = before.ok_or(ProbeError::NotPresent("second look yet"))?;
        let (sent, repeated) = (now.sent.checked_sub(before.sent), now.repeated.checked_sub(before.repeated));
        // The kernel counts what it sends again apart from what it sends.
        let (Some(sent), Some(repeated)) = (sent, repeated) else {
            return Err(ProbeError::NotPresent("second look yet"));
        };
        if sent + repeated < FEWEST_SEGMENTS {
            return Err(ProbeError::NotPresent("traffic to judge by"));
        }
        Ok(repeated as f64 / (sent + repeated) as f64)
    }
}

/// Ports for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) used: u64,
    pub(crate) offered: u64,
}

/// How many of the ports that connections may use are in use.
pub(crate) struct EphemeralPorts;

impl Probe for EphemeralPorts {
    fn spec(&self) -> &'static Spec {
        &PORTS_SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let ports = native::ephemeral_ports(&cx.root)?;
        let mut gather = Gather::new(cx);
        gather.single("endpoint.tcp.ephemeral_used", ports.used as f64 / ports.offered as f64);
        Ok(gather.done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(sent: u64, repeated: u64) -> Segments {
        Segments { sent, repeated }
    }

    #[test]
    fn a_share_needs_two_looks_and_some_traffic() {
        let tcp = Tcp::default();
        assert!(tcp.share(segments(1_000, 10)).is_err());
        assert_eq!(tcp.share(segments(1_090, 20)), Ok(0.1));
        assert!(matches!(tcp.share(segments(1_095, 25)), Err(ProbeError::NotPresent("traffic to judge by"))));
    }

    #[test]
    fn counters_that_start_anew_are_a_first_look() {
        let tcp = Tcp::default();
        let _ = tcp.share(segments(1_000, 10));
        assert!(tcp.share(segments(5, 0)).is_err());
        assert_eq!(tcp.share(segments(105, 0)), Ok(0.0));
    }
}
