//! The network of machines that are directories of files.

use super::*;

#[test]
fn tells_what_the_network_gave_a_laptop() {
    let told = collect("addressing", &machine("laptop"));
    let route = r#"endpoint.network.default_route{family="ipv4",network.interface.name="wlp3s0"}"#;
    assert_eq!(text(&told, route), "10.0.2.0/24, rank 600");
    assert_eq!(text(&told, "endpoint.dns.resolver"), "systemd-resolved");
    assert_eq!(text(&told, r#"endpoint.dns.server{server="server1"}"#), "10.0.2.0/24");
    assert_eq!(text(&told, r#"endpoint.dns.server{server="server2"}"#), "2001:db8:5::/64");
    assert_eq!(why(&told, r#"endpoint.dns.server{server="server3"}"#), Why::NotPresent);
    assert!(!text(&told, "endpoint.network.domain").contains("office"));
    assert_eq!(number(&told, r#"endpoint.dhcp.lease_time{network.interface.name="wlp3s0"}"#), 43_200.0);
    assert!(number(&told, r#"endpoint.dhcp.lease_remaining{network.interface.name="wlp3s0"}"#) > 1e6);
    assert_eq!(text(&told, r#"endpoint.dhcp.server{network.interface.name="wlp3s0"}"#), "10.0.2.0/24");
    assert_eq!(why(&told, r#"endpoint.dhcp.server{network.interface.name="enp0s31f6"}"#), Why::NotPresent);
}

#[test]
fn tells_a_modem_a_tunnel_and_the_end_of_a_virtual_machine_apart() {
    let interfaces = collect("interfaces", &machine("laptop"));
    let names: Vec<String> = interfaces.iter().map(|reading| reading.series.to_string()).collect();
    let has = |name: &str, kind: &str| {
        let series = format!(r#"hw.network.up{{endpoint.nic.kind="{kind}",network.interface.name="{name}"}}"#);
        names.contains(&series)
    };
    assert!(has("wwan0", "wwan") && has("tun0", "vpn") && has("wg0", "vpn"), "{names:?}");
    assert!(names.iter().all(|series| !series.contains("vnet0")), "{names:?}");
}

#[test]
fn tells_what_goes_wrong_on_a_cable() {
    let cx = machine("laptop");
    let (links, faults) = (collect("links", &cx), collect("link-faults", &cx));
    let of = |signal: &str, name: &str, kind: &str| {
        format!(r#"{signal}{{endpoint.nic.kind="{kind}",network.interface.name="{name}"}}"#)
    };
    assert_eq!(number(&links, &of("endpoint.nic.mtu", "wg0", "vpn")), 1420.0);
    assert_eq!(why(&links, &of("endpoint.nic.speed_max", "enp0s31f6", "eth")), Why::NotPresent, "no link, no answer");
    assert_eq!(number(&faults, &of("endpoint.nic.carrier_changes", "wlp3s0", "wifi")), 9.0);
    assert_eq!(number(&faults, &of("endpoint.nic.checksum_errors", "enp0s31f6", "eth")), 17.0);
    assert!(faults.iter().all(|reading| !reading.series.to_string().contains("wg0")));
}

#[test]
fn counts_sockets_and_the_ports_that_are_left() {
    let cx = machine("laptop");
    let tcp = collect("tcp", &cx);
    assert_eq!(number(&tcp, r#"endpoint.tcp.sockets{state="in_use"}"#), 45.0);
    assert_eq!(number(&tcp, r#"endpoint.tcp.sockets{state="time_wait"}"#), 12.0);
    assert!(outcome(&tcp, "endpoint.tcp.retransmit_ratio").is_err(), "one look makes no share");
    assert_eq!(number(&collect("ports", &cx), "endpoint.tcp.ephemeral_used"), 0.3);
}

#[test]
fn tells_vpns_radios_and_the_firewall() {
    let cx = machine("laptop");
    let vpn = collect("vpn", &cx);
    assert_eq!(text(&vpn, r#"endpoint.vpn.state{endpoint.vpn.kind="wireguard",vpn="wg0"}"#), "up");
    assert_eq!(text(&vpn, r#"endpoint.vpn.state{endpoint.vpn.kind="tun",vpn="tun0"}"#), "down");
    assert_eq!(*outcome(&vpn, "endpoint.vpn.up"), Ok(Value::Flag(true)));
    assert_eq!(why(&vpn, r#"endpoint.vpn.handshake_age{vpn="wg0"}"#), Why::NotPresent);
    let radios = collect("radios", &cx);
    assert_eq!(text(&radios, r#"endpoint.radio.state{radio="wifi"}"#), "on");
    assert_eq!(text(&radios, r#"endpoint.radio.state{radio="bluetooth"}"#), "off by a setting");
    let firewall = collect("firewall", &cx);
    assert_eq!(text(&firewall, r#"endpoint.firewall.state{profile="default"}"#), "on");
    assert_eq!(text(&firewall, "endpoint.firewall.provider"), "ufw");
}

#[test]
fn tells_that_there_is_a_proxy_and_neither_which_nor_for_whom() {
    let proxies = collect("proxy", &machine("laptop"));
    assert_eq!(text(&proxies, r#"endpoint.proxy.mode{source="environment"}"#), "manual");
    assert_eq!(text(&proxies, r#"endpoint.proxy.mode{source="desktop"}"#), "pac");
    assert_eq!(text(&proxies, r#"endpoint.proxy.mode{source="kde"}"#), "none");
    assert_eq!(why(&proxies, r#"endpoint.proxy.mode{source="network_manager"}"#), Why::NotPresent);
    assert_eq!(why(&proxies, r#"endpoint.proxy.mode{source="services"}"#), Why::NotPresent);
    assert_eq!(why(&proxies, r#"endpoint.proxy.mode{source="session"}"#), Why::NoPermission);
    let host = text(&proxies, r#"endpoint.proxy.host{source="environment"}"#);
    assert!(host.starts_with("http://") && host.len() == "http://".len() + 15, "{host}");
    let said = format!("{proxies:?}");
    assert!(["geheim", "ada", "office"].iter().all(|secret| !said.contains(secret)), "{said}");
}

#[test]
fn a_machine_without_wifi_says_so() {
    let cx = Context { root: PathBuf::from("/nonexistent"), ..this_machine() };
    for name in ["wifi", "radios", "vpn", "firewall", "proxy", "links", "link-faults"] {
        let error = probe(name).collect(&cx).expect_err("nothing there");
        assert!(matches!(Unknown::from(error).why, Why::NotPresent | Why::Unsupported), "{name}");
    }
}
