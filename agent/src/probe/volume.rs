//! What volumes are made of: damage that they count, whether they are encrypted, arrays that miss a disk.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::filesystem::{Volume, volumes};
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "volume-errors",
    section: Section::Storage,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(5),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &["endpoint.filesystem.errors", "endpoint.raid.missing_disks"],
};

static ENCRYPTION_SPEC: Spec = Spec {
    name: "encryption",
    section: Section::Trust,
    tier: Tier::Change,
    deadline: Duration::from_secs(5),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &["endpoint.security.encryption"],
};

/// Reads the counts.
pub(crate) struct VolumeErrors;

impl Probe for VolumeErrors {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Files, Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for Volume { attributes, mount, .. } in volumes(cx)? {
            gather.outcome("endpoint.filesystem.errors", attributes, native::filesystem_errors(&cx.root, &mount));
        }
        match native::arrays(&cx.root) {
            Ok(arrays) => {
                for array in arrays {
                    let device = [("system.device", array.name.as_str())];
                    gather.value("endpoint.raid.missing_disks", device, array.missing);
                }
            }
            Err(why) => gather.unknown("endpoint.raid.missing_disks", [], why),
        }
        Ok(gather.done())
    }
}

/// Looks for a cipher below the volumes of the system and of people.
pub(crate) struct Encryption;

impl Probe for Encryption {
    fn spec(&self) -> &'static Spec {
        &ENCRYPTION_SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let volumes = volumes(cx)?;
        let mut gather = Gather::new(cx);
        for wanted in ["system", "home"] {
            let of_it = volumes.iter().filter(|volume| volume.attributes.get("role") == Some(wanted));
            // One that is not encrypted is enough to lose what is on it.
            let all = of_it.map(|volume| native::is_encrypted(&cx.root, &volume.mount));
            let all = all.reduce(|one, other| Ok(one? && other?));
            if let Some(encrypted) = all {
                let word = encrypted.map(|encrypted| if encrypted { "on" } else { "off" });
                gather.outcome("endpoint.security.encryption", [("volume", wanted)], word);
            }
        }
        Ok(gather.done())
    }
}
