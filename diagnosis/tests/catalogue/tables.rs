//! Tables of words and dates, and what an administrator lays over them.

use std::sync::Arc;

use firstline_diagnosis::catalogue::{Catalogue, LoadErrors};
use firstline_diagnosis::detector::{Detector, Host};
use firstline_diagnosis::document::FindingState;
use firstline_diagnosis::vocabulary::{Attributes, Reading, Severity, Timestamp};

/// 2026-03-28, noon.
const NOON: Timestamp = Timestamp(1_774_699_200_000);

fn overlay(text: &str) -> Result<Catalogue, LoadErrors> {
    Catalogue::with_overlay(&[("own.toml".to_owned(), text.to_owned())])
}

/// How bad the end of this version's life is, if it is near.
fn end_of_life(catalogue: Catalogue, name: &str, version: &str) -> Option<Severity> {
    let mut detector = Detector::new(Arc::new(catalogue), Host { os_type: "linux".to_owned() });
    for (signal, value) in [("os.name", name), ("os.version", version)] {
        detector.reading(&Reading::value(signal, Attributes::none(), value, NOON));
    }
    detector.evaluate(NOON);
    let findings = detector.findings(NOON).into_iter();
    let found = findings.filter(|one| one.id == "os-end-of-life" && one.state == FindingState::Active);
    found.map(|one| one.severity).next()
}

fn rows(rows: &str) -> String {
    format!(
        "[[table]]\nid = \"os-lifecycle\"\ncolumns = [\"name\", \"release\", \"end\", \"extended\", \"basis\"]\n\
         keys = 2\nrows = [{rows}]\n"
    )
}

#[test]
fn a_version_ends_on_the_day_of_the_table() {
    let catalogue = || overlay("").expect("nothing is laid over");
    assert_eq!(end_of_life(catalogue(), "Ubuntu", "20.04"), Some(Severity::Medium));
    assert_eq!(end_of_life(catalogue(), "Debian GNU/Linux", "11"), Some(Severity::Info));
    assert_eq!(end_of_life(catalogue(), "Debian GNU/Linux", "12"), None);
    assert_eq!(end_of_life(catalogue(), "A system that nobody knows", "1"), None);
}

#[test]
fn an_administrators_rows_come_before_the_shipped_ones() {
    let own = overlay(&rows("[\"Debian*\", \"12\", \"2026-01-01\", \"\", \"our own policy\"]")).expect("good rows");
    assert_eq!(end_of_life(own.clone(), "Debian GNU/Linux", "12"), Some(Severity::Medium));
    assert_eq!(end_of_life(own, "Debian GNU/Linux", "11"), Some(Severity::Info), "the shipped rows are still there");
}

#[test]
fn a_table_that_is_no_table_is_refused_with_its_line() {
    for (text, reason) in [
        (rows("[\"Debian*\", \"12\", \"2026-01-01\"]"), "3 cells"),
        (rows("").replace("\"basis\"", "\"why\""), "has the columns"),
        (rows("[\"Debian*\", \"12\", \"soon\", \"\", \"\"]"), "no dates"),
        (rows("").replace("keys = 2", "keys = 5"), "keys are the first columns"),
    ] {
        let errors = overlay(&text).expect_err(reason).to_string();
        assert!(errors.contains(reason), "{errors}");
    }
}
