use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use jiff::tz::TimeZone;

use super::machine::boot_seconds;
use crate::os::package::dpkg::{self, Packages};
use crate::os::package::history::{self, Run};
use crate::os::package::lists::{self, Archive, Offers};
use crate::os::package::lz4::Frame;
use crate::os::package::{kernel, unattended};
use crate::os::{exists, list, modified_seconds, read, read_trimmed, tail};
use crate::probe::ProbeError;
use crate::probe::update::{Diary, Packaged, Restart};

const STATUS: &str = "var/lib/dpkg/status";
const LISTS: &str = "var/lib/apt/lists";
/// Kept of each diary.
const DIARY_BYTES_MAX: u64 = 256 * 1024;
/// Programs that run from boot to shutdown: their update waits for a restart.
const CORE: [&str; 6] = ["libc6:amd64", "libc6:arm64", "systemd", "dbus-daemon", "intel-microcode", "amd64-microcode"];
/// Diaries with a line for each package.
const DIARIES: [&str; 4] = ["var/log/dnf.rpm.log", "var/log/dnf5.log", "var/log/zypp/history", "var/log/pacman.log"];

/// Why a restart is due, and since when.
pub(crate) fn restart_due(root: &Path) -> Result<Restart, ProbeError> {
    let running = read_trimmed(root, "proc/sys/kernel/osrelease");
    let kernels = kernels(root);
    if !exists(root, STATUS) && kernels.is_empty() {
        return Err(ProbeError::Unsupported("a record of updates that wait for a restart"));
    }
    let mut restart = Restart::default();
    if let Ok(since) = modified_seconds(root, "run/reboot-required") {
        let wanting = read(root, "run/reboot-required.pkgs").unwrap_or_default();
        let wanting: Vec<&str> = wanting.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        restart.enter(if wanting.is_empty() { vec!["packages"] } else { wanting }, since);
    }
    if let Some(newer) = running.as_deref().and_then(|running| kernel::newer(running, &kernels)) {
        restart.enter(vec![&format!("kernel {newer}")], installed_seconds(root, newer));
    }
    if exists(root, "run/systemd/system") {
        let boot = boot_seconds(root).ok().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(i64::MAX);
        for (name, at) in core_packages(root).filter(|(_, at)| *at > boot) {
            restart.enter(vec![name], at);
        }
    }
    Ok(restart)
}

/// Versions of the kernels that are installed.
fn kernels(root: &Path) -> Vec<String> {
    let images = list(root, "boot").unwrap_or_default();
    let images = images.iter().filter_map(|name| name.strip_prefix("vmlinuz-")).map(str::to_owned);
    let modules = list(root, "lib/modules").unwrap_or_default();
    let modules = modules.into_iter().filter(|version| exists(root, &format!("lib/modules/{version}/vmlinuz")));
    images.chain(modules).filter(|version| version.starts_with(|first: char| first.is_ascii_digit())).collect()
}

/// When a kernel was installed: its own file has the time of its making, the folder of its modules that of their
/// listing.
fn installed_seconds(root: &Path, version: &str) -> i64 {
    let modules = modified_seconds(root, &format!("lib/modules/{version}"));
    modules.or_else(|_| modified_seconds(root, &format!("boot/vmlinuz-{version}"))).unwrap_or(i64::MAX)
}

/// When the packages of [`CORE`] were last installed.
fn core_packages(root: &Path) -> impl Iterator<Item = (&'static str, i64)> {
    CORE.iter().filter_map(|name| {
        let at = modified_seconds(root, &format!("var/lib/dpkg/info/{name}.list")).ok()?;
        Some((name.split(':').next()?, at))
    })
}

/// The zone of the machine's clock on the wall.
pub(crate) fn time_zone(root: &Path) -> TimeZone {
    let zone = fs::read(root.join("etc/localtime")).ok().and_then(|bytes| TimeZone::tzif("local", &bytes).ok());
    zone.unwrap_or(TimeZone::UTC)
}

/// What the diaries say of the last runs.
pub(crate) fn update_diary(root: &Path) -> Result<Diary, ProbeError> {
    let zone = time_zone(root);
    let apt = tail(root, "var/log/apt/history.log", DIARY_BYTES_MAX).map(|text| history::apt(&text, &zone));
    let unattended = tail(root, "var/log/unattended-upgrades/unattended-upgrades.log", DIARY_BYTES_MAX);
    let unattended = unattended.map(|text| unattended::attempts(&text, &zone));
    let others = DIARIES.iter().filter_map(|diary| tail(root, diary, DIARY_BYTES_MAX).ok());
    let others = others.filter_map(|diary| history::last_upgrade(&diary, &zone)).max();
    let stamp = modified_seconds(root, "var/lib/apt/periodic/upgrade-stamp").ok();
    if let (Err(why), None, None) = (&apt, others, stamp) {
        return Err(why.clone());
    }
    let runs: Vec<Run> = apt.unwrap_or_default();
    let worked = runs.iter().filter(|run| run.upgraded > 0 && !run.failed).map(|run| run.at_seconds).max();
    let last_success_seconds = [worked, others, stamp].into_iter().flatten().max();
    Ok(Diary { runs, unattended: unattended.unwrap_or_default(), last_success_seconds })
}

/// Whether updates are installed without anybody asking.
pub(crate) fn updates_by_themselves(root: &Path) -> Result<bool, ProbeError> {
    let dir = "etc/apt/apt.conf.d";
    let files = list(root, dir);
    let is_dnf = ["dnf-automatic.timer", "dnf-automatic-install.timer", "dnf5-automatic.timer"]
        .iter()
        .any(|timer| exists(root, &format!("etc/systemd/system/timers.target.wants/{timer}")));
    let lines = files?.into_iter().filter_map(|name| read(root, &format!("{dir}/{name}")).ok());
    // The last word counts; a value of 0 is off.
    let mut is_on = false;
    for text in lines {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            if let Some(value) = line.trim().strip_prefix("APT::Periodic::Unattended-Upgrade") {
                is_on = !value.contains("\"0\"");
            }
        }
    }
    Ok(is_on || is_dnf)
}

/// What dpkg's record and apt's lists say together.
pub(crate) fn packaged(root: &Path) -> Result<Packaged, ProbeError> {
    let file = File::open(root.join(STATUS)).map_err(|source| ProbeError::file(STATUS, &source))?;
    let packages = dpkg::parse(BufReader::new(file)).map_err(|source| ProbeError::file(STATUS, &source))?;
    let available = available(root, &packages);
    Ok(Packaged { interrupted: packages.interrupted, available })
}

/// When anything last changed that [`packaged`] reads: the same number, the same answer.
pub(crate) fn packaged_stamp(root: &Path) -> i64 {
    let stamp = |path| modified_seconds(root, path).unwrap_or(0);
    stamp(STATUS) ^ stamp(LISTS).rotate_left(32)
}

/// When the lists were last fetched: apt leaves an unchanged list its old time, but uses its folder for partial ones.
pub(crate) fn lists_seconds(root: &Path) -> Result<i64, ProbeError> {
    let places = ["var/lib/apt/lists/partial", "var/lib/apt/periodic/update-success-stamp"];
    let newest = places.iter().filter_map(|place| modified_seconds(root, place).ok()).max();
    newest.ok_or_else(|| ProbeError::Missing(LISTS.to_owned()))
}

fn available(root: &Path, packages: &Packages) -> Result<lists::Available, ProbeError> {
    let names = list(root, LISTS)?;
    let mut offers = Offers::new(packages);
    let mut found = false;
    for name in names.iter().filter(|name| plain_name(name).ends_with("_Packages")) {
        let failed = |source| ProbeError::io("a list of packages", &source);
        let file = File::open(root.join(LISTS).join(name)).map_err(failed)?;
        let archive = archive_of(root, name, &names);
        let packed = plain_name(name) != name;
        let source: Box<dyn Read> =
            if packed { Box::new(Frame::new(BufReader::new(file)).map_err(failed)?) } else { Box::new(file) };
        offers.read(archive, BufReader::with_capacity(64 * 1024, source)).map_err(failed)?;
        found = true;
    }
    if !found {
        return Err(ProbeError::NotPresent("list of packages"));
    }
    Ok(offers.count())
}

fn plain_name(name: &str) -> &str {
    name.strip_suffix(".lz4").unwrap_or(name)
}

/// The head of the archive that a list is of: its name begins with that of the archive's folder.
fn archive_of(root: &Path, name: &str, names: &[String]) -> Archive {
    let heads = names.iter().filter_map(|head| {
        let folder = head.strip_suffix("InRelease").or_else(|| head.strip_suffix("Release"))?;
        name.starts_with(folder).then_some((folder.len(), head))
    });
    let head = heads.max().and_then(|(_, head)| File::open(root.join(LISTS).join(head)).ok());
    head.and_then(|file| lists::archive(BufReader::new(file)).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::os::prepared::machine;

    fn age(root: &tempfile::TempDir, path: &str, seconds: u64) -> i64 {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        let file = File::options().write(true).open(root.path().join(path)).expect("there");
        file.set_modified(time).expect("set");
        modified_seconds(root.path(), path).expect("there")
    }

    #[test]
    fn a_newer_kernel_waits_for_a_restart_since_it_was_installed() {
        let root = machine::<str>(&[
            ("proc/sys/kernel/osrelease", "6.1.0-27-amd64\n"),
            ("boot/vmlinuz-6.1.0-27-amd64", ""),
            ("boot/vmlinuz-6.1.0-28-amd64", ""),
        ]);
        let since = age(&root, "boot/vmlinuz-6.1.0-28-amd64", 86_400);
        let restart = restart_due(root.path()).expect("known");
        assert_eq!(restart.reasons, ["kernel 6.1.0-28-amd64"]);
        assert_eq!(restart.since_seconds, Some(since));
    }

    #[test]
    fn packages_say_that_they_wait_for_a_restart() {
        let root = machine::<str>(&[
            ("var/lib/dpkg/status", ""),
            ("run/reboot-required", "*** System restart required ***\n"),
            ("run/reboot-required.pkgs", "linux-image-6.1.0-28-amd64\ndbus\n\ndbus\n"),
        ]);
        assert_eq!(restart_due(root.path()).expect("known").reasons, ["linux-image-6.1.0-28-amd64", "dbus"]);
    }

    #[test]
    fn a_core_library_installed_since_boot_waits_for_a_restart() {
        let boot = SystemTime::now() - Duration::from_hours(1);
        let boot = boot.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let root = machine::<str>(&[
            ("proc/stat", &format!("cpu  1 1 1 1 1 1 1 1 0 0\nbtime {boot}\n")),
            ("run/systemd/system/.keep", ""),
            ("var/lib/dpkg/status", ""),
            ("var/lib/dpkg/info/libc6:amd64.list", "/.\n"),
            ("var/lib/dpkg/info/systemd.list", "/.\n"),
        ]);
        age(&root, "var/lib/dpkg/info/systemd.list", 86_400);
        assert_eq!(restart_due(root.path()).expect("known").reasons, ["libc6"]);
    }

    #[test]
    fn where_nothing_waits_nothing_is_due_and_where_nobody_keeps_record_it_is_unknown() {
        let root = machine::<str>(&[("var/lib/dpkg/status", "")]);
        assert_eq!(restart_due(root.path()).expect("known").reasons, [""; 0]);
        assert!(matches!(restart_due(machine::<str>(&[]).path()), Err(ProbeError::Unsupported(_))));
    }

    const STATUS: &str = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n\
                          Package: b\nStatus: install ok unpacked\nArchitecture: amd64\nVersion: 1\n";
    const LIST: &str = "Package: a\nArchitecture: amd64\nVersion: 2\n\n";

    #[test]
    fn compares_what_is_installed_with_the_lists_on_the_disk() {
        let root = machine::<str>(&[
            (STATUS_PATH, STATUS),
            ("var/lib/apt/lists/x_debian-security_dists_b_InRelease", "Origin: D\nLabel: Debian-Security\nSuite: b\n"),
            ("var/lib/apt/lists/x_debian-security_dists_b_main_binary-amd64_Packages", LIST),
            ("var/lib/apt/lists/x_debian_dists_b_InRelease", "Origin: D\nLabel: Debian\nSuite: b\n"),
            ("var/lib/apt/lists/x_debian_dists_b_main_binary-amd64_Packages", LIST),
        ]);
        let packaged = packaged(root.path()).expect("read");
        assert_eq!(packaged.interrupted, ["b"]);
        let available = packaged.available.expect("counted");
        assert_eq!((available.security, available.other), (1, 0));
    }

    const STATUS_PATH: &str = "var/lib/dpkg/status";

    #[test]
    fn without_lists_or_with_a_damaged_one_there_is_no_count() {
        let bare = machine::<str>(&[(STATUS_PATH, STATUS), ("var/lib/apt/lists/lock", "")]);
        let none = packaged(bare.path()).expect("read").available;
        assert_eq!(none, Err(ProbeError::NotPresent("list of packages")));
        let damaged = machine::<str>(&[(STATUS_PATH, STATUS), ("var/lib/apt/lists/x_Packages.lz4", "not packed")]);
        assert!(matches!(packaged(damaged.path()).expect("read").available, Err(ProbeError::Failed(_))));
    }

    #[test]
    fn the_last_word_on_automatic_updates_counts() {
        let on = "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n";
        let root = machine::<str>(&[("etc/apt/apt.conf.d/20auto-upgrades", on)]);
        assert_eq!(updates_by_themselves(root.path()), Ok(true));
        fs::write(root.path().join("etc/apt/apt.conf.d/99off"), "APT::Periodic::Unattended-Upgrade \"0\";\n")
            .expect("written");
        assert_eq!(updates_by_themselves(root.path()), Ok(false));
    }

    /// apt itself is the judge, where there is one with lists; preferences for single packages are its own affair.
    #[test]
    fn agrees_with_apt_about_this_machine() {
        let root = Path::new("/");
        let Ok(Ok(available)) = packaged(root).map(|packaged| packaged.available) else { return };
        let Ok(said) = Command::new("apt").args(["list", "--upgradable"]).env("LC_ALL", "C").output() else { return };
        let said = String::from_utf8_lossy(&said.stdout);
        let lines: Vec<_> = said.lines().filter(|line| line.contains("[upgradable from")).collect();
        assert_eq!(available.security + available.other, lines.len() as u64, "{lines:#?}");
    }
}
