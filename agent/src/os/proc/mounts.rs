//! `/proc/self/mountinfo` and `/etc/fstab`.

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// `major:minor` of the device.
    pub(crate) device: String,
    /// Where it is mounted.
    pub(crate) point: String,
    /// Kind of file system.
    pub(crate) kind: String,
    /// What was mounted, as it was said then: a path below `/dev`, a server.
    pub(crate) source: String,
    /// Whether the mount, or the whole file system, takes no writes.
    pub(crate) is_readonly: bool,
    /// Whether the whole file system takes no writes: what the kernel does when it finds damage.
    pub(crate) is_whole_readonly: bool,
    /// Whether the whole file system is mounted here, rather than one directory of it.
    pub(crate) is_whole: bool,
}

/// A drive that another machine lends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// `smb` or `nfs`.
    pub(crate) protocol: &'static str,
    /// Name or address.
    pub(crate) server: String,
    /// Server and share as the kernel names them.
    pub(crate) source: String,
    /// Where it is mounted.
    pub(crate) point: String,
}

/// The drives of other machines in `/proc/self/mountinfo`.
pub(crate) fn remote(mountinfo: &str) -> Vec<Remote> {
    mountinfo.lines().filter_map(one_remote).collect()
}

fn one_remote(line: &str) -> Option<Remote> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let (kind, source) = (after.next()?, unescape(after.next()?));
    let (protocol, server) = match kind {
        "cifs" | "smb3" => ("smb", source.strip_prefix("//")?.split('/').next()?),
        "nfs" | "nfs4" => ("nfs", source.split_once(":/")?.0.trim_matches(['[', ']'])),
        _ => return None,
    };
    let (server, point) = (server.to_owned(), unescape(before.split(' ').nth(4)?));
    (!server.is_empty()).then_some(Remote { protocol, server, source, point })
}

/// Parses `/proc/self/mountinfo`; lines that are torn are left out.
pub(crate) fn parse(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(2);
    let (device, root, point, options) = (before.next()?, before.next()?, before.next()?, before.next()?);
    let mut after = after.split(' ');
    let (kind, source, super_options) = (after.next()?, after.next()?, after.next().unwrap_or(""));
    let is_whole_readonly = super_options.split(',').any(|option| option == "ro" || option == "emergency_ro");
    Some(Mount {
        device: device.to_owned(),
        point: unescape(point),
        kind: kind.to_owned(),
        source: unescape(source),
        is_readonly: is_whole_readonly || has(options, "ro"),
        is_whole_readonly,
        is_whole: root == "/" || kind == "btrfs",
    })
}

/// The mount points for which `/etc/fstab` says that they take writes.
pub(crate) fn wanted_writable(fstab: &str) -> Vec<String> {
    let entries = fstab.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let fields = entries.filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        Some((fields.next()?, fields.nth(1).unwrap_or("defaults")))
    });
    fields.filter(|(_, options)| !has(options, "ro")).map(|(point, _)| unescape(point)).collect()
}

fn has(options: &str, wanted: &str) -> bool {
    options.split(',').any(|option| option == wanted)
}

/// Blanks in paths are written as `\040`, and so on.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| first == b'\\').and_then(octal);
        if let Some(byte) = code {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_drives_of_other_machines() {
        let text = "36 25 0:52 / /mnt/team\\040files rw,relatime shared:1 - cifs //files.corp.example/team\\040files rw\n\
            37 25 0:53 / /home/nfs rw - nfs4 [2001:db8::9]:/export/home rw\n\
            38 25 8:1 / / rw - ext4 /dev/sda1 rw\n39 25 0:9 / /x rw - cifs torn rw\n";
        let remote = remote(text);
        let told: Vec<_> = remote.iter().map(|one| (one.protocol, one.server.as_str(), one.point.as_str())).collect();
        assert_eq!(told, [("smb", "files.corp.example", "/mnt/team files"), ("nfs", "2001:db8::9", "/home/nfs")]);
        assert_eq!(remote[0].source, "//files.corp.example/team files");
    }
    use proptest::prelude::*;

    const LAPTOP: &str = "\
22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
90 28 259:1 / /boot/efi rw,relatime shared:47 - vfat /dev/nvme0n1p1 rw,fmask=0077
95 28 259:3 / /home rw,relatime shared:50 - ext4 /dev/nvme0n1p3 rw
99 28 7:1 / /snap/core22/1380 ro,nodev,relatime shared:53 - squashfs /dev/loop1 ro,errors=continue
120 28 8:17 / /media/ada/My\\040Stick rw,nosuid,nodev - exfat /dev/sdb1 rw
130 28 259:2 /srv/data /mnt/bind rw,relatime - ext4 /dev/nvme0n1p2 rw
";

    #[test]
    fn reads_points_kinds_and_devices() {
        let mounts = parse(LAPTOP);
        assert_eq!(mounts.len(), 7);
        assert_eq!(mounts[1].point, "/");
        assert_eq!(mounts[1].device, "259:2");
        assert!(!mounts[1].is_readonly);
        assert_eq!(mounts[5].point, "/media/ada/My Stick");
        assert!(!mounts[6].is_whole);
    }

    #[test]
    fn tells_a_damaged_file_system_from_one_that_is_mounted_read_only() {
        let damaged = parse("28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 ro,errors=remount-ro\n");
        assert!(damaged[0].is_whole_readonly);
        let newer = parse("28 1 259:2 / / rw,relatime - ext4 /dev/nvme0n1p2 rw,emergency_ro\n");
        assert!(newer[0].is_whole_readonly);
        let wanted = parse("28 1 259:2 / /usr ro,relatime - ext4 /dev/nvme0n1p2 rw\n");
        assert!(wanted[0].is_readonly && !wanted[0].is_whole_readonly);
    }

    #[test]
    fn reads_what_fstab_wants() {
        let fstab = "# comment\nUUID=1 / ext4 errors=remount-ro 0 1\nUUID=2 /data xfs ro,noatime 0 2\nUUID=3 /my\\040disk ext4\n";
        assert_eq!(wanted_writable(fstab), ["/", "/my disk"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-9]{1,3} 1 [0-9]:[0-9] /[\\\\0-9a-z]{0,9} / r[ow] - ext4 x|.{0,40}\n){0,5}") {
            let _ = (parse(&text), wanted_writable(&text));
        }
    }
}
