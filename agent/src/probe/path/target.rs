use std::net::IpAddr;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::dns::ByName;
use super::tcp::{self, Attempt};
use super::tls::{self, Handshake, Trust};
use super::{NO_ERROR, failed};
use crate::probe::{Context, Gather};
use crate::settings::ProbeTarget;

/// The target that is asked every minute.
pub(super) const COLLECTOR: &str = "collector";
/// The target that stands for the company's own network.
pub(super) const INTERNAL: &str = "internal";
/// Between two looks at the others while all is well; a little less, since ticks stray.
const OTHERS_EVERY: Duration = Duration::from_secs(285);
/// A handshake that succeeded is not repeated for this long; one that failed is, every minute.
const TRUST_HOLDS: Duration = Duration::from_secs(885);

/// What is remembered of a target, by its label.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// Where its name led last.
    address: Option<IpAddr>,
    /// When it was tried last, and what came of it.
    tried: Option<(Duration, Vec<Attempt>)>,
    handshake: Option<(Duration, Handshake)>,
}

/// Everything that was tried for one target, now or lately.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) target: ProbeTarget,
    pub(super) attempts: Vec<Attempt>,
    handshake: Option<Handshake>,
    shook_hands_now: bool,
    /// Whether it was tried in this run.
    pub(super) is_fresh: bool,
}

impl Memory {
    /// Whether the target's turn has come: it is the collector, failed last time, or was not tried for a while.
    pub(super) fn is_due(&self, target: &ProbeTarget, now: Duration) -> bool {
        let Some((at, attempts)) = &self.tried else { return true };
        let failed = attempts.iter().all(|attempt| attempt.error.is_some());
        let distrusted = self.handshake.as_ref().is_some_and(|(_, handshake)| handshake.error.is_some());
        target.label == COLLECTOR || failed || distrusted || now.saturating_sub(*at) >= OTHERS_EVERY
    }

    fn handshake_is_due(&self, now: Duration) -> bool {
        let holds = |(at, last): &(Duration, Handshake)| last.error.is_none() && now.saturating_sub(*at) < TRUST_HOLDS;
        !self.handshake.as_ref().is_some_and(holds)
    }

    /// Keeps only where the name led.
    pub(super) fn forget_all_but_address(&mut self) {
        *self = Self { address: self.address, ..Self::default() };
    }

    /// What came of it when it was tried last.
    pub(super) fn recall(&self, target: &ProbeTarget) -> Tried {
        Tried {
            target: target.clone(),
            attempts: self.tried.as_ref().map(|(_, attempts)| attempts.clone()).unwrap_or_default(),
            handshake: self.handshake.as_ref().map(|(_, handshake)| handshake.clone()),
            shook_hands_now: false,
            is_fresh: false,
        }
    }
}

/// Connects by name and by address, and goes on to a handshake when one is due; all by `until`.
pub(super) async fn attempt(
    cx: &Context,
    target: &ProbeTarget,
    found: &ByName,
    before: Memory,
    until: Instant,
) -> (Memory, Tried) {
    let now = cx.clock.since_boot();
    let connected = tcp::connect(target, found.get(&target.host), before.address).await;
    let due = target.tls && before.handshake_is_due(now);
    let fresh = match connected.stream.filter(|_| due) {
        Some(stream) => Some(shake_hands(cx, target, stream, until).await),
        None => None,
    };
    let shook_hands_now = fresh.is_some();
    let handshake = fresh.map(|handshake| (now, handshake)).or(before.handshake);
    let attempts = connected.attempts;
    let memory = Memory {
        address: attempts.iter().find_map(Attempt::reached).or(before.address),
        tried: Some((now, attempts.clone())),
        handshake: handshake.clone(),
    };
    let handshake = handshake.map(|(_, handshake)| handshake);
    (memory, Tried { target: target.clone(), attempts, handshake, shook_hands_now, is_fresh: true })
}

async fn shake_hands(cx: &Context, target: &ProbeTarget, stream: TcpStream, until: Instant) -> Handshake {
    let left = until.saturating_duration_since(Instant::now());
    tls::shake_hands(stream, &target.host, Trust::of(cx, &target.label), left).await
}

impl Tried {
    /// Shakes hands over a way that somebody else opened, when the target's own did not come about.
    pub(super) async fn go_round(&mut self, cx: &Context, stream: TcpStream, until: Instant) {
        if self.target.tls && !self.is_connected() {
            self.handshake = Some(shake_hands(cx, &self.target, stream, until).await);
            self.shook_hands_now = true;
        }
    }

    /// A target that was tried just now.
    #[cfg(test)]
    pub(super) fn now(target: ProbeTarget, attempts: Vec<Attempt>) -> Self {
        Self { target, attempts, handshake: None, shook_hands_now: false, is_fresh: true }
    }

    pub(super) fn is_collector(&self) -> bool {
        self.target.label == COLLECTOR
    }

    pub(super) fn is_connected(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.error.is_none())
    }

    /// Whether its certificate is trusted; `None` when that could not be tried.
    pub(super) fn is_trusted(&self) -> Option<bool> {
        let handshake = self.handshake.as_ref().filter(|_| self.is_connected() || self.shook_hands_now)?;
        Some(handshake.error.is_none())
    }

    /// Whether everybody said no at once, as a machine does that is there.
    pub(super) fn is_refused(&self) -> bool {
        let refused = |attempt: &Attempt| matches!(attempt.error, Some("refused" | "reset" | "name"));
        self.attempts.iter().all(refused) && self.attempts.iter().any(|attempt| attempt.error != Some("name"))
    }

    pub(super) fn works(&self) -> bool {
        match self.is_trusted() {
            Some(trusted) => trusted,
            None => self.is_connected() && !self.target.tls,
        }
    }

    /// Whether its name led to a stranger, while its address, which is another one, leads to the target.
    pub(super) fn was_led_astray(&self) -> bool {
        let by = |way: &str| self.attempts.iter().find(|attempt| attempt.by == way);
        let (Some(name), Some(address)) = (by("name"), by("address")) else { return false };
        let elsewhere = name.tried.is_some() && name.tried != address.tried;
        elsewhere && name.error.is_some() && address.error.is_none() && self.is_trusted() != Some(false)
    }

    pub(super) fn enter(&self, gather: &mut Gather) {
        let target = Attributes::from([("target", self.target.label.as_str())]);
        for attempt in &self.attempts {
            let attributes = target.clone().with("by", attempt.by);
            gather.value("endpoint.probe.tcp.ok", attributes.clone(), attempt.error.is_none());
            gather.value("endpoint.probe.tcp.error", attributes.clone(), attempt.error.unwrap_or(NO_ERROR));
            if self.is_fresh || attempt.error.is_some() {
                let duration = attempt.error.map_or(Ok(attempt.took.as_secs_f64()), |_| Err(failed("connection")));
                gather.outcome("endpoint.probe.tcp.duration", attributes, duration);
            }
        }
        if self.target.tls {
            self.enter_handshake(gather, &target);
        }
    }

    fn enter_handshake(&self, gather: &mut Gather, target: &Attributes) {
        let known = self.handshake.as_ref().filter(|_| self.is_connected() || self.shook_hands_now);
        let Some(handshake) = known else {
            for signal in ["endpoint.probe.tls.ok", "endpoint.probe.tls.error", "endpoint.probe.tls.duration"] {
                gather.unknown(signal, target.clone(), failed("connection"));
            }
            return;
        };
        gather.value("endpoint.probe.tls.ok", target.clone(), handshake.error.is_none());
        gather.value("endpoint.probe.tls.error", target.clone(), handshake.error.unwrap_or(NO_ERROR));
        if handshake.error.is_some() {
            gather.unknown("endpoint.probe.tls.duration", target.clone(), failed("handshake"));
        } else if self.shook_hands_now {
            gather.value("endpoint.probe.tls.duration", target.clone(), handshake.took.as_secs_f64());
        }
    }
}
