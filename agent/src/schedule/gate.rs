use std::collections::{BTreeMap, BTreeSet};

use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Reading, Series, Unknown, Value};

use crate::probe::Tier;

/// Decides which readings of a run are passed on.
pub(super) struct Gate<'a> {
    /// Tiers of this tick.
    pub(super) due: &'a [Tier],
    /// Signals that must not be collected.
    pub(super) denied: &'a BTreeSet<String>,
}

impl Gate<'_> {
    /// Whether `reading` of a probe of tier `probe` is passed on now; keeps in `told` what is told only when it changes.
    pub(super) fn passes(
        &self,
        probe: Tier,
        reading: &Reading,
        told: &mut BTreeMap<Series, Result<Value, Unknown>>,
    ) -> bool {
        let spec = Registry::builtin().get(&reading.series.signal);
        let tier = spec.map_or(probe, |spec| spec.tier);
        if tier == Tier::Change {
            return differs(reading, told);
        }
        // The sampler must see every reading of what may have to be told at once.
        let urgent = tier == Tier::Minute && spec.is_some_and(|spec| spec.urgent_change.is_some());
        tier <= probe || urgent || self.due.contains(&tier)
    }
}

/// Whether `reading` says another thing than was told before; then it counts as told.
fn differs(reading: &Reading, told: &mut BTreeMap<Series, Result<Value, Unknown>>) -> bool {
    if told.get(&reading.series) == Some(&reading.outcome) {
        return false;
    }
    told.insert(reading.series.clone(), reading.outcome.clone());
    true
}

/// Whether the registry knows the signal, its attributes and its type.
pub(super) fn is_declared(reading: &Reading) -> bool {
    Registry::builtin().admit(reading).is_ok()
}
