use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{SignalKind, SignalSpec, Tier, ValueType};
use crate::catalogue::{LoadError, LoadErrors, line_of};
use crate::condition::Unit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    signal: Vec<Spanned<SignalSpec>>,
}

/// Reads and checks all declarations of some files: (name, text) each.
pub(super) fn files(files: &[(&str, &str)]) -> Result<BTreeMap<String, SignalSpec>, LoadErrors> {
    let mut signals = BTreeMap::new();
    let mut errors = Vec::new();
    for (file, text) in files {
        match toml::from_str::<File>(text) {
            Ok(parsed) => errors.extend(enter(file, text, parsed, &mut signals)),
            Err(error) => errors.extend(LoadErrors::from_toml(file, text, &error).0),
        }
    }
    if errors.is_empty() { Ok(signals) } else { Err(LoadErrors(errors)) }
}

/// Adds the rows of one file to `signals`; gives back what is wrong with them.
fn enter(file: &str, text: &str, parsed: File, signals: &mut BTreeMap<String, SignalSpec>) -> Vec<LoadError> {
    let mut errors = Vec::new();
    for row in parsed.signal {
        let line = line_of(text, row.span().start);
        let spec = row.into_inner();
        let twice = signals.contains_key(&spec.name).then(|| "is declared twice".to_owned());
        for reason in faults(&spec).into_iter().chain(twice) {
            errors.push(LoadError { file: file.to_owned(), line, reason: format!("{}: {reason}", spec.name) });
        }
        signals.insert(spec.name.clone(), spec);
    }
    errors
}

/// What is wrong with one declaration.
fn faults(spec: &SignalSpec) -> Vec<String> {
    let mut faults = Vec::new();
    if spec.value == ValueType::Number && spec.kind != SignalKind::Event {
        if let Err(reason) = Unit::parse(&spec.unit) {
            faults.push(reason);
        }
    } else if !spec.unit.is_empty() && spec.kind != SignalKind::Event {
        faults.push("only numbers have a unit".to_owned());
    }
    if spec.kind == SignalKind::Counter && spec.value != ValueType::Number {
        faults.push("a counter is a number".to_owned());
    }
    if spec.kind != SignalKind::Event && !spec.fields.is_empty() {
        faults.push("only events have fields".to_owned());
    }
    if spec.resolution.is_some_and(|resolution| !(resolution.is_finite() && resolution > 0.0)) {
        faults.push("a resolution is more than zero".to_owned());
    }
    if spec.resolution.is_some() && !spec.is_sampled() {
        faults.push("only numbers that are sent every minute have a resolution".to_owned());
    }
    if spec.for_tickets && spec.tier != Tier::QuarterHour {
        faults.push("only what is read every quarter of an hour may be kept for tickets".to_owned());
    }
    if spec.purpose.trim().is_empty() || spec.label.trim().is_empty() {
        faults.push("label and purpose say what people are told; neither may be empty".to_owned());
    }
    faults
}
