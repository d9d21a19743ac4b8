use std::time::{SystemTime, UNIX_EPOCH};

use firstline_tests::wait;
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use super::{SOON, Site};

/// Where the guest's time service asks. The loopback is one for the machine and its guests.
const TIME_SERVER: &str = "127.0.0.77:123";

/// Seconds from 1900, from where NTP counts, to 1970.
const NTP_EPOCH_SECONDS: f64 = 2_208_988_800.0;

/// The second server in a row from a true clock.
const STRATUM: u8 = 2;

/// Answers everybody who asks for the time. https://www.rfc-editor.org/rfc/rfc5905#section-7.3
async fn tell_the_time() {
    let socket = UdpSocket::bind(TIME_SERVER).await.expect("no other time server answers here");
    tokio::spawn(async move {
        let mut asked = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut asked).await {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
            let now = (((since + NTP_EPOCH_SECONDS) * 4_294_967_296.0) as u64).to_be_bytes();
            let mut answer = [0; 48];
            // Version 4, a server; polled every 64 s, exact to a microsecond.
            answer[..4].copy_from_slice(&[0x24, STRATUM, 6, 0xec]);
            answer[16..24].copy_from_slice(&now);
            answer[24..32].copy_from_slice(&asked[40..]);
            answer[32..40].copy_from_slice(&now);
            answer[40..].copy_from_slice(&now);
            socket.send_to(&answer, from).await.ok();
        }
    });
}

/// The one reading of `signal` whose attributes hold this value; its value, or the reason why there is none.
fn said(readings: &[Value], signal: &str, attribute: &str) -> Value {
    let holds = |one: &&Value| {
        let attributes = one["attrs"].as_object().into_iter().flatten();
        one["signal"] == signal && (attribute.is_empty() || attributes.clone().any(|(_, value)| value == attribute))
    };
    let one = readings.iter().find(holds).unwrap_or_else(|| panic!("no {signal} {attribute}"));
    if one["quality"] == "ok" { one["value"].clone() } else { one["why"].clone() }
}

#[tokio::test]
async fn the_services_of_a_desktop_are_asked_over_the_bus_and_believed() {
    tell_the_time().await;
    let site = Site::open().await;
    site.guest.write("/etc/systemd/timesyncd.conf.d/here.conf", "[Time]\nNTP=127.0.0.77\nFallbackNTP=\n");
    // Nobody answers there, so that the network leads nowhere.
    site.guest.write("/etc/NetworkManager/conf.d/look.conf", "[connectivity]\nuri=http://127.0.0.1:9/\n");
    site.guest.says("systemctl start systemd-timesyncd NetworkManager power-profiles-daemon").await;
    let office = "nmcli connection add type bridge ifname br0 con-name office ip4 10.1.1.1/24 gw4 10.1.1.254 \
                  bridge.stp no connection.metered yes proxy.method auto proxy.pac-url http://wpad.example/proxy.pac";
    site.guest.says(office).await;
    let profile = "busctl set-property net.hadess.PowerProfiles /net/hadess/PowerProfiles net.hadess.PowerProfiles \
                   ActiveProfile s power-saver";
    site.guest.says(profile).await;
    site.guest.comes_to("test -e /run/systemd/timesync/synchronized").await;
    site.guest.comes_to("nmcli --terse networking connectivity check | grep --quiet none").await;
    let metered = "busctl get-property org.freedesktop.NetworkManager /org/freedesktop/NetworkManager \
                   org.freedesktop.NetworkManager Metered | grep --quiet 'u 1'";
    site.guest.comes_to(metered).await;

    site.install("1.0.0").await.done();
    let endpoint = site.enroll("firstline-agent").await;
    // After the agent, which has said by then that nobody is there.
    let desk = "systemd-run --quiet --unit desk -p User=ada -p PAMName=login -E XDG_SESSION_CLASS=user \
                -E XDG_SESSION_TYPE=wayland tail -f /dev/null";
    site.guest.says(desk).await;
    site.guest.comes_to("loginctl --no-legend list-sessions | grep --quiet ada").await;
    let session = site.guest.says("loginctl --no-legend list-sessions | awk '{print $1}'").await;
    let lock = format!(
        "busctl call org.freedesktop.login1 $(busctl call org.freedesktop.login1 /org/freedesktop/login1 \
         org.freedesktop.login1.Manager GetSession s {session} | cut -d'\"' -f2) org.freedesktop.login1.Session \
         SetLockedHint b true"
    );
    site.guest.says(&lock).await;

    // NetworkManager's answer about what the network costs is kept for a minute.
    let readings = wait::until("the network to cost by the byte", SOON * 2, async || {
        let readings = site.pulled(&endpoint).await;
        (said(&readings, "endpoint.network.metered", "") == json!(true)).then_some(readings)
    })
    .await;
    let said = |signal: &str, attribute: &str| said(&readings, signal, attribute);
    assert_eq!(said("endpoint.network.connectivity", ""), json!("none"));
    assert_eq!(said("endpoint.proxy.mode", "network_manager"), json!("pac"));
    assert_eq!(said("endpoint.clock.sync.source", ""), json!("systemd-timesyncd"));
    assert_eq!(said("endpoint.clock.sync.stratum", ""), json!(f64::from(STRATUM)));
    let age = said("endpoint.clock.sync.last_success_age", "").as_f64().expect("a number");
    assert!(age < 300.0, "the time service was answered {age} s ago");
    assert_eq!(said("endpoint.power.mode", ""), json!("power-saver"));
    assert_eq!(said("endpoint.session.active", ""), json!(true));
    assert_eq!(said("endpoint.session.remote", ""), json!(false));
    assert_eq!(said("endpoint.session.locked", ""), json!(true), "a desktop that is locked");
    assert_eq!(said("endpoint.session.idle", ""), json!("not_idle"));
    let analyzed = site.guest.says("systemd-analyze time").await;
    let userspace = said("endpoint.boot.duration", "userspace").as_f64().expect("a number");
    let words = format!("{}ms (userspace)", (userspace * 1000.0).floor());
    assert!(userspace >= 1.0 || analyzed.contains(&words), "{userspace} s, and systemd says: {analyzed}");

    // A machine with a bus is where a probe once asked it from where it must not be asked.
    let probes = wait::until("an account of the first pass", SOON * 2, async || {
        let probes = site.status().await["agent"]["probes"].as_array()?.clone();
        let ran = |name: &str| probes.iter().any(|probe| probe["name"] == name && probe["runs"].as_u64() > Some(0));
        (ran("path") && ran("proxy")).then_some(probes)
    })
    .await;
    let broken: Vec<&Value> = probes.iter().filter(|probe| !probe["failing"].is_null()).collect();
    assert!(probes.len() > 40 && broken.is_empty(), "of {} probes: {broken:?}", probes.len());
    let process = site.property("MainPID").await;
    let ticks = site.guest.says(&format!("cut -d' ' -f14,15 /proc/{process}/stat")).await;
    println!("processor time of the start and the pulls, user and system, in hundredths of a second: {ticks}");
}
