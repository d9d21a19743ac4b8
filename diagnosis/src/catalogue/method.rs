//! The method of a check: its series, its parameters, and the numbers that the check may name because of it.
//!
//! A method's numbers are inputs like any other. Their signals are named `forecast.<check>.<number>`; no registry declares
//! them, so no endpoint can send one.

use std::time::Duration;

use crate::condition::{FORECAST, InputSpec, Unit};
use crate::registry::{Aggregate, Area, Privacy, Registry, SignalKind, SignalSpec, Source, Sources, Tier, ValueType};
use crate::spelling;
use crate::trend::{METHODS, Method, Output, Read, Use};

use super::LoadError;
use super::build::{duration, input, number};
use super::raw::CheckEntry;

/// Whether a signal is a number of a method.
pub(crate) fn is_output(signal: &str) -> bool {
    signal.starts_with(FORECAST)
}

/// The signal of a method's number.
pub(crate) fn output_signal(check: &str, output: &str) -> String {
    format!("{FORECAST}{check}.{output}")
}

/// The method of a check with its numbers as inputs; nothing where there is none. What is wrong is added to `errors`.
pub(super) fn of(
    registry: &Registry,
    entry: &CheckEntry,
    each: &[String],
    errors: &mut Vec<LoadError>,
) -> Option<(Use, Vec<InputSpec>)> {
    let Some(name) = &entry.method else {
        let stray = entry.series.values().chain(entry.parameters.values()).chain(entry.every.as_ref());
        errors.extend(stray.map(|at| at.error("only a check with a method has series, parameters and every")));
        return None;
    };
    let Some(method) = Method::named(&name.value) else {
        let hint = spelling::hint(&name.value, METHODS.iter().map(|method| method.name));
        errors.push(name.error(format!("{} is not a method{hint}", name.value)));
        return None;
    };
    let before = errors.len();
    let of = Use {
        method,
        every: every(entry, errors),
        parameters: method.parameters.iter().filter_map(|parameter| value(entry, *parameter, errors)).collect(),
        reads: Vec::new(),
        named: Vec::new(),
    };
    let reads = reads(registry, entry, &of, each, errors);
    unknown_names(entry, method, errors);
    let outputs =
        method.outputs.iter().filter_map(|output| spec(entry, output, each, reads.first()?, errors)).collect();
    (errors.len() == before).then_some((Use { reads, ..of }, outputs))
}

fn every(entry: &CheckEntry, errors: &mut Vec<LoadError>) -> Duration {
    let every =
        entry.every.as_ref().and_then(|at| duration(&at.value)).filter(|every| *every >= Duration::from_mins(1));
    every.unwrap_or_else(|| {
        let at = entry.every.as_ref().unwrap_or(&entry.id);
        errors.push(at.error("every: how often the method is asked, at most once a minute, like 6h"));
        Duration::ZERO
    })
}

/// A parameter in the unit that the method counts it in.
fn value(
    entry: &CheckEntry,
    (name, unit): (&'static str, &'static str),
    errors: &mut Vec<LoadError>,
) -> Option<(String, f64)> {
    let Some(at) = entry.parameters.get(name) else {
        errors.push(entry.id.error(format!("check {}: parameter {name} is missing", entry.id.value)));
        return None;
    };
    let declared = Unit::parse(unit).expect("a method's units are known");
    let value = number(&at.value).filter(|(_, unit)| unit.fits(&declared));
    if value.is_none() {
        errors.push(at.error(format!("parameter {name}: {:?} is not a number in {unit}", at.value)));
    }
    value.map(|(value, unit)| (name.to_owned(), value * unit.scale))
}

fn reads(registry: &Registry, entry: &CheckEntry, of: &Use, each: &[String], errors: &mut Vec<LoadError>) -> Vec<Read> {
    let seconds = |name: &str| Duration::try_from_secs_f64(of.parameters.get(name).copied().unwrap_or(0.0));
    let mut reads = Vec::new();
    for role in of.method.roles {
        let Some(at) = entry.series.get(role.name) else {
            if role.needed {
                errors.push(entry.id.error(format!("check {}: series {} is missing", entry.id.value, role.name)));
            }
            continue;
        };
        match input(registry, role.name, &at.value, each, &[]) {
            Ok(InputSpec { signal, fixed, .. }) => reads.push(Read {
                role: role.name,
                signal,
                fixed,
                span: seconds(role.span).unwrap_or_default(),
                step: seconds(role.step).unwrap_or_default(),
            }),
            Err(reason) => errors.push(at.error(format!("series {}: {reason}", role.name))),
        }
    }
    reads
}

/// Names that the method does not know.
fn unknown_names(entry: &CheckEntry, method: &Method, errors: &mut Vec<LoadError>) {
    for (name, at) in &entry.parameters {
        if !method.parameters.iter().any(|(known, _)| known == name) {
            let hint = spelling::hint(name, method.parameters.iter().map(|(known, _)| *known));
            errors.push(at.error(format!("{} has no parameter {name}{hint}", method.name)));
        }
    }
    for (name, at) in &entry.series {
        if !method.roles.iter().any(|role| role.name == name) {
            let hint = spelling::hint(name, method.roles.iter().map(|role| role.name));
            errors.push(at.error(format!("{} reads no series {name}{hint}", method.name)));
        }
    }
}

/// A number of the method as an input of the check.
fn spec(
    entry: &CheckEntry,
    output: &Output,
    each: &[String],
    first: &Read,
    errors: &mut Vec<LoadError>,
) -> Option<InputSpec> {
    if let Some(at) = entry.inputs.get(output.name) {
        errors.push(at.error(format!("{} is a number of the method already", output.name)));
        return None;
    }
    let value = output.unit.value_type();
    let text = output.unit.text(&first.signal.unit);
    let unit = if value == ValueType::Number { Unit::parse(&text).ok()? } else { Unit::one() };
    let source = || Source::Api(format!("what was told of {} before", first.signal.name));
    let signal = SignalSpec {
        name: output_signal(&entry.id.value, output.name),
        kind: SignalKind::Inventory,
        value,
        unit: text,
        attributes: each.to_vec(),
        tier: Tier::Change,
        aggregate: Aggregate::Last,
        privacy: Privacy::Machine,
        purpose: entry.id.value.clone(),
        label: output.label.to_owned(),
        area: Area::Agent,
        settles: false,
        urgent_change: None,
        resolution: None,
        for_tickets: false,
        fields: Vec::new(),
        source: Sources { linux: source(), windows: source(), macos: source() },
    };
    Some(InputSpec { name: output.name.to_owned(), signal, fixed: Vec::new(), free: Vec::new(), unit })
}
