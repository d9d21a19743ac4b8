//! What a volume is made of: the block devices below a mount.

use std::path::Path;

use crate::os::proc::filesystem_errors;
use crate::os::proc::mounts::Mount;
use crate::os::{list, read, read_trimmed};
use crate::probe::ProbeError;

/// Every block device and partition.
const BLOCKS: &str = "sys/class/block";
/// Stacks are two or three devices high.
const HEIGHT_MAX: u8 = 8;

/// Whether what is written to `mount` is encrypted on its way to the disk. What the disk or the file system itself may
/// encrypt cannot be seen.
///
/// # Errors
/// The volume is not on a block device that the kernel shows.
pub(crate) fn is_encrypted(root: &Path, mount: &Mount) -> Result<bool, ProbeError> {
    let bottom = block_of(root, mount).ok_or(ProbeError::Unsupported("the devices below this volume"))?;
    Ok(has_cipher(root, &bottom, HEIGHT_MAX))
}

/// Errors that the file system of `mount` has counted.
///
/// # Errors
/// Its kind keeps no count.
pub(crate) fn filesystem_errors(root: &Path, mount: &Mount) -> Result<u64, ProbeError> {
    let counted = match mount.kind.as_str() {
        "ext2" | "ext3" | "ext4" => block_of(root, mount).and_then(|block| {
            filesystem_errors::of_ext4(&read(root, &format!("sys/fs/ext4/{block}/errors_count")).ok()?)
        }),
        "btrfs" => of_btrfs(root, mount),
        _ => None,
    };
    counted.ok_or(ProbeError::Unsupported("a count of errors by this kind of file system"))
}

/// The sum over all disks of the volume, by the identity under which one of them is listed.
fn of_btrfs(root: &Path, mount: &Mount) -> Option<u64> {
    let block = block_of(root, mount)?;
    let volumes = list(root, "sys/fs/btrfs").ok()?;
    let has_it = |volume: &&String| {
        list(root, &format!("sys/fs/btrfs/{volume}/devices")).is_ok_and(|devices| devices.contains(&block))
    };
    let volume = volumes.iter().find(has_it)?;
    let disks = list(root, &format!("sys/fs/btrfs/{volume}/devinfo")).ok()?;
    let stats = disks.iter().map(|disk| format!("sys/fs/btrfs/{volume}/devinfo/{disk}/error_stats"));
    stats.filter_map(|path| filesystem_errors::of_btrfs(&read(root, &path).ok()?)).reduce(u64::saturating_add)
}

/// The kernel's name of the device that is mounted: by its number, or where the file system has made up a number
/// (btrfs), by the path that it was mounted from.
fn block_of(root: &Path, mount: &Mount) -> Option<String> {
    let blocks = list(root, BLOCKS).ok()?;
    let says = |block: &str, file: &str| read_trimmed(root, &format!("{BLOCKS}/{block}/{file}"));
    if !mount.device.starts_with("0:") {
        return blocks.into_iter().find(|block| says(block, "dev").as_deref() == Some(mount.device.as_str()));
    }
    let path = mount.source.strip_prefix("/dev/")?;
    match path.strip_prefix("mapper/") {
        Some(mapped) => blocks.into_iter().find(|block| says(block, "dm/name").as_deref() == Some(mapped)),
        None => blocks.into_iter().find(|block| block == path),
    }
}

/// Whether `block` or what it stands on is a cipher of the device mapper.
fn has_cipher(root: &Path, block: &str, height: u8) -> bool {
    let dir = format!("{BLOCKS}/{block}");
    let kind = read_trimmed(root, &format!("{dir}/dm/uuid")).unwrap_or_default();
    if kind.starts_with("CRYPT-") {
        return true;
    }
    let below = list(root, &format!("{dir}/slaves")).unwrap_or_default();
    // A partition stands on its disk, which may be made of others in turn.
    let whole = read_trimmed(root, &format!("{dir}/partition")).and_then(|number| {
        let disk = block.strip_suffix(&number)?;
        Some(
            disk.strip_suffix('p')
                .filter(|disk| disk.ends_with(|c: char| c.is_ascii_digit()))
                .unwrap_or(disk)
                .to_owned(),
        )
    });
    height > 0 && below.iter().chain(&whole).any(|block| has_cipher(root, block, height - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine;
    use crate::os::proc::mounts;

    fn mount(device: &str, kind: &str, source: &str) -> Mount {
        mounts::parse(&format!("28 1 {device} / / rw - {kind} {source} rw\n")).remove(0)
    }

    #[test]
    fn finds_the_cipher_below_a_logical_volume() {
        let root = machine(&[
            ("sys/class/block/dm-1/dev", "253:1\n"),
            ("sys/class/block/dm-1/dm/uuid", "LVM-Xq\n"),
            ("sys/class/block/dm-1/slaves/dm-0/dev", "253:0\n"),
            ("sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123456789abcdef-luks\n"),
            ("sys/class/block/dm-0/slaves/nvme0n1p3/dev", "259:3\n"),
            ("sys/class/block/nvme0n1p3/dev", "259:3\n"),
            ("sys/class/block/nvme0n1p3/partition", "3\n"),
        ]);
        assert_eq!(is_encrypted(root.path(), &mount("253:1", "ext4", "/dev/mapper/vg-root")), Ok(true));
        assert_eq!(is_encrypted(root.path(), &mount("259:3", "ext4", "/dev/nvme0n1p3")), Ok(false));
        assert!(is_encrypted(root.path(), &mount("0:31", "zfs", "rpool/ROOT")).is_err());
    }

    #[test]
    fn finds_the_cipher_below_a_partition_of_an_array() {
        let root = machine(&[
            ("sys/class/block/md0p1/dev", "259:9\n"),
            ("sys/class/block/md0p1/partition", "1\n"),
            ("sys/class/block/md0/slaves/dm-4/dev", "253:4\n"),
            ("sys/class/block/dm-4/dm/uuid", "CRYPT-PLAIN-x\n"),
        ]);
        assert_eq!(is_encrypted(root.path(), &mount("259:9", "xfs", "/dev/md0p1")), Ok(true));
    }

    #[test]
    fn counts_the_errors_of_each_kind() {
        let stats = "write_errs 0\nread_errs 1\nflush_errs 0\ncorruption_errs 4\ngeneration_errs 0\n";
        let root = machine(&[
            ("sys/class/block/nvme0n1p2/dev", "259:2\n"),
            ("sys/fs/ext4/nvme0n1p2/errors_count", "3\n"),
            ("sys/class/block/dm-0/dm/name", "luks-1\n"),
            ("sys/fs/btrfs/0f-1/devices/dm-0/dev", "253:0\n"),
            ("sys/fs/btrfs/0f-1/devinfo/1/error_stats", stats),
            ("sys/fs/btrfs/features/raid56", "1\n"),
        ]);
        let errors = |mount: &Mount| filesystem_errors(root.path(), mount);
        assert_eq!(errors(&mount("259:2", "ext4", "/dev/nvme0n1p2")), Ok(3));
        assert_eq!(errors(&mount("0:31", "btrfs", "/dev/mapper/luks-1")), Ok(5));
        assert!(matches!(errors(&mount("259:2", "xfs", "/dev/nvme0n1p2")), Err(ProbeError::Unsupported(_))));
    }
}
