//! The way to other machines, step by step: names, connections, whoever stands in between, trust.
//!
//! Everything is tried at the same time as far as it can be, and then weighed in the order link, address, gateway, names,
//! internet, portal, proxy, trust, VPN, service. The first step that fails is the verdict; what lies above it cannot be
//! tested. While the machine has no link or no address nothing is sent at all.
//!
//! The collector and the names are tried every minute. The rest has turns of its own ([`turns`]) while all is well, and
//! is tried every minute while something fails, and at once in another network.

mod address;
mod dns;
mod http;
mod layer;
mod mail;
mod portal;
mod proxy;
mod round;
mod system;
mod target;
mod tcp;
mod tls;
mod turns;
mod verdict;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::interface::{has_tunnel, link_and_address};
use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
pub(super) use address::is_public;
use round::Round;
pub(super) use system::SystemResolver;
use turns::Turns;
use verdict::Around;

static SPEC: Spec = Spec {
    name: "path",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(14),
    priority: 1,
    waits: true,
    heavy: false,
    signals: &[
        "endpoint.dns.lookup.ok",
        "dns.lookup.duration",
        "endpoint.dns.error",
        "endpoint.probe.tcp.ok",
        "endpoint.probe.tcp.duration",
        "endpoint.probe.tcp.error",
        "endpoint.probe.tls.ok",
        "endpoint.probe.tls.duration",
        "endpoint.probe.tls.error",
        "endpoint.probe.http_portal",
        "endpoint.proxy.connect.ok",
        "endpoint.proxy.connect.error",
        "endpoint.proxy.connect.duration",
        "endpoint.proxy.script",
        "endpoint.network.class",
        "endpoint.network.first_failing_layer",
        "endpoint.network.layer",
        "endpoint.mail.server.reachable",
    ],
};

/// What stands for "no error" in the signals that say how something failed.
const NO_ERROR: &str = "none";

/// Looks names up, connects, shakes hands.
pub(crate) struct Path {
    standing: Standing,
    resolver: SystemResolver,
    turns: Mutex<Turns>,
}

impl Path {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing, resolver: SystemResolver::default(), turns: Mutex::default() }
    }
}

impl Probe for Path {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let settings = cx.settings.borrow().clone();
        let (link, address) = link_and_address(cx);
        let is_offline = link == Some(false) || address == Some(false);
        let has_tunnel = has_tunnel(cx) || self.standing.has_vpn();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner).clone();
        turns.enter_network(self.standing.network());
        let round = if is_offline {
            None
        } else {
            // Asked here, since the answer may come over the bus, which must not be waited for within another wait.
            let proxy = turns.proxy(cx.clock.since_boot(), || round::proxy_of(cx));
            Some(Context::wait_for(Round::go(cx, &settings, &self.resolver, &mut turns, proxy, has_tunnel))?)
        };
        let now = cx.clock.since_boot();
        if round.as_ref().is_some_and(Round::was_beyond) {
            self.standing.set_beyond(now);
        }
        if let Some(collector) = round.as_ref().and_then(Round::collector) {
            self.standing.set_collector(collector);
        }
        let gateway = self.standing.gateway(cx, now);
        let around = Around { link, address, gateway, has_tunnel };
        let mut gather = Gather::new(cx);
        match &round {
            Some(round) => round.enter(&mut gather),
            None => SPEC.signals[..14].iter().for_each(|signal| {
                gather.unknown(signal, [], ProbeError::NotPresent("network to try anything in"));
            }),
        }
        turns.has_trouble = verdict::enter(&settings, around, round.as_ref(), &mut gather);
        *self.turns.lock().unwrap_or_else(PoisonError::into_inner) = turns;
        Ok(gather.done())
    }
}

/// Connects to `host` and hangs up.
///
/// # Errors
/// `name`, `refused`, `timeout`, `unreachable` or `reset`.
pub(super) async fn connect_to(resolver: &SystemResolver, host: &str, port: u16) -> Result<Duration, &'static str> {
    tcp::reach(resolver, host, port).await.map(|(_, took)| took)
}

fn failed(what: &str) -> ProbeError {
    ProbeError::Failed(format!("the {what} did not come about"))
}
