//! dpkg's record of packages, `/var/lib/dpkg/status`.

use std::collections::HashMap;
use std::io::{self, BufRead};

use firstline_diagnosis::order::Arrange as _;

use super::stanza::Stanzas;

/// Packages that are installed or half so, and how they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packages {
    /// By name and architecture.
    pub(crate) installed: HashMap<(String, String), Installed>,
    /// Packages whose installation was begun and not finished, in order of name.
    pub(crate) interrupted: Vec<String>,
}

/// One installed package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Its version.
    pub(crate) version: String,
    /// The part of the archive it came from, such as `games`.
    pub(crate) section: String,
    /// Whether somebody asked that it stays as it is.
    pub(crate) is_held: bool,
}

/// Reads the record.
///
/// # Errors
/// The source fails.
pub(crate) fn parse(source: impl BufRead) -> io::Result<Packages> {
    let mut packages = Packages::default();
    let mut stanzas = Stanzas::new(source, ["Package", "Architecture", "Version", "Status", "Section"]);
    while let Some([name, architecture, version, status, section]) = stanzas.next()? {
        let mut words = status.split(' ');
        let (want, _, state) = (words.next(), words.next(), words.next());
        match state {
            _ if name.is_empty() || version.is_empty() => {}
            Some("installed" | "triggers-pending" | "triggers-awaited") => {
                let (version, section) = (version.clone(), section.clone());
                let installed = Installed { version, section, is_held: want == Some("hold") };
                packages.installed.insert((name.clone(), architecture.clone()), installed);
            }
            Some("half-installed" | "unpacked" | "half-configured") => packages.interrupted.push(name.clone()),
            _ => {}
        }
    }
    packages.interrupted.arrange();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: libc6
Status: install ok installed
Priority: optional
Section: libs
Architecture: amd64
Multi-Arch: same
Version: 2.36-9+deb12u8
Description: GNU C Library: Shared libraries
 Contains the standard libraries.

Package: linux-image-6.1.0-28-amd64
Status: hold ok installed
Section: kernel
Architecture: amd64
Version: 6.1.119-1

Package: printer-driver
Status: install ok half-configured
Architecture: amd64
Version: 1.0

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 3
";

    #[test]
    fn tells_installed_from_held_from_interrupted_from_gone() {
        let packages = parse(STATUS.as_bytes()).expect("memory does not fail");
        assert_eq!(packages.installed.len(), 2);
        let of = |name: &str| packages.installed[&(name.to_owned(), "amd64".to_owned())].clone();
        assert_eq!(of("libc6").version, "2.36-9+deb12u8");
        assert!(of("linux-image-6.1.0-28-amd64").is_held);
        assert_eq!(packages.interrupted, ["printer-driver"]);
    }

    #[test]
    fn a_torn_record_gives_what_is_whole() {
        for cut in 0..STATUS.len() {
            let packages = parse(&STATUS.as_bytes()[..cut]).expect("memory does not fail");
            assert!(packages.installed.len() <= 2);
        }
        assert_eq!(parse(&b"\xff\x00Status: what\n"[..]).expect("memory does not fail"), Packages::default());
    }
}
