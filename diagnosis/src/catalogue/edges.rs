use std::collections::BTreeMap;

use crate::condition::{self, Compiled, Input, Names, Parsed, Tables};
use crate::registry::{Registry, SignalKind};

use super::LoadError;
use super::build::{Sources, inputs, register};
use super::raw::{At, EdgeEntry};

/// One finding explains others: on the same instance, where both are judged for each of the same attribute (mount
/// point, device, interface), unless the edge says that any instance explains every other.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) root: String,
    pub(crate) consequences: Vec<String>,
    /// Only when this holds.
    pub(crate) when: Option<(Vec<Input>, Compiled)>,
    /// A full `/` explains a full `/data`: almost never so, hence it must be said.
    pub(crate) any_instance: bool,
    /// Only what happened mostly while the root stood.
    pub(crate) overlap: Option<Overlap>,
}

/// Of what a finding is made of, so much must have happened while its root stood.
#[derive(Debug, Clone)]
pub(crate) struct Overlap {
    /// The source of its events.
    pub(crate) source: usize,
    pub(crate) span_ms: i64,
    pub(crate) share: f64,
}

/// The past of which events are held against a root.
const OVERLAP_MS: i64 = 86_400_000;

/// Builds the edges; they must not lead in a circle.
pub(super) fn edges(
    (registry, tables): (&Registry, &Tables),
    entries: &[EdgeEntry],
    known: &[&str],
    sources: &mut Sources,
    errors: &mut Vec<LoadError>,
) -> Vec<Edge> {
    let mut edges = Vec::new();
    for entry in entries {
        for id in std::iter::once(&entry.root).chain(&entry.consequence) {
            exists(id, known, errors);
        }
        edges.push(Edge {
            root: entry.root.value.clone(),
            consequences: entry.consequence.iter().map(|id| id.value.clone()).collect(),
            when: entry.when.as_ref().and_then(|when| condition_of((registry, tables), entry, when, sources, errors)),
            any_instance: entry.any_instance,
            overlap: entry.overlap_percent.as_ref().and_then(|at| overlap_of(registry, entry, at, sources, errors)),
        });
    }
    if let Some(error) = circle(entries) {
        errors.push(error);
    }
    edges
}

/// Reports an id that no check has.
pub(super) fn exists(id: &At<String>, known: &[&str], errors: &mut Vec<LoadError>) {
    if !known.contains(&id.value.as_str()) {
        let hint = crate::spelling::hint(&id.value, known.iter().copied());
        errors.push(id.error(format!("there is no check {}{hint}", id.value)));
    }
}

fn condition_of(
    (registry, tables): (&Registry, &Tables),
    entry: &EdgeEntry,
    when: &At<String>,
    sources: &mut Sources,
    errors: &mut Vec<LoadError>,
) -> Option<(Vec<Input>, Compiled)> {
    let before = errors.len();
    let specs = inputs(registry, &entry.inputs, &[], &[], errors);
    if errors.len() > before {
        return None;
    }
    let names = Names { inputs: &specs, derived: &[], each: &[], tables };
    match Parsed::new(&when.value).and_then(|parsed| condition::condition(&parsed, &names)) {
        Ok(compiled) => Some((register(specs, &[&compiled], sources), compiled)),
        Err(fault) => {
            errors.push(when.error_at(fault.offset, format!("when: {}", fault.reason)));
            None
        }
    }
}

fn overlap_of(
    registry: &Registry,
    entry: &EdgeEntry,
    percent: &At<u32>,
    sources: &mut Sources,
    errors: &mut Vec<LoadError>,
) -> Option<Overlap> {
    let specs = inputs(registry, &entry.inputs, &[], &[], errors);
    let events = specs.into_iter().find(|spec| spec.signal.kind == SignalKind::Event);
    let Some(events) = events.filter(|_| (1..=100).contains(&percent.value)) else {
        errors.push(percent.error("overlap_percent is 1 to 100, of the events that an input names".to_owned()));
        return None;
    };
    let source = sources.keep(&events, OVERLAP_MS);
    Some(Overlap { source, span_ms: OVERLAP_MS, share: f64::from(percent.value) / 100.0 })
}

/// The first circle of edges, with the line of the edge that closes it.
fn circle(entries: &[EdgeEntry]) -> Option<LoadError> {
    let mut graph: BTreeMap<&str, Vec<&At<String>>> = BTreeMap::new();
    for entry in entries {
        graph.entry(&entry.root.value).or_default().extend(&entry.consequence);
    }
    let mut done = Vec::new();
    graph.keys().find_map(|root| walk(root, &graph, &mut Vec::new(), &mut done))
}

fn walk<'a>(
    id: &'a str,
    graph: &BTreeMap<&'a str, Vec<&'a At<String>>>,
    path: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Option<LoadError> {
    if done.contains(&id) {
        return None;
    }
    path.push(id);
    for next in graph.get(id).into_iter().flatten() {
        if let Some(start) = path.iter().position(|seen| *seen == next.value) {
            let circle = path[start..].iter().chain([&next.value.as_str()]).copied().collect::<Vec<_>>().join(" -> ");
            return Some(next.error(format!("these findings explain each other in a circle: {circle}")));
        }
        if let Some(error) = walk(&next.value, graph, path, done) {
            return Some(error);
        }
    }
    path.pop();
    done.push(id);
    None
}
