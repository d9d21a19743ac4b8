//! Finds the binaries under test: in `FIRSTLINE_BIN_DIR`, else where cargo put them, beside the running test.

use std::path::PathBuf;

/// The path of `firstline-collector`, `firstline-agent` or `firstline`.
///
/// # Panics
/// When it was not built.
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.is_file(),
        "{} is missing: build it first with `cargo build --workspace --bins` (tests/run does)",
        path.display()
    );
    path
}

/// The folder that holds the binaries: `target/debug` for a test in `target/debug/deps` and for a program beside them.
pub fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("FIRSTLINE_BIN_DIR") {
        return PathBuf::from(folder);
    }
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.parent().expect("a program lies in a folder");
    if folder.ends_with("deps") { folder.parent().unwrap_or(folder).to_owned() } else { folder.to_owned() }
}

/// The folder that holds the binaries of an earlier version, for stories that upgrade: `FIRSTLINE_EARLIER_DIR`, else those under
/// test themselves.
pub fn earlier() -> PathBuf {
    std::env::var_os("FIRSTLINE_EARLIER_DIR").map_or_else(folder, PathBuf::from)
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let member = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    member.parent().expect("the member lies in the repository").to_owned()
}
