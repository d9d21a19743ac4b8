//! What breaks on the way out, from the cable up.

use firstline_tests::Lab;
use firstline_tests::lab::{Look, Names};

/// `layer` fails, nothing below it does, and nothing above it could be tested.
pub(crate) fn assert_first_failing(look: &Look, layer: &str) {
    assert_eq!(look.first_failing(), layer, "{look}");
    let layers = look.layers();
    let at = layers.iter().position(|(name, _)| *name == layer).expect("a layer");
    assert_eq!(layers[at].1, "failing", "{look}");
    assert!(layers[..at].iter().all(|(_, verdict)| !["failing", "not_testable"].contains(verdict)), "{look}");
    assert!(layers[at + 1..].iter().all(|(_, verdict)| *verdict == "not_testable"), "{look}");
}

#[tokio::test]
async fn nothing_fails_while_all_is_well() {
    let lab = Lab::open().await;
    let look = lab.look().await;
    assert_eq!(look.first_failing(), "none", "{look}");
    for layer in ["link", "address", "gateway", "dns", "internet", "portal", "tls", "service"] {
        assert_eq!(look.text("endpoint.network.layer", &[("layer", layer)]), "ok", "{layer}\n{look}");
    }
    assert_eq!(look.text("endpoint.network.layer", &[("layer", "proxy")]), "not_present");
    assert!(look.flag("endpoint.gateway.reachable", &[]));
    assert!(look.number("endpoint.path.rtt", &[("segment", "edge")]) < 0.5);
    assert_eq!(look.number("endpoint.path.loss", &[("segment", "edge")]), 0.0);
    assert_eq!(look.number("endpoint.path.packet.largest", &[]), 1400.0);
    assert_eq!(look.text("endpoint.network.context_id", &[]).len(), 15);
}

#[tokio::test]
async fn a_cable_that_is_out_is_the_link() {
    let lab = Lab::open().await;
    lab.pc.run("ip link set eth0 down");
    let look = lab.look().await;
    assert_first_failing(&look, "link");
    assert_eq!(look.text("endpoint.network.class", &[]), "offline");
}

#[tokio::test]
async fn a_network_that_gives_no_address_is_the_address() {
    let lab = Lab::open().await;
    lab.pc.run("ip addr flush dev eth0 scope global");
    assert_first_failing(&lab.look().await, "address");
}

#[tokio::test]
async fn a_router_that_is_gone_is_the_gateway() {
    let lab = Lab::open().await;
    lab.gw.run("ip link set eth0 arp off; ip addr del 10.77.1.1/24 dev eth0");
    let look = lab.look().await;
    assert_first_failing(&look, "gateway");
    assert!(!look.flag("endpoint.gateway.reachable", &[]));
}

#[tokio::test]
async fn a_name_server_that_is_gone_is_dns() {
    let mut lab = Lab::open().await;
    lab.serve_names(Names::Dead);
    let look = lab.look().await;
    assert_first_failing(&look, "dns");
    assert!(look.flag("endpoint.probe.tcp.ok", &[("target", "collector"), ("by", "address")]), "{look}");
}

#[tokio::test]
async fn a_name_server_that_refuses_or_denies_or_lies_is_dns() {
    let mut lab = Lab::open().await;
    for (names, error) in [(Names::Refusing, "refused"), (Names::Denying, "nxdomain"), (Names::Lying, "wrong")] {
        lab.serve_names(names);
        let look = lab.look().await;
        assert_first_failing(&look, "dns");
        let at = [("server", "server1"), ("dns.name_class", "public")];
        assert_eq!(look.text("endpoint.dns.error", &at), error, "{look}");
    }
}

#[tokio::test]
async fn a_name_server_that_is_slow_is_no_failure_but_measured() {
    let mut lab = Lab::open().await;
    lab.serve_names(Names::Slow);
    let look = lab.look().await;
    assert_eq!(look.first_failing(), "none", "{look}");
    let took = look.number("dns.lookup.duration", &[("server", "server1"), ("dns.name_class", "public")]);
    assert!((0.7..2.0).contains(&took), "{took} s\n{look}");
}

#[tokio::test]
async fn a_line_that_is_cut_behind_the_router_is_the_internet() {
    let lab = Lab::open().await;
    lab.forward("drop");
    let look = lab.look().await;
    assert_first_failing(&look, "internet");
    assert!(look.flag("endpoint.gateway.reachable", &[]), "{look}");
}

#[tokio::test]
async fn a_box_that_drops_long_packets_fails_where_they_are_first_needed() {
    let lab = Lab::open().await;
    lab.forward("meta length '>' 1250 drop");
    let look = lab.look().await;
    assert_first_failing(&look, "tls");
    assert_eq!(look.text("endpoint.probe.tls.error", &[("target", "collector")]), "timeout", "{look}");
    assert_eq!(look.number("endpoint.path.packet.largest", &[]), 1200.0, "{look}");
}

#[tokio::test]
async fn packets_that_are_lost_are_counted() {
    let lab = Lab::open().await;
    lab.forward("icmp type echo-request numgen inc mod 5 '==' 0 drop");
    let look = lab.look().await;
    assert_eq!(look.first_failing(), "none", "{look}");
    let loss = look.number("endpoint.path.loss", &[("segment", "edge")]);
    assert!((0.1..=0.3).contains(&loss), "{loss}\n{look}");
}

#[tokio::test]
async fn a_collector_that_is_down_is_the_service() {
    let mut lab = Lab::open().await;
    lab.stop_collector();
    let look = lab.look().await;
    assert_first_failing(&look, "service");
    assert_eq!(look.text("endpoint.probe.tcp.error", &[("target", "collector"), ("by", "name")]), "refused", "{look}");
}
