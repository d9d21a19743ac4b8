use std::collections::{BTreeMap, BTreeSet};

use firstline_diagnosis::privacy::{plain_event, plain_reading};
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Event, Reading};

/// Lets through what the registry declares and nobody denied, scrubbed.
#[derive(Debug)]
pub struct Gate {
    registry: &'static Registry,
    /// How often each signal was stopped, and why first.
    stopped: BTreeMap<String, (u64, String)>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { registry: Registry::builtin(), stopped: BTreeMap::new() }
    }
}

impl Gate {
    /// The reading as it may leave, or nothing.
    pub fn admit(&mut self, reading: Reading, denied: &BTreeSet<String>) -> Option<Reading> {
        if denied.contains(&*reading.series.signal) {
            return None;
        }
        if let Err(refused) = self.registry.admit(&reading) {
            self.stop(&reading.series.signal, refused.to_string());
            return None;
        }
        Some(plain_reading(reading))
    }

    /// The event as it may leave, or nothing.
    pub fn admit_event(&mut self, mut event: Event, denied: &BTreeSet<String>) -> Option<Event> {
        if denied.contains(&*event.series.signal) {
            return None;
        }
        if let Some(spec) = self.registry.get(&event.series.signal) {
            event.fields.retain(|field, _| spec.fields.contains(field));
        }
        if let Err(refused) = self.registry.admit(&event) {
            self.stop(&event.series.signal, refused.to_string());
            return None;
        }
        Some(plain_event(event))
    }

    fn stop(&mut self, signal: &str, why: String) {
        let entry = self.stopped.entry(signal.to_owned()).or_insert_with(|| {
            tracing::warn!(signal, "Readings of {signal} do not leave: {why}");
            (0, why)
        });
        entry.0 += 1;
    }

    /// How much was stopped because it is not declared, by signal, with the first reason.
    pub fn stopped(&self) -> &BTreeMap<String, (u64, String)> {
        &self.stopped
    }
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::{Attributes, Timestamp, Value};

    use super::*;

    const AT: Timestamp = Timestamp(0);

    #[test]
    fn stops_and_counts_what_is_not_declared() {
        let mut gate = Gate::default();
        let none = BTreeSet::new();
        let good = Reading::value("host.name", Attributes::none(), "pc-17", AT);
        assert_eq!(gate.admit(good.clone(), &none), Some(good));
        let strange = Reading::value("user.browser.history", Attributes::none(), "x", AT);
        assert_eq!(gate.admit(strange, &none), None);
        let attribute = Reading::value("host.name", [("person", "ann")], "pc-17", AT);
        assert_eq!(gate.admit(attribute, &none), None);
        let typed = Reading::value("host.name", Attributes::none(), 4.0, AT);
        assert_eq!(gate.admit(typed, &none), None);
        assert_eq!(gate.stopped()["host.name"].0, 2);
    }

    #[test]
    fn stops_what_is_denied() {
        let denied = BTreeSet::from(["host.name".to_owned()]);
        let reading = Reading::value("host.name", Attributes::none(), "pc-17", AT);
        assert_eq!(Gate::default().admit(reading, &denied), None);
    }

    #[test]
    fn scrubs_texts() {
        let reading = Reading::value("host.name", Attributes::none(), "a\u{7}b mail me at ann@example.com", AT);
        let out = Gate::default().admit(reading, &BTreeSet::new()).expect("declared");
        assert_eq!(out.outcome, Ok(Value::Text("ab mail me at <email>".into())));
    }
}
