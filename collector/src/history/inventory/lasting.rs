//! Which signals are inventory: what somebody bought, installed or set, and not how it goes at the moment.

use std::fmt;

use firstline_diagnosis::registry::{Area, Registry, SignalKind, SignalSpec, Tier};
use serde::{Deserialize, Serialize};

/// What kind of thing an item of an inventory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Programs, and what starts by itself.
    Software,
    /// Drivers and firmware.
    Driver,
    /// The machine and what is plugged into it.
    Hardware,
    /// How it is set up.
    Setting,
}

impl Group {
    /// All, in the order of screens.
    pub const ALL: [Self; 4] = [Self::Software, Self::Driver, Self::Hardware, Self::Setting];

    /// The group of a signal; none when it is no inventory.
    pub fn of(signal: &str) -> Option<Self> {
        group(signal)
    }

    /// The word in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Driver => "driver",
            Self::Hardware => "hardware",
            Self::Setting => "setting",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Read often, and all the same what the machine has or how it is set up.
const READ_OFTEN: [&str; 12] = [
    "endpoint.printer.model",
    "endpoint.printer.connection",
    "endpoint.printer.default",
    "endpoint.device.model",
    "endpoint.dock.model",
    "endpoint.dock.firmware",
    "endpoint.dock.authorized",
    "endpoint.raid.missing_disks",
    "endpoint.clock.sync.source",
    "endpoint.domain.joined",
    "endpoint.security.av",
    "endpoint.profile.temporary",
];

/// Told when it changes, and all the same only how it goes: it moves with every boot, charge, call or place.
const PASSING: [&str; 19] = [
    "endpoint.boot.id",
    "endpoint.boot.time",
    "endpoint.boot.duration",
    "endpoint.power.source",
    "endpoint.battery.state",
    "endpoint.battery.full_capacity",
    "endpoint.battery.cycle_count",
    "endpoint.audio.in_use",
    "endpoint.audio.muted",
    "endpoint.camera.in_use",
    "endpoint.network.connectivity",
    "endpoint.path.packet.ok",
    "endpoint.path.packet.largest",
    "endpoint.user.locked",
    "endpoint.user.disabled",
    "endpoint.user.must_change_password",
    "endpoint.nvme.percentage_used",
    "hw.physical_disk.smart",
    "hw.physical_disk.endurance_utilization",
];

/// The group of a signal; none when it is no inventory.
pub(super) fn group(signal: &str) -> Option<Group> {
    let spec = Registry::builtin().get(signal)?;
    let seldom = matches!(spec.tier, Tier::Change | Tier::Daily | Tier::Demand);
    let lasts = if seldom { !PASSING.contains(&signal) } else { READ_OFTEN.contains(&signal) };
    (spec.kind == SignalKind::Inventory && lasts).then(|| of(spec))
}

fn of(spec: &SignalSpec) -> Group {
    let name = spec.name.as_str();
    if name == "endpoint.driver" || name.contains("firmware") {
        return Group::Driver;
    }
    if name == "endpoint.nic.mtu" || name == "endpoint.power.mode" || name == "host.name" {
        return Group::Setting;
    }
    match spec.area {
        Area::Software => Group::Software,
        Area::Identity if name.starts_with("os.") => Group::Software,
        Area::Identity | Area::Hardware | Area::Peripheral | Area::Storage | Area::Performance => Group::Hardware,
        Area::Network | Area::Trust | Area::Agent => Group::Setting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_lists_is_a_state_of_the_registry_and_on_the_right_list() {
        for (names, seldom) in [(&READ_OFTEN[..], false), (&PASSING[..], true)] {
            for name in names {
                let spec = Registry::builtin().get(name).unwrap_or_else(|| panic!("{name} is not declared"));
                assert_eq!(spec.kind, SignalKind::Inventory, "{name}");
                assert_eq!(matches!(spec.tier, Tier::Change | Tier::Daily | Tier::Demand), seldom, "{name}");
            }
        }
    }

    #[test]
    fn groups_tell_programs_drivers_hardware_and_settings_apart() {
        assert_eq!(group("endpoint.software"), Some(Group::Software));
        assert_eq!(group("endpoint.firmware.version"), Some(Group::Driver));
        assert_eq!(group("system.memory.limit"), Some(Group::Hardware));
        assert_eq!(group("endpoint.dns.server"), Some(Group::Setting));
        assert_eq!(group("endpoint.battery.state"), None);
        assert_eq!(group("endpoint.service.failed"), None);
    }
}
