//! For every check: what makes it fire, and what it is just below.

use super::machine::Shown::{self, Flag, Number, Text};
use super::machine::Shows;

/// One check on a machine that shows `firing` all the time; `below` replaces some of it and must not fire.
pub(crate) struct Row {
    pub(crate) check: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) firing: Shows,
    pub(crate) below: Shows,
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const MIB: f64 = 1024.0 * 1024.0;
const DAY: f64 = 86_400.0;

/// A row whose severity is the check's own.
const fn row(check: &'static str, severity: &'static str, firing: Shows, below: Shows) -> Row {
    Row { check, severity, firing, below }
}

const SYSTEM_FREE: &str = "system.filesystem.usage{mountpoint=/,type=ext4,role=system,state=free}";
const SYSTEM_SIZE: &str = "system.filesystem.limit{mountpoint=/,type=ext4,role=system}";
const DATA_FREE: &str = "system.filesystem.usage{mountpoint=/data,type=ext4,role=data,state=free}";
const DATA_SIZE: &str = "system.filesystem.limit{mountpoint=/data,type=ext4,role=data}";
const INODES_FREE: &str = "endpoint.filesystem.inodes{mountpoint=/,type=ext4,role=system,state=free}";
const INODES: &str = "endpoint.filesystem.inodes{mountpoint=/,type=ext4,role=system,state=total}";
const READONLY: &str = "endpoint.filesystem.readonly{mountpoint=/data,type=ext4,role=data}";
const MEDIA: &str = "endpoint.disk.media{system.device=sda}";
const READS: &str = "system.disk.operations{system.device=sda,disk.io.direction=read}";
const WRITES: &str = "system.disk.operations{system.device=sda,disk.io.direction=write}";
const READ_TIME: &str = "system.disk.operation_time{system.device=sda,disk.io.direction=read}";
const WRITE_TIME: &str = "system.disk.operation_time{system.device=sda,disk.io.direction=write}";
const BUSY_TIME: &str = "system.disk.io_time{system.device=sda}";
const SOME: &str = "endpoint.pressure.memory.some{window=avg300}";
const FULL: &str = "endpoint.pressure.memory.full{window=avg60}";
const AVAILABLE: &str = "endpoint.memory.available";
const RAM: &str = "system.memory.limit";
const FAULTS: &str = "endpoint.memory.hard_faults";
const FIREFOX: &str = "process.memory.usage{process.executable.name=firefox}";
const SWAP_USED: &str = "system.paging.usage{state=used}";
const SWAP_FREE: &str = "system.paging.usage{state=free}";
const OOM: &str = "endpoint.oom_kills";
const SOFFICE: &str = "process.cpu.time{process.executable.name=soffice.bin}";
const SOFFICES: &str = "process.group.size{process.executable.name=soffice.bin}";
const RUSTC: &str = "process.cpu.time{process.executable.name=rustc}";
const RUSTCS: &str = "process.group.size{process.executable.name=rustc}";
const CORES: &str = "system.cpu.logical.count";
const IDLE: &str = "system.cpu.utilization{cpu.mode=idle}";
const IOWAIT: &str = "system.cpu.utilization{cpu.mode=iowait}";
const INTERRUPT: &str = "system.cpu.utilization{cpu.mode=interrupt}";
const QUEUE: &str = "endpoint.cpu.run_queue_per_core";
const WAITING: &str = "endpoint.pressure.cpu.some{window=avg300}";
const BUSIEST: &str = "endpoint.cpu.interrupt_time";
const UPTIME: &str = "system.uptime";
const CUPS: &str = "endpoint.service.failed{service=cups}";
const FAILED_UNITS: &str = "endpoint.service.failed.count";
const SSSD: &str = "endpoint.service.state{service=sssd}";
const SSSD_RESTARTS: &str = "endpoint.service.restarts{service=sssd}";
const LINK: &str = "endpoint.network.physical_up";
const ETH0: &str = "hw.network.up{network.interface.name=eth0,endpoint.nic.kind=eth}";
const ADDRESS: &str = "endpoint.network.usable_address";
const LAYER: &str = "endpoint.network.first_failing_layer";
const GATEWAY: &str = "endpoint.gateway.present";
const GATEWAY_OK: &str = "endpoint.gateway.reachable";
const GATEWAY_LOSS: &str = "endpoint.gateway.loss";
const COLLECTOR_NAME: &str = "endpoint.probe.tcp.ok{target=collector,by=name}";
const COLLECTOR_ADDRESS: &str = "endpoint.probe.tcp.ok{target=collector,by=address}";
const FIRST_HOST: &str = "endpoint.probe.tcp.ok{target=public1,by=name}";
const SECOND_HOST: &str = "endpoint.probe.tcp.ok{target=public2,by=name}";
const DNS_OS: &str = "endpoint.dns.lookup.ok{server=os,dns.name_class=public}";
const DNS_FIRST: &str = "endpoint.dns.lookup.ok{server=server1,dns.name_class=public}";
const DNS_SECOND: &str = "endpoint.dns.lookup.ok{server=server2,dns.name_class=public}";
const DNS_TIME: &str = "dns.lookup.duration{server=server1,dns.name_class=public}";
const TLS: &str = "endpoint.probe.tls.ok{target=collector}";
const TLS_ERROR: &str = "endpoint.probe.tls.error{target=collector}";
const OFFSET: &str = "endpoint.clock.offset";
const ROUND_TRIP: &str = "endpoint.clock.rtt";
const AGENT_FAILURES: &str = "endpoint.agent.probe.failures";
const AGENT_FILL: &str = "endpoint.agent.spool.fill";
const AGENT_CPU: &str = "endpoint.agent.cpu.utilization";
const AGENT_MEMORY: &str = "endpoint.agent.memory";

/// Every check has at least one row; a variant with texts of its own has one too.
pub(crate) const ROWS: &[Row] = &[
    row(
        "disk-space-low",
        "low",
        &[(SYSTEM_FREE, Number(18.0 * GIB)), (SYSTEM_SIZE, Number(200.0 * GIB))],
        &[(SYSTEM_FREE, Number(20.1 * GIB))],
    ),
    row(
        "disk-space-low",
        "low",
        &[(DATA_FREE, Number(8.0 * GIB)), (DATA_SIZE, Number(200.0 * GIB))],
        &[(DATA_FREE, Number(10.1 * GIB))],
    ),
    row(
        "disk-space-critical",
        "high",
        &[(SYSTEM_FREE, Number(1.9 * GIB)), (SYSTEM_SIZE, Number(20.0 * GIB))],
        &[(SYSTEM_FREE, Number(2.1 * GIB))],
    ),
    row(
        "volume-full",
        "medium",
        &[(DATA_FREE, Number(9.0 * MIB)), (DATA_SIZE, Number(1.0 * GIB))],
        &[(DATA_FREE, Number(11.0 * MIB))],
    ),
    row(
        "inodes-exhausted",
        "medium",
        &[(INODES_FREE, Number(49_000.0)), (INODES, Number(1_000_000.0))],
        &[(INODES_FREE, Number(51_000.0))],
    ),
    row(
        "inodes-exhausted",
        "high",
        &[(INODES_FREE, Number(29_000.0)), (INODES, Number(1_000_000.0))],
        &[(INODES_FREE, Number(0.0)), (INODES, Number(0.0))],
    ),
    row("filesystem-errors", "high", &[(READONLY, Flag(true))], &[(READONLY, Flag(false))]),
    row(
        "disk-latency-high",
        "medium",
        &[
            (MEDIA, Text("ssd")),
            (READS, Number(15.0)),
            (WRITES, Number(15.0)),
            (READ_TIME, Number(0.39)),
            (WRITE_TIME, Number(0.39)),
            (BUSY_TIME, Number(0.95)),
        ],
        &[(READ_TIME, Number(0.36)), (WRITE_TIME, Number(0.36))],
    ),
    row(
        "disk-latency-high",
        "high",
        &[
            (MEDIA, Text("hdd")),
            (READS, Number(15.0)),
            (WRITES, Number(15.0)),
            (READ_TIME, Number(1.6)),
            (WRITE_TIME, Number(1.6)),
            (BUSY_TIME, Number(0.95)),
        ],
        &[(BUSY_TIME, Number(0.79))],
    ),
    row("memory-pressure", "medium", MEMORY_WAITS, &[(SOME, Number(0.099))]),
    row("memory-pressure", "medium", MEMORY_FAULTS, &[(FAULTS, Number(199.0))]),
    row(
        "memory-commit-exhausted",
        "high",
        &[
            (OOM, Number(0.01)),
            (SWAP_USED, Number(0.0)),
            (SWAP_FREE, Number(2.0 * GIB)),
            (AVAILABLE, Number(4.0 * GIB)),
            (RAM, Number(16.0 * GIB)),
            (FIREFOX, Number(3.0 * GIB)),
        ],
        &[(OOM, Number(0.0))],
    ),
    row(
        "memory-commit-exhausted",
        "high",
        &[
            (OOM, Number(0.0)),
            (SWAP_USED, Number(1.9 * GIB)),
            (SWAP_FREE, Number(0.1 * GIB)),
            (AVAILABLE, Number(1.2 * GIB)),
            (RAM, Number(16.0 * GIB)),
            (FIREFOX, Number(3.0 * GIB)),
        ],
        &[(AVAILABLE, Number(1.4 * GIB))],
    ),
    row(
        "runaway-process",
        "medium",
        &[(SOFFICE, Number(2.1)), (SOFFICES, Number(1.0)), (CORES, Number(4.0))],
        &[(SOFFICE, Number(1.9))],
    ),
    row(
        "cpu-saturated",
        "low",
        &[
            (IDLE, Number(0.04)),
            (IOWAIT, Number(0.02)),
            (QUEUE, Number(2.4)),
            (WAITING, Number(0.1)),
            (SOFFICE, Number(1.9)),
            (RUSTC, Number(1.5)),
        ],
        &[(IOWAIT, Number(0.07))],
    ),
    row("interrupt-storm", "medium", &[(BUSIEST, Number(0.16)), (INTERRUPT, Number(0.02))], &[(BUSIEST, Number(0.14))]),
    row("long-uptime", "info", &[(UPTIME, Number(15.0 * DAY))], &[(UPTIME, Number(13.9 * DAY))]),
    row("long-uptime", "low", &[(UPTIME, Number(31.0 * DAY))], &[(UPTIME, Number(1.0 * DAY))]),
    row(
        "service-crash-loop",
        "medium",
        &[(CUPS, Flag(true)), (FAILED_UNITS, Number(1.0))],
        &[(CUPS, Flag(false)), (FAILED_UNITS, Number(0.0))],
    ),
    row(
        "service-not-running",
        "medium",
        &[(SSSD, Text("stopped")), (SSSD_RESTARTS, Number(0.0))],
        &[(SSSD, Text("idle"))],
    ),
    row(
        "service-not-running",
        "medium",
        &[(SSSD, Text("restarting")), (SSSD_RESTARTS, Number(40.0))],
        &[(SSSD, Text("failed"))],
    ),
    row(
        "no-network-link",
        "high",
        &[(LINK, Flag(false)), (ETH0, Flag(false)), (LAYER, Text("link"))],
        &[(LINK, Flag(true)), (ETH0, Flag(true))],
    ),
    row(
        "dhcp-failure",
        "high",
        &[(LINK, Flag(true)), (ADDRESS, Flag(false)), (LAYER, Text("address"))],
        &[(ADDRESS, Flag(true))],
    ),
    row(
        "gateway-unreachable",
        "high",
        &[(GATEWAY, Flag(true)), (GATEWAY_OK, Flag(false)), (GATEWAY_LOSS, Number(1.0)), (LAYER, Text("gateway"))],
        &[(GATEWAY_OK, Flag(true)), (GATEWAY_LOSS, Number(0.9))],
    ),
    row(
        "no-internet-upstream",
        "high",
        &[
            (GATEWAY_OK, Flag(true)),
            (COLLECTOR_NAME, Flag(false)),
            (COLLECTOR_ADDRESS, Flag(false)),
            (FIRST_HOST, Flag(false)),
            (SECOND_HOST, Flag(true)),
            (LAYER, Text("internet")),
        ],
        &[(FIRST_HOST, Flag(true))],
    ),
    row("dns-failing", "high", DNS_DOWN, &[(DNS_OS, Flag(true)), (DNS_FIRST, Flag(true)), (DNS_SECOND, Flag(true))]),
    row("dns-failing", "medium", FIRST_SERVER_DOWN, &[(DNS_FIRST, Flag(true))]),
    row("dns-slow", "low", &[(DNS_TIME, Number(0.16))], &[(DNS_TIME, Number(0.149))]),
    row(
        "tls-trust-failure",
        "high",
        &[(TLS, Flag(false)), (TLS_ERROR, Text("revoked"))],
        &[(TLS_ERROR, Text("timeout"))],
    ),
    row("tls-trust-failure", "high", &[(TLS, Flag(false)), (TLS_ERROR, Text("expired"))], &[(TLS, Flag(true))]),
    row("tls-trust-failure", "high", &[(TLS, Flag(false)), (TLS_ERROR, Text("unknown_ca"))], &[(TLS, Flag(true))]),
    row("tls-trust-failure", "high", &[(TLS, Flag(false)), (TLS_ERROR, Text("name"))], &[(TLS, Flag(true))]),
    row("clock-skew", "medium", &[(OFFSET, Number(-61.0)), (ROUND_TRIP, Number(0.02))], &[(OFFSET, Number(-59.0))]),
    row("clock-skew", "high", &[(OFFSET, Number(400.0)), (ROUND_TRIP, Number(0.02))], &[(ROUND_TRIP, Number(2.1))]),
    row(
        "agent-unhealthy",
        "low",
        &[
            (AGENT_FAILURES, Number(6.0)),
            (AGENT_FILL, Number(0.1)),
            (AGENT_CPU, Number(0.001)),
            (AGENT_MEMORY, Number(5.0 * MIB)),
        ],
        &[(AGENT_FAILURES, Number(5.0))],
    ),
];

const MEMORY_WAITS: Shows = &[
    (SOME, Number(0.11)),
    (FULL, Number(0.01)),
    (AVAILABLE, Number(2.0 * GIB)),
    (RAM, Number(16.0 * GIB)),
    (FAULTS, Number(10.0)),
    (FIREFOX, Number(3.0 * GIB)),
];

const MEMORY_FAULTS: Shows =
    &[(AVAILABLE, Number(1.2 * GIB)), (RAM, Number(16.0 * GIB)), (FAULTS, Number(210.0)), (FIREFOX, Number(3.0 * GIB))];

const DNS_DOWN: Shows = &[
    (DNS_OS, Flag(false)),
    (DNS_FIRST, Flag(false)),
    (DNS_SECOND, Flag(false)),
    (COLLECTOR_ADDRESS, Flag(true)),
    (LAYER, Text("dns")),
];

const FIRST_SERVER_DOWN: Shows = &[
    (DNS_OS, Flag(true)),
    (DNS_FIRST, Flag(false)),
    (DNS_SECOND, Flag(true)),
    (COLLECTOR_ADDRESS, Flag(true)),
    (LAYER, Text("none")),
];

/// A machine that shows what excuses a finding, and the excuse.
pub(crate) struct Excused {
    pub(crate) check: &'static str,
    pub(crate) shows: Shows,
    pub(crate) minutes: u64,
}

/// One for each guard that this catalogue can show.
pub(crate) const EXCUSED: &[Excused] = &[Excused {
    check: "runaway-process",
    shows: &[(RUSTC, Number(3.9)), (RUSTCS, Number(4.0)), (CORES, Number(4.0))],
    minutes: 40,
}];

/// What is laid over `shows`.
pub(crate) fn over(shows: Shows, other: Shows) -> Vec<(&'static str, Shown)> {
    let replaced = |name: &str| other.iter().find(|(over, _)| *over == name).map(|(_, shown)| *shown);
    shows.iter().map(|(name, shown)| (*name, replaced(name).unwrap_or(*shown))).collect()
}
