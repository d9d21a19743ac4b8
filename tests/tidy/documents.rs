//! Documents speak of what is there.

use std::path::Path;

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
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/signals.md",
        "docs/checks/README.md",
        "docs/operations.md",
    ] {
        let text = std::fs::read_to_string(root.join(document)).expect("the document exists");
        let gone = paths(&text).into_iter().filter(|path| !root.join(path).exists());
        missing.extend(gone.map(|path| format!("{document}: {path}")));
    }
    assert!(missing.is_empty(), "named but not there:\n  {}", missing.join("\n  "));
}

/// Every constant that the page about limits names stands in the file that it names.
#[test]
fn the_page_about_limits_names_what_the_code_has() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a parent");
    let page = std::fs::read_to_string(root.join("docs/limits.md")).expect("the page is there");
    let mut named = 0;
    let mut wrong = Vec::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        for note in line.split('(').skip(1).filter_map(|rest| rest.split(')').next()) {
            let words: Vec<&str> = note.split('`').filter(|word| word.trim_matches([',', ' ']).len() > 1).collect();
            let Some((file, constants)) =
                words.split_last().filter(|(file, _)| Path::new(file).extension() == Some("rs".as_ref()))
            else {
                continue;
            };
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            named += constants.len();
            wrong.extend(
                constants
                    .iter()
                    .filter(|name| !text.contains(&format!("const {name}:")))
                    .map(|name| format!("{name} in {file}")),
            );
        }
    }
    assert!(
        named > 15 && wrong.is_empty(),
        "docs/limits.md names {named} constants, and these are not there: {wrong:?}"
    );
}
