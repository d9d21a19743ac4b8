use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::burst::Answers;
use super::{Context, ProbeError};
use crate::os::native;
use crate::os::neighbour::{Entry, Evidence};

/// What one network probe learns and another needs. Times are since boot.
///
/// The gateway is there when it answered an echo; or when, since the first echo that it did not answer, the kernel heard
/// from it on the link or a connection beyond it came about. It is not when the kernel looked for it on the link in vain,
/// or heard nothing for [`PATIENCE`]. Before that nobody can say: the kernel takes a while to ask a neighbour that it
/// believes to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<Facts>>);

#[derive(Debug, Default, Clone)]
struct Facts {
    gateway: Option<IpAddr>,
    /// When it answered last.
    answered: Option<Duration>,
    /// Since when it does not answer.
    silent: Option<Duration>,
    /// When a connection beyond it came about last.
    beyond: Option<Duration>,
    /// Name of the network.
    network: Option<String>,
    /// Where the collector was reached last.
    collector: Option<IpAddr>,
    /// The last echoes to the gateway, and the share that was lost.
    echoes: Option<(Answers, Result<f64, ProbeError>)>,
    /// The VPNs that are up.
    vpns: BTreeSet<String>,
    /// They are others than they were, and nobody measured the way since.
    vpns_turned: bool,
}

/// After this long an answer is too old to conclude from.
const FRESH: Duration = Duration::from_secs(90);
/// After this long without any sign a gateway is not there.
const PATIENCE: Duration = Duration::from_mins(1);

impl Standing {
    /// `gateway` did or did not answer an echo at `now`; `None` when none could be sent.
    pub(crate) fn enter_echo(&self, gateway: IpAddr, now: Duration, answered: Option<bool>) {
        let mut facts = self.facts();
        if facts.gateway != Some(gateway) {
            *facts = Facts {
                gateway: Some(gateway),
                collector: facts.collector,
                vpns: std::mem::take(&mut facts.vpns),
                vpns_turned: facts.vpns_turned,
                ..Facts::default()
            };
        }
        if answered == Some(true) {
            facts.answered = Some(now);
            facts.silent = None;
        } else {
            // Where echoes are not allowed, a gateway may as well be silent: the other signs count.
            facts.silent.get_or_insert(now);
        }
    }

    /// Whether the gateway is there; `None` when nobody looked lately, or nobody can say yet.
    pub(crate) fn gateway(&self, cx: &Context, now: Duration) -> Option<bool> {
        let facts = self.facts().clone();
        let neighbour = facts.gateway.and_then(|gateway| native::neighbour_entry(&cx.root, gateway));
        facts.judge(now, neighbour)
    }

    /// A connection to a machine beyond the gateway came about at `now`.
    pub(crate) fn set_beyond(&self, now: Duration) {
        self.facts().beyond = Some(now);
    }

    /// The machine is in this network; `None` when it cannot be named.
    pub(crate) fn set_network(&self, network: Option<String>) {
        self.facts().network = network;
    }

    /// The network that the machine is in.
    pub(crate) fn network(&self) -> Option<String> {
        self.facts().network.clone()
    }

    /// The collector was reached there.
    pub(crate) fn set_collector(&self, address: IpAddr) {
        self.facts().collector = Some(address);
    }

    /// Where the collector was reached last.
    pub(crate) fn collector(&self) -> Option<IpAddr> {
        self.facts().collector
    }

    /// The last echoes to the gateway, and the share that was lost.
    pub(crate) fn set_echoes(&self, answers: Answers, loss: Result<f64, ProbeError>) {
        self.facts().echoes = Some((answers, loss));
    }

    /// The last echoes to the gateway, and the share that was lost.
    pub(crate) fn echoes(&self) -> Option<(Answers, Result<f64, ProbeError>)> {
        self.facts().echoes.clone()
    }

    /// These VPNs are up. One that came up or went down makes another way.
    pub(crate) fn set_vpns(&self, up: BTreeSet<String>) {
        let mut facts = self.facts();
        facts.vpns_turned |= facts.vpns != up;
        facts.vpns = up;
    }

    /// Whether a VPN was up when they were last looked at, be it one without an interface.
    pub(crate) fn has_vpn(&self) -> bool {
        !self.facts().vpns.is_empty()
    }

    /// Whether a VPN came up or went down since the last call.
    pub(crate) fn take_vpn_turn(&self) -> bool {
        std::mem::take(&mut self.facts().vpns_turned)
    }

    /// The way was not measured after all.
    pub(crate) fn put_vpn_turn_back(&self) {
        self.facts().vpns_turned = true;
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn judge(&self, now: Duration, neighbour: Option<Entry>) -> Option<bool> {
        let Some(silent) = self.silent else {
            return self.answered.filter(|at| now.saturating_sub(*at) < FRESH).map(|_| true);
        };
        let since = now.saturating_sub(silent);
        if self.beyond.is_some_and(|at| at > silent && now.saturating_sub(at) < FRESH) {
            return Some(true);
        }
        match neighbour.map(|entry| entry.evidence(since)) {
            Some(Evidence::Heard) => Some(true),
            Some(Evidence::Gone) => Some(false),
            _ if since >= PATIENCE => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::neighbour::State;

    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn heard(state: State, ago: u64) -> Entry {
        Entry { state, hardware: None, heard_ago: Some(seconds(ago)) }
    }

    fn silent_since(at: u64) -> Facts {
        Facts { gateway: Some(ROUTER), silent: Some(seconds(at)), ..Facts::default() }
    }

    #[test]
    fn an_answer_is_proof_for_a_while() {
        let facts = Facts { answered: Some(seconds(100)), ..Facts::default() };
        assert_eq!(facts.judge(seconds(110), None), Some(true));
        assert_eq!(facts.judge(seconds(300), None), None);
    }

    #[test]
    fn a_silent_gateway_that_the_kernel_heard_from_since_is_there() {
        assert_eq!(silent_since(100).judge(seconds(120), Some(heard(State::Known, 5))), Some(true));
        assert_eq!(
            silent_since(100).judge(seconds(120), Some(heard(State::Known, 40))),
            None,
            "heard before it fell silent"
        );
        assert_eq!(silent_since(100).judge(seconds(161), Some(heard(State::Known, 100))), Some(false));
    }

    #[test]
    fn a_gateway_that_was_looked_for_in_vain_is_gone() {
        assert_eq!(silent_since(100).judge(seconds(104), Some(heard(State::Failed, 60))), Some(false));
        assert_eq!(silent_since(100).judge(seconds(101), Some(heard(State::Asking, 60))), None, "it is being asked");
        assert_eq!(silent_since(100).judge(seconds(104), Some(heard(State::Asking, 60))), Some(false));
        assert_eq!(silent_since(100).judge(seconds(104), None), None);
    }

    #[test]
    fn a_connection_beyond_it_counts_only_when_it_came_after_the_silence() {
        let before = Facts { beyond: Some(seconds(99)), ..silent_since(100) };
        assert_eq!(before.judge(seconds(110), None), None);
        let after = Facts { beyond: Some(seconds(105)), ..silent_since(100) };
        assert_eq!(after.judge(seconds(110), Some(heard(State::Failed, 60))), Some(true));
    }

    #[test]
    fn a_vpn_that_comes_and_goes_is_another_way_each_time() {
        let (standing, office) = (Standing::default(), BTreeSet::from(["wg0".to_owned()]));
        let turns = [BTreeSet::new(), office.clone(), office, BTreeSet::new()].map(|up| {
            standing.set_vpns(up);
            standing.take_vpn_turn()
        });
        assert_eq!(turns, [false, true, false, true]);
    }

    #[test]
    fn another_gateway_starts_anew() {
        let standing = Standing::default();
        standing.set_network(Some("home".to_owned()));
        standing.enter_echo(ROUTER, seconds(1), Some(true));
        standing.enter_echo(IpAddr::from([192, 0, 2, 2]), seconds(2), Some(false));
        let facts = standing.facts().clone();
        assert_eq!((facts.answered, facts.silent), (None, Some(seconds(2))));
    }
}
