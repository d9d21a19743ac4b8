//! Code that produces the readings of a few related signals, a file each.
//!
//! A probe reads and interprets. Times, limits, retries and counts are [`crate::schedule`]'s; what is kept and sent is
//! decided elsewhere too. A probe never invents a value: what it cannot read is a reading with its reason, and when it
//! can read nothing at all, a [`ProbeError`], from which the schedule makes such readings for all its signals.

mod addressing;
mod agent;
mod boot;
mod burst;
pub(crate) mod clock;
mod connectivity;
mod context;
mod cpu;
pub(crate) mod device;
pub(crate) mod disk;
pub(crate) mod domain;
mod error;
pub(crate) mod filesystem;
pub(crate) mod firewall;
mod firmware;
mod found;
mod gateway;
mod gather;
pub(crate) mod hardware_errors;
pub(crate) mod identity;
pub(crate) mod interface;
mod journal;
pub(crate) mod link;
mod mail;
mod management;
mod media;
mod memory;
mod memory_detail;
mod mtu;
mod path;
pub(crate) mod power;
mod pressure;
mod printer;
mod process;
mod protection;
mod proxy;
mod pseudonym;
mod remote;
mod right;
mod service;
pub(crate) mod session;
mod share;
mod smart;
pub(crate) mod sockets;
mod software;
mod sso;
mod standing;
pub(crate) mod thermal;
pub(crate) mod throttle;
pub(crate) mod update;
mod vitals;
mod volume;
pub(crate) mod vpn;
pub(crate) mod watch;
pub(crate) mod wifi;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use firstline_proto::v1::Section;

pub use context::Context;
pub use error::ProbeError;
pub use firstline_diagnosis::registry::Tier;
pub use gather::Collected;
pub(crate) use gather::Gather;
pub use pseudonym::Pseudonyms;
pub use right::{Right, rights};
pub use vitals::Vitals;

/// What the schedule must know of a probe.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Name in logs, costs and failures.
    pub name: &'static str,
    /// The part of a snapshot that its readings belong to.
    pub section: Section,
    /// How often it runs. Readings of its signals that have a slower tier pass only when that tier is due.
    pub tier: Tier,
    /// After this long it counts as hanging.
    pub deadline: Duration,
    /// 0 is kept longest when the agent must shed work.
    pub priority: u8,
    /// Whether it waits for other machines, rather than reading this one. Such probes run beside the others.
    pub waits: bool,
    /// Whether it starts a process, touches many files or loads the network. Such probes rest while the battery is low,
    /// and those that also wait for other machines rest on a metered link; a pull runs them all the same.
    pub heavy: bool,
    /// Every signal it may produce.
    pub signals: &'static [&'static str],
}

/// Reads one thing. Blocking; called from one thread at a time; its own state, if any, behind a lock.
pub trait Probe: Send + Sync {
    /// What the schedule must know.
    fn spec(&self) -> &'static Spec;

    /// Rights beyond an ordinary user's without which it says `no_permission` about some of its signals.
    fn rights(&self) -> &'static [Right] {
        &[]
    }

    /// Reads now.
    ///
    /// # Errors
    /// When nothing could be read, with the reason that then stands in every reading.
    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError>;

    /// Reads now because somebody asks for a snapshot: also what is not read without a reason.
    ///
    /// # Errors
    /// As [`Self::collect`].
    fn answer(&self, cx: &Context) -> Result<Collected, ProbeError> {
        self.collect(cx)
    }
}

/// Every probe of this agent, with fresh state.
pub fn all() -> Vec<Arc<dyn Probe>> {
    let standing = standing::Standing::default();
    let programs = process::Programs::default();
    vec![
        Arc::new(identity::WhoAmI),
        Arc::new(boot::Boot::default()),
        Arc::new(cpu::Cpu::default()),
        Arc::new(memory::Memory),
        Arc::new(memory_detail::MemoryDetail),
        Arc::new(pressure::Pressure),
        Arc::new(process::Processes::new(programs.clone())),
        Arc::new(process::Details::new(programs.clone())),
        Arc::new(process::Clients::new(programs.clone())),
        Arc::new(protection::Protection::new(programs.clone())),
        Arc::new(session::Sessions::new(programs)),
        Arc::new(session::Starts::default()),
        Arc::new(session::Passwords),
        Arc::new(filesystem::Filesystems::default()),
        Arc::new(disk::Disks),
        Arc::new(disk::Media),
        Arc::new(volume::VolumeErrors),
        Arc::new(volume::Encryption),
        Arc::new(writers::TopWriters),
        Arc::new(smart::DiskHealth),
        Arc::new(smart::NvmeWarning),
        Arc::new(firmware::Firmware),
        Arc::new(thermal::Thermal::default()),
        Arc::new(throttle::Throttle::default()),
        Arc::new(power::Supplies::default()),
        Arc::new(power::Mode),
        Arc::new(hardware_errors::HardwareErrors),
        Arc::new(interface::Interfaces),
        Arc::new(link::Links),
        Arc::new(link::LinkFaults),
        Arc::new(addressing::Addressing),
        Arc::new(wifi::Wifi::default()),
        Arc::new(wifi::Radios),
        Arc::new(sockets::Tcp::default()),
        Arc::new(sockets::EphemeralPorts),
        Arc::new(vpn::Vpns::new(standing.clone())),
        Arc::new(proxy::Proxies),
        Arc::new(connectivity::Connectivity),
        Arc::new(firewall::Guard),
        Arc::new(gateway::Gateway::new(standing.clone())),
        Arc::new(path::Path::new(standing.clone())),
        Arc::new(burst::Burst::new(standing.clone())),
        Arc::new(mtu::PacketSize::new(standing)),
        Arc::new(share::Shares::default()),
        Arc::new(service::Services::default()),
        Arc::new(watch::States::default()),
        Arc::new(watch::Restarts),
        Arc::new(clock::Clockwork),
        Arc::new(software::Changes::default()),
        Arc::new(software::Chosen),
        Arc::new(software::Drivers),
        Arc::new(mail::Mail),
        Arc::new(management::Management),
        Arc::new(remote::Remote),
        Arc::new(printer::Printers::default()),
        Arc::new(printer::Reach::default()),
        Arc::new(domain::Domain::default()),
        Arc::new(domain::Channel),
        Arc::new(domain::Certificates),
        Arc::new(sso::SingleSignOn),
        Arc::new(device::Devices::default()),
        Arc::new(media::Media),
        Arc::new(media::Camera),
        Arc::new(update::Restarts),
        Arc::new(update::Results::default()),
        Arc::new(update::Offers::default()),
        Arc::new(journal::Journal::default()),
        Arc::new(agent::Agent::default()),
    ]
}

/// What the stream measures where it talks to the collector, and no probe: how far the clocks are apart, and the round trip.
pub const OF_THE_STREAM: [&str; 2] = ["endpoint.clock.offset", "endpoint.clock.rtt"];

/// Every signal that this agent reads.
pub fn signals_read() -> Vec<&'static str> {
    all().iter().flat_map(|probe| probe.spec().signals).copied().chain(OF_THE_STREAM).collect()
}

#[cfg(test)]
mod tests;
