use std::path::Path;

use serde::Deserialize;
use zbus::wire::{OwnedObjectPath, Type};

use super::bus::{self, Object};
use crate::os::exists;
use crate::probe::ProbeError;
use crate::probe::watch::{Origin, Unit as Watched};

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
    load_state: String,
    active_state: String,
    sub_state: String,
    _following: String,
    path: OwnedObjectPath,
    _job: u32,
    _job_type: String,
    _job_path: OwnedObjectPath,
}

/// Names of the units that failed, as systemd says over the system bus.
pub(crate) fn failed_units(root: &Path) -> Result<Vec<String>, ProbeError> {
    let units: Vec<Unit> = ask(root, "ListUnitsFiltered", &(vec!["failed"],))?;
    Ok(units.into_iter().map(|unit| unit.name).collect())
}

/// The services that are loaded and have one of these names, which may hold `*`. What is installed to run with the machine
/// is loaded; what is not installed, or switched off, is not.
pub(crate) fn units_named(root: &Path, names: &[String]) -> Result<Vec<Watched>, ProbeError> {
    let units: Vec<Unit> = ask(root, "ListUnitsByPatterns", &(Vec::<&str>::new(), names))?;
    let loaded = units.into_iter().filter(|unit| unit.load_state == "loaded");
    Ok(loaded
        .map(|unit| Watched {
            name: unit.name,
            active: unit.active_state,
            sub: unit.sub_state,
            path: unit.path.as_str().to_owned(),
        })
        .collect())
}

/// How it comes about that the unit at `path` runs, or does not.
pub(crate) fn unit_origin(root: &Path, path: &str) -> Result<Origin, ProbeError> {
    let unit = Object { path, interface: "org.freedesktop.systemd1.Unit", ..MANAGER };
    let service = Object { interface: "org.freedesktop.systemd1.Service", ..unit };
    let triggers: Vec<String> = bus::property(root, unit, "TriggeredBy")?;
    Ok(Origin {
        enabled: bus::property(root, unit, "UnitFileState")?,
        is_triggered: !triggers.is_empty(),
        condition_held: bus::property(root, unit, "ConditionResult")?,
        was_checked: bus::property::<u64>(root, unit, "ConditionTimestamp")? > 0,
        kind: bus::property(root, service, "Type")?,
    })
}

/// How often systemd started the service at `path` again by itself, since somebody last started it.
pub(crate) fn unit_restarts(root: &Path, path: &str) -> Result<u32, ProbeError> {
    let service = Object { path, interface: "org.freedesktop.systemd1.Service", ..MANAGER };
    bus::property(root, service, "NRestarts")
}

fn ask<B>(root: &Path, method: &str, body: &B) -> Result<Vec<Unit>, ProbeError>
where
    B: serde::Serialize + zbus::DynamicType,
{
    // The sign that sd_booted(3) goes by.
    if !exists(root, "run/systemd/system") {
        return Err(ProbeError::NotPresent("systemd"));
    }
    bus::call(root, MANAGER, method, body)
}
