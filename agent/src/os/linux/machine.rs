use std::path::Path;

use crate::os::proc::{dmi, load, meminfo, release, stat, virtualization};
use crate::os::{exists, read, read_bytes, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::identity::Identity;

/// Names, versions and sizes, from a dozen files.
pub(crate) fn identity(root: &Path) -> Identity {
    let os_release = read(root, "etc/os-release").or_else(|_| read(root, "usr/lib/os-release")).unwrap_or_default();
    let cpuinfo = read(root, "proc/cpuinfo").unwrap_or_default();
    let stat = read(root, "proc/stat").ok().and_then(|text| stat::parse(&text));
    let manufacturer = dmi::told(read_trimmed(root, "sys/class/dmi/id/sys_vendor"));
    let model = dmi::told(read_trimmed(root, "sys/class/dmi/id/product_name"));
    let model = model.or_else(|| read_trimmed(root, "proc/device-tree/model"));
    let named = dmi::is_virtual(manufacturer.as_deref().unwrap_or(""), model.as_deref().unwrap_or(""));
    let is_virtual = named || release::is_hypervised(&cpuinfo) || is_guest(root);
    Identity {
        host_name: read_trimmed(root, "proc/sys/kernel/hostname"),
        machine_id: read_trimmed(root, "etc/machine-id").filter(|id| id != "uninitialized"),
        os_name: release::release_value(&os_release, "NAME"),
        os_version: release::release_value(&os_release, "VERSION_ID"),
        os_build_id: read_trimmed(root, "proc/sys/kernel/osrelease"),
        cpu_model: release::cpu_model(&cpuinfo),
        cpu_count: stat.map(|stat| stat.cores.len() as u64).filter(|&count| count > 0),
        memory_bytes: read(root, "proc/meminfo").ok().and_then(|text| meminfo::parse(&text).total),
        manufacturer,
        model,
        chassis: chassis(root, is_virtual),
        firmware_version: read_trimmed(root, "sys/class/dmi/id/bios_version"),
    }
}

/// What kind of machine it is. Makers of laptops that write "other" still put a battery in.
fn chassis(root: &Path, is_virtual: bool) -> Option<&'static str> {
    if in_container(root) {
        return Some("container");
    }
    if is_virtual {
        return Some("vm");
    }
    let told = read_trimmed(root, "sys/class/dmi/id/chassis_type").and_then(|code| dmi::chassis(&code));
    let has_battery = || super::power::power(root).is_ok_and(|power| !power.batteries.is_empty());
    told.or_else(|| has_battery().then_some("laptop"))
}

/// Whether a hypervisor that has no name in the firmware shows itself.
fn is_guest(root: &Path) -> bool {
    let kind = read_trimmed(root, "sys/hypervisor/type").unwrap_or_default();
    virtualization::is_guest(&kind, &read_trimmed(root, "proc/xen/capabilities").unwrap_or_default())
}

/// Whether this is a container: systemd leaves a note there, the usual managers leave files or a variable.
fn in_container(root: &Path) -> bool {
    let noted = ["run/systemd/container", ".dockerenv", "run/.containerenv"].iter().any(|path| exists(root, path));
    noted || read_bytes(root, "proc/1/environ").is_ok_and(|bytes| virtualization::container(&bytes).is_some())
}

/// The kernel's name for this boot.
pub(crate) fn boot_id(root: &Path) -> Result<String, ProbeError> {
    Ok(read(root, "proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// When the machine booted, seconds since 1970.
pub(crate) fn boot_seconds(root: &Path) -> Result<u64, ProbeError> {
    let stat = stat::parse(&read(root, "proc/stat")?);
    stat.and_then(|stat| stat.boot_seconds).ok_or_else(|| ProbeError::Failed("proc/stat has no btime".to_owned()))
}

/// Seconds since boot.
pub(crate) fn uptime_seconds(root: &Path) -> Result<f64, ProbeError> {
    let text = read(root, "proc/uptime")?;
    load::uptime_seconds(&text).ok_or_else(|| ProbeError::Failed("proc/uptime is not a number".to_owned()))
}
