use std::path::Path;

use rustix::fs::statvfs;

use crate::os::proc::diskstats::{self, DiskStat};
use crate::os::proc::mdstat::{self, Array};
use crate::os::proc::mounts::{self, Mount, Remote};
use crate::os::{exists, read, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::disk::Traits;
use crate::probe::filesystem::Space;

/// Everything that is mounted, as the machine's first process sees it: a service that is confined sees all of it read-only,
/// and mounts of its own. Who may not look there, sees no other than its own.
pub(crate) fn mounts(root: &Path) -> Result<Vec<Mount>, ProbeError> {
    let mountinfo = read(root, "proc/1/mountinfo").or_else(|_| read(root, "proc/self/mountinfo"))?;
    Ok(mounts::parse(&mountinfo))
}

/// The drives of other machines.
pub(crate) fn remote_mounts(root: &Path) -> Result<Vec<Remote>, ProbeError> {
    let mountinfo = read(root, "proc/1/mountinfo").or_else(|_| read(root, "proc/self/mountinfo"))?;
    Ok(mounts::remote(&mountinfo))
}

/// The mount points that `/etc/fstab` wants writable.
pub(crate) fn wanted_writable(root: &Path) -> Vec<String> {
    read(root, "etc/fstab").map(|text| mounts::wanted_writable(&text)).unwrap_or_default()
}

/// Room on the volume that is mounted at `point`.
pub(crate) fn space(root: &Path, point: &str) -> Result<Space, ProbeError> {
    let path = root.join(point.trim_start_matches('/'));
    let stat = statvfs(&path).map_err(|errno| ProbeError::io("a volume", &errno.into()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Space {
        size_bytes: bytes(stat.f_blocks),
        free_bytes: bytes(stat.f_bavail),
        used_bytes: bytes(stat.f_blocks.saturating_sub(stat.f_bfree)),
        inodes: stat.f_files,
        inodes_free: stat.f_favail,
    })
}

/// Totals of the disks that are devices of this machine, rather than made of other disks or of memory.
pub(crate) fn disks(root: &Path) -> Result<Vec<DiskStat>, ProbeError> {
    let mut disks = diskstats::parse(&read(root, "proc/diskstats")?);
    disks.retain(|disk| exists(root, &format!("sys/block/{}/device", disk.device)));
    Ok(disks)
}

/// The arrays that the kernel makes of disks.
///
/// # Errors
/// It makes none.
pub(crate) fn arrays(root: &Path) -> Result<Vec<Array>, ProbeError> {
    let arrays = mdstat::parse(&read(root, "proc/mdstat")?);
    if arrays.is_empty() { Err(ProbeError::NotPresent("array of disks")) } else { Ok(arrays) }
}

/// What kind of disk it is.
pub(crate) fn traits(root: &Path, device: &str) -> Traits {
    let read = |name: &str| read_trimmed(root, &format!("sys/block/{device}/{name}"));
    Traits {
        rotates: read("queue/rotational").map(|flag| flag == "1"),
        is_removable: read("removable").is_some_and(|flag| flag == "1")
            || read("device/type").is_some_and(|kind| kind == "SD"),
        vendor: read("device/vendor").unwrap_or_default(),
        model: read("device/model").unwrap_or_default(),
        firmware: read("device/firmware_rev").or_else(|| read("device/rev")).unwrap_or_default(),
    }
}

/// Whether the disk `device` belongs to the machine: `fixed`, `removable`, `virtual`, or `unknown` when it is gone.
pub(crate) fn place_of_disk(root: &Path, device: &str) -> &'static str {
    if ["loop", "dm-", "zram", "ram", "nbd", "md"].iter().any(|kind| device.starts_with(kind)) {
        return "virtual";
    }
    // A controller of NVMe disks is named without a disk, and soldered or screwed in.
    if device.starts_with("nvme") {
        return "fixed";
    }
    let Ok(way) = root.join("sys/block").join(device).canonicalize() else { return "unknown" };
    let is_usb = way.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
    if is_usb || traits(root, device).is_removable { "removable" } else { "fixed" }
}
