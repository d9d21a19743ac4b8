//! VPNs: the tunnels of this machine, the connections that NetworkManager runs through a program of its own, and IPsec,
//! which needs no interface and is told as one VPN whatever it connects.

use std::collections::BTreeSet;
use std::time::Duration;

use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::standing::Standing;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "vpn",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(6),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &["endpoint.vpn.up", "endpoint.vpn.state", "endpoint.vpn.handshake_age"],
};

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    Connecting,
    Down,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Connecting => "connecting",
            Self::Down => "down",
        }
    }
}

/// An interface that leads through another network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tunnel {
    pub(crate) interface: String,
    /// `wireguard`, `tun`, `ppp` or `other`.
    pub(crate) kind: &'static str,
    /// Whose it is, where the interface's name says it.
    pub(crate) product: Option<&'static str>,
    pub(crate) is_up: bool,
}

/// A connection that NetworkManager runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Managed {
    /// Tells it from others; never leaves the machine in clear.
    pub(crate) id: String,
    /// `plugin` or `wireguard`.
    pub(crate) kind: &'static str,
    pub(crate) state: State,
}

/// What tells IPsec from other VPNs.
const IPSEC: &str = "ipsec";

/// Every VPN.
pub(super) struct Vpns {
    standing: Standing,
}

impl Vpns {
    pub(super) fn new(standing: Standing) -> Self {
        Self { standing }
    }
}

impl Probe for Vpns {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let tunnels = native::tunnels(&cx.root)?;
        // Without NetworkManager there are only the tunnels.
        let managed = native::managed_vpns(&cx.root).unwrap_or_default();
        let ipsec = match native::ipsec(&cx.root) {
            Err(ProbeError::NotPresent(_) | ProbeError::Unsupported(_)) => None,
            known => Some(known),
        };
        let mut gather = Gather::new(cx);
        enter(cx, &tunnels, &managed, ipsec.as_ref(), &mut gather);
        self.standing.set_vpns(up(&tunnels, &managed, ipsec.as_ref()));
        for tunnel in tunnels.iter().filter(|tunnel| tunnel.kind == "wireguard") {
            let now = u64::try_from(cx.clock.now().unix_ms() / 1000).unwrap_or(0);
            let age = native::last_handshake(&cx.root, &tunnel.interface).map(|at| now.saturating_sub(at));
            gather.outcome("endpoint.vpn.handshake_age", [("vpn", tunnel.interface.as_str())], age);
        }
        if !tunnels.iter().any(|tunnel| tunnel.kind == "wireguard") {
            gather.unknown("endpoint.vpn.handshake_age", [], ProbeError::NotPresent("WireGuard tunnel"));
        }
        Ok(gather.done())
    }
}

/// What tells the VPNs apart that are up.
fn up(tunnels: &[Tunnel], managed: &[Managed], ipsec: Option<&Result<bool, ProbeError>>) -> BTreeSet<String> {
    let tunnels = tunnels.iter().filter(|tunnel| tunnel.is_up).map(|tunnel| tunnel.interface.clone());
    let managed = managed.iter().filter(|one| one.kind == "plugin" && one.state == State::Up);
    let ipsec = ipsec.filter(|known| **known == Ok(true)).map(|_| IPSEC.to_owned());
    order::set(tunnels.chain(managed.map(|one| one.id.clone())).chain(ipsec))
}

fn enter(
    cx: &Context,
    tunnels: &[Tunnel],
    managed: &[Managed],
    ipsec: Option<&Result<bool, ProbeError>>,
    gather: &mut Gather,
) {
    // What NetworkManager runs itself has an interface, which is told already.
    let managed: Vec<&Managed> = managed.iter().filter(|one| one.kind == "plugin").collect();
    let any_up = tunnels.iter().any(|tunnel| tunnel.is_up) || managed.iter().any(|one| one.state == State::Up);
    // One that is up is enough; where none is, one that nobody may ask about leaves the question open.
    let any_up = if any_up { Ok(true) } else { ipsec.cloned().unwrap_or(Ok(false)) };
    gather.outcome("endpoint.vpn.up", [], any_up);
    if let Some(known) = ipsec {
        let state = known.clone().map(|is_up| if is_up { State::Up } else { State::Down }.name());
        gather.outcome("endpoint.vpn.state", [("vpn", IPSEC), ("endpoint.vpn.kind", IPSEC)], state);
    }
    if tunnels.is_empty() && managed.is_empty() && ipsec.is_none() {
        gather.unknown("endpoint.vpn.state", [], ProbeError::NotPresent("VPN"));
    }
    for tunnel in tunnels {
        let state = if tunnel.is_up { State::Up } else { State::Down };
        let attributes = [("vpn", tunnel.interface.as_str()), ("endpoint.vpn.kind", tunnel.kind)];
        let product = tunnel.product.map(|product| ("endpoint.vpn.product", product));
        let attributes: Attributes = attributes.into_iter().chain(product).collect();
        gather.value("endpoint.vpn.state", attributes, state.name());
    }
    for one in managed {
        let name = cx.pseudonyms.name("vpn", &one.id);
        let attributes = [("vpn", name.as_str()), ("endpoint.vpn.kind", one.kind)];
        gather.value("endpoint.vpn.state", attributes, one.state.name());
    }
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Value;
    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    fn look(tunnels: &[Tunnel], managed: &[Managed]) -> Vec<(String, Option<Value>)> {
        look_with(tunnels, managed, None)
    }

    fn look_with(
        tunnels: &[Tunnel],
        managed: &[Managed],
        ipsec: Option<Result<bool, ProbeError>>,
    ) -> Vec<(String, Option<Value>)> {
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
        let mut gather = Gather::new(&cx);
        enter(&cx, tunnels, managed, ipsec.as_ref(), &mut gather);
        let readings = gather.done().readings.into_iter();
        readings.map(|reading| (reading.series.to_string(), reading.outcome.ok())).collect()
    }

    fn plugin(state: State) -> Managed {
        Managed { id: "eaefc7aa-f13f-4c94-bbd9-2a963743d2e1".to_owned(), kind: "plugin", state }
    }

    #[test]
    fn a_connection_being_made_is_not_up() {
        let told = look(&[], &[plugin(State::Connecting)]);
        assert_eq!(told[0], ("endpoint.vpn.up".to_owned(), Some(Value::Flag(false))));
        assert_eq!(told[1].1, Some(Value::Text("connecting".to_owned())));
        assert!(!told[1].0.contains("eaefc7aa"), "{}", told[1].0);
    }

    #[test]
    fn a_tunnel_that_network_manager_runs_is_told_once() {
        let tunnel = Tunnel { interface: "wg0".to_owned(), kind: "wireguard", product: None, is_up: true };
        let told = look(&[tunnel], &[Managed { kind: "wireguard", ..plugin(State::Up) }]);
        let states = told.iter().filter(|(series, _)| series.starts_with("endpoint.vpn.state"));
        assert_eq!(states.count(), 1);
        assert_eq!(told[0].1, Some(Value::Flag(true)));
    }

    #[test]
    fn a_tunnel_of_a_known_product_says_whose_it_is() {
        let tunnel = Tunnel { interface: "cscotun0".to_owned(), kind: "tun", product: Some("anyconnect"), is_up: true };
        let told = look(&[tunnel], &[]);
        assert!(told[1].0.contains("endpoint.vpn.product=\"anyconnect\""), "{}", told[1].0);
    }

    #[test]
    fn ipsec_without_an_interface_is_a_vpn_and_one_that_nobody_may_ask_about_an_open_question() {
        let told = look_with(&[], &[], Some(Ok(true)));
        assert_eq!(told[0].1, Some(Value::Flag(true)));
        assert_eq!(told[1].1, Some(Value::Text("up".to_owned())));
        let unasked = || Some(Err(ProbeError::NoPermission("the list".to_owned())));
        let told = look_with(&[], &[], unasked());
        assert_eq!([&told[0].1, &told[1].1], [&None, &None]);
        assert_eq!(look_with(&[], &[plugin(State::Up)], unasked())[0].1, Some(Value::Flag(true)));
    }

    #[test]
    fn a_machine_without_a_vpn_has_none_up_and_no_state() {
        let told = look(&[], &[]);
        assert_eq!(told[0].1, Some(Value::Flag(false)));
        assert_eq!(told[1], ("endpoint.vpn.state".to_owned(), None));
    }
}
