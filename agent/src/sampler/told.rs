use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use firstline_diagnosis::registry::{SignalKind, SignalSpec, Tier, ValueType};
use firstline_diagnosis::vocabulary::{Reading, Series, Timestamp, Unknown, Value, Why};

use super::Taken;

/// A series that moves fast is told at most this often between two minutes.
const URGENT_PAUSE: Duration = Duration::from_secs(5);

/// Urgent news in one minute, all series together.
const URGENT_MAX: u32 = 60;

/// States that are kept at most; a machine has a few hundred.
const STATES_MAX: usize = 8192;

/// The states of an earlier run, by printed series.
pub type Known = BTreeMap<String, Value>;

/// A state that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Which.
    pub series: Series,
    /// Before.
    pub from: Value,
    /// Since then; the moment of the reading.
    pub at: Timestamp,
    /// After.
    pub to: Value,
}

/// What the collector was told of states and urgent numbers.
#[derive(Debug)]
pub(super) struct Told {
    states: HashMap<Series, Reading>,
    known: Known,
    known_changed: bool,
    urgent: HashMap<Series, (f64, Option<Timestamp>)>,
    urgent_left: u32,
    /// A sample went out in this run: a series that was not in it is new to the collector.
    introduced: bool,
}

impl Told {
    pub(super) fn new(known: Known) -> Self {
        Self {
            states: HashMap::new(),
            known,
            known_changed: false,
            urgent: HashMap::new(),
            urgent_left: URGENT_MAX,
            introduced: false,
        }
    }

    /// Whether a state must be told, and whether it changed.
    pub(super) fn state(&mut self, spec: &SignalSpec, reading: &Reading) -> Taken {
        let same = self.states.get(&reading.series).is_some_and(|told| same(&told.outcome, &reading.outcome));
        // A slow number is news each time it is read: its age counts. That it is not there is no news.
        let slow_number =
            !spec.is_state() && reading.outcome.is_ok() && matches!(spec.tier, Tier::QuarterHour | Tier::Daily);
        if same && !slow_number {
            return Taken::default();
        }
        if self.states.len() < STATES_MAX || self.states.contains_key(&reading.series) {
            self.states.insert(reading.series.clone(), reading.clone());
        }
        let changed = if spec.kind == SignalKind::Inventory { self.changed(reading) } else { None };
        Taken { tell: Some(reading.clone()), changed }
    }

    fn changed(&mut self, reading: &Reading) -> Option<Changed> {
        let to = reading.outcome.as_ref().ok()?.clone();
        let before = self.known.insert(reading.series.to_string(), to.clone());
        self.known_changed |= before.as_ref() != Some(&to);
        let before = before?;
        (before != to).then(|| Changed { series: reading.series.clone(), from: before, at: reading.at, to })
    }

    /// Whether a number moved so far since the collector heard of it that it must hear now. So does one that nobody
    /// heard of: a volume that is full when it is first seen. The first sample of a run tells those that were there.
    pub(super) fn urgent(&mut self, spec: &SignalSpec, reading: &Reading) -> bool {
        let Some(share) = spec.urgent_change else { return false };
        let Some(number) = reading.number() else {
            self.forget_if_gone(reading);
            return false;
        };
        let unheard = self.introduced && !self.urgent.contains_key(&reading.series);
        let entry = self.urgent.entry(reading.series.clone()).or_insert((number, None));
        let moved = match spec.value {
            _ if unheard => true,
            ValueType::Flag => entry.0 != number,
            _ => (number - entry.0).abs() > share * entry.0.abs(),
        };
        let rested = entry.1.is_none_or(|at| reading.at.since(at) >= URGENT_PAUSE || reading.at < at);
        if !moved || !rested || self.urgent_left == 0 {
            return false;
        }
        *entry = (number, Some(reading.at));
        self.urgent_left -= 1;
        true
    }

    /// What is no longer there is new when it comes back.
    fn forget_if_gone(&mut self, reading: &Reading) {
        if reading.outcome.as_ref().is_err_and(|unknown| unknown.why == Why::NotPresent) {
            self.urgent.remove(&reading.series);
        }
    }

    /// A minute's sample told these numbers.
    pub(super) fn sampled(&mut self, series: &[Series], values: &[f32]) {
        self.urgent_left = URGENT_MAX;
        self.introduced = true;
        if self.urgent.is_empty() {
            return;
        }
        for (series, value) in series.iter().zip(values).filter(|(_, value)| value.is_finite()) {
            if let Some(entry) = self.urgent.get_mut(series) {
                entry.0 = f64::from(*value);
            }
        }
    }

    pub(super) fn take_known_if_changed(&mut self) -> Option<Known> {
        std::mem::take(&mut self.known_changed).then(|| self.known.clone())
    }
}

/// Whether two outcomes say the same; the detail of a reason may differ in its wording.
fn same(one: &Result<Value, Unknown>, other: &Result<Value, Unknown>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => one.why == other.why,
        _ => false,
    }
}
