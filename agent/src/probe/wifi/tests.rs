use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Unknown, Value, Why};
use tokio::sync::watch;

use super::*;
use crate::os::netlink::nl80211::Rate;
use crate::settings::Settings;

fn cx() -> Context {
    let (_, settings) = watch::channel(Settings::default());
    Context::this_machine(settings, Pseudonyms::new(b"test"))
}

fn joined(packets: u32, retries: u32) -> Wireless {
    Wireless {
        interface: "wlp3s0".to_owned(),
        connection: Some(Connection {
            link: Link { network: Some(b"Ada's Home".to_vec()), frequency_mhz: 5_955, width_mhz: Some(160) },
            station: Station {
                access_point: vec![2, 0, 0, 0, 0, 1],
                signal_dbm: Some(-61),
                transmit: Rate { bits_per_second: Some(1_201_000_000), standard: Some("ax") },
                receive: Rate::default(),
                transmit_packets: Some(packets),
                transmit_retries: Some(retries),
                beacon_losses: Some(2),
            },
            survey: Survey { noise_dbm: Some(-92), active_ms: Some(u64::from(packets)), busy_ms: Some(50) },
        }),
    }
}

fn look(wifi: &Wifi, wireless: &Wireless) -> Collected {
    let cx = cx();
    let mut gather = Gather::new(&cx);
    wifi.enter(wireless, &cx.pseudonyms, &mut gather);
    gather.done()
}

fn outcome<'a>(collected: &'a Collected, signal: &str) -> &'a Result<Value, Unknown> {
    let found = collected.readings.iter().find(|reading| &*reading.series.signal == signal);
    &found.unwrap_or_else(|| panic!("no {signal}")).outcome
}

#[test]
fn tells_how_well_the_access_point_is_heard() {
    let collected = look(&Wifi::default(), &joined(1_000, 100));
    assert_eq!(*outcome(&collected, "endpoint.wifi.rssi"), Ok(Value::Number(-61.0)));
    assert_eq!(*outcome(&collected, "endpoint.wifi.snr"), Ok(Value::Number(31.0)));
    assert_eq!(*outcome(&collected, "endpoint.wifi.tx_rate"), Ok(Value::Number(1.201e9)));
    assert_eq!(*outcome(&collected, "endpoint.wifi.band"), Ok(Value::Text("6 GHz".to_owned())));
    assert_eq!(*outcome(&collected, "endpoint.wifi.channel_width"), Ok(Value::Number(160e6)));
    assert_eq!(*outcome(&collected, "endpoint.wifi.phy"), Ok(Value::Text("ax".to_owned())));
    assert!(outcome(&collected, "endpoint.wifi.rx_rate").is_err(), "an idle direction has no speed");
    assert_eq!(collected.readings.len(), SPEC.signals.len());
    assert!(collected.readings.iter().all(|reading| Registry::builtin().admit(reading).is_ok()));
}

#[test]
fn no_name_of_a_network_or_an_access_point_leaves() {
    let said = format!("{:?}", look(&Wifi::default(), &joined(1_000, 100)).readings).to_ascii_lowercase();
    for secret in ["ada", "home", "416461", "020000000001", "02:00:00:00:00:01"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn repeats_are_counted_between_two_looks_at_the_same_access_point() {
    let wifi = Wifi::default();
    assert!(outcome(&look(&wifi, &joined(1_000, 100)), "endpoint.wifi.retry_ratio").is_err());
    let second = look(&wifi, &joined(1_750, 350));
    assert_eq!(*outcome(&second, "endpoint.wifi.retry_ratio"), Ok(Value::Number(0.25)));
    assert_eq!(*outcome(&second, "endpoint.wifi.channel_busy"), Ok(Value::Number(0.0)));
    let mut elsewhere = joined(9_000, 9_000);
    elsewhere.connection.as_mut().expect("joined").station.access_point = vec![2, 0, 0, 0, 0, 2];
    assert!(outcome(&look(&wifi, &elsewhere), "endpoint.wifi.retry_ratio").is_err(), "another one counts anew");
}

#[test]
fn a_quiet_connection_has_no_share_of_repeats_rather_than_none() {
    let wifi = Wifi::default();
    look(&wifi, &joined(1_000, 100));
    let quiet = look(&wifi, &joined(1_005, 100));
    assert!(outcome(&quiet, "endpoint.wifi.retry_ratio").is_err());
}

#[test]
fn an_adapter_that_joined_nothing_says_so_and_why_the_rest_is_missing() {
    let alone = Wireless { connection: None, ..joined(0, 0) };
    let collected = look(&Wifi::default(), &alone);
    assert_eq!(*outcome(&collected, "endpoint.wifi.connected"), Ok(Value::Flag(false)));
    let why = outcome(&collected, "endpoint.wifi.rssi").as_ref().expect_err("no signal").why;
    assert_eq!(why, Why::NotPresent);
}

#[test]
fn a_radio_is_off_when_any_of_its_switches_is() {
    let radio = |kind: &str, by_switch, by_software| Radio {
        kind: kind.to_owned(),
        by_switch: Some(by_switch),
        by_software: Some(by_software),
    };
    let radios = [radio("wlan", false, false), radio("wlan", true, false), radio("bluetooth", false, true)];
    let kinds = by_kind(&radios);
    assert_eq!(kinds["wifi"], "off by a switch or key");
    assert_eq!(kinds["bluetooth"], "off by a setting");
}
