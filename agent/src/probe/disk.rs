//! What the disks do, and what they are.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::diskstats::{Direction, DiskStat};

static SPEC: Spec = Spec {
    name: "disks",
    section: Section::Storage,
    tier: Tier::Fast,
    deadline: Duration::from_secs(3),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &["system.disk.io", "system.disk.operations", "system.disk.operation_time", "system.disk.io_time"],
};

static MEDIA_SPEC: Spec = Spec {
    name: "disk-media",
    section: Section::Storage,
    tier: Tier::Change,
    deadline: Duration::from_secs(3),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &["endpoint.disk.media", "endpoint.disk.model", "endpoint.disk.firmware"],
};

/// At most this many disks; a machine with more is no workstation.
const MOST_DISKS: usize = 16;

/// Reads the totals.
pub(crate) struct Disks;

impl Probe for Disks {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for disk in disks(cx)? {
            let device = Attributes::from([("system.device", disk.device.as_str())]);
            for (name, direction) in [("read", disk.read), ("write", disk.write)] {
                enter(&mut gather, &device.clone().with("disk.io.direction", name), direction);
            }
            gather.value("system.disk.io_time", device, seconds(disk.busy_ms));
        }
        Ok(gather.done())
    }
}

fn enter(gather: &mut Gather, attributes: &Attributes, direction: Direction) {
    gather.value("system.disk.io", attributes.clone(), direction.bytes);
    gather.value("system.disk.operations", attributes.clone(), direction.operations);
    gather.value("system.disk.operation_time", attributes.clone(), seconds(direction.time_ms));
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

pub(super) fn disks(cx: &Context) -> Result<Vec<DiskStat>, ProbeError> {
    let mut disks = native::disks(&cx.root)?;
    disks.truncate(MOST_DISKS);
    if disks.is_empty() { Err(ProbeError::NotPresent("disk")) } else { Ok(disks) }
}

/// Reads what kind of disk each is.
pub(crate) struct Media;

impl Probe for Media {
    fn spec(&self) -> &'static Spec {
        &MEDIA_SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for disk in disks(cx)? {
            let traits = native::traits(&cx.root, &disk.device);
            let kind = traits.kind(&disk.device).ok_or(ProbeError::Unsupported("the kind of disk"));
            let device = [("system.device", disk.device.as_str())];
            gather.outcome("endpoint.disk.media", device, kind);
            // A virtual disk has neither; that is not worth a reason for each.
            for (signal, text) in [("endpoint.disk.model", traits.model), ("endpoint.disk.firmware", traits.firmware)] {
                if !text.is_empty() {
                    gather.value(signal, device, text);
                }
            }
        }
        Ok(gather.done())
    }
}

/// What the system says about a disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Traits {
    pub(crate) rotates: Option<bool>,
    pub(crate) is_removable: bool,
    pub(crate) vendor: String,
    pub(crate) model: String,
    /// Version of the disk's own program.
    pub(crate) firmware: String,
}

impl Traits {
    /// The kind of the disk `device`. A virtual disk says that it rotates or not as it likes.
    pub(super) fn kind(&self, device: &str) -> Option<&'static str> {
        let named = format!("{} {}", self.vendor, self.model).to_ascii_lowercase();
        let is_virtual = ["qemu", "vbox", "vmware", "virtual", "msft"].iter().any(|sign| named.contains(sign));
        if self.is_removable {
            Some("removable")
        } else if device.starts_with("vd") || device.starts_with("xvd") || is_virtual {
            Some("virtual")
        } else if device.starts_with("nvme") {
            Some("nvme")
        } else {
            self.rotates.map(|rotates| if rotates { "hdd" } else { "ssd" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_kinds_apart() {
        let rotating = Traits { rotates: Some(true), ..Traits::default() };
        let still = Traits { rotates: Some(false), ..Traits::default() };
        assert_eq!(rotating.kind("sda"), Some("hdd"));
        assert_eq!(still.kind("sda"), Some("ssd"));
        assert_eq!(still.kind("nvme0n1"), Some("nvme"));
        assert_eq!(rotating.kind("vda"), Some("virtual"));
        assert_eq!(Traits { model: "QEMU HARDDISK".into(), ..rotating.clone() }.kind("sda"), Some("virtual"));
        assert_eq!(Traits { is_removable: true, ..still }.kind("sdb"), Some("removable"));
        assert_eq!(Traits::default().kind("sda"), None);
    }
}
