use super::super::found::{between, name, word_after};
use super::Found;

/// Disks, and the file systems on them.
pub(super) fn meaning(line: &str) -> Option<Found> {
    block_layer(line).or_else(|| ata(line)).or_else(|| nvme(line)).or_else(|| mmc(line)).or_else(|| file_system(line))
}

/// `I/O error, dev sda, sector 1234 op 0x0:(READ) ...`, and its older form after `blk_update_request: `.
fn block_layer(line: &str) -> Option<Found> {
    let line =
        line.strip_prefix("blk_update_request: ").or_else(|| line.strip_prefix("print_req_error: ")).unwrap_or(line);
    if let Some(rest) = line.strip_prefix("Buffer I/O error on dev") {
        let rest = rest.strip_prefix("ice").unwrap_or(rest);
        return Some(disk("io", rest.trim_start().split([',', ' ']).next()?));
    }
    let (what, rest) = line.split_once(" error, dev ")?;
    let kind = match what {
        "I/O" => "io",
        "critical medium" => "medium",
        "critical target" => "target",
        "timeout" => "timeout",
        "recoverable transport" | "transport" => "transport",
        _ => return None,
    };
    Some(disk(kind, rest.split([',', ' ']).next()?))
}

/// `ata1.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x6 frozen`
fn ata(line: &str) -> Option<Found> {
    let port = line.strip_prefix("ata")?.split(['.', ':']).next()?;
    let is_port = !port.is_empty() && port.bytes().all(|letter| letter.is_ascii_digit());
    (is_port && line.contains(": exception Emask ")).then(|| disk("ata_exception", &format!("ata{port}")))
}

/// `nvme nvme0: I/O 123 QID 4 timeout, aborting`; `nvme nvme0: controller is down; will reset: CSTS=0x3`
fn nvme(line: &str) -> Option<Found> {
    let (device, what) = line.strip_prefix("nvme ")?.split_once(": ")?;
    let kind = if what.starts_with("I/O ") && what.contains(" timeout, ") {
        if what.contains("reset controller") || what.contains("disable controller") { "reset" } else { "timeout" }
    } else if what.starts_with("controller is down; will reset") || what.starts_with("resetting controller") {
        "reset"
    } else if what.starts_with("Removing after probe failure") || what.starts_with("Device not ready; aborting") {
        "lost"
    } else {
        return None;
    };
    Some(disk(kind, device))
}

/// `mmcblk0: error -110 transferring data, sector 1, nr 8, cmd response 0x900, card status 0x0`
fn mmc(line: &str) -> Option<Found> {
    let (device, what) = line.split_once(": ")?;
    (device.starts_with("mmcblk") && what.starts_with("error -") && what.contains(" transferring data"))
        .then(|| disk("io", device))
}

fn disk(kind: &str, device: &str) -> Found {
    let device = name(device).map_or_else(|| "unknown".to_owned(), whole_disk);
    Found::new("endpoint.disk.errors").of("kind", kind).of("system.device", &device)
}

/// The disk that a partition is on: `sda1` is on `sda`, `nvme0n1p2` on `nvme0n1`, `mmcblk0p1` on `mmcblk0`.
pub(crate) fn whole_disk(device: &str) -> String {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit());
    if let Some((disk, part)) = device.rsplit_once('p')
        && digits(part)
        && disk.ends_with(|last: char| last.is_ascii_digit())
    {
        return disk.to_owned();
    }
    let letters = device.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_disk =
        ["sd", "hd", "vd", "xvd"].iter().any(|kind| letters.starts_with(kind)) && letters.len() < device.len();
    if is_disk { letters.to_owned() } else { device.to_owned() }
}

fn file_system(line: &str) -> Option<Found> {
    ext4(line).or_else(|| btrfs(line)).or_else(|| xfs(line)).or_else(|| fat(line)).or_else(|| journal(line))
}

/// `EXT4-fs error (device sda1): ext4_lookup:1234: inode #2: comm ls: deleted inode referenced: 12`
fn ext4(line: &str) -> Option<Found> {
    let kind = line.strip_prefix("EXT").and_then(|rest| rest.get(..5)).filter(|rest| rest.ends_with("-fs "))?;
    let system = format!("ext{}", kind.get(..1)?);
    let rest = line.get(8..)?;
    if rest.starts_with("error (device ") {
        return Some(damage("error", &system, between(rest, "(device ", ")")?));
    }
    let device = between(rest, "(", ")")?;
    let what = rest.split_once("): ")?.1;
    if what.starts_with("Remounting filesystem read-only") {
        Some(damage("read_only", &system, device))
    } else if what.starts_with("warning: mounting fs with errors") {
        Some(damage("dirty", &system, device))
    } else if what.starts_with("failed to convert unwritten extents")
        || what.starts_with("Delayed block allocation failed")
    {
        Some(damage("lost_writes", &system, device))
    } else {
        None
    }
}

/// `BTRFS warning (device sda2): csum failed root 5 ino 257 off 0 csum 0x.. expected csum 0x.. mirror 1`
fn btrfs(line: &str) -> Option<Found> {
    let rest = line.strip_prefix("BTRFS")?;
    let device = between(rest, "(device ", ")")?;
    let level = rest.trim_start_matches(':').split_whitespace().next()?;
    let what = rest.split_once(')')?.1.trim_start_matches(':').trim_start();
    // Newer kernels put the state between the device and the text: `(device sda2: state EA)`.
    let device = device.split([' ', ':']).next()?;
    let kind = if what.starts_with("csum failed") || what.starts_with("parent transid verify failed") {
        "checksum"
    } else if what.starts_with("forced readonly") {
        "read_only"
    } else if matches!(level, "error" | "critical") || what.contains("errno=") {
        "error"
    } else {
        return None;
    };
    Some(damage(kind, "btrfs", device))
}

/// `XFS (sda1): Metadata corruption detected at xfs_agf_read_verify+0x..`
fn xfs(line: &str) -> Option<Found> {
    let rest = line.strip_prefix("XFS (")?;
    let (device, what) = rest.split_once("): ")?;
    let kind = if what.starts_with("Metadata corruption detected") || what.starts_with("Internal error") {
        "error"
    } else if what.starts_with("Metadata CRC error detected") {
        "checksum"
    } else if what.contains("hutting down filesystem") || what.contains("Filesystem has been shut down") {
        "shut_down"
    } else {
        return None;
    };
    Some(damage(kind, "xfs", device))
}

/// `FAT-fs (sdb1): Volume was not properly unmounted. Some data may be corrupt. Please run fsck.`
fn fat(line: &str) -> Option<Found> {
    let (device, what) = line.strip_prefix("FAT-fs (")?.split_once("): ")?;
    let kind = if what.starts_with("error, ") {
        "error"
    } else if what.starts_with("Filesystem has been set read-only") {
        "read_only"
    } else if what.starts_with("Volume was not properly unmounted") {
        "dirty"
    } else {
        return None;
    };
    Some(damage(kind, "vfat", device))
}

/// `Aborting journal on device sda1-8.`; `JBD2: Detected IO errors while flushing file data on sda1-8`
fn journal(line: &str) -> Option<Found> {
    let (kind, device) = if let Some(device) = line.strip_prefix("Aborting journal on device ") {
        ("journal_aborted", device)
    } else {
        ("lost_writes", line.strip_prefix("JBD2: Detected IO errors while flushing file data on ")?)
    };
    let device = word_after(device, "").unwrap_or(device).trim_end_matches('.');
    Some(damage(kind, "ext4", device.rsplit_once('-').map_or(device, |(device, _)| device)))
}

fn damage(kind: &str, system: &str, device: &str) -> Found {
    let device = name(device).unwrap_or("unknown");
    Found::new("endpoint.filesystem.error").of("kind", kind).of("system.device", device).text("type", system)
}
