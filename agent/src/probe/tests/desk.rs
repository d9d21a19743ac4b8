//! Pressure, displays, sound, cameras and certificates of machines that are directories of files.

use firstline_diagnosis::vocabulary::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::os::prepared;

/// A machine of these files; it lasts as long as the folder.
fn machine_of(files: &[(&str, &str)], links: &[(&str, &str)]) -> (TempDir, Context) {
    let root = prepared::machine_of(files, links);
    let cx = Context { root: root.path().to_owned(), ..this_machine() };
    (root, cx)
}

fn flag(readings: &[Reading], series: &str) -> bool {
    match outcome(readings, series) {
        Ok(Value::Flag(flag)) => *flag,
        other => panic!("{series} is {other:?}"),
    }
}

#[test]
fn tells_how_long_work_waited_over_each_window() {
    let memory =
        "some avg10=1.50 avg60=0.70 avg300=0.20 total=5000\nfull avg10=0.90 avg60=0.30 avg300=0.10 total=2000\n";
    let (_root, cx) = machine_of(&[("proc/pressure/memory", memory)], &[]);
    let pressure = collect("pressure", &cx);
    assert_eq!(number(&pressure, r#"endpoint.pressure.memory.some{window="avg10"}"#), 0.015);
    assert_eq!(number(&pressure, r#"endpoint.pressure.memory.full{window="avg300"}"#), 0.001);
    assert_eq!(why(&pressure, r#"endpoint.pressure.io.some{window="avg10"}"#), Why::Unsupported);
}

#[test]
fn counts_displays_sound_and_cameras() {
    let (_root, cx) = machine_of(
        &[
            ("sys/class/drm/card0-eDP-1/status", "connected\n"),
            ("sys/class/drm/card0-eDP-1/modes", "1920x1200\n1920x1080\n"),
            ("sys/class/drm/card0-HDMI-A-1/status", "connected\n"),
            ("sys/class/drm/card0-HDMI-A-1/modes", ""),
            (
                "proc/asound/pcm",
                "00-00: ALC257 : ALC257 : playback 1 : capture 1\n00-03: HDMI 0 : HDMI 0 : playback 1\n",
            ),
            ("proc/asound/card0/pcm0p/sub0/status", "state: RUNNING\nowner_pid   : 77\n"),
            ("proc/asound/card0/pcm0c/sub0/status", "closed\n"),
            ("sys/class/video4linux/video0/index", "0"),
        ],
        &[("proc/77/fd/5", "/dev/video0")],
    );
    let media = collect("media", &cx);
    assert_eq!(number(&media, "endpoint.display.count"), 2.0);
    assert_eq!(text(&media, r#"endpoint.display.resolution{display.connector="eDP-1"}"#), "1920x1200");
    assert_eq!(why(&media, r#"endpoint.display.resolution{display.connector="HDMI-A-1"}"#), Why::Failed);
    assert_eq!(number(&media, "endpoint.audio.playback.count"), 2.0);
    assert_eq!(number(&media, "endpoint.audio.capture.count"), 1.0);
    assert!(flag(&media, r#"endpoint.audio.in_use{direction="playback"}"#));
    assert!(!flag(&media, r#"endpoint.audio.in_use{direction="capture"}"#));
    assert_eq!(number(&media, "endpoint.camera.count"), 1.0);
    assert!(flag(&collect("camera-use", &cx), "endpoint.camera.in_use"));
    let (_root, cx) = machine_of(&[("proc/uptime", "1 1\n")], &[]);
    assert_eq!(why(&collect("media", &cx), "endpoint.audio.playback.count"), Why::NotPresent, "no card, no list");
}

#[test]
fn tells_when_certificates_expire_and_neither_whose_they_are_nor_who_signed_them() {
    let mut wish = rcgen::CertificateParams::new(vec!["laptop.corp.example".to_owned()]).expect("a name");
    wish.distinguished_name.push(rcgen::DnType::CommonName, "ada.lovelace");
    wish.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let pem = wish.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("signed").pem();
    let profile = "[802-1x]\neap=tls\nclient-cert=/etc/pki/laptop.pem\nprivate-key=/etc/pki/laptop.key\n";
    let (_root, cx) = machine_of(
        &[
            ("etc/NetworkManager/system-connections/corp.nmconnection", profile),
            ("etc/pki/laptop.pem", &pem),
            ("etc/openvpn/client/corp.conf", "client\ncert gone.crt\nkey gone.key\n"),
        ],
        &[],
    );
    let certificates = collect("certificates", &cx);
    let told = |signal: &str| {
        let ours = |reading: &&Reading| &*reading.series.signal == signal && reading.outcome.is_ok();
        certificates.iter().find(ours).expect("the one that is there")
    };
    let left = told("endpoint.certificate.expires_in").number().expect("a number");
    let until = jiff::civil::date(2040, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).expect("a moment").timestamp();
    let expected = Timestamp::from(until).seconds_since(cx.clock.now());
    assert!((left - expected).abs() < 60.0, "{left} and not {expected}");
    assert_eq!(told("endpoint.certificate.has_key").outcome, Ok(Value::Flag(true)));
    assert_eq!(why(&certificates, "endpoint.certificate.expires_in"), Why::Failed, "the file is not there");
    let all = format!("{certificates:?}");
    assert!(!all.contains("lovelace") && !all.contains("corp.example"), "{all}");
}
