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

/// The folder that holds the binaries: `target/debug` for a test in `target/debug/deps`.
pub fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("FIRSTLINE_BIN_DIR") {
        return PathBuf::from(folder);
    }
    let test = std::env::current_exe().expect("a running test has a path");
    test.ancestors().nth(2).expect("cargo puts tests into a folder of the target folder").to_owned()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let member = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    member.parent().expect("the member lies in the repository").to_owned()
}
