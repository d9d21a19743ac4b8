use std::collections::BTreeMap;

use crate::condition::{self, Compiled, Input, Names, Parsed, Tables};
use crate::registry::Registry;

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
}

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
