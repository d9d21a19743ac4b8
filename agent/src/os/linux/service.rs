use std::path::Path;

use serde::Deserialize;
use zbus::wire::{OwnedObjectPath, Type};

use super::bus::{self, Object};
use crate::os::exists;
use crate::probe::ProbeError;

/// The manager of all units.
const MANAGER: Object<'_> = Object {
    service: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};

/// One entry of `ListUnitsFiltered`, as systemd documents it in org.freedesktop.systemd1(5).
#[derive(Debug, Deserialize, Type)]
struct Unit {
    name: String,
    _description: String,
    _load_state: String,
    _active_state: String,
    _sub_state: String,
    _following: String,
    _path: OwnedObjectPath,
    _job: u32,
    _job_type: String,
    _job_path: OwnedObjectPath,
}

/// Names of the units that failed, as systemd says over the system bus.
pub(crate) fn failed_units(root: &Path) -> Result<Vec<String>, ProbeError> {
    // The sign that sd_booted(3) goes by.
    if !exists(root, "run/systemd/system") {
        return Err(ProbeError::NotPresent("systemd"));
    }
    let units: Vec<Unit> = bus::call(root, MANAGER, "ListUnitsFiltered", &(vec!["failed"],))?;
    Ok(units.into_iter().map(|unit| unit.name).collect())
}
