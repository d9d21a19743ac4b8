//! What the simulated machines report: a few layouts that many of them share, and how each number behaves.
//!
//! The series are those that a real agent sends of such a machine; a test holds them against the registry.

use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::v1;

/// How a number moves through the day.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Between a value at rest and one at work, with noise, in parts of a thousand.
    Share(f32, f32),
    /// Bytes between two gigabyte figures, in pages.
    Level(f32, f32),
    /// What was counted in a step: none at rest, up to this much at work, in whole units.
    Rate(f32),
    /// Always this.
    Fixed(f32),
    /// Zero but once in a while.
    Seldom(f32),
}

/// Machines of one kind.
#[derive(Debug)]
pub(super) struct Model {
    /// What they are called in tables.
    pub(super) name: &'static str,
    /// Their series.
    pub(super) layout: Layout,
    /// How each series moves, in the layout's order.
    pub(super) shapes: Vec<Shape>,
}

impl Model {
    fn of(name: &'static str, rows: Vec<(String, Shape)>) -> Self {
        let series = |text: &str| text.parse::<Series>().expect("the series below are written as series");
        let layout = Layout::new(rows.iter().map(|(text, _)| series(text)).collect::<Vec<_>>());
        Self { name, layout, shapes: rows.into_iter().map(|(_, shape)| shape).collect() }
    }

    /// The layout as a frame.
    pub(super) fn frame(&self) -> v1::Layout {
        v1::Layout::from(&self.layout)
    }
}

/// Three kinds of 40 to 60 series, and one of about 200.
pub(super) fn models() -> Vec<Model> {
    let with = |more: Vec<(String, Shape)>| [machine(), more].concat();
    vec![
        Model::of("office desktop", with([volume("/", "root"), wired("enp3s0")].concat())),
        Model::of("laptop on wireless", with([volume("/", "root"), wireless(), battery()].concat())),
        Model::of("laptop with a dock", with([volume("/", "root"), wired("enx3c18"), battery(), fans(1)].concat())),
        Model::of("workstation", with([workstation(), fans(6), programs(50)].concat())),
    ]
}

/// Index of the model of about 200 series.
pub(super) const LARGE: usize = 3;

fn fixed(rows: &[(&str, Shape)]) -> Vec<(String, Shape)> {
    rows.iter().map(|(text, shape)| ((*text).to_owned(), *shape)).collect()
}

/// What every machine has.
fn machine() -> Vec<(String, Shape)> {
    fixed(&[
        ("system.cpu.utilization{cpu.mode=user}", Shape::Share(0.01, 0.45)),
        ("system.cpu.utilization{cpu.mode=system}", Shape::Share(0.005, 0.12)),
        ("system.cpu.utilization{cpu.mode=iowait}", Shape::Share(0.0, 0.03)),
        ("endpoint.cpu.run_queue_per_core", Shape::Share(0.02, 0.7)),
        ("endpoint.cpu.interrupt_time", Shape::Share(0.001, 0.02)),
        ("endpoint.pressure.cpu.some{window=10s}", Shape::Share(0.0, 0.05)),
        ("endpoint.pressure.memory.some{window=10s}", Shape::Share(0.0, 0.004)),
        ("endpoint.pressure.memory.full{window=10s}", Shape::Fixed(0.0)),
        ("endpoint.pressure.io.some{window=10s}", Shape::Share(0.0, 0.04)),
        ("endpoint.memory.available", Shape::Level(11.0, 5.0)),
        ("endpoint.memory.commit", Shape::Level(6.0, 14.0)),
        ("endpoint.memory.commit_limit", Shape::Fixed(25_769_803_776.0)),
        ("system.paging.usage{state=used}", Shape::Level(0.1, 0.6)),
        ("system.paging.operations{direction=in}", Shape::Seldom(24.0)),
        ("system.paging.operations{direction=out}", Shape::Seldom(64.0)),
        ("endpoint.memory.hard_faults", Shape::Rate(400.0)),
        ("endpoint.oom_kills", Shape::Fixed(0.0)),
        ("system.paging.utilization", Shape::Share(0.01, 0.08)),
        ("system.disk.io{system.device=nvme0n1,disk.io.direction=read}", Shape::Rate(90_000_000.0)),
        ("system.disk.io{system.device=nvme0n1,disk.io.direction=write}", Shape::Rate(60_000_000.0)),
        ("system.disk.operations{system.device=nvme0n1,disk.io.direction=read}", Shape::Rate(2_500.0)),
        ("system.disk.operations{system.device=nvme0n1,disk.io.direction=write}", Shape::Rate(3_800.0)),
        ("system.disk.operation_time{system.device=nvme0n1,disk.io.direction=read}", Shape::Share(0.001, 1.4)),
        ("system.disk.operation_time{system.device=nvme0n1,disk.io.direction=write}", Shape::Share(0.002, 2.2)),
        ("system.disk.io_time{system.device=nvme0n1}", Shape::Share(0.002, 3.0)),
        ("endpoint.network.physical_up", Shape::Fixed(1.0)),
        ("endpoint.network.usable_address", Shape::Fixed(1.0)),
        ("endpoint.gateway.present", Shape::Fixed(1.0)),
        ("endpoint.gateway.reachable", Shape::Fixed(1.0)),
        ("endpoint.gateway.rtt", Shape::Share(0.001, 0.004)),
        ("endpoint.gateway.loss", Shape::Fixed(0.0)),
        ("system.process.count", Shape::Rate(90.0)),
        ("endpoint.service.failed.count", Shape::Fixed(0.0)),
        ("endpoint.process.zombie.count", Shape::Seldom(1.0)),
        ("endpoint.agent.cpu.utilization", Shape::Share(0.0002, 0.0006)),
        ("endpoint.agent.memory", Shape::Level(0.004, 0.006)),
        ("endpoint.clock.offset", Shape::Share(-0.01, 0.01)),
    ])
}

fn volume(point: &str, role: &str) -> Vec<(String, Shape)> {
    let name = |what: &str, more: &str| format!("{what}{{mountpoint=\"{point}\",type=ext4,role={role}{more}}}");
    vec![
        (name("system.filesystem.usage", ",state=free"), Shape::Level(180.0, 178.0)),
        (name("system.filesystem.usage", ",state=used"), Shape::Level(60.0, 62.0)),
        (name("system.filesystem.limit", ""), Shape::Fixed(257_698_037_760.0)),
        (name("endpoint.filesystem.readonly", ""), Shape::Fixed(0.0)),
    ]
}

fn wired(name: &str) -> Vec<(String, Shape)> {
    let one = |what: &str, way: &str| {
        format!("{what}{{network.interface.name={name},endpoint.nic.kind=wired,network.io.direction={way}}}")
    };
    vec![
        (format!("hw.network.up{{network.interface.name={name},endpoint.nic.kind=wired}}"), Shape::Fixed(1.0)),
        (one("system.network.io", "receive"), Shape::Rate(40_000_000.0)),
        (one("system.network.io", "transmit"), Shape::Rate(4_000_000.0)),
        (one("system.network.errors", "receive"), Shape::Fixed(0.0)),
        (one("system.network.packet.dropped", "receive"), Shape::Seldom(3.0)),
    ]
}

fn wireless() -> Vec<(String, Shape)> {
    fixed(&[
        (
            "system.network.io{network.interface.name=wlp2s0,endpoint.nic.kind=wifi,network.io.direction=receive}",
            Shape::Rate(30_000_000.0),
        ),
        (
            "system.network.io{network.interface.name=wlp2s0,endpoint.nic.kind=wifi,network.io.direction=transmit}",
            Shape::Rate(3_000_000.0),
        ),
        ("endpoint.wifi.connected{network.interface.name=wlp2s0}", Shape::Fixed(1.0)),
        ("endpoint.wifi.rssi{network.interface.name=wlp2s0}", Shape::Share(-52.0, -61.0)),
        ("endpoint.wifi.snr{network.interface.name=wlp2s0}", Shape::Share(41.0, 33.0)),
        ("endpoint.wifi.tx_rate{network.interface.name=wlp2s0}", Shape::Fixed(866_700_000.0)),
        ("endpoint.wifi.retry_ratio{network.interface.name=wlp2s0}", Shape::Share(0.01, 0.09)),
        ("endpoint.wifi.beacon_loss{network.interface.name=wlp2s0}", Shape::Seldom(2.0)),
    ])
}

fn battery() -> Vec<(String, Shape)> {
    fixed(&[
        ("hw.battery.charge{hw.id=BAT0}", Shape::Share(0.99, 0.55)),
        ("endpoint.battery.rate{hw.id=BAT0}", Shape::Share(0.5, 11.0)),
        ("endpoint.cpu.performance_limit", Shape::Fixed(1.0)),
    ])
}

fn fans(count: usize) -> Vec<(String, Shape)> {
    let fan = |number: usize| {
        [
            (format!("hw.fan.speed{{hw.id=fan{number},sensor=fan{number}}}"), Shape::Share(900.0, 2600.0)),
            (format!("hw.temperature{{hw.id=core{number},sensor=core{number}}}"), Shape::Share(38.0, 71.0)),
        ]
    };
    (1..=count).flat_map(fan).collect()
}

fn workstation() -> Vec<(String, Shape)> {
    let volumes = [("/", "root"), ("/home", "home"), ("/data", "data")];
    [volumes.iter().flat_map(|(point, role)| volume(point, role)).collect(), wired("enp3s0")].concat()
}

/// The groups of processes that take the most.
fn programs(count: usize) -> Vec<(String, Shape)> {
    let program = |number: usize| {
        let of = |what: &str| format!("{what}{{process.executable.name=program{number}}}");
        let weight = 1.0 / (1 + number) as f32;
        [
            (of("process.cpu.time"), Shape::Share(0.0, 9.0 * weight)),
            (of("process.memory.usage"), Shape::Level(0.05 * weight, 2.0 * weight)),
            (of("process.group.size"), Shape::Fixed(1.0 + (number % 5) as f32)),
        ]
    };
    (0..count).flat_map(program).collect()
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::registry::Registry;

    use super::*;

    #[test]
    fn machines_report_what_the_registry_declares() {
        for model in models() {
            for series in model.layout.series() {
                assert!(Registry::builtin().admit(series).is_ok(), "{}: {series}", model.name);
            }
        }
    }

    #[test]
    fn most_have_forty_to_sixty_series_and_one_has_about_two_hundred() {
        let lengths: Vec<usize> = models().iter().map(|model| model.shapes.len()).collect();
        assert!(lengths[..LARGE].iter().all(|length| (40..=60).contains(length)), "{lengths:?}");
        assert!((190..=230).contains(&lengths[LARGE]), "{lengths:?}");
    }
}
