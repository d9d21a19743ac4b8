//! Documents speak of what is there.

use firstline_tests::binary;

/// Paths within the repository that a text names in back ticks or as the target of a link.
fn paths(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let top = ["agent/", "collector/", "diagnosis/", "proto/", "tests/", "docs/", "ARCHITECTURE.md", "CONTRIBUTING.md"];
    let inside = |path: &&str| top.iter().any(|top| path.starts_with(top));
    let plain = |path: &&str| !path.contains(|letter: char| letter.is_whitespace() || "<>*{}".contains(letter));
    quoted.chain(linked).filter(inside).filter(plain).map(str::to_owned).collect()
}

#[test]
fn documents_name_files_that_exist() {
    let root = binary::repository();
    let mut missing = Vec::new();
    for document in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/signals.md", "docs/checks.md", "docs/operations.md"]
    {
        let text = std::fs::read_to_string(root.join(document)).expect("the document exists");
        let gone = paths(&text).into_iter().filter(|path| !root.join(path).exists());
        missing.extend(gone.map(|path| format!("{document}: {path}")));
    }
    assert!(missing.is_empty(), "named but not there:\n  {}", missing.join("\n  "));
}
