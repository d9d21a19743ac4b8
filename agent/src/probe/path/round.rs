use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::Instant;

use firstline_diagnosis::order;

use super::dns::{self, ByName, LookUp};
use super::portal::{self, Portal};
use super::proxy::{self, Detour, Script};
use super::system::SystemResolver;
use super::target::{self, COLLECTOR, INTERNAL, Tried};
use super::tcp::Attempt;
use super::turns::Turns;
use crate::os::native;
use crate::os::proc::proxy::Proxy;
use crate::probe::{Context, Gather, ProbeError};
use crate::settings::{ProbeTarget, Settings};

/// What one round found.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) look_ups: Vec<LookUp>,
    pub(super) tried: Vec<Tried>,
    pub(super) portal: Option<Portal>,
    pub(super) proxy: Proxy,
    pub(super) detour: Option<Detour>,
    pub(super) script: Option<Script>,
    /// Whether somebody answered the portal test, or the proxy let us through, in this round.
    pub(super) was_answered: bool,
    pub(super) has_portal_object: bool,
}

/// By then a round is over, so that a section of a snapshot need not wait for it.
const PATIENCE: Duration = Duration::from_secs(9);

/// What all tests of a round go by.
struct Tests<'a> {
    cx: &'a Context,
    settings: &'a Settings,
    resolver: &'a SystemResolver,
    until: Instant,
    now: Duration,
}

impl Round {
    /// Tries everything whose turn it is.
    pub(super) async fn go(
        cx: &Context,
        settings: &Settings,
        resolver: &SystemResolver,
        turns: &mut Turns,
        proxy: Proxy,
        has_tunnel: bool,
    ) -> Self {
        let resolv = native::resolv(&cx.root).unwrap_or_default();
        let tests = Tests { cx, settings, resolver, until: Instant::now() + PATIENCE, now: cx.clock.since_boot() };
        let targets = tests.worthwhile(has_tunnel);
        let before = turns.clone();
        let (mut look_ups, (found, mut tried), portal, script, detour) = tokio::join!(
            dns::ask_servers(&resolv.servers, &settings.dns_names),
            tests.connect(&targets, turns),
            tests.portal(&before),
            tests.script(&before, &proxy, resolv.domain.as_deref()),
            tests.detour(&before, &proxy),
        );
        look_ups.extend(dns::of_system(&found, &settings.dns_names));
        for class in tried.iter().filter(|one| one.was_led_astray()).map(|one| tests.class_of(&one.target)) {
            look_ups.iter_mut().filter(|one| one.is_system() && one.class() == class).for_each(LookUp::call_wrong);
        }
        let was_answered = portal.is_some_and(|portal| portal != Portal::Failed)
            || detour.as_ref().is_some_and(|(detour, _)| detour.error.is_none());
        turns.portal = portal.map(|portal| (tests.now, portal)).or(turns.portal.take());
        turns.script = script.map(|script| (tests.now, script)).or(turns.script.take());
        if let Some((detour, stream)) = detour {
            if let Some((collector, stream)) = tried.iter_mut().find(|one| one.is_collector()).zip(stream) {
                collector.go_round(cx, stream, tests.until).await;
            }
            turns.detour = Some((tests.now, detour));
        }
        Self {
            look_ups,
            tried,
            portal: turns.portal.map(|(_, portal)| portal),
            detour: turns.detour.as_ref().map(|(_, detour)| detour.clone()),
            script: turns.script.map(|(_, script)| script),
            proxy,
            was_answered,
            has_portal_object: settings.portal.is_some(),
        }
    }

    /// A round that looked names up and tried targets.
    #[cfg(test)]
    pub(super) fn of(look_ups: Vec<LookUp>, tried: Vec<Tried>) -> Self {
        Self {
            look_ups,
            tried,
            portal: None,
            proxy: Proxy::Direct,
            detour: None,
            script: None,
            was_answered: false,
            has_portal_object: false,
        }
    }

    /// Whether a machine that only the internet leads to was reached now.
    pub(super) fn was_beyond(&self) -> bool {
        let reached = |one: &Tried| one.attempts.iter().any(|attempt| attempt.is_beyond() && attempt.error.is_none());
        self.tried.iter().filter(|one| one.is_fresh).any(reached)
    }

    /// Where the collector was reached.
    pub(super) fn collector(&self) -> Option<IpAddr> {
        self.target(COLLECTOR)?.attempts.iter().find_map(Attempt::reached)
    }

    /// The target of this label.
    pub(super) fn target(&self, label: &str) -> Option<&Tried> {
        self.tried.iter().find(|one| one.target.label == label)
    }

    /// Enters what was found, and why there is nothing where there is nothing.
    pub(super) fn enter(&self, gather: &mut Gather) {
        let none = |gather: &mut Gather, signals: &[&str], why: &ProbeError| {
            for signal in signals {
                gather.unknown(signal, [], why.clone());
            }
        };
        if self.look_ups.is_empty() {
            none(gather, &super::SPEC.signals[..3], &ProbeError::NotConfigured("name to look up"));
        }
        self.look_ups.iter().for_each(|one| one.enter(gather));
        if self.tried.is_empty() {
            none(gather, &super::SPEC.signals[3..9], &ProbeError::NotConfigured("target"));
        }
        self.tried.iter().for_each(|one| one.enter(gather));
        let untried = if self.has_portal_object { "portal test yet" } else { "address of the portal test" };
        let portal = self.portal.map(Portal::name).ok_or(ProbeError::NotConfigured(untried));
        gather.outcome("endpoint.probe.http_portal", [], portal);
        match &self.detour {
            Some(detour) => detour.enter(gather),
            None => none(gather, &super::SPEC.signals[10..13], &ProbeError::NotPresent("proxy to go through")),
        }
        let script = self.script.map(Script::name).ok_or(ProbeError::NotPresent("proxy script"));
        gather.outcome("endpoint.proxy.script", [], script);
    }
}

impl Tests<'_> {
    /// The targets that can be expected to answer from here: the company's own only from within, or where nobody said
    /// what within is.
    fn worthwhile(&self, has_tunnel: bool) -> Vec<ProbeTarget> {
        let within =
            has_tunnel || self.settings.corporate_networks.is_empty() || super::verdict::is_within(self.settings);
        self.settings.probe_targets.iter().filter(|target| target.label != INTERNAL || within).cloned().collect()
    }

    /// Tries the targets whose turn it is; when the collector then fails, the others too, which tell whose fault it is.
    async fn connect(&self, targets: &[ProbeTarget], turns: &mut Turns) -> (ByName, Vec<Tried>) {
        let is_due = |target: &&ProbeTarget| {
            turns.has_trouble || turns.targets.get(&target.label).is_none_or(|memory| memory.is_due(target, self.now))
        };
        let (due, rest): (Vec<&ProbeTarget>, Vec<&ProbeTarget>) = targets.iter().partition(is_due);
        let names = self.settings.dns_names.iter().map(|name| name.name.as_str());
        let found = dns::ask_system(self.resolver, names.chain(due.iter().filter_map(|target| named(target)))).await;
        let mut tried = self.attempt(&due, &found, turns).await;
        let fails = tried.iter().any(|one| one.is_collector() && !one.is_connected());
        if fails && !rest.is_empty() {
            let found = self.find_more(&found, &rest).await;
            tried.extend(self.attempt(&rest, &found, turns).await);
        } else {
            tried.extend(rest.iter().filter_map(|target| Some(turns.targets.get(&target.label)?.recall(target))));
        }
        (found, tried)
    }

    /// Where the names of `targets` lead. When no name led anywhere just now, these will not either.
    async fn find_more(&self, found: &ByName, targets: &[&ProbeTarget]) -> ByName {
        let hopeless = found.values().find(|_| found.values().all(|found| found.addresses.is_err()));
        match hopeless {
            Some(hopeless) => {
                let names = targets.iter().filter_map(|target| named(target));
                order::map(names.map(|name| (name.to_owned(), hopeless.clone())))
            }
            None => dns::ask_system(self.resolver, targets.iter().filter_map(|target| named(target))).await,
        }
    }

    async fn attempt(&self, targets: &[&ProbeTarget], found: &ByName, turns: &mut Turns) -> Vec<Tried> {
        let attempts = targets.iter().map(|target| {
            let before = turns.targets.get(&target.label).cloned().unwrap_or_default();
            target::attempt(self.cx, target, found, before, self.until)
        });
        let mut all = Vec::new();
        for (memory, tried) in join_all(attempts).await {
            turns.targets.insert(tried.target.label.clone(), memory);
            all.push(tried);
        }
        all
    }

    async fn portal(&self, turns: &Turns) -> Option<Portal> {
        let object = self.settings.portal.as_ref().filter(|_| turns.portal_is_due(self.now))?;
        Some(portal::look(self.resolver, object).await)
    }

    async fn script(&self, turns: &Turns, proxy: &Proxy, domain: Option<&str>) -> Option<Script> {
        if turns.proxy_is_due(self.now) { proxy::fetch_script(self.resolver, proxy, domain).await } else { None }
    }

    async fn detour(&self, turns: &Turns, proxy: &Proxy) -> Option<(Detour, Option<TcpStream>)> {
        let Proxy::Manual(way) = proxy else { return None };
        let collector = self.settings.probe_targets.iter().find(|target| target.label == COLLECTOR)?;
        if !turns.proxy_is_due(self.now) {
            return None;
        }
        Some(proxy::go_through(self.resolver, way, &collector.host, collector.port).await)
    }

    /// The class of names that the target's belongs to.
    fn class_of(&self, target: &ProbeTarget) -> String {
        let named = self.settings.dns_names.iter().find(|name| name.name == target.host);
        named.map_or_else(|| "public".to_owned(), |name| name.name_class.clone())
    }
}

/// The first proxy that any place of this machine names.
pub(super) fn proxy_of(cx: &Context) -> Proxy {
    let named = native::proxies(&cx.root).into_iter().filter_map(|(_, proxy)| proxy.ok());
    named.into_iter().find(|proxy| *proxy != Proxy::Direct).unwrap_or(Proxy::Direct)
}

/// The target's host when it is a name.
fn named(target: &ProbeTarget) -> Option<&str> {
    target.host.parse::<IpAddr>().is_err().then_some(target.host.as_str())
}
