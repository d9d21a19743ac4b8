//! Prints what a detector keeps for an endpoint, what a minute of it costs, and how long a pulled snapshot takes:
//! `tests/measure detection`, or `cargo run --release -p firstline-diagnosis --example detection`.
//!
//! Every endpoint sends a layout of its own with the series of an ordinary Linux workstation, twenty programs of three
//! hundred among them, one sample a minute with numbers that move, as finely as agents tell them, long enough to fill
//! every window, and is judged after each, as the collector does it. A second fleet tells its inventory as well: a state
//! for each signal of Linux that has one, and for each that has instances that there is none. The floors are what bare
//! 32-bit floats of the windows take, what adding up bare floats of the same windows takes, and what reading the
//! snapshot's JSON takes. Times are the processor's. Linux only: both are read from `/proc/self`.

use std::fs;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::{Detector, Host};
use firstline_diagnosis::diagnose;
use firstline_diagnosis::document::{
    AgentHealth, Os, Quality, Reason, Snapshot, SnapshotEndpoint, SnapshotReading, SnapshotSeries,
};
use firstline_diagnosis::registry::{Registry, SignalKind, SignalSpec, Source, ValueType};
use firstline_diagnosis::vocabulary::{Attributes, Layout, Reading, Sample, Series, Timestamp, Unknown, Value, Why};

const ENDPOINTS: usize = 2000;
const MINUTES: i64 = 150;
/// The last minutes, in which every window is full, are timed.
const TIMED: i64 = 30;
/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// So many days are timed: the system counts a process's time in milliseconds.
const REBUILDS: u32 = 20;
const START_MS: i64 = 1_770_000_000_000;
/// Linux pages on all systems that this is run on.
const PAGE_BYTES: usize = 4096;

fn main() {
    let catalogue = Catalogue::builtin();
    println!("{} checks, {} of them for Linux", catalogue.checks().len(), judged(&catalogue));
    fleet(&catalogue, &[]);
    fleet(&catalogue, &inventory());
    let (layout, readings) = (layout(0), inventory());
    let levels: Vec<f32> = layout.series().iter().map(fine).collect();
    println!("{:.1} ms to rebuild an endpoint from a day", ms(rebuild(&catalogue, &layout, &levels)));
    let snapshot = snapshot(&layout, &levels, &readings);
    let text = serde_json::to_string(&snapshot).expect("plain data");
    println!(
        "{:.1} ms to diagnose a snapshot of {} series, {} readings, {} KiB",
        ms(timed(|| drop(black_box(diagnose(&catalogue, &snapshot, Some("slow")))))),
        snapshot.series.len(),
        snapshot.readings.len(),
        text.len() / 1024
    );
    let read = || drop(black_box(serde_json::from_str::<Snapshot>(&text).expect("what was written")));
    println!("  floor: {:.1} ms, to read its JSON", ms(timed(read)));
}

fn judged(catalogue: &Catalogue) -> usize {
    catalogue.checks().iter().filter(|check| check.runs_on("linux")).count()
}

/// Lets a fleet live for some hours, and says what it took.
fn fleet(catalogue: &Arc<Catalogue>, readings: &[Reading]) {
    // What a stream holds is not the detector's: it is there before, and stays.
    let layouts: Vec<Layout> = (0..ENDPOINTS).map(layout).collect();
    let levels: Vec<f32> = layouts[0].series().iter().map(fine).collect();
    let before = resident_bytes();
    let endpoints = layouts.iter().zip(1..).map(|(layout, random)| {
        let mut endpoint = Endpoint::new(catalogue, layout, &levels, random);
        for reading in readings {
            endpoint.detector.reading(reading);
        }
        endpoint
    });
    let mut endpoints: Vec<Endpoint> = endpoints.collect();
    pass(&mut endpoints, 1..=MINUTES - TIMED);
    let started = processor_time();
    pass(&mut endpoints, MINUTES - TIMED + 1..=MINUTES);
    let took = since(started) / (ENDPOINTS as u32 * TIMED as u32);
    let bytes = (resident_bytes() - before) / ENDPOINTS;
    let kept = endpoints[0].detector.kept();
    let holding = endpoints[0].detector.findings(Timestamp(START_MS + MINUTES * 60_000)).len();
    println!("{} readings of state or why there is none, {holding} findings hold:", readings.len());
    println!("  {bytes} bytes for each of {ENDPOINTS} endpoints");
    println!("    {} of them for {} numbers and their times, the state of the windows", kept.bytes, kept.numbers);
    println!("    {} series that checks read, {} are sampled", kept.series, levels.len());
    println!("    floor: {} bytes, the windows of these series as bare floats", 4 * kept.needed);
    println!("  {:.4} ms for each endpoint and minute, {:.0} a second and core", ms(took), 1.0 / took.as_secs_f64());
    println!("    100,000 endpoints: {:.3} cores", took.as_secs_f64() * 100_000.0 / 60.0);
    println!("    floor: {:.4} ms, to add up as many bare floats", ms(floor(kept.needed)));
}

/// Lets time pass for all endpoints.
fn pass(endpoints: &mut [Endpoint], minutes: RangeInclusive<i64>) {
    for minute in minutes {
        for endpoint in &mut *endpoints {
            endpoint.minute(minute);
        }
    }
}

/// The time to send a day through a detector, as the collector does it for an endpoint that it hears again.
fn rebuild(catalogue: &Arc<Catalogue>, layout: &Layout, levels: &[f32]) -> Duration {
    let started = processor_time();
    for random in 1..=REBUILDS {
        let mut endpoint = Endpoint::new(catalogue, layout, levels, u64::from(random));
        for minute in 1..=DAY {
            let at = endpoint.tell(minute);
            if minute > DAY - 120 || minute % 5 == 0 {
                black_box(endpoint.detector.evaluate(at));
            }
        }
    }
    since(started) / REBUILDS
}

/// An endpoint and what it sends.
struct Endpoint<'a> {
    detector: Detector,
    layout: &'a Layout,
    levels: &'a [f32],
    random: u64,
}

impl<'a> Endpoint<'a> {
    fn new(catalogue: &Arc<Catalogue>, layout: &'a Layout, levels: &'a [f32], random: u64) -> Self {
        let mut detector = Detector::new(Arc::clone(catalogue), Host { os_type: "linux".to_owned() });
        let at = Timestamp(START_MS);
        for (signal, value) in [("system.cpu.logical.count", 8.0), ("system.memory.limit", 16e9)] {
            detector.reading(&Reading::value(signal, Attributes::none(), value, at));
        }
        Self { detector, layout, levels, random }
    }

    /// A minute's sample, and the judgement after it.
    fn minute(&mut self, minute: i64) {
        let at = self.tell(minute);
        black_box(self.detector.evaluate(at));
        black_box(self.detector.findings(at));
    }

    /// A minute's sample; gives its moment.
    fn tell(&mut self, minute: i64) -> Timestamp {
        let at = Timestamp(START_MS + minute * 60_000);
        let count = self.layout.series().len();
        let values = (0..count).map(|index| self.value(index)).collect();
        let layout = self.layout.fingerprint();
        let sample = Sample { at, step_seconds: 60, layout, values, absences: Vec::new() };
        self.detector.sample(self.layout, &sample);
        at
    }

    /// A number that moves and is nothing to worry about.
    fn value(&mut self, index: usize) -> f32 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (self.random >> 40) as f32 / 16_777_216.0;
        told(self.levels[index] * (1.0 + noise / 100.0))
    }
}

/// A number as agents tell it: with 12 bits behind the first.
fn told(number: f32) -> f32 {
    const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - 12;
    f32::from_bits(((number.to_bits() + (1 << (DROPPED - 1))) >> DROPPED) << DROPPED)
}

/// What a Linux machine tells beside its samples: of each signal without instances a state, of the others that there is
/// nothing.
fn inventory() -> Vec<Reading> {
    let is_told = |signal: &&SignalSpec| {
        let has_source = matches!(signal.source.on("linux"), Some(Source::Api(_)));
        signal.kind != SignalKind::Event && !signal.is_sampled() && !signal.for_tickets && has_source
    };
    Registry::builtin().iter().filter(is_told).map(state).collect()
}

fn state(signal: &SignalSpec) -> Reading {
    let at = Timestamp(START_MS);
    if !signal.attributes.is_empty() {
        let why = Unknown::new(Why::NotPresent, "this machine has none");
        return Reading::unknown(&signal.name, Attributes::none(), why, at);
    }
    let value = match signal.value {
        ValueType::Number => Value::Number(1.0),
        ValueType::Flag => Value::Flag(false),
        ValueType::Text => Value::Text("as it should be".to_owned()),
    };
    Reading::value(&signal.name, Attributes::none(), value, at)
}

/// A snapshot as agents make it: a day in steps of five minutes, the last hour in steps of 15 s.
fn snapshot(layout: &Layout, levels: &[f32], readings: &[Reading]) -> Snapshot {
    let taken_at = Timestamp(START_MS);
    let stretch = |series: &Series, level: f32, hours: u64, count: usize, step_seconds: u32| {
        let values = (0..count).map(|index| Some(told(level * (1.0 + (index % 7) as f32 / 700.0)))).collect();
        let (signal, attrs) = (series.signal.to_string(), series.attributes.clone());
        SnapshotSeries { signal, attrs, start: taken_at - Duration::from_hours(hours), step_seconds, values }
    };
    let series = layout
        .series()
        .iter()
        .zip(levels)
        .flat_map(|(series, level)| [stretch(series, *level, 24, 276, 300), stretch(series, *level, 1, 240, 15)]);
    let os = Os { os_type: "linux".to_owned(), ..Os::default() };
    let endpoint = SnapshotEndpoint {
        id: "e1".to_owned(),
        name: "desk-7".to_owned(),
        os,
        users: Vec::new(),
        uptime_seconds: 100_000,
        boot_id: "b1".to_owned(),
    };
    Snapshot {
        id: "s1".to_owned(),
        endpoint,
        taken_at,
        reason: Reason::Pull,
        ticket: None,
        schema: 1,
        catalogue: String::new(),
        readings: readings.iter().map(pulled).collect(),
        series: series.collect(),
        events: Vec::new(),
        marks: Vec::new(),
        changes: Vec::new(),
        agent: AgentHealth::default(),
        signature: None,
    }
}

fn pulled(reading: &Reading) -> SnapshotReading {
    let (value, why) = match &reading.outcome {
        Ok(value) => (Some(value.clone()), None),
        Err(unknown) => (None, Some(unknown.why)),
    };
    SnapshotReading {
        signal: reading.series.signal.to_string(),
        attrs: reading.series.attributes.clone(),
        value,
        unit: String::new(),
        quality: if why.is_none() { Quality::Ok } else { Quality::Unknown },
        why,
        detail: String::new(),
        at: reading.at,
    }
}

/// The processor time of one of some rounds.
fn timed(deed: impl Fn()) -> Duration {
    let started = processor_time();
    (0..REBUILDS).for_each(|_| deed());
    since(started) / REBUILDS
}

/// What a series shows on a machine that is well.
fn fine(series: &Series) -> f32 {
    match &*series.signal {
        "system.filesystem.usage" | "system.filesystem.limit" | "endpoint.memory.available" => 1e11,
        "endpoint.filesystem.inodes" => 1e6,
        "endpoint.dns.lookup.ok"
        | "endpoint.probe.tls.ok"
        | "endpoint.probe.tcp.ok"
        | "endpoint.gateway.present"
        | "endpoint.gateway.reachable"
        | "hw.network.up" => 1.0,
        "system.cpu.utilization" if series.attributes.get("cpu.mode") == Some("idle") => 0.9,
        "process.memory.usage" | "system.uptime" => 1e5,
        "endpoint.filesystem.readonly" => 0.0,
        _ => 0.001,
    }
}

/// The time to add up so many bare floats.
fn floor(numbers: usize) -> Duration {
    let bare = vec![1.0_f32; numbers];
    let rounds = 1_000_000;
    let started = processor_time();
    for _ in 0..rounds {
        black_box(black_box(&bare).iter().map(|value| f64::from(*value)).sum::<f64>());
    }
    since(started) / rounds
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn layout(endpoint: usize) -> Layout {
    Layout::new(series(endpoint).iter().map(|text| text.parse::<Series>().expect("a series")).collect::<Vec<_>>())
}

/// 163 series: 20 programs of its own, three volumes, two disks, two adapters, and what every machine has once.
fn series(endpoint: usize) -> Vec<String> {
    let mut all = Vec::new();
    for place in 0..20 {
        let program = (endpoint * 7 + place * 15) % 300;
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

/// Processor time since `started`.
fn since(started: Duration) -> Duration {
    processor_time().saturating_sub(started)
}

/// The time that this process had a processor, whatever else the machine does.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").expect("Linux has it");
    let spent_ns = text.split_whitespace().next().and_then(|spent| spent.parse().ok());
    Duration::from_nanos(spent_ns.expect("the first number"))
}

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number") * PAGE_BYTES
}
