//! The way to other machines, layer by layer: names, connections, trust.
//!
//! Everything is tried at the same time, and then weighed in the order link, address, gateway, names, internet, trust,
//! service. The first layer that fails is the verdict; what lies above it cannot be tested.

mod dns;
mod layer;
mod tcp;
mod tls;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::interface::link_and_address;
use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::settings::{ProbeTarget, Settings};
use dns::LookUp;
use layer::Facts;
use tcp::Attempt;
use tls::{Handshake, Trust};

static SPEC: Spec = Spec {
    name: "path",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(12),
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
        "endpoint.network.first_failing_layer",
        "endpoint.network.layer",
    ],
};

/// What stands for "no error" in the signals that say how something failed.
const NO_ERROR: &str = "none";
/// A handshake that succeeded is not repeated for this long; one that failed is, every minute.
const TRUST_HOLDS: Duration = Duration::from_mins(15);
/// How long everything about one target may take, so that a section of a snapshot need not wait for it.
const PATIENCE: Duration = Duration::from_secs(9);

/// Looks names up, connects, shakes hands.
pub(crate) struct Path {
    standing: Standing,
    memory: Mutex<BTreeMap<String, Memory>>,
}

/// What is remembered of a target, by its label.
#[derive(Debug, Clone, Default)]
struct Memory {
    /// Where its name led last.
    address: Option<std::net::IpAddr>,
    handshake: Option<(Duration, Handshake)>,
}

/// Everything that was tried for one target.
struct Tried {
    target: ProbeTarget,
    attempts: Vec<Attempt>,
    handshake: Option<Handshake>,
    is_fresh: bool,
}

impl Path {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing, memory: Mutex::default() }
    }
}

impl Probe for Path {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let settings = cx.settings.borrow().clone();
        let mut gather = Gather::new(cx);
        let (look_ups, tried) = Context::wait_for(self.try_everything(cx, &settings))?;
        if look_ups.is_empty() {
            none(&mut gather, &SPEC.signals[..3], "name to look up");
        }
        for look_up in &look_ups {
            look_up.enter(&mut gather);
        }
        if tried.is_empty() {
            none(&mut gather, &SPEC.signals[3..9], "target");
        }
        for one in &tried {
            one.enter(&mut gather);
        }
        self.conclude(cx, &look_ups, &tried, &mut gather);
        Ok(gather.done())
    }
}

/// Says why signals have no reading at all. That nothing was tried rules nothing out.
fn none(gather: &mut Gather, signals: &[&str], what: &'static str) {
    for signal in signals {
        gather.unknown(signal, [], ProbeError::NotConfigured(what));
    }
}

impl Path {
    async fn try_everything(&self, cx: &Context, settings: &Settings) -> (Vec<LookUp>, Vec<Tried>) {
        let servers = native::resolv(&cx.root).map(|resolv| resolv.servers).unwrap_or_default();
        let targets = settings.probe_targets.iter().map(|target| self.try_target(cx, target));
        tokio::join!(dns::look_up(&servers, &settings.dns_names), futures_util::future::join_all(targets))
    }

    /// Connects by name and by address, and goes on to a handshake when one is due.
    async fn try_target(&self, cx: &Context, target: &ProbeTarget) -> Tried {
        let before = self.memory().get(&target.label).cloned().unwrap_or_default();
        let (now, start) = (cx.clock.since_boot(), Instant::now());
        let mut attempts = tcp::connect(target, before.address).await;
        let due = before
            .handshake
            .as_ref()
            .is_none_or(|(at, last)| last.error.is_some() || now.saturating_sub(*at) >= TRUST_HOLDS);
        let stream = attempts.iter_mut().find_map(|attempt| attempt.stream.take());
        let fresh = match stream.filter(|_| target.tls && due) {
            Some(stream) => {
                let left = PATIENCE.saturating_sub(start.elapsed());
                Some(tls::shake_hands(stream, &target.host, Trust::of(cx, &target.label), left).await)
            }
            None => None,
        };
        let is_fresh = fresh.is_some();
        let handshake = fresh.map(|handshake| (now, handshake)).or(before.handshake);
        let address = attempts.iter().find_map(Attempt::reached).or(before.address);
        let tried = Tried {
            target: target.clone(),
            handshake: handshake.as_ref().map(|(_, handshake)| handshake.clone()),
            attempts,
            is_fresh,
        };
        self.memory().insert(target.label.clone(), Memory { address, handshake });
        tried
    }

    fn conclude(&self, cx: &Context, look_ups: &[LookUp], tried: &[Tried], gather: &mut Gather) {
        let now = cx.clock.since_boot();
        let beyond = |one: &&Tried| one.attempts.iter().any(Attempt::is_beyond);
        if tried.iter().filter(beyond).any(Tried::is_connected) {
            self.standing.set_beyond(now);
        }
        let (link, address) = link_and_address(cx);
        let all = |mut tests: Vec<bool>| (!tests.is_empty()).then(|| tests.drain(..).any(|passed| passed));
        let facts = Facts {
            link,
            address,
            gateway: self.standing.gateway(now),
            dns: all(look_ups.iter().filter(|one| one.is_system()).map(LookUp::is_ok).collect()),
            internet: all(tried.iter().filter(beyond).map(Tried::is_connected).collect()),
            tls: all(tried.iter().filter_map(Tried::is_trusted).collect()),
            service: tried.iter().find(|one| one.target.label == "collector").map(Tried::works),
        };
        let verdicts = facts.verdicts();
        gather.single("endpoint.network.first_failing_layer", layer::first_failing(&verdicts));
        for (layer, verdict) in verdicts {
            gather.value("endpoint.network.layer", [("layer", layer)], verdict);
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tried {
    fn is_connected(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.error.is_none())
    }

    /// Whether its certificate is trusted; `None` when that could not be tried.
    fn is_trusted(&self) -> Option<bool> {
        let handshake = self.handshake.as_ref().filter(|_| self.is_connected())?;
        Some(handshake.error.is_none())
    }

    fn works(&self) -> bool {
        self.is_connected() && self.is_trusted() != Some(false)
    }

    fn enter(&self, gather: &mut Gather) {
        let target = Attributes::from([("target", self.target.label.as_str())]);
        for attempt in &self.attempts {
            let attributes = target.clone().with("by", attempt.by);
            gather.value("endpoint.probe.tcp.ok", attributes.clone(), attempt.error.is_none());
            gather.value("endpoint.probe.tcp.error", attributes.clone(), attempt.error.unwrap_or(NO_ERROR));
            let duration = attempt.error.map_or(Ok(attempt.took.as_secs_f64()), |_| Err(failed("connection")));
            gather.outcome("endpoint.probe.tcp.duration", attributes, duration);
        }
        if self.target.tls {
            self.enter_handshake(gather, &target);
        }
    }

    fn enter_handshake(&self, gather: &mut Gather, target: &Attributes) {
        let Some(handshake) = self.handshake.as_ref().filter(|_| self.is_connected()) else {
            for signal in ["endpoint.probe.tls.ok", "endpoint.probe.tls.error", "endpoint.probe.tls.duration"] {
                gather.unknown(signal, target.clone(), failed("connection"));
            }
            return;
        };
        gather.value("endpoint.probe.tls.ok", target.clone(), handshake.error.is_none());
        gather.value("endpoint.probe.tls.error", target.clone(), handshake.error.unwrap_or(NO_ERROR));
        if handshake.error.is_some() {
            gather.unknown("endpoint.probe.tls.duration", target.clone(), failed("handshake"));
        } else if self.is_fresh {
            gather.value("endpoint.probe.tls.duration", target.clone(), handshake.took.as_secs_f64());
        }
    }
}

fn failed(what: &str) -> ProbeError {
    ProbeError::Failed(format!("the {what} did not come about"))
}
