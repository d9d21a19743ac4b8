//! What is installed, small enough to be kept, and what differs between two looks at it.

use std::cmp::Ordering;

use sha2::{Digest, Sha256};

use firstline_diagnosis::order::Arrange as _;

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    /// Its name, with the architecture where that is not the machine's own business alone.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Whether it says more about a person than about the machine: a game is counted and not named.
    pub(crate) is_personal: bool,
    /// Whether somebody chose it, rather than another package that needs it.
    pub(crate) is_chosen: bool,
    /// When it was installed, seconds since 1970, where the package manager's own record says so.
    pub(crate) installed_seconds: Option<i64>,
}

/// All packages of one package manager, in one text: `name TAB version LINE`, in order of name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Inventory {
    text: String,
    /// How many there are.
    pub(crate) count: u64,
    /// How many of them are only counted.
    pub(crate) personal: u64,
}

/// One difference between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    /// The package.
    pub(crate) name: &'a str,
    /// Its version before; absent when it is new.
    pub(crate) from: Option<&'a str>,
    /// Its version now; absent when it is gone.
    pub(crate) to: Option<&'a str>,
}

impl Inventory {
    /// Of these packages. Personal ones are counted and then forgotten.
    pub(crate) fn of(mut packages: Vec<Package>) -> Self {
        packages.arrange();
        let count = packages.len() as u64;
        let personal = packages.iter().filter(|package| package.is_personal).count() as u64;
        let mut text = String::new();
        for package in packages.iter().filter(|package| !package.is_personal) {
            for part in [&package.name, "\t", &package.version, "\n"] {
                text.push_str(part);
            }
        }
        text.shrink_to_fit();
        Self { text, count, personal }
    }

    /// Of a text that [`Self::text`] gave; nothing when it is of another set than `fingerprint` names.
    pub(crate) fn of_text(text: String, fingerprint: &str) -> Option<Self> {
        let inventory = Self { count: 0, personal: 0, text };
        (inventory.fingerprint() == fingerprint).then_some(inventory)
    }

    /// What is compared: the named packages.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A short name for exactly this set of packages and versions.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        let beginning = digest.iter().take(8).fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
        format!("{beginning:016x}")
    }

    /// What differs from the look `before`, in order of name.
    pub(crate) fn changes_since<'a>(&'a self, before: &'a Self) -> Vec<Change<'a>> {
        let (mut old, mut new) = (before.entries().peekable(), self.entries().peekable());
        let mut changes = Vec::new();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return changes,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((other, _))) => one.cmp(other),
            };
            let from = if order.is_le() { old.next() } else { None };
            let to = if order.is_ge() { new.next() } else { None };
            let (from_version, to_version) = (from.map(|(_, version)| version), to.map(|(_, version)| version));
            if let Some((name, _)) = to.or(from).filter(|_| from_version != to_version) {
                changes.push(Change { name, from: from_version, to: to_version });
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.lines().filter_map(|line| line.split_once('\t'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(packages: &[(&str, &str)]) -> Inventory {
        let package = |(name, version): &(&str, &str)| Package {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            is_personal: name.starts_with("game"),
            is_chosen: true,
            installed_seconds: None,
        };
        Inventory::of(packages.iter().map(package).collect())
    }

    #[test]
    fn tells_new_from_gone_from_updated() {
        let before = inventory(&[("a", "1"), ("b", "1"), ("d", "1"), ("kept", "3")]);
        let now = inventory(&[("kept", "3"), ("b", "2"), ("c", "1"), ("d", "1")]);
        let changes = now.changes_since(&before);
        let expected = [
            Change { name: "a", from: Some("1"), to: None },
            Change { name: "b", from: Some("1"), to: Some("2") },
            Change { name: "c", from: None, to: Some("1") },
        ];
        assert_eq!(changes, expected);
        assert_eq!(now.changes_since(&now), []);
        assert_ne!(now.fingerprint(), before.fingerprint());
        assert_eq!(now.fingerprint(), inventory(&[("d", "1"), ("c", "1"), ("b", "2"), ("kept", "3")]).fingerprint());
    }

    #[test]
    fn a_text_that_was_kept_is_the_same_set_or_none() {
        let now = inventory(&[("a", "1"), ("game-of-life", "1")]);
        let again = Inventory::of_text(now.text().to_owned(), &now.fingerprint()).expect("the same");
        assert_eq!(now.changes_since(&again), []);
        assert_eq!(Inventory::of_text("a\t2\n".to_owned(), &now.fingerprint()), None);
    }

    #[test]
    fn games_are_counted_and_not_named() {
        let before = inventory(&[("a", "1")]);
        let now = inventory(&[("a", "1"), ("game-of-life", "1")]);
        assert_eq!((now.count, now.personal), (2, 1));
        assert_eq!(now.changes_since(&before), []);
    }
}
