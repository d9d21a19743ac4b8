//! The corpus of forecasts: what each check with a method says of pasts that are described in a few lines.
//!
//! A file of `tests/fixtures/forecasts/` names a check and its cases. A past is made by generators ([`past`]); a case that names
//! `like` takes what that case has and lays its own over it. What comes out is what a ticket's diagnosis would say.

mod case;
mod past;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{Diagnosis, FindingState, RuledOutResult};
use firstline_diagnosis::trend::outlook;
use firstline_diagnosis::{Foresight, Question, diagnose_with};

use case::{Case, File, Verdict};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/forecasts")
}

fn files() -> Vec<(String, File)> {
    let mut paths: Vec<PathBuf> =
        folder().read_dir().expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a file");
        (name, toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    paths.into_iter().map(read).collect()
}

/// What is said of the check, and whether it is what the case wants.
fn judged(catalogue: &Arc<Catalogue>, check: &str, case: &Case) -> Result<(), String> {
    let rule = catalogue.check(check).ok_or("there is no such check")?;
    let past = past::of(check, case);
    let outlooks: Vec<_> = outlook(rule, &past, past::NOW).into_iter().collect();
    let foresight = Foresight { outlooks, ..Foresight::default() };
    let snapshot = past::snapshot(case, &past);
    let diagnosis = diagnose_with(catalogue, &snapshot, &Question::default(), &foresight);
    let (found, words) = said(&diagnosis, check);
    let wanted = case.verdict.expect("a case has a verdict");
    let values: Vec<_> = foresight.outlooks.iter().flat_map(|outlook| &outlook.found).collect();
    if found != wanted {
        return Err(format!("{found:?}, not {wanted:?}: {words}\n    {values:?}"));
    }
    match case.says.iter().find(|text| !words.contains(text.as_str())) {
        Some(text) => Err(format!("does not say {text:?}: {words}")),
        None => Ok(()),
    }
}

fn said(diagnosis: &Diagnosis, check: &str) -> (Verdict, String) {
    let holds = |state| matches!(state, FindingState::Active | FindingState::Recovering);
    if let Some(finding) = diagnosis.findings.iter().find(|finding| finding.id == check && holds(finding.state)) {
        let forecast = finding.forecast.as_ref().expect("a finding of a method has its forecast");
        assert_eq!(forecast.data.len(), 16, "{forecast:?}");
        let severity = finding.severity;
        return (Verdict::Fires, format!("{} {} [{severity:?}]", finding.texts.user, finding.texts.tech));
    }
    match diagnosis.ruled_out.iter().find(|one| one.id == check) {
        Some(one) if one.result == RuledOutResult::NotFound => (Verdict::Silent, one.why.clone()),
        Some(one) => (Verdict::Unknown, one.why.clone()),
        None => (Verdict::Unknown, "pending, or nothing at all".to_owned()),
    }
}

#[test]
fn every_case_comes_out_as_it_says() {
    let catalogue = Catalogue::builtin();
    let mut wrong = Vec::new();
    for (name, file) in files() {
        for case in file.cases() {
            if let Err(what) = judged(&catalogue, &file.check, &case) {
                wrong.push(format!("{name}: {}: {what}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_with_a_method_fires_somewhere_and_is_silent_and_unknown_somewhere() {
    let files = files();
    for check in Catalogue::builtin().checks().iter().filter(|check| check.method.is_some()) {
        let cases: Vec<Case> =
            files.iter().filter(|(_, file)| file.check == check.id).flat_map(|(_, file)| file.cases()).collect();
        for verdict in [Verdict::Fires, Verdict::Silent, Verdict::Unknown] {
            let is_there = cases.iter().any(|case| case.verdict == Some(verdict));
            assert!(is_there, "{}: no case of {} is {verdict:?}", check.id, cases.len());
        }
    }
}

#[test]
fn the_order_in_which_the_past_is_told_changes_nothing() {
    let catalogue = Catalogue::builtin();
    for (_, file) in files() {
        let rule = catalogue.check(&file.check).expect("a check");
        for case in file.cases() {
            let past = past::of(&file.check, &case);
            let mut turned = past.clone();
            turned.series.reverse();
            turned.states.reverse();
            let (one, other) = (outlook(rule, &past, past::NOW), outlook(rule, &turned, past::NOW));
            let text = |outlook| serde_json::to_string(&outlook).expect("JSON").replace(char::is_whitespace, "");
            let without_hash = |text: String| text.split("\"data\":").next().map(str::to_owned);
            assert_eq!(without_hash(text(one)), without_hash(text(other)), "{}: {}", file.check, case.name);
        }
    }
}
