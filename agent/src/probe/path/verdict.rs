//! Weighs what a round found.

use firstline_diagnosis::vocabulary::Attributes;

use super::layer::{self, Step, Steps};
use super::mail;
use super::portal::Portal;
use super::proxy::Script;
use super::round::Round;
use super::target::{COLLECTOR, INTERNAL, Tried};
use super::tcp::Attempt;
use crate::os::addresses;
use crate::os::proc::proxy::Proxy;
use crate::probe::{Gather, ProbeError};
use crate::settings::Settings;

/// What was found out about the machine's own side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    pub(super) link: Option<bool>,
    pub(super) address: Option<bool>,
    pub(super) gateway: Option<bool>,
    pub(super) has_tunnel: bool,
}

/// Enters the verdicts and the class of the network; says whether some step fails.
pub(super) fn enter(settings: &Settings, around: Around, round: Option<&Round>, gather: &mut Gather) -> bool {
    let steps = steps(around, round);
    let verdicts = steps.verdicts();
    let first = layer::first_failing(&verdicts);
    gather.single("endpoint.network.first_failing_layer", first);
    for (layer, verdict) in verdicts {
        gather.value("endpoint.network.layer", [("layer", layer)], verdict);
    }
    let internal = round.and_then(|round| round.target(INTERNAL)).map(Tried::is_connected);
    let class = class(settings, round.is_none(), is_within(settings), around.has_tunnel, internal);
    gather.outcome("endpoint.network.class", Attributes::none(), class);
    mail::enter(settings, round, first, gather);
    first != "none"
}

/// Whether an address of this machine is one of the company's.
pub(super) fn is_within(settings: &Settings) -> bool {
    let own = addresses().unwrap_or_default();
    own.iter().any(|(_, address)| settings.corporate_networks.iter().any(|network| network.contains(*address)))
}

/// Home and company networks often have the same numbers, so that numbers count only as long as the company's own host
/// does not contradict them.
fn class(
    settings: &Settings,
    is_offline: bool,
    is_within: bool,
    has_tunnel: bool,
    internal: Option<bool>,
) -> Result<&'static str, ProbeError> {
    let says_nothing = settings.corporate_networks.is_empty();
    match (is_offline, internal) {
        (true, _) => Ok("offline"),
        (_, Some(true)) if has_tunnel && !is_within => Ok("corp_vpn"),
        (_, Some(true)) if is_within || says_nothing => Ok("corp"),
        (_, None) if is_within => Ok("corp"),
        (_, None) if says_nothing => Err(ProbeError::NotConfigured("company network")),
        _ => Ok("home_other"),
    }
}

fn steps(around: Around, round: Option<&Round>) -> Steps {
    let own = Steps {
        link: around.link.into(),
        address: around.address.into(),
        gateway: around.gateway.into(),
        ..Steps::default()
    };
    let Some(round) = round else { return own };
    let internet = internet(round);
    let collector = round.target(COLLECTOR).map(Tried::works);
    Steps {
        dns: dns(round, internet),
        internet,
        portal: portal(round, collector),
        proxy: proxy(round),
        tls: any(round.tried.iter().filter_map(Tried::is_trusted)),
        vpn: vpn(round, around.has_tunnel),
        service: collector.into(),
        ..own
    }
}

/// Works when one works; unknown when there is none.
fn any(tests: impl Iterator<Item = bool>) -> Step {
    tests.reduce(|one, other| one || other).into()
}

/// Names are at fault when they lead nowhere or astray. When nothing is reached by address either, servers that keep
/// silent, or have nobody to ask in their turn, prove nothing against names.
fn dns(round: &Round, internet: Step) -> Step {
    let system: Vec<_> = round.look_ups.iter().filter(|one| one.is_system()).collect();
    let step = any(system.iter().map(|one| one.is_ok()));
    let is_silent = system.iter().any(|one| one.is_silence());
    if step == Step::Fails && is_silent && internet == Step::Fails { Step::Unknown } else { step }
}

/// Whether anything beyond the gateway answers, whatever it says.
fn internet(round: &Round) -> Step {
    let fresh: Vec<&Tried> = round.tried.iter().filter(|one| one.is_fresh).collect();
    let beyond: Vec<&&Tried> = fresh.iter().filter(|one| one.attempts.iter().any(Attempt::is_beyond)).collect();
    if round.was_beyond() || round.was_answered {
        return Step::Works;
    }
    // Where a proxy answers, nobody promised a direct way; and one machine that says no is a machine that is there.
    let is_screened = round.detour.as_ref().is_some_and(super::proxy::Detour::was_answered);
    let is_there = beyond.len() == 1 && beyond[0].is_refused();
    if beyond.is_empty() || is_screened || is_there { Step::Unknown } else { Step::Fails }
}

/// Somebody who answers in the object's place stands in the way only as long as the collector is not reached; else it
/// is a proxy that nobody notices.
fn portal(round: &Round, collector: Option<bool>) -> Step {
    match round.portal.map(Portal::is_free) {
        None => Step::Unknown,
        Some(Some(false)) if collector == Some(true) => Step::Works,
        Some(free) => free.into(),
    }
}

fn proxy(round: &Round) -> Step {
    match &round.proxy {
        Proxy::Direct => Step::Absent,
        Proxy::Manual(_) => round.detour.as_ref().map(|detour| detour.error.is_none()).into(),
        Proxy::Script(..) => round.script.map(|script| script == Script::Fetched).into(),
        // Most networks announce no script, and all programs go on without.
        Proxy::Automatic => round.script.filter(|script| *script == Script::Fetched).map(|_| true).into(),
    }
}

fn vpn(round: &Round, has_tunnel: bool) -> Step {
    if has_tunnel { round.target(INTERNAL).map(Tried::is_connected).into() } else { Step::Absent }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::probe::path::dns::{self, ByName};
    use crate::probe::path::system::Found;
    use crate::settings::{DnsName, ProbeTarget};

    const FINE: Around = Around { link: Some(true), address: Some(true), gateway: Some(true), has_tunnel: false };
    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 10));

    /// A target that was tried by name and by address just now.
    fn tried(label: &str, by_name: Option<&'static str>, by_address: Option<&'static str>) -> Tried {
        let attempt =
            |by, error| Attempt { by, error, took: Duration::ZERO, tried: (error != Some("name")).then_some(FAR) };
        let target = ProbeTarget {
            label: label.to_owned(),
            host: format!("{label}.example"),
            port: 443,
            tls: false,
            addresses: vec![FAR.to_string()],
        };
        Tried::now(target, vec![attempt("name", by_name), attempt("address", by_address)])
    }

    fn round(name: Result<(), &'static str>, tried: Vec<Tried>) -> Round {
        let found = Found { addresses: name.map(|()| vec![FAR]), took: Duration::ZERO };
        let name = DnsName { name: "example.com".to_owned(), name_class: "public".to_owned() };
        let look_ups = dns::of_system(&ByName::from([(name.name.clone(), found)]), &[name]);
        Round::of(look_ups, tried)
    }

    fn first(round: &Round) -> &'static str {
        layer::first_failing(&steps(FINE, Some(round)).verdicts())
    }

    #[test]
    fn dead_names_are_at_fault_while_addresses_work() {
        assert_eq!(first(&round(Err("timeout"), vec![tried(COLLECTOR, Some("name"), None)])), "dns");
        assert_eq!(first(&round(Ok(()), vec![tried(COLLECTOR, None, None)])), "none");
    }

    #[test]
    fn silent_names_are_not_at_fault_when_nothing_is_reached_by_address_either() {
        let cut = tried(COLLECTOR, Some("name"), Some("timeout"));
        assert_eq!(first(&round(Err("timeout"), vec![cut.clone()])), "internet");
        assert_eq!(first(&round(Err("nxdomain"), vec![cut])), "dns", "a server that answers wrongly is");
    }

    #[test]
    fn one_machine_that_refuses_is_a_service_that_is_down() {
        let refused = || tried(COLLECTOR, Some("refused"), Some("refused"));
        assert_eq!(first(&round(Ok(()), vec![refused()])), "service");
        let everybody = vec![refused(), tried("mail", Some("refused"), Some("refused"))];
        assert_eq!(first(&round(Ok(()), everybody)), "internet");
        let others = vec![refused(), tried("mail", None, None)];
        assert_eq!(first(&round(Ok(()), others)), "service");
    }

    #[test]
    fn somebody_who_answers_in_the_objects_place_is_a_portal_unless_the_collector_is_reached() {
        let refused =
            vec![tried(COLLECTOR, Some("refused"), Some("refused")), tried("mail", Some("refused"), Some("refused"))];
        let caught = Round { portal: Some(Portal::Redirected), was_answered: true, ..round(Ok(()), refused) };
        assert_eq!(first(&caught), "portal");
        let passed = round(Ok(()), vec![tried(COLLECTOR, None, None)]);
        let passed = Round { portal: Some(Portal::Altered), was_answered: true, ..passed };
        assert_eq!(first(&passed), "none");
    }

    #[test]
    fn without_a_link_nothing_is_said_of_the_rest() {
        let verdicts = steps(Around { link: Some(false), ..FINE }, None).verdicts();
        assert_eq!(layer::first_failing(&verdicts), "link");
        assert!(verdicts[1..].iter().all(|(_, verdict)| *verdict == "not_testable"));
    }

    #[test]
    fn numbers_make_an_office_only_as_long_as_its_own_host_agrees() {
        let known =
            Settings { corporate_networks: vec!["10.20.0.0/16".parse().expect("a network")], ..Settings::default() };
        assert_eq!(class(&known, false, true, false, Some(true)), Ok("corp"));
        assert_eq!(class(&known, false, true, false, Some(false)), Ok("home_other"));
        assert_eq!(class(&known, false, false, true, Some(true)), Ok("corp_vpn"));
        assert_eq!(class(&known, false, false, false, None), Ok("home_other"));
        assert_eq!(class(&known, true, false, false, None), Ok("offline"));
        assert!(class(&Settings::default(), false, false, false, None).is_err());
        assert_eq!(class(&Settings::default(), false, false, false, Some(true)), Ok("corp"));
    }
}
