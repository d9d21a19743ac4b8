//! Whether the router answers.
//!
//! It does when it answers an echo; what else counts as a sign of it is in [`super::standing`]. Many routers do not answer
//! echoes, so that an echo alone proves nothing when it fails; for such a router loss is unknown, not total.
//!
//! The last [`ECHOES`] echoes also tell how even the first stretch of the way out is. A router that never answered is asked
//! once a minute: it is waited for in vain, and each wait wakes the processor.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use firstline_proto::v1::Section;

use super::burst::Answers;
use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;
use crate::os::neighbour::Entry;
use crate::os::proc::route::DefaultRoute;

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
        "endpoint.network.context_id",
    ],
};

/// Echoes that loss is counted over: ten minutes.
const ECHOES: usize = 40;
/// Fewer echoes than this say nothing about loss.
const FEWEST_ECHOES: usize = 8;
/// Of so many in a row half must be answered before a router counts as one that answers echoes: some answer one now and then.
const ROW: usize = FEWEST_ECHOES;
/// A router that does not answer echoes is asked at one tick of so many.
const MUTE_TURN: u32 = 4;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);
const PAYLOAD_BYTES: usize = 32;

/// Sends an echo, and weighs the other evidence.
pub(crate) struct Gateway {
    standing: Standing,
    history: Mutex<History>,
}

/// What happened with the gateway so far.
#[derive(Debug, Default)]
struct History {
    address: Option<IpAddr>,
    echoes: VecDeque<Option<Duration>>,
    /// Whether it answers echoes, as a rule.
    answers_echoes: bool,
    /// Ticks since a router that does not was asked.
    unasked: u32,
}

/// How an echo ended.
type Echo = Result<Duration, ProbeError>;

impl Gateway {
    pub(crate) fn new(standing: Standing) -> Self {
        Self { standing, history: Mutex::default() }
    }
}

impl Probe for Gateway {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Echoes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let route = native::default_route(&cx.root)?;
        let mut gather = Gather::new(cx);
        let way = route.as_ref().and_then(|route| Some((route, route.gateway?)));
        gather.single("endpoint.gateway.present", way.is_some());
        let Some((route, address)) = way else {
            self.standing.set_network(None);
            for signal in &SPEC.signals[1..] {
                gather.unknown(signal, [], ProbeError::NotPresent("gateway"));
            }
            return Ok(gather.done());
        };
        // Before the echo, which may make the kernel forget an entry that is still good evidence.
        let neighbour = native::neighbour_entry(&cx.root, address);
        let network = network(cx, neighbour);
        self.standing.set_network(network.clone().ok());
        gather.outcome("endpoint.network.context_id", [], network);
        self.reach(cx, route, address, &mut gather);
        Ok(gather.done())
    }
}

impl Gateway {
    fn reach(&self, cx: &Context, route: &DefaultRoute, address: IpAddr, gather: &mut Gather) {
        let sent_at = cx.clock.since_boot();
        let is_asked = self.history().is_asked(address);
        let echo =
            if is_asked { echo(address, native::interface_index(&cx.root, &route.interface)) } else { Err(silence()) };
        let answered = match &echo {
            Ok(_) => Some(true),
            Err(ProbeError::Timeout(_)) => Some(false),
            // It could not be sent, which says nothing about the gateway.
            Err(_) => None,
        };
        self.standing.enter_echo(address, sent_at, answered);
        let undecided = || ProbeError::Timeout("the gateway, which one look cannot call silent yet,".to_owned());
        let reachable = self.standing.gateway(cx, cx.clock.since_boot());
        gather.outcome("endpoint.gateway.reachable", [], reachable.ok_or_else(undecided));
        let mut history = self.history();
        if is_asked && answered.is_some() {
            history.enter(echo.as_ref().ok().copied());
        }
        gather.outcome("endpoint.gateway.rtt", [], echo.map(|rtt| rtt.as_secs_f64()));
        history.weigh(reachable);
        gather.outcome("endpoint.gateway.loss", [], history.loss());
        self.standing.set_echoes(history.answers(), history.loss());
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silence() -> ProbeError {
    ProbeError::Timeout("the gateway".to_owned())
}

/// Sends one echo and waits for its answer.
fn echo(address: IpAddr, interface: Option<u32>) -> Echo {
    let echoes = native::Echoes::to(address, interface).inspect_err(|_| native::wake_neighbour(address))?;
    let start = Instant::now();
    echoes.send(0, PAYLOAD_BYTES).map_err(|source| ProbeError::io("an echo", &source))?;
    match echoes.receive(PATIENCE) {
        Some(_) => Ok(start.elapsed()),
        None => Err(silence()),
    }
}

impl History {
    /// Another gateway starts anew.
    fn arrive(&mut self, address: IpAddr) {
        if self.address != Some(address) {
            *self = Self { address: Some(address), ..Self::default() };
        }
    }

    /// Whether the router at `address` is sent an echo at this tick.
    fn is_asked(&mut self, address: IpAddr) -> bool {
        self.arrive(address);
        let is_mute = !self.answers_echoes
            && self.echoes.len() >= FEWEST_ECHOES
            && self.echoes.back().is_none_or(Option::is_none);
        self.unasked = if is_mute { (self.unasked + 1) % MUTE_TURN } else { 0 };
        self.unasked == 0
    }

    /// Books an echo: the time of its answer, if one came.
    fn enter(&mut self, answer: Option<Duration>) {
        if self.echoes.len() == ECHOES {
            self.echoes.pop_front();
        }
        self.echoes.push_back(answer);
        let row = self.echoes.iter().rev().take(ROW).filter(|answer| answer.is_some());
        self.answers_echoes |= row.count() * 2 >= ROW;
    }

    /// A router that does its work and has not answered one echo of ten minutes answers none any more: that nothing arrives
    /// there cannot be.
    fn weigh(&mut self, reachable: Option<bool>) {
        let is_silent = self.echoes.len() == ECHOES && self.echoes.iter().all(Option::is_none);
        if is_silent && reachable == Some(true) {
            self.answers_echoes = false;
        }
    }

    /// Share of echoes without an answer.
    fn loss(&self) -> Result<f64, ProbeError> {
        if !self.answers_echoes {
            return Err(ProbeError::Unsupported("an answer of the gateway to echoes"));
        }
        if self.echoes.len() < FEWEST_ECHOES {
            return Err(ProbeError::NotPresent("long enough row of echoes"));
        }
        Ok(self.answers().loss())
    }

    fn answers(&self) -> Answers {
        Answers(self.echoes.iter().copied().collect())
    }
}

/// The name of the network: the gateway's hardware address and the domain, so that two networks with the same numbers
/// are two.
fn network(cx: &Context, gateway: Option<Entry>) -> Result<String, ProbeError> {
    let hardware = gateway.and_then(|entry| entry.hardware);
    let hardware = hardware.ok_or(ProbeError::NotPresent("hardware address of the gateway"))?;
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
        (0..20).for_each(|_| history.enter(None));
        assert!(matches!(history.loss(), Err(ProbeError::Unsupported(_))));
    }

    #[test]
    fn a_router_that_answers_now_and_then_has_lost_nothing() {
        let mut history = History::default();
        (0..100).for_each(|tick| history.enter((tick % 20 == 0).then_some(Duration::from_millis(2))));
        assert!(matches!(history.loss(), Err(ProbeError::Unsupported(_))), "{:?}", history.loss());
    }

    #[test]
    fn a_router_that_works_and_falls_silent_answers_no_echoes_any_more() {
        let mut history = History::default();
        let mut enter = |answer: Option<Duration>, count: usize, reachable: bool| {
            (0..count).for_each(|_| history.enter(answer));
            history.weigh(Some(reachable));
            history.loss().ok()
        };
        let answer = Some(Duration::from_millis(2));
        assert_eq!(enter(answer, ECHOES, true), Some(0.0));
        assert_eq!(enter(None, ECHOES, false), Some(1.0), "the way to it is broken");
        assert_eq!(enter(None, 1, true), None, "it does its work");
        assert_eq!(enter(answer, ROW, true), Some(0.8), "it answers again");
    }

    #[test]
    fn loss_is_counted_over_the_last_forty() {
        let mut history = History::default();
        (0..100).for_each(|tick| history.enter((tick % 4 != 0).then_some(Duration::from_millis(2))));
        assert_eq!(history.loss(), Ok(0.25));
        assert_eq!(history.echoes.len(), ECHOES);
    }

    #[test]
    fn a_router_that_never_answered_is_asked_less_often_until_it_answers() {
        let mut history = History::default();
        let mut asked = |answer: Option<Duration>| -> usize {
            let asked = (0..40).filter(|_| {
                let is_asked = history.is_asked(ROUTER);
                if is_asked {
                    history.enter(answer);
                }
                is_asked
            });
            asked.count()
        };
        assert_eq!(asked(None), FEWEST_ECHOES + (40 - FEWEST_ECHOES) / MUTE_TURN as usize);
        assert!(asked(Some(Duration::from_millis(2))) > 36, "once it answers, as often as any other");
    }

    #[test]
    fn another_router_starts_anew() {
        let mut history = History::default();
        history.arrive(ROUTER);
        (0..ROW).for_each(|_| history.enter(Some(Duration::from_millis(2))));
        history.arrive(ROUTER);
        assert!(history.answers_echoes);
        history.arrive(IpAddr::from([192, 0, 2, 2]));
        assert!(!history.answers_echoes);
    }
}
