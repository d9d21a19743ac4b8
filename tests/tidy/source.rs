//! The files of this repository, as git knows them.

use std::process::Command;

use firstline_tests::binary;

/// A text file.
pub(crate) struct Source {
    /// Path from the root of the repository.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Source {
    /// Whether its name ends so.
    pub(crate) fn is_one_of(&self, endings: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
    }

    /// Whether somebody else wrote it.
    pub(crate) fn is_vendored(&self) -> bool {
        self.path.contains(".min.")
            || self.path.contains("/vendor/")
            || self.path == "Cargo.lock"
            || self.path == "LICENSE"
    }

    /// Whether it is a table rather than a text.
    pub(crate) fn is_data(&self) -> bool {
        self.is_vendored() || self.path.starts_with("diagnosis/catalogue/") || self.path.contains("/fixtures/")
    }
}

/// Every text file that is, or is about to be, under version control.
pub(crate) fn sources() -> Vec<Source> {
    let root = binary::repository();
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(&root);
    let listed = git.output().expect("git is installed");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let paths = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let read =
        |path: &str| Some(Source { path: path.to_owned(), text: std::fs::read_to_string(root.join(path)).ok()? });
    paths.lines().filter_map(read).collect()
}
