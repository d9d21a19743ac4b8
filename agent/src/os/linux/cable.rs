use std::path::Path;

use super::netlink::Kernel;
use crate::os::netlink::ethtool;
use crate::os::read_trimmed;
use crate::probe::ProbeError;
use crate::probe::link::{Cable, Faults};

/// What the adapter could do and how it agreed on what it does. Asked only of adapters that have a link: the question
/// would wake one that sleeps.
pub(crate) fn cable(root: &Path, interface: &str) -> Result<Cable, ProbeError> {
    let kernel = Kernel::generic(root)?;
    let family = kernel.family(ethtool::NAME)?;
    let modes = ethtool::modes(&kernel.ask("the network adapter", &ethtool::ask_modes(family, interface))?);
    let info = kernel.ask("the network adapter", &ethtool::ask_info(family, interface));
    let modes = modes.unwrap_or_default();
    Ok(Cable {
        is_negotiated: modes.is_negotiated,
        speed_max_bits: modes.speed_max_mbps.map(|mbps| f64::from(mbps) * 1e6),
        media: info.ok().and_then(|answer| ethtool::media(&answer)),
    })
}

/// What went wrong on the line since the adapter appeared.
pub(crate) fn faults(root: &Path, interface: &str) -> Faults {
    let number = |file: &str| read_trimmed(root, &format!("sys/class/net/{interface}/{file}"))?.parse().ok();
    Faults {
        carrier_changes: number("carrier_changes"),
        checksum_errors: number("statistics/rx_crc_errors"),
        collisions: number("statistics/collisions"),
    }
}

/// The largest packet that the interface takes, in bytes.
pub(crate) fn mtu_bytes(root: &Path, interface: &str) -> Option<u64> {
    read_trimmed(root, &format!("sys/class/net/{interface}/mtu"))?.parse().ok()
}
