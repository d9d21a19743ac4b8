//! Which updates the lists of packages on the disk offer: what `apt list --upgradable` would say, without apt, its lock
//! or its cache. Preferences that an administrator wrote for single packages are not followed.

use std::collections::HashMap;
use std::io::{self, BufRead};

use super::dpkg::Packages;
use super::stanza::Stanzas;
use super::version::compare;

/// What the head of an archive's `InRelease` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Archive {
    /// Whether it is where security updates come from.
    pub(crate) is_security: bool,
    /// Whether nothing is installed from it unless asked for.
    pub(crate) is_opt_in: bool,
    /// Whether what was installed from it in spite of that is updated from it.
    pub(crate) updates_itself: bool,
}

/// How many updates there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Available {
    /// Packages with an update from where security updates come from.
    pub(crate) security: u64,
    /// All other packages with an update.
    pub(crate) other: u64,
}

/// The newest that the lists offer for each installed package.
#[derive(Debug)]
pub(crate) struct Offers<'a> {
    packages: &'a Packages,
    offers: HashMap<&'a (String, String), Offer>,
}

#[derive(Debug, Default)]
struct Offer {
    /// The newest of the archives that are followed without being asked.
    followed: String,
    /// The newest of the archives that are followed only by who chose them.
    opt_in: String,
    /// The newest among the security updates.
    security: String,
}

/// Reads the head of an `InRelease` or `Release`.
///
/// # Errors
/// The source fails.
pub(crate) fn archive(source: impl BufRead) -> io::Result<Archive> {
    let names = ["Origin", "Label", "Suite", "Codename", "NotAutomatic", "ButAutomaticUpgrades"];
    let mut stanzas = Stanzas::new(source, names);
    // A signature stands before the stanza, as one of its own.
    while let Some([origin, label, suite, codename, not_automatic, but_upgrades]) = stanzas.next()? {
        if origin.is_empty() && suite.is_empty() && codename.is_empty() {
            continue;
        }
        let is_security = [label, suite, codename].iter().any(|word| word.to_ascii_lowercase().contains("security"));
        let yes = |word: &str| word.eq_ignore_ascii_case("yes");
        return Ok(Archive { is_security, is_opt_in: yes(not_automatic), updates_itself: yes(but_upgrades) });
    }
    Ok(Archive::default())
}

impl<'a> Offers<'a> {
    /// Nothing yet, for these packages.
    pub(crate) fn new(packages: &'a Packages) -> Self {
        Self { packages, offers: HashMap::new() }
    }

    /// Reads one list.
    ///
    /// # Errors
    /// The source fails.
    pub(crate) fn read(&mut self, archive: Archive, source: impl BufRead) -> io::Result<()> {
        if archive.is_opt_in && !archive.updates_itself {
            return Ok(());
        }
        let mut stanzas = Stanzas::new(source, ["Package", "Architecture", "Version"]);
        let mut key = (String::new(), String::new());
        while let Some([name, architecture, version]) = stanzas.next()? {
            key.0.clone_from(name);
            key.1.clone_from(architecture);
            let Some((key, _)) = self.packages.installed.get_key_value(&key) else { continue };
            self.offers.entry(key).or_default().enter(archive, version);
        }
        Ok(())
    }

    /// Counts the packages that have an update and are not held.
    pub(crate) fn count(&self) -> Available {
        let mut available = Available::default();
        for (key, offer) in &self.offers {
            let Some(installed) = self.packages.installed.get(*key).filter(|installed| !installed.is_held) else {
                continue;
            };
            let is_newer = |version: &str| !version.is_empty() && compare(version, &installed.version).is_gt();
            // Who runs something newer than the followed archives have chose the other archive, and is updated from it.
            let chose = !is_newer(&offer.followed) && compare(&offer.followed, &installed.version).is_lt();
            if is_newer(&offer.security) {
                available.security += 1;
            } else if is_newer(&offer.followed) || (chose && is_newer(&offer.opt_in)) {
                available.other += 1;
            }
        }
        available
    }
}

impl Offer {
    fn enter(&mut self, archive: Archive, version: &str) {
        raise(if archive.is_opt_in { &mut self.opt_in } else { &mut self.followed }, version);
        if archive.is_security && !archive.is_opt_in {
            raise(&mut self.security, version);
        }
    }
}

fn raise(newest: &mut String, version: &str) {
    if newest.is_empty() || compare(version, newest).is_gt() {
        version.clone_into(newest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::dpkg;
    use super::*;

    const RELEASE: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\n\
                           Suite: oldstable-security\nCodename: bookworm-security\nSHA256:\n 00 1 main\n";
    const BACKPORTS: &str = "Origin: Debian Backports\nLabel: Debian Backports\nSuite: stable-backports\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n";

    fn status(packages: &[(&str, &str, &str)]) -> Packages {
        let stanzas = packages.iter().map(|(name, version, want)| {
            format!("Package: {name}\nStatus: {want} ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
        });
        dpkg::parse(stanzas.collect::<String>().as_bytes()).expect("memory does not fail")
    }

    fn list(packages: &[(&str, &str)]) -> String {
        let stanzas = packages.iter().map(|(name, version)| {
            format!("Package: {name}\nArchitecture: amd64\nVersion: {version}\nFilename: pool/{name}.deb\n\n")
        });
        stanzas.collect()
    }

    #[test]
    fn reads_who_an_archive_is() {
        let security = archive(RELEASE.as_bytes()).expect("read");
        assert_eq!(security, Archive { is_security: true, is_opt_in: false, updates_itself: false });
        let backports = archive(BACKPORTS.as_bytes()).expect("read");
        assert_eq!(backports, Archive { is_security: false, is_opt_in: true, updates_itself: true });
        assert_eq!(archive(&b"nothing of the kind"[..]).expect("read"), Archive::default());
    }

    #[test]
    fn counts_security_updates_apart_and_leaves_out_what_is_held() {
        let packages =
            status(&[("a", "1", "install"), ("b", "1", "install"), ("c", "1", "hold"), ("d", "5", "install")]);
        let mut offers = Offers::new(&packages);
        let security = Archive { is_security: true, ..Archive::default() };
        offers
            .read(Archive::default(), list(&[("a", "1"), ("b", "2"), ("c", "2"), ("d", "4"), ("new", "1")]).as_bytes())
            .expect("read");
        offers.read(security, list(&[("a", "1+deb12u1")]).as_bytes()).expect("read");
        assert_eq!(offers.count(), Available { security: 1, other: 1 });
    }

    #[test]
    fn backports_count_for_who_chose_them_only() {
        let packages = status(&[("plain", "1", "install"), ("chosen", "2~bpo1", "install")]);
        let mut offers = Offers::new(&packages);
        let backports = archive(BACKPORTS.as_bytes()).expect("read");
        offers.read(Archive::default(), list(&[("plain", "1"), ("chosen", "1")]).as_bytes()).expect("read");
        offers.read(backports, list(&[("plain", "3"), ("chosen", "3")]).as_bytes()).expect("read");
        assert_eq!(offers.count(), Available { security: 0, other: 1 });
    }
}
