use std::collections::HashSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use firstline_diagnosis::order::Arrange as _;

use crate::os::child::Child;
use crate::os::package::bundle;
use crate::os::package::dpkg;
use crate::os::package::dpkg_log::{self, Deeds};
use crate::os::package::inventory::Package;
use crate::os::package::stanza::Stanzas;
use crate::os::{exists, list, modified_seconds, read, read_trimmed, tail};
use crate::probe::ProbeError;

const DPKG: &str = "var/lib/dpkg/status";
const CHOSEN: &str = "var/lib/apt/extended_states";
const FLATPAK: &str = "var/lib/flatpak/app";
const SNAP: &str = "var/lib/snapd/snaps";
/// Where rpm keeps its record, newest place first.
const RPM: [&str; 4] = [
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
];
/// Kept of each diary: some thousand packages.
const DIARY_BYTES_MAX: u64 = 512 * 1024;
/// The list of rpm is longer than most.
const RPM_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The package managers that keep a record here, and when each last changed it.
pub(crate) fn package_managers(root: &Path) -> Vec<(&'static str, i64)> {
    let rpm = RPM.iter().find(|path| exists(root, path));
    let places = [("dpkg", Some(DPKG)), ("rpm", rpm.copied()), ("flatpak", Some(FLATPAK)), ("snap", Some(SNAP))];
    let stamped =
        places.into_iter().filter_map(|(manager, place)| Some((manager, modified_seconds(root, place?).ok()?)));
    // A machine of another family may have the other's folder without a package in it.
    stamped
        .filter(|(manager, _)| *manager != "dpkg" || fs::metadata(root.join(DPKG)).is_ok_and(|file| file.len() > 0))
        .collect()
}

/// What a package manager has installed.
pub(crate) fn packages(root: &Path, manager: &str) -> Result<Vec<Package>, ProbeError> {
    match manager {
        "dpkg" => of_dpkg(root),
        "rpm" => of_rpm(root),
        "flatpak" => of_flatpak(root),
        _ => of_snap(root),
    }
}

fn of_dpkg(root: &Path) -> Result<Vec<Package>, ProbeError> {
    let failed = |source| ProbeError::file(DPKG, &source);
    let file = File::open(root.join(DPKG)).map_err(failed)?;
    let packages = dpkg::parse(BufReader::new(file)).map_err(failed)?;
    let unasked = unasked(root);
    let package = |((name, architecture), installed): ((String, String), dpkg::Installed)| {
        let is_chosen = !unasked.contains(&(name.clone(), architecture.clone()));
        let is_personal = installed.section.rsplit('/').next() == Some("games");
        let is_foreign = architecture == "i386";
        let name = if is_foreign { format!("{name}:{architecture}") } else { name };
        Package { name, version: installed.version, is_personal, is_chosen, installed_seconds: None }
    };
    Ok(packages.installed.into_iter().map(package).collect())
}

/// What dpkg's diary says it did last, by package. The other package managers say in their record when they installed what.
pub(crate) fn package_diary(root: &Path, manager: &str) -> Deeds {
    let mut deeds = Deeds::new();
    if manager == "dpkg" {
        for diary in ["var/log/dpkg.log.1", "var/log/dpkg.log"] {
            if let Ok(text) = tail(root, diary, DIARY_BYTES_MAX) {
                dpkg_log::read(&text, &super::update::time_zone(root), &mut deeds);
            }
        }
    }
    deeds
}

/// What apt installed because something else needed it.
fn unasked(root: &Path) -> HashSet<(String, String)> {
    let mut unasked = HashSet::new();
    let Ok(file) = File::open(root.join(CHOSEN)) else { return unasked };
    let mut stanzas = Stanzas::new(BufReader::new(file), ["Package", "Architecture", "Auto-Installed"]);
    while let Ok(Some([name, architecture, automatic])) = stanzas.next() {
        if automatic == "1" {
            unasked.insert((name.clone(), architecture.clone()));
        }
    }
    unasked
}

/// rpm's record is a database whose rows are in a format of rpm's own, so rpm is asked.
fn of_rpm(root: &Path) -> Result<Vec<Package>, ProbeError> {
    if root != Path::new("/") {
        return Err(ProbeError::NotPresent("rpm in a directory"));
    }
    let output = Child::new("rpm").args(["-qa", "--qf", bundle::RPM_FORMAT]).bytes_max(RPM_BYTES_MAX).run()?;
    if output.status != Some(0) {
        return Err(ProbeError::Failed(format!("rpm: {}", output.complaint)));
    }
    Ok(bundle::rpm(&String::from_utf8_lossy(&output.bytes)))
}

fn of_flatpak(root: &Path) -> Result<Vec<Package>, ProbeError> {
    let package = |name: String| {
        let shared = format!("{FLATPAK}/{name}/current/active/export/share");
        let metainfo = read(root, &format!("{shared}/metainfo/{name}.metainfo.xml"))
            .or_else(|_| read(root, &format!("{shared}/appdata/{name}.appdata.xml")))
            .unwrap_or_default();
        let branch = fs::read_link(root.join(FLATPAK).join(&name).join("current")).ok();
        let branch = branch.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let version = bundle::metainfo_version(&metainfo).map(str::to_owned).or(branch).unwrap_or_default();
        let entry = read(root, &format!("{shared}/applications/{name}.desktop")).unwrap_or_default();
        let installed_seconds = modified_seconds(root, &format!("{FLATPAK}/{name}/current")).ok();
        Package { is_personal: bundle::is_personal(&entry), is_chosen: true, installed_seconds, version, name }
    };
    Ok(list(root, FLATPAK)?.into_iter().map(package).collect())
}

fn of_snap(root: &Path) -> Result<Vec<Package>, ProbeError> {
    let files = list(root, SNAP)?;
    let mut names: Vec<_> = files.iter().filter_map(|file| file.strip_suffix(".snap")?.rsplit_once('_')).collect();
    names.dedup_by_key(|(name, _)| *name);
    let package = |(name, revision): (&str, &str)| {
        let yaml = read(root, &format!("snap/{name}/current/meta/snap.yaml")).unwrap_or_default();
        let version = bundle::snap_version(&yaml).map_or_else(|| format!("revision {revision}"), str::to_owned);
        let installed_seconds = modified_seconds(root, &format!("{SNAP}/{name}_{revision}.snap")).ok();
        Package { name: name.to_owned(), version, is_personal: false, is_chosen: true, installed_seconds }
    };
    Ok(names.into_iter().map(package).collect())
}

/// Drivers in use, as (class of their device, name, version); and modules that are not the kernel's own.
pub(crate) fn drivers(root: &Path) -> Result<Vec<(&'static str, String, String)>, ProbeError> {
    let kernel = read_trimmed(root, "proc/sys/kernel/osrelease").unwrap_or_default();
    let version = |module: &str| {
        read_trimmed(root, &format!("sys/module/{module}/version")).unwrap_or_else(|| format!("kernel {kernel}"))
    };
    let mut drivers = Vec::new();
    for device in list(root, "sys/bus/pci/devices").unwrap_or_default() {
        let class = read_trimmed(root, &format!("sys/bus/pci/devices/{device}/class"));
        let Some(class) = class.as_deref().and_then(pci_class) else { continue };
        let driver = fs::read_link(root.join(format!("sys/bus/pci/devices/{device}/driver"))).ok();
        let Some(driver) = driver.as_deref().and_then(Path::file_name).and_then(|name| name.to_str()) else { continue };
        drivers.push((class, driver.to_owned(), version(&driver.replace('-', "_"))));
    }
    for module in list(root, "sys/module")? {
        let taint = read_trimmed(root, &format!("sys/module/{module}/taint")).unwrap_or_default();
        if taint.contains(['O', 'P']) {
            drivers.push(("foreign", module.clone(), version(&module)));
        }
    }
    drivers.arrange();
    drivers.dedup();
    Ok(drivers)
}

/// The classes of devices that people call about.
fn pci_class(class: &str) -> Option<&'static str> {
    match class.strip_prefix("0x")?.get(..4)? {
        "0c03" => Some("usb"),
        class => match &class[..2] {
            "01" => Some("storage"),
            "02" => Some("network"),
            "03" => Some("display"),
            "04" => Some("sound"),
            _ => None,
        },
    }
}

/// What starts by itself, as (scope, name): services with the machine, programs of the desktop with a session.
pub(crate) fn autostart(root: &Path) -> Result<Vec<(&'static str, String)>, ProbeError> {
    let mut found = Vec::new();
    let targets = list(root, "etc/systemd/system");
    let desktop = list(root, "etc/xdg/autostart");
    if let (Err(why), Err(_)) = (&targets, &desktop) {
        return Err(why.clone());
    }
    for target in targets.unwrap_or_default().into_iter().filter(|name| name.rsplit('.').next() == Some("wants")) {
        let units = list(root, &format!("etc/systemd/system/{target}")).unwrap_or_default();
        found.extend(units.into_iter().map(|unit| ("machine", unit)));
    }
    for name in desktop.unwrap_or_default() {
        let Some(program) = name.strip_suffix(".desktop") else { continue };
        let entry = read(root, &format!("etc/xdg/autostart/{name}")).unwrap_or_default();
        if bundle::starts_by_itself(&entry) {
            found.push(("session", program.to_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine_of;

    fn names(root: &tempfile::TempDir, manager: &str) -> Vec<(String, String)> {
        let mut packages = packages(root.path(), manager).expect("read");
        packages.sort_unstable();
        packages.into_iter().filter(|package| package.is_chosen).map(|one| (one.name, one.version)).collect()
    }

    #[test]
    fn knows_what_was_chosen_and_what_was_needed() {
        let status = "Package: cups\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.4.2-3\n\n\
                      Package: libcups2\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.4.2-3\n";
        let states = "Package: libcups2\nArchitecture: amd64\nAuto-Installed: 1\n";
        let root = machine_of(&[(DPKG, status), (CHOSEN, states)], &[]);
        assert_eq!(package_managers(root.path()).first().map(|(name, _)| *name), Some("dpkg"));
        assert_eq!(names(&root, "dpkg"), [("cups".to_owned(), "2.4.2-3".to_owned())]);
    }

    #[test]
    fn reads_flatpaks_and_snaps() {
        let app = "var/lib/flatpak/app/org.x.Chess";
        let root = machine_of(
            &[
                (
                    &format!("{app}/x/stable/active/export/share/metainfo/org.x.Chess.metainfo.xml"),
                    "<release version=\"3\">",
                ),
                (&format!("{app}/x/stable/active/export/share/applications/org.x.Chess.desktop"), "Categories=Game;\n"),
                ("var/lib/snapd/snaps/core22_10.snap", ""),
                ("var/lib/snapd/snaps/core22_9.snap", ""),
                ("snap/core22/10/meta/snap.yaml", "version: '2026'\n"),
            ],
            &[(&format!("{app}/current"), "x/stable"), ("snap/core22/current", "10")],
        );
        let chess = &packages(root.path(), "flatpak").expect("read")[0];
        assert_eq!((&*chess.version, chess.is_personal), ("3", true));
        assert_eq!(names(&root, "snap"), [("core22".to_owned(), "2026".to_owned())]);
    }

    #[test]
    fn names_drivers_in_use_and_modules_from_elsewhere() {
        let root = machine_of(
            &[
                ("proc/sys/kernel/osrelease", "6.1.0\n"),
                ("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n"),
                ("sys/bus/pci/devices/0000:00:1f.0/class", "0x060100\n"),
                ("sys/module/nvidia/taint", "POE\n"),
                ("sys/module/nvidia/version", "550.90\n"),
                ("sys/module/i915/taint", "\n"),
            ],
            &[("sys/bus/pci/devices/0000:00:02.0/driver", "../../../bus/pci/drivers/i915")],
        );
        let drivers = drivers(root.path()).expect("read");
        let expected = [("display", "i915", "kernel 6.1.0"), ("foreign", "nvidia", "550.90")];
        assert_eq!(drivers, expected.map(|(class, name, version)| (class, name.to_owned(), version.to_owned())));
    }

    #[test]
    fn names_what_starts_by_itself() {
        let root = machine_of(
            &[
                ("etc/xdg/autostart/backup.desktop", "[Desktop Entry]\nName=Backup\n"),
                ("etc/xdg/autostart/off.desktop", "[Desktop Entry]\nHidden=true\n"),
            ],
            &[("etc/systemd/system/multi-user.target.wants/cups.service", "/lib/systemd/system/cups.service")],
        );
        let started = autostart(root.path()).expect("read");
        assert_eq!(started, [("machine", "cups.service".to_owned()), ("session", "backup".to_owned())]);
        assert!(autostart(Path::new("/nonexistent")).is_err());
    }
}
