//! Every probe against this machine and against machines that are directories of files.

mod desk;
mod hardware;
mod network;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use firstline_diagnosis::registry::{Registry, Source};
use firstline_diagnosis::vocabulary::{Reading, Unknown, Value, Why};
use tokio::sync::watch;

use super::*;
use crate::os::prepared;
use crate::settings::{DnsName, ProbeTarget, Settings};

/// A machine that is a directory below `tests/fixtures`.
fn machine(name: &str) -> Context {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    Context { root, ..this_machine() }
}

fn this_machine() -> Context {
    let (_, settings) = watch::channel(Settings::default());
    Context::this_machine(settings, Pseudonyms::new(b"test"))
}

fn probe(name: &str) -> Arc<dyn Probe> {
    all().into_iter().find(|probe| probe.spec().name == name).expect("a probe of that name")
}

fn collect(name: &str, cx: &Context) -> Vec<Reading> {
    probe(name).collect(cx).unwrap_or_else(|error| panic!("{name}: {error}")).readings
}

/// The outcome of a series as it is printed.
fn outcome<'a>(readings: &'a [Reading], series: &str) -> &'a Result<Value, Unknown> {
    let found = readings.iter().find(|reading| reading.series.to_string() == series);
    &found.unwrap_or_else(|| panic!("no {series}")).outcome
}

fn number(readings: &[Reading], series: &str) -> f64 {
    outcome(readings, series).as_ref().expect("a value").number().expect("a number")
}

fn text(readings: &[Reading], series: &str) -> String {
    match outcome(readings, series) {
        Ok(Value::Text(text)) => text.clone(),
        other => panic!("{series} is {other:?}"),
    }
}

/// Why there is no value.
fn why(readings: &[Reading], series: &str) -> Why {
    outcome(readings, series).as_ref().expect_err("no value").why
}

#[test]
fn every_signal_of_every_probe_is_declared_and_has_one_owner() {
    let mut owners = std::collections::BTreeMap::new();
    for probe in all() {
        for signal in probe.spec().signals {
            assert!(Registry::builtin().get(signal).is_some(), "{signal} is not declared");
            let other = owners.insert(*signal, probe.spec().name);
            assert_eq!(other, None, "{signal} has two owners");
        }
    }
    // Of accounts the collector knows more.
    let asked_by_the_collector =
        ["endpoint.user.disabled", "endpoint.user.account_expires_in", "endpoint.user.must_change_password"];
    let read = signals_read();
    let orphans: Vec<_> = Registry::builtin()
        .iter()
        .filter(|spec| matches!(spec.source.linux, Source::Api(_)))
        .map(|spec| spec.name.as_str())
        .filter(|name| !read.contains(name) && !asked_by_the_collector.contains(name))
        .collect();
    assert_eq!(orphans, [""; 0], "declared, but no probe reads them");
}

#[test]
fn a_probe_is_at_least_as_fast_as_its_signals() {
    for probe in all() {
        for signal in probe.spec().signals {
            let tier = Registry::builtin().get(signal).expect("declared").tier;
            assert!(probe.spec().tier <= tier, "{signal} wants {tier:?}");
        }
    }
}

#[test]
fn this_machine_gives_declared_readings_in_plausible_ranges() {
    let cx = this_machine();
    let probes = all();
    for probe in &probes {
        // Twice, since shares need two looks.
        let _ = probe.collect(&cx);
        let Ok(readings) = probe.collect(&cx) else { continue };
        for reading in readings.readings {
            let spec = Registry::builtin().get(&reading.series.signal).expect("declared");
            assert!(Registry::builtin().admit(&reading).is_ok(), "{} is refused", spec.name);
            assert!(probe.spec().signals.contains(&&*reading.series.signal), "{} is not in the spec", spec.name);
            assert!(reading.number().is_none_or(|number| is_plausible(&spec.unit, number)), "{} is odd", spec.name);
        }
    }
}

fn is_plausible(unit: &str, number: f64) -> bool {
    match unit {
        "1" => (0.0..=1000.0).contains(&number),
        "By" => (0.0..1e18).contains(&number),
        "Cel" => (-40.0..150.0).contains(&number),
        "W" => (-500.0..500.0).contains(&number),
        "dBm" => (-120.0..0.0).contains(&number),
        _ => number >= 0.0,
    }
}

#[test]
fn nothing_that_names_this_machine_or_its_people_leaves_in_a_reading() {
    let cx = this_machine();
    let mut secrets: Vec<String> = ["etc/machine-id", "sys/class/net/eth0/address"]
        .iter()
        .filter_map(|file| crate::os::read_trimmed(&cx.root, file))
        .collect();
    secrets.extend(crate::os::addresses().unwrap_or_default().iter().map(|(_, address)| address.to_string()));
    for probe in all() {
        for reading in probe.collect(&cx).unwrap_or_default().readings {
            let said = format!("{} {:?}", reading.series, reading.outcome).to_ascii_lowercase();
            let leaked = secrets.iter().any(|secret| said.contains(&secret.to_ascii_lowercase()));
            assert!(!leaked, "{} tells what must not leave", reading.series.signal);
        }
    }
}

#[test]
fn reads_a_laptop() {
    let cx = machine("laptop");
    let identity = collect("identity", &cx);
    assert_eq!(text(&identity, "host.name"), "thinkpad");
    assert_eq!(text(&identity, "os.name"), "Ubuntu");
    assert_eq!(text(&identity, "os.version"), "24.04");
    assert_eq!(text(&identity, "endpoint.chassis"), "laptop");
    assert_eq!(text(&identity, "device.manufacturer"), "LENOVO");
    assert_eq!(number(&identity, "system.cpu.logical.count"), 8.0);
    assert!(!text(&identity, "host.id").contains("0123456789abcdef"));
    let boot = collect("boot", &cx);
    assert_eq!(number(&boot, "system.uptime"), 91234.5);
    assert_eq!(number(&boot, "endpoint.session.users"), 1.0);
    assert_eq!(number(&collect("cpu", &cx), "endpoint.cpu.run_queue_per_core"), 2.0 / 8.0);
    let memory = collect("memory", &cx);
    assert_eq!(number(&memory, "endpoint.oom_kills"), 2.0);
    assert_eq!(number(&memory, r#"system.paging.usage{state="used"}"#), 1024.0 * 1024.0);
}

#[test]
fn reads_the_disks_and_adapters_of_a_laptop() {
    let cx = machine("laptop");
    let disks = collect("disks", &cx);
    assert_eq!(number(&disks, r#"system.disk.io{disk.io.direction="read",system.device="nvme0n1"}"#), 4096.0);
    assert!(disks.iter().all(|reading| !reading.series.to_string().contains("loop0")));
    let media = collect("disk-media", &cx);
    assert_eq!(text(&media, r#"endpoint.disk.media{system.device="nvme0n1"}"#), "nvme");
    assert_eq!(text(&media, r#"endpoint.disk.media{system.device="sdb"}"#), "removable");
    let interfaces = collect("interfaces", &cx);
    let up = |name: &str, kind: &str| {
        let series = format!(r#"hw.network.up{{endpoint.nic.kind="{kind}",network.interface.name="{name}"}}"#);
        outcome(&interfaces, &series).clone().expect("a value")
    };
    assert_eq!(up("wlp3s0", "wifi"), Value::Flag(true));
    assert_eq!(up("enp0s31f6", "eth"), Value::Flag(false));
    assert_eq!(up("wg0", "vpn"), Value::Flag(true));
    assert!(interfaces.iter().all(|reading| !reading.series.to_string().contains("docker0")));
    assert_eq!(*outcome(&interfaces, "endpoint.network.physical_up"), Ok(Value::Flag(true)));
}

#[test]
fn reads_the_processes_of_a_laptop() {
    let processes = collect("processes", &machine("laptop"));
    assert_eq!(number(&processes, "system.process.count"), 4.0);
    assert_eq!(number(&processes, r#"process.group.size{process.executable.name="firefox"}"#), 2.0);
    let memory = number(&processes, r#"process.memory.usage{process.executable.name="firefox"}"#);
    assert_eq!(memory, 80_000.0 * crate::os::native::page_bytes() as f64);
}

#[test]
fn a_machine_without_anything_has_reasons_for_everything() {
    let cx = Context { root: PathBuf::from("/nonexistent"), ..this_machine() };
    for probe in all().iter().filter(|probe| !["agent", "path"].contains(&probe.spec().name)) {
        match probe.collect(&cx) {
            Err(error) => assert_ne!(Unknown::from(error).why, Why::Failed, "{}", probe.spec().name),
            Ok(readings) => {
                let constant = ["os.type", "host.arch"];
                let invented = readings
                    .readings
                    .iter()
                    .find(|one| one.outcome.is_ok() && !constant.contains(&&*one.series.signal));
                assert_eq!(invented, None, "{} invents", probe.spec().name);
            }
        }
    }
}

#[test]
fn a_machine_full_of_nonsense_has_reasons_too() {
    let cx = machine("nonsense");
    for probe in all().iter().filter(|probe| !["agent", "path", "gateway"].contains(&probe.spec().name)) {
        for reading in probe.collect(&cx).unwrap_or_default().readings {
            assert!(Registry::builtin().admit(&reading).is_ok(), "{}", reading.series);
        }
    }
}

#[test]
fn what_may_not_be_read_is_no_permission() {
    let error = ProbeError::io("proc/x", &std::io::ErrorKind::PermissionDenied.into());
    assert_eq!(Unknown::from(error).why, Why::NoPermission);
}

/// Prints what the probes cost here; run it in a release build to compare with the budget. Not a timed test: a busy
/// machine is not a fault.
#[test]
fn prints_the_processor_time_of_each_probe() {
    const LOOKS: u32 = 20;
    let cx = this_machine();
    let mut minute = 0.0;
    for probe in all() {
        let _ = probe.collect(&cx);
        let start = crate::os::native::own_cpu().unwrap_or_default();
        for _ in 0..LOOKS {
            let _ = probe.collect(&cx);
        }
        let used = crate::os::native::own_cpu().unwrap_or_default().saturating_sub(start) / LOOKS;
        let a_minute = match probe.spec().tier {
            Tier::Fast => 4.0,
            Tier::Minute => 1.0,
            _ => 1.0 / 15.0,
        };
        minute += a_minute * used.as_secs_f64();
        println!("{:12} {used:>10.1?} a look, {:?}", probe.spec().name, probe.spec().tier);
    }
    println!("all together {:.2} ms a minute", 1000.0 * minute);
    assert!(minute > 0.0);
}

#[tokio::test]
async fn the_network_of_this_machine_is_looked_at_on_the_runtime_that_it_is_asked_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let host = "localhost".to_owned();
    let (_sender, settings) = watch::channel(Settings {
        dns_names: vec![DnsName { name: host.clone(), name_class: "internal".to_owned() }],
        probe_targets: vec![ProbeTarget { label: "here".to_owned(), host, port, tls: false, addresses: Vec::new() }],
        ..Settings::default()
    });
    let cx = Context::this_machine(settings.clone(), Pseudonyms::new(b"test"));
    let schedule = crate::schedule::Schedule::new(all(), cx, settings);
    let section = schedule.collect_section(Section::Network, Duration::from_secs(10)).await;
    let connected = outcome(&section.readings, r#"endpoint.probe.tcp.ok{by="name",target="here"}"#);
    assert_eq!(*connected, Ok(Value::Flag(true)));
    let found = outcome(&section.readings, r#"endpoint.dns.lookup.ok{dns.name_class="internal",server="os"}"#);
    assert_eq!(*found, Ok(Value::Flag(true)));
}

#[test]
fn two_hundred_mounts_are_as_many_readings_as_their_three_disks() {
    let mut mounts = String::new();
    for (device, point) in [("259:2", "/"), ("259:3", "/home"), ("8:1", "/data")] {
        writeln!(mounts, "28 1 {device} / {point} rw - ext4 /dev/{device} rw").expect("text");
    }
    for number in 0..50 {
        writeln!(mounts, "29 28 0:{number} / /pod/{number} rw - overlay overlay rw").expect("text");
        writeln!(mounts, "30 28 7:{number} / /snap/{number} ro - squashfs /dev/loop{number} ro").expect("text");
        writeln!(mounts, "31 28 259:3 / /srv/bound/{number} rw - ext4 /dev/259:3 rw").expect("text");
        writeln!(mounts, "32 28 1:{number} / /net/{number} rw - nfs4 dead:/export rw").expect("text");
    }
    let root = prepared::machine(&[("proc/1/mountinfo", mounts.as_str()), ("home/a", ""), ("data/a", "")]);
    let readings = collect("filesystems", &Context { root: root.path().to_owned(), ..this_machine() });
    let limits =
        readings.iter().filter(|one| &*one.series.signal == "system.filesystem.limit" && one.number().is_some());
    let points: Vec<_> = limits.filter_map(|one| one.series.attributes.get("mountpoint")).collect();
    assert_eq!(points, ["/", "/data", "/home"]);
    assert!(readings.len() <= 3 * 6, "{}", readings.len());
}
