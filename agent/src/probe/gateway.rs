//! Whether the router answers.
//!
//! It does when it answers an echo; or when the kernel still has its hardware address although our echo of the tick
//! before, at least ten seconds ago, made the kernel ask for it again (a dead neighbour loses its entry within about a
//! minute); or when a connection beyond it came about lately. Many routers do not answer echoes, so that an echo alone
//! proves nothing when it fails; for such a router loss is unknown, not total.

mod echo;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::route::DefaultRoute;
use echo::Echo;

static SPEC: Spec = Spec {
    name: "gateway",
    section: Section::Network,
    tier: Tier::Fast,
    deadline: Duration::from_secs(4),
    priority: 1,
    waits: true,
    heavy: false,
    signals: &[
        "endpoint.gateway.present",
        "endpoint.gateway.reachable",
        "endpoint.gateway.rtt",
        "endpoint.gateway.loss",
        "endpoint.network.context",
    ],
};

/// Echoes that loss is counted over: ten minutes.
const ECHOES: usize = 40;
/// Fewer echoes than this say nothing about loss.
const FEWEST_ECHOES: usize = 8;
/// After this long the kernel has asked again for a neighbour that we wrote to.
const ASKED_AGAIN: Duration = Duration::from_secs(10);

/// Sends an echo, and weighs the other evidence.
pub(crate) struct Gateway {
    standing: Standing,
    history: Mutex<History>,
}

/// What happened with the gateway so far.
#[derive(Debug, Default)]
struct History {
    address: Option<IpAddr>,
    answered: VecDeque<bool>,
    ever_answered: bool,
    written_at: Option<Duration>,
}

impl Gateway {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing, history: Mutex::default() }
    }
}

impl Probe for Gateway {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let route = native::default_route(&cx.root)?;
        let mut gather = Gather::new(cx);
        let way = route.as_ref().and_then(|route| Some((route, route.gateway?)));
        gather.single("endpoint.gateway.present", way.is_some());
        let Some((route, address)) = way else {
            for signal in &SPEC.signals[1..] {
                gather.unknown(signal, [], ProbeError::NotPresent("gateway"));
            }
            return Ok(gather.done());
        };
        gather.outcome("endpoint.network.context", [], context(cx, address));
        self.reach(cx, route, address, &mut gather)?;
        Ok(gather.done())
    }
}

impl Gateway {
    fn reach(
        &self,
        cx: &Context,
        route: &DefaultRoute,
        address: IpAddr,
        gather: &mut Gather,
    ) -> Result<(), ProbeError> {
        // Before the echo, which may make the kernel forget an entry that is still good evidence.
        let is_neighbour = native::neighbour(&cx.root, address).is_some();
        let scope = native::interface_index(&cx.root, &route.interface);
        let echo = Context::wait_for(echo::echo(address, scope))?;
        let now = cx.clock.since_boot();
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let asked_again = history.enter(address, &echo, now);
        let reachable =
            matches!(echo, Echo::Answered(_)) || (is_neighbour && asked_again) || self.standing.was_beyond(now);
        if reachable || asked_again {
            self.standing.set_gateway(now, reachable);
            gather.single("endpoint.gateway.reachable", reachable);
        } else {
            let why = ProbeError::Timeout("the gateway, which one look cannot call silent yet,".to_owned());
            gather.unknown("endpoint.gateway.reachable", [], why);
        }
        gather.outcome("endpoint.gateway.rtt", [], echo.rtt());
        gather.outcome("endpoint.gateway.loss", [], history.loss());
        Ok(())
    }
}

impl History {
    /// Books an echo; says whether the one before was sent long enough ago for the kernel to have asked again.
    fn enter(&mut self, address: IpAddr, echo: &Echo, now: Duration) -> bool {
        if self.address != Some(address) {
            *self = Self { address: Some(address), ..Self::default() };
        }
        if let Some(answered) = echo.counts() {
            self.ever_answered |= answered;
            if self.answered.len() == ECHOES {
                self.answered.pop_front();
            }
            self.answered.push_back(answered);
        }
        let asked_again = self.written_at.is_some_and(|at| now.saturating_sub(at) >= ASKED_AGAIN);
        if asked_again || self.written_at.is_none() {
            self.written_at = Some(now);
        }
        asked_again
    }

    /// Share of echoes without an answer.
    fn loss(&self) -> Result<f64, ProbeError> {
        if !self.ever_answered {
            return Err(ProbeError::Unsupported("an answer of the gateway to echoes"));
        }
        if self.answered.len() < FEWEST_ECHOES {
            return Err(ProbeError::NotPresent("long enough row of echoes"));
        }
        let lost = self.answered.iter().filter(|answered| !**answered).count();
        Ok(lost as f64 / self.answered.len() as f64)
    }
}

/// The name of the network: the gateway's hardware address and the domain, so that two networks with the same numbers
/// are two.
fn context(cx: &Context, gateway: IpAddr) -> Result<String, ProbeError> {
    let hardware =
        native::neighbour(&cx.root, gateway).ok_or(ProbeError::NotPresent("hardware address of the gateway"))?;
    let domain = native::resolv(&cx.root).ok().and_then(|resolv| resolv.domain).unwrap_or_default();
    Ok(cx.pseudonyms.name("network", &format!("{}|{}", hardware.to_ascii_lowercase(), domain.to_ascii_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn loss_is_unknown_for_a_router_that_never_answers() {
        let mut history = History::default();
        for tick in 0..20 {
            history.enter(ROUTER, &Echo::Silent, Duration::from_secs(15 * tick));
        }
        assert!(matches!(history.loss(), Err(ProbeError::Unsupported(_))));
    }

    #[test]
    fn loss_is_counted_over_the_last_forty() {
        let mut history = History::default();
        for tick in 0..100 {
            let echo = if tick % 4 == 0 { Echo::Silent } else { Echo::Answered(Duration::from_millis(2)) };
            history.enter(ROUTER, &echo, Duration::from_secs(15 * tick));
        }
        assert_eq!(history.loss(), Ok(0.25));
        assert_eq!(history.answered.len(), ECHOES);
    }

    #[test]
    fn an_entry_is_evidence_only_after_the_kernel_had_to_ask_again() {
        let mut history = History::default();
        assert!(!history.enter(ROUTER, &Echo::Silent, Duration::from_secs(100)));
        assert!(!history.enter(ROUTER, &Echo::Silent, Duration::from_secs(101)), "a pull right after a tick");
        assert!(history.enter(ROUTER, &Echo::Silent, Duration::from_secs(115)));
    }

    #[test]
    fn another_router_starts_anew() {
        let mut history = History::default();
        history.enter(ROUTER, &Echo::Answered(Duration::ZERO), Duration::ZERO);
        history.enter(IpAddr::from([192, 0, 2, 2]), &Echo::Silent, Duration::from_secs(15));
        assert!(!history.ever_answered);
    }
}
