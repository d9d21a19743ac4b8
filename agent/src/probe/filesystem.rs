//! Room on the volumes of this machine, and whether they still take writes.
//!
//! Only kinds that live on a local disk are touched: asking a dead server for its free space would hang. Everything
//! else (network, user space, memory, images) is not even looked at.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;
use crate::os::proc::mounts::Mount;

static SPEC: Spec = Spec {
    name: "filesystems",
    section: Section::Storage,
    // Asked with every fast tick, so that a volume that fills up is told at once; what did not move waits for its minute.
    tier: Tier::Fast,
    deadline: Duration::from_secs(5),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[
        "system.filesystem.usage",
        "system.filesystem.limit",
        "endpoint.filesystem.inodes",
        "endpoint.filesystem.readonly",
    ],
};

/// Kinds that keep people's files on a disk of this machine.
const LOCAL_KINDS: [&str; 17] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "zfs", "jfs", "reiserfs", "nilfs2", "vfat", "exfat",
    "ntfs", "ntfs3", "fuseblk", "apfs",
];
/// Smaller volumes below these points are for starting or repairing the machine.
const BOOT_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const BOOT_POINTS: [&str; 5] = ["/boot", "/efi", "/boot/efi", "/boot/firmware", "/recovery"];

/// Space of one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) size_bytes: u64,
    /// What somebody without privileges can still write.
    pub(crate) free_bytes: u64,
    pub(crate) used_bytes: u64,
    /// 0 where the kind has no fixed number of files.
    pub(crate) inodes: u64,
    pub(crate) inodes_free: u64,
}

/// Asks every local volume.
#[derive(Default)]
pub(crate) struct Filesystems {
    /// Mount points that were once seen to take writes.
    writable: Mutex<BTreeSet<String>>,
}

impl Probe for Filesystems {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let wanted = native::wanted_writable(&cx.root);
        let mut gather = Gather::new(cx);
        for Volume { attributes, mount, space } in volumes(cx)? {
            let lost_writes = self.lost_writes(&mount, &wanted);
            gather.value("endpoint.filesystem.readonly", attributes.clone(), lost_writes);
            if !mount.is_readonly || lost_writes {
                enter(&mut gather, &attributes, space);
            }
        }
        Ok(gather.done())
    }
}

/// One local volume that is not only for starting the machine.
pub(super) struct Volume {
    /// What tells it from others, without anybody's name in it.
    pub(super) attributes: Attributes,
    pub(super) mount: Mount,
    space: Result<Space, ProbeError>,
}

/// Every such volume.
pub(super) fn volumes(cx: &Context) -> Result<Vec<Volume>, ProbeError> {
    let mounts = native::mounts(&cx.root)?;
    let mut points = BTreeSet::new();
    let sized = local(&mounts).into_iter().map(|mount| (mount, native::space(&cx.root, &mount.point)));
    let kept = sized.filter(|(mount, space)| !is_for_starting(mount, space.as_ref().ok()));
    let named =
        kept.map(|(mount, space)| Volume { attributes: attributes(mount, &mut points), mount: mount.clone(), space });
    Ok(named.collect())
}

impl Filesystems {
    /// Whether the volume takes no writes although it did once, or should.
    fn lost_writes(&self, mount: &Mount, wanted: &[String]) -> bool {
        let mut writable = self.writable.lock().unwrap_or_else(PoisonError::into_inner);
        if !mount.is_readonly {
            writable.insert(mount.point.clone());
        }
        mount.is_whole_readonly && (writable.contains(&mount.point) || wanted.contains(&mount.point))
    }
}

fn enter(gather: &mut Gather, attributes: &Attributes, space: Result<Space, ProbeError>) {
    let part = |part: fn(&Space) -> u64| space.as_ref().map(part).map_err(Clone::clone);
    let state = |state: &str| attributes.clone().with("state", state);
    gather.outcome("system.filesystem.usage", state("free"), part(|space| space.free_bytes));
    gather.outcome("system.filesystem.usage", state("used"), part(|space| space.used_bytes));
    gather.outcome("system.filesystem.limit", attributes.clone(), part(|space| space.size_bytes));
    if space.as_ref().is_ok_and(|space| space.inodes > 0) {
        gather.outcome("endpoint.filesystem.inodes", state("free"), part(|space| space.inodes_free));
        gather.outcome("endpoint.filesystem.inodes", state("total"), part(|space| space.inodes));
    }
}

/// The local volumes, each once: where it is mounted whole, at its shortest path.
fn local(mounts: &[Mount]) -> Vec<&Mount> {
    let mut local: Vec<&Mount> = mounts
        .iter()
        .enumerate()
        .filter(|(_, mount)| mount.is_whole && LOCAL_KINDS.contains(&mount.kind.as_str()))
        // A later mount at the same point hides the earlier one.
        .filter(|(index, mount)| !mounts[index + 1..].iter().any(|later| later.point == mount.point))
        .map(|(_, mount)| mount)
        .collect();
    local.arrange_by_key(|mount| (mount.point.len(), mount.point.clone()));
    let mut devices = BTreeSet::new();
    local.retain(|mount| devices.insert(mount.device.clone()));
    local
}

/// Whether the volume is a small one for starting the machine, which is full by design.
fn is_for_starting(mount: &Mount, space: Option<&Space>) -> bool {
    let small = space.is_none_or(|space| space.size_bytes < BOOT_BYTES);
    small && BOOT_POINTS.contains(&mount.point.as_str())
}

/// What tells this volume from others, without anybody's name in it.
fn attributes(mount: &Mount, points: &mut BTreeSet<String>) -> Attributes {
    let redacted = redact(&mount.point);
    let mut point = redacted.clone();
    let mut number = 2;
    while !points.insert(point.clone()) {
        point = format!("{redacted}#{number}");
        number += 1;
    }
    Attributes::from([("mountpoint", point.as_str()), ("type", mount.kind.as_str()), ("role", role(&mount.point))])
}

/// What the volume is for.
fn role(point: &str) -> &'static str {
    match point {
        "/" | "/var" => "system",
        "/home" | "/root" => "home",
        point if person_after(point).is_some_and(|(root, _)| root == "/home/") => "home",
        _ => "data",
    }
}

/// A path without people's names and without what they called their things.
fn redact(point: &str) -> String {
    let Some((root, below)) = person_after(point) else { return point.to_owned() };
    let deeper = below.split('/').filter(|part| !part.is_empty()).count().saturating_sub(1);
    let home = if root == "/home/" { "~".to_owned() } else { format!("{root}~") };
    if deeper == 0 { home } else { format!("{home}/{deeper}") }
}

/// Splits a path in which a person's name follows.
fn person_after(point: &str) -> Option<(&'static str, &str)> {
    let roots = ["/home/", "/run/media/", "/media/"];
    roots.into_iter().find_map(|root| Some((root, point.strip_prefix(root)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::proc::mounts::parse;

    const MOUNTS: &str = "\
28 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw
29 28 259:2 / /mnt/again rw - ext4 /dev/nvme0n1p2 rw
30 28 0:50 / /net rw - nfs4 server:/export rw
31 28 7:1 / /snap/core ro - squashfs /dev/loop1 ro
32 28 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
33 28 259:3 / /home rw - ext4 /dev/nvme0n1p3 rw
34 28 8:1 / /data rw - xfs /dev/sda1 rw
35 28 0:51 / /cifs rw - cifs //server/share rw
36 28 0:52 / /home/ada/cloud rw - fuse.rclone remote rw
";

    fn mount(point: &str, whole_readonly: bool) -> Mount {
        let options = if whole_readonly { "ro" } else { "rw" };
        parse(&format!("28 1 259:2 / {point} rw - ext4 /dev/x {options}")).remove(0)
    }

    #[test]
    fn network_memory_and_image_volumes_are_not_touched_and_each_disk_counts_once() {
        let mounts = parse(MOUNTS);
        let points: Vec<_> = local(&mounts).iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/", "/data", "/home"]);
    }

    #[test]
    fn what_was_once_writable_must_stay_so() {
        let filesystems = Filesystems::default();
        assert!(!filesystems.lost_writes(&mount("/data", true), &[]), "perhaps always was");
        assert!(!filesystems.lost_writes(&mount("/data", false), &[]));
        assert!(filesystems.lost_writes(&mount("/data", true), &[]));
        assert!(Filesystems::default().lost_writes(&mount("/data", true), &["/data".to_owned()]));
    }

    #[test]
    fn names_of_people_and_things_do_not_leave() {
        assert_eq!(redact("/home/ada"), "~");
        assert_eq!(redact("/home/ada/Private/secret plans"), "~/2");
        assert_eq!(redact("/media/ada/My Stick"), "/media/~/1");
        assert_eq!(redact("/srv/data"), "/srv/data");
        let mut points = BTreeSet::new();
        attributes(&mount("/home/ada", false), &mut points);
        let second = attributes(&mount("/home/grace", false), &mut points);
        assert_eq!(second.get("mountpoint"), Some("~#2"));
        assert_eq!(second.get("role"), Some("home"));
    }

    #[test]
    fn small_volumes_for_starting_are_left_out() {
        let space = |size_bytes| Space { size_bytes, free_bytes: 0, used_bytes: size_bytes, inodes: 0, inodes_free: 0 };
        assert!(is_for_starting(&mount("/boot", false), Some(&space(BOOT_BYTES / 2))));
        assert!(!is_for_starting(&mount("/boot", false), Some(&space(2 * BOOT_BYTES))));
        assert!(!is_for_starting(&mount("/data", false), Some(&space(1))));
    }
}
