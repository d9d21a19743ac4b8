//! Prints how many bytes a detector keeps for an endpoint: `cargo run --release -p firstline-diagnosis --example footprint`.
//!
//! Every endpoint sends a layout of its own with the series of an ordinary Linux workstation, one sample a minute, long
//! enough to fill every window. Linux only: resident memory is read from `/proc/self/statm`.

use std::fs;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::{Detector, Host};
use firstline_diagnosis::vocabulary::{Layout, Sample, Series, Timestamp};

const ENDPOINTS: usize = 500;
const MINUTES: i64 = 180;
const START_MS: i64 = 1_770_000_000_000;
/// Linux pages on all systems that this is run on.
const PAGE_BYTES: usize = 4096;

fn main() {
    let series = series().len();
    let catalogue = Catalogue::builtin();
    let before = resident_bytes();
    let detectors: Vec<Detector> = (0..ENDPOINTS)
        .map(|_| {
            let mut detector = Detector::new(catalogue.clone(), Host { os_type: "linux".to_owned() });
            let layout = layout();
            for minute in 1..=MINUTES {
                let values = vec![minute as f32 / 1000.0; layout.series().len()];
                let at = Timestamp(START_MS + minute * 60_000);
                let layout_name = layout.fingerprint();
                let sample = Sample { at, step_seconds: 60, layout: layout_name, values, absences: Vec::new() };
                detector.sample(&layout, &sample);
            }
            detector.evaluate(Timestamp(START_MS + MINUTES * 60_000));
            detector
        })
        .collect();
    let bytes = (resident_bytes() - before) / detectors.len();
    println!("{bytes} bytes for each endpoint with {series} series, over {} endpoints", detectors.len());
}

fn layout() -> Layout {
    Layout::new(series().iter().map(|text| text.parse::<Series>().expect("a series")).collect::<Vec<_>>())
}

/// 165 series: 20 programs, three volumes, two disks, two adapters, and what every machine has once.
fn series() -> Vec<String> {
    let mut all = Vec::new();
    for program in 0..20 {
        for signal in ["process.cpu.time", "process.memory.usage", "process.group.size"] {
            all.push(format!("{signal}{{process.executable.name=program-{program}}}"));
        }
    }
    for (mount, role) in [("/", "system"), ("/home", "home"), ("/data", "data")] {
        let volume = format!("mountpoint={mount},role={role},type=ext4");
        all.push(format!("system.filesystem.limit{{{volume}}}"));
        all.push(format!("endpoint.filesystem.readonly{{{volume}}}"));
        for state in ["free", "used"] {
            all.push(format!("system.filesystem.usage{{{volume},state={state}}}"));
        }
        for state in ["free", "total"] {
            all.push(format!("endpoint.filesystem.inodes{{{volume},state={state}}}"));
        }
    }
    for disk in ["nvme0n1", "sda"] {
        all.push(format!("system.disk.io_time{{system.device={disk}}}"));
        for signal in ["system.disk.io", "system.disk.operations", "system.disk.operation_time"] {
            for direction in ["read", "write"] {
                all.push(format!("{signal}{{disk.io.direction={direction},system.device={disk}}}"));
            }
        }
    }
    for (adapter, kind) in [("eth0", "eth"), ("wlan0", "wifi")] {
        all.push(format!("hw.network.up{{endpoint.nic.kind={kind},network.interface.name={adapter}}}"));
        for signal in ["system.network.io", "system.network.packet.count", "system.network.errors"] {
            for direction in ["receive", "transmit"] {
                all.push(format!(
                    "{signal}{{endpoint.nic.kind={kind},network.interface.name={adapter},network.io.direction={direction}}}"
                ));
            }
        }
    }
    for mode in ["user", "nice", "system", "idle", "iowait", "interrupt", "steal"] {
        all.push(format!("system.cpu.utilization{{cpu.mode={mode}}}"));
    }
    for signal in ["cpu.some", "memory.some", "memory.full", "io.some", "io.full"] {
        for window in ["avg10", "avg60", "avg300"] {
            all.push(format!("endpoint.pressure.{signal}{{window={window}}}"));
        }
    }
    for server in ["os", "server1", "server2"] {
        for class in ["public", "collector"] {
            for signal in ["endpoint.dns.lookup.ok", "dns.lookup.duration"] {
                all.push(format!("{signal}{{dns.name_class={class},server={server}}}"));
            }
        }
    }
    for target in ["collector", "public1", "public2"] {
        all.push(format!("endpoint.probe.tls.ok{{target={target}}}"));
        for by in ["name", "address"] {
            all.push(format!("endpoint.probe.tcp.ok{{by={by},target={target}}}"));
            all.push(format!("endpoint.probe.tcp.duration{{by={by},target={target}}}"));
        }
    }
    for signal in [
        "endpoint.cpu.run_queue_per_core",
        "endpoint.cpu.interrupt_time",
        "endpoint.memory.available",
        "endpoint.memory.hard_faults",
        "endpoint.oom_kills",
        "system.uptime",
        "endpoint.gateway.present",
        "endpoint.gateway.reachable",
    ] {
        all.push(signal.to_owned());
    }
    all
}

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number") * PAGE_BYTES
}
