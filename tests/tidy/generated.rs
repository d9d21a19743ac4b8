//! Parts of documents that are written by the code they describe.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::registry::{Area, Registry, Source, Sources};
use firstline_tests::binary;

/// Set to anything to let the tests write what they would otherwise compare.
const WRITE: &str = "FIRSTLINE_WRITE";

/// Compares the part of `document` between its two marks named `part` with `wanted`.
fn in_step(document: &str, part: &str, wanted: &str) {
    let path = binary::repository().join(document);
    let text = std::fs::read_to_string(&path).expect("the document exists");
    let (begin, end) = (format!("<!-- {part}: begin -->\n"), format!("<!-- {part}: end -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("{document} has no {begin:?}")) + begin.len();
    let length = text[start..].find(&end).unwrap_or_else(|| panic!("{document} has no {end:?}"));
    let (found, wanted) = (&text[start..start + length], format!("\n{}\n\n", wanted.trim()));
    if found == wanted {
        return;
    }
    assert!(
        std::env::var_os(WRITE).is_some(),
        "{document}: {part} is not what the code says; {WRITE}=1 makes this test write it"
    );
    std::fs::write(&path, [&text[..start], &wanted, &text[start + length..]].concat()).expect("the document is ours");
}

/// How many signals of an area have a source on one system.
fn declared(area: Area, source: fn(&Sources) -> &Source) -> usize {
    let has_source = |sources: &Sources| matches!(source(sources), Source::Api(_));
    Registry::builtin().iter().filter(|spec| spec.area == area && has_source(&spec.source)).count()
}

fn support_summary() -> String {
    let mut table = "| area | signals | Linux | Windows | macOS |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for area in Area::ALL {
        let signals = Registry::builtin().iter().filter(|spec| spec.area == area).count();
        let [linux, windows, macos] =
            [declared(area, |s| &s.linux), declared(area, |s| &s.windows), declared(area, |s| &s.macos)];
        writeln!(table, "| {} | {signals} | {linux} | {windows} | {macos} |", area.name()).expect("memory");
    }
    table
}

fn checks() -> String {
    let mut table =
        "| check | what it says | severity | Linux | Windows | macOS |\n| --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for check in Catalogue::builtin().checks() {
        let [linux, windows, macos] = ["linux", "windows", "macos"].map(|system| check.coverage(system).name());
        let (id, title, severity) = (&check.id, &check.title, check.severity.name());
        writeln!(table, "| [`{id}`]({id}.md) | {title} | {severity} | {linux} | {windows} | {macos} |")
            .expect("memory");
    }
    table
}

/// Compares the pages of `folder` with `wanted`, by file name; what else lies there is wrong, except the index.
fn pages_in_step(folder: &str, wanted: &BTreeMap<String, String>) {
    let path = binary::repository().join(folder);
    let entries = std::fs::read_dir(&path).expect("the folder exists").map(|entry| entry.expect("readable").path());
    let mut found: BTreeMap<String, String> = entries
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    found.remove("README.md");
    if found == *wanted {
        return;
    }
    let differing = wanted.keys().chain(found.keys()).find(|name| found.get(*name) != wanted.get(*name));
    assert!(
        std::env::var_os(WRITE).is_some(),
        "{folder}/{}: is not what the catalogue says; {WRITE}=1 makes this test write it",
        differing.expect("something differs")
    );
    let gone = found.keys().filter(|name| !wanted.contains_key(*name));
    for name in gone {
        std::fs::remove_file(path.join(name)).expect("the page is ours");
    }
    for (name, page) in wanted {
        std::fs::write(path.join(name), page).expect("the page is ours");
    }
}

#[test]
fn the_support_matrix_is_in_step_with_the_registry() {
    in_step("README.md", "support matrix", &support_summary());
    in_step("docs/signals.md", "signals", &Registry::builtin().support_matrix());
}

#[test]
fn the_list_of_checks_is_in_step_with_the_catalogue() {
    in_step("docs/checks/README.md", "checks", &checks());
}

#[test]
fn every_check_has_its_page() {
    let written = Catalogue::written(&[]).expect("the embedded catalogue loads");
    let pages = written.iter().map(|check| (format!("{}.md", check.id), check.markdown()));
    pages_in_step("docs/checks", &pages.collect());
}
