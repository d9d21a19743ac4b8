//! When the slower tests have their turn. They ride on the minute's tick, so that none has a timer of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use super::portal::Portal;
use super::proxy::{Detour, Script};
use super::target::Memory;
use crate::os::proc::proxy::Proxy;

/// What the rounds so far found, as far as later rounds need it.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    /// By the target's label.
    pub(super) targets: BTreeMap<String, Memory>,
    pub(super) portal: Option<(Duration, Portal)>,
    pub(super) detour: Option<(Duration, Detour)>,
    pub(super) script: Option<(Duration, Script)>,
    /// What this machine is told about a proxy, and when it was looked up.
    settled: Option<(Duration, Proxy)>,
    /// Whether some step failed in the round before.
    pub(super) has_trouble: bool,
    network: Option<String>,
}

/// Until the object of the portal test came as it should, between two looks; a little less, since ticks stray.
const PORTAL_EVERY: Duration = Duration::from_secs(285);
/// Between two ways through the proxy.
const PROXY_EVERY: Duration = Duration::from_secs(885);

impl Turns {
    /// In another network nothing that was found before holds, but where names led.
    pub(super) fn enter_network(&mut self, network: Option<String>) {
        if network.is_none() || network == self.network {
            return;
        }
        self.network = network;
        self.portal = None;
        self.detour = None;
        self.script = None;
        self.settled = None;
        self.targets.values_mut().for_each(Memory::forget_all_but_address);
    }

    pub(super) fn portal_is_due(&self, now: Duration) -> bool {
        match &self.portal {
            Some((_, Portal::Intact)) => self.has_trouble,
            Some((at, _)) => self.has_trouble || now.saturating_sub(*at) >= PORTAL_EVERY,
            None => true,
        }
    }

    /// What this machine is told about a proxy; `look` says so when that was long ago.
    pub(super) fn proxy(&mut self, now: Duration, look: impl FnOnce() -> Proxy) -> Proxy {
        let old = |at: Duration| self.has_trouble || now.saturating_sub(at) >= PROXY_EVERY;
        match self.settled.take().filter(|(at, _)| !old(*at)) {
            Some(settled) => self.settled.insert(settled).1.clone(),
            None => self.settled.insert((now, look())).1.clone(),
        }
    }

    pub(super) fn proxy_is_due(&self, now: Duration) -> bool {
        let holds = |at: Duration| !self.has_trouble && now.saturating_sub(at) < PROXY_EVERY;
        let detour = self.detour.as_ref().is_some_and(|(at, detour)| detour.error.is_none() && holds(*at));
        let script = self.script.as_ref().is_some_and(|(at, script)| *script == Script::Fetched && holds(*at));
        !(detour || script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_free_way_is_not_asked_for_again_before_something_fails_or_the_network_is_another() {
        let mut turns = Turns::default();
        turns.enter_network(Some("home".to_owned()));
        assert!(turns.portal_is_due(MINUTE));
        turns.portal = Some((MINUTE, Portal::Intact));
        assert!(!turns.portal_is_due(MINUTE * 600));
        turns.has_trouble = true;
        assert!(turns.portal_is_due(MINUTE * 2));
        turns.has_trouble = false;
        turns.enter_network(None);
        assert!(!turns.portal_is_due(MINUTE * 2), "a network that cannot be named is not another one");
        turns.enter_network(Some("hotel".to_owned()));
        assert!(turns.portal_is_due(MINUTE * 2));
    }

    #[test]
    fn a_way_that_is_not_free_is_asked_for_every_five_minutes() {
        let turns = Turns { portal: Some((MINUTE, Portal::Failed)), ..Turns::default() };
        assert!(!turns.portal_is_due(MINUTE * 5));
        assert!(turns.portal_is_due(MINUTE * 6));
    }
}
