//! Numbers that were unlike the rest of the day.
//!
//! Only what some check asks for can matter: the signals of the symptom's candidates, or of all checks. A number is told
//! when it lies far outside of how much it usually wavers, and by so much that people would notice.

use super::Look;
use crate::catalogue::{Catalogue, Check, Symptom};
use crate::document::{Snapshot, SnapshotSeries, Unusual};
use crate::estimate::level;
use crate::order::Arrange as _;
use crate::registry::{Registry, SignalKind, SignalSpec};
use crate::vocabulary::{Attributes, Timestamp};

/// More than these would be a list, not a hint; and not more of one signal than this.
const UNUSUAL_MAX: usize = 5;
const OF_A_SIGNAL_MAX: usize = 2;
/// Fewer numbers do not say what is usual.
const USUAL_FEW: usize = 24;
/// Farther from usual than so many times what it wavers.
const WAVERS: f64 = 6.0;
/// The least that a share (0 to 1) wavers, and the least by which it must differ.
const SHARE: (f64, f64) = (0.02, 0.2);
/// The same for other numbers, as a share of what is usual: half of it more or less.
const OTHER: (f64, f64) = (0.05, 0.5);

/// The most unlike first.
pub(super) fn unusual(
    catalogue: &Catalogue,
    snapshot: &Snapshot,
    symptom: Option<&Symptom>,
    look: Look,
) -> Vec<Unusual> {
    let asked = asked(catalogue, symptom);
    let mut all: Vec<(f64, Unusual)> = Vec::new();
    for (signal, attrs) in each(snapshot) {
        let spec = asked.iter().find(|spec| spec.name == signal);
        all.extend(spec.and_then(|spec| compared(spec, attrs, snapshot, look)));
    }
    all.arrange_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut told: Vec<Unusual> = Vec::new();
    for (_, one) in all {
        if told.iter().filter(|other| other.signal == one.signal).count() < OF_A_SIGNAL_MAX {
            told.push(one);
        }
    }
    told.truncate(UNUSUAL_MAX);
    told
}

/// The signals that say how something is, among those that checks ask for.
fn asked(catalogue: &Catalogue, symptom: Option<&Symptom>) -> Vec<&'static SignalSpec> {
    let is_asked = |check: &&Check| symptom.is_none_or(|symptom| symptom.candidates.contains(&check.id));
    let checks = catalogue.checks().iter().filter(is_asked);
    let mut names: Vec<&str> =
        checks.flat_map(|check| &check.rule.inputs).map(|input| input.spec.signal.name.as_str()).collect();
    names.arrange();
    names.dedup();
    let specs = names.into_iter().filter_map(|name| Registry::builtin().get(name));
    specs.filter(|spec| spec.kind == SignalKind::Gauge).collect()
}

/// Each series once, however many stretches of it there are.
fn each(snapshot: &Snapshot) -> Vec<(&str, &Attributes)> {
    let mut names: Vec<(&str, &Attributes)> =
        snapshot.series.iter().map(|series| (series.signal.as_str(), &series.attrs)).collect();
    names.arrange();
    names.dedup();
    names
}

/// A series held against itself: how far it went, in what it wavers, when that is worth telling.
fn compared(spec: &SignalSpec, attrs: &Attributes, snapshot: &Snapshot, look: Look) -> Option<(f64, Unusual)> {
    let is_it = |series: &&SnapshotSeries| series.signal == spec.name && series.attrs == *attrs;
    let points = snapshot.series.iter().filter(is_it).flat_map(SnapshotSeries::points);
    let (within, rest): (Vec<(Timestamp, f64)>, Vec<_>) = points.partition(|(at, _)| look.covers(*at));
    let rest: Vec<f64> = rest.into_iter().map(|(_, value)| value).collect();
    if rest.len() < USUAL_FEW {
        return None;
    }
    let (usual, wavers) = level(&rest)?;
    let (wavers_least, differs_least) = match spec.unit.as_str() {
        "1" => SHARE,
        _ => (OTHER.0 * usual.abs(), OTHER.1 * usual.abs()),
    };
    let far = |value: f64| (value - usual).abs();
    let (at, value) = within.into_iter().max_by(|(_, one), (_, other)| far(*one).total_cmp(&far(*other)))?;
    let times = far(value) / wavers.max(wavers_least);
    let attrs = attrs.clone();
    let (signal, label, unit) = (spec.name.clone(), spec.label.clone(), spec.unit.clone());
    let is_told = times.is_finite() && times >= WAVERS && far(value) >= differs_least;
    is_told.then_some((times, Unusual { signal, label, attrs, value, at, usual, unit }))
}
