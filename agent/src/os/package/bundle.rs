//! What bundles say of themselves: rpm's list, the entries of desktops, the descriptions of Flatpak and Snap.

use super::inventory::Package;

/// The format that [`rpm`] reads.
pub(crate) const RPM_FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{GROUP}\\t%{INSTALLTIME}\\n";

/// The output of `rpm -qa` in [`RPM_FORMAT`]. rpm does not say in this list what was chosen.
pub(crate) fn rpm(output: &str) -> Vec<Package> {
    let packages = output.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        let (name, version, group) = (parts.next()?, parts.next()?, parts.next()?);
        let version = version.strip_prefix("0:").unwrap_or(version).to_owned();
        let installed_seconds = parts.next().and_then(|seconds| seconds.parse().ok());
        let is_personal = group.contains("Games");
        // Keys of repositories are listed as if they were packages.
        (!name.is_empty() && name != "gpg-pubkey").then(|| Package {
            name: name.to_owned(),
            version,
            is_personal,
            is_chosen: false,
            installed_seconds,
        })
    });
    packages.collect()
}

/// Whether an entry of a desktop is one of those that say something about a person.
pub(crate) fn is_personal(desktop_entry: &str) -> bool {
    let categories = entry_value(desktop_entry, "Categories").unwrap_or_default();
    categories.split(';').any(|one| ["Game", "Amusement", "Religion", "Spirituality", "MedicalSoftware"].contains(&one))
}

/// Whether an entry of a desktop starts its program at sign-in.
pub(crate) fn starts_by_itself(desktop_entry: &str) -> bool {
    let says = |key, value: &str| entry_value(desktop_entry, key).is_some_and(|said| said.eq_ignore_ascii_case(value));
    desktop_entry.contains("[Desktop Entry]") && !says("Hidden", "true") && !says("X-GNOME-Autostart-enabled", "false")
}

fn entry_value<'a>(desktop_entry: &'a str, key: &str) -> Option<&'a str> {
    desktop_entry.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('=')).map(str::trim)
}

/// The newest release that a Flatpak's description lists, which it lists first.
pub(crate) fn metainfo_version(xml: &str) -> Option<&str> {
    let (_, release) = xml.split_once("<release ")?;
    let (release, _) = release.split_once('>')?;
    let (_, version) = release.split_once("version=\"")?;
    version.split_once('"').map(|(version, _)| version).filter(|version| !version.is_empty())
}

/// The version in a snap's `snap.yaml`.
pub(crate) fn snap_version(yaml: &str) -> Option<&str> {
    let version = yaml.lines().find_map(|line| line.strip_prefix("version:"))?;
    Some(version.trim().trim_matches(['\'', '"'])).filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_list_of_rpm() {
        let packages = rpm(
            "glibc\t0:2.39-1.fc40\tUnspecified\t1782907200\nvim\t2:9.1-1\tUnspecified\ngpg-pubkey\t0:a-b\tPublic Keys\n0ad\t0:1-1\tAmusements/Games\nodd\n",
        );
        let names: Vec<_> =
            packages.iter().map(|package| (&*package.name, &*package.version, package.is_personal)).collect();
        assert_eq!(names, [("glibc", "2.39-1.fc40", false), ("vim", "2:9.1-1", false), ("0ad", "1-1", true)]);
    }

    #[test]
    fn rpm_says_when_it_installed_what() {
        let packages = rpm("glibc\t0:2.39-1\tUnspecified\t1782907200\nvim\t2:9.1-1\tUnspecified\t(none)\n");
        let times: Vec<_> = packages.iter().map(|package| package.installed_seconds).collect();
        assert_eq!(times, [Some(1_782_907_200), None]);
    }

    #[test]
    fn reads_entries_of_desktops() {
        let game = "[Desktop Entry]\nName=Chess\nCategories=Game;BoardGame;\n";
        assert!(is_personal(game) && !is_personal("[Desktop Entry]\nCategories=Office;\n"));
        assert!(starts_by_itself(game));
        assert!(!starts_by_itself("[Desktop Entry]\nHidden = true\n"));
        assert!(!starts_by_itself(""));
    }

    #[test]
    fn reads_versions_of_bundles() {
        let xml = "<component><releases>\n<release date=\"2026-01-01\" version=\"24.2\">\n<release version=\"24.1\"/>";
        assert_eq!(metainfo_version(xml), Some("24.2"));
        assert_eq!(metainfo_version("<release >"), None);
        assert_eq!(snap_version("name: core\nversion: '16-2.61'\n"), Some("16-2.61"));
        assert_eq!(snap_version("version:\n"), None);
    }
}
