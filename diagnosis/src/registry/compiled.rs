//! The declarations as they are embedded.

use std::collections::BTreeMap;

use crate::compact::{self, Table};

use super::{Aggregate, Area, Privacy, SignalKind, SignalSpec, Source, Sources, Tier, ValueType};

/// What the files of this version say.
pub(crate) const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/signals.compact"));

/// Every declaration, by name. What is missing in one is filled in here, so that a fault is found by the test that holds
/// this against the files, and not by people.
pub(super) fn signals() -> BTreeMap<String, SignalSpec> {
    let mut signals = BTreeMap::new();
    compact::read(BYTES, |file| {
        for row in file.tables("signal") {
            let spec = signal(row);
            signals.insert(spec.name.clone(), spec);
        }
    });
    signals
}

fn signal(row: &Table) -> SignalSpec {
    let text = |key| row.text(key).unwrap_or_default();
    let source = |system| row.table("source").map_or(Source::Api(String::new()), |sources| source(sources, system));
    SignalSpec {
        name: text("name"),
        kind: row.word("kind").unwrap_or(SignalKind::Gauge),
        value: row.word("value").unwrap_or(ValueType::Number),
        unit: text("unit"),
        attributes: row.texts("attributes").unwrap_or_default(),
        tier: row.word("tier").unwrap_or(Tier::Demand),
        aggregate: row.word("aggregate").unwrap_or(Aggregate::Last),
        privacy: row.word("privacy").unwrap_or(Privacy::Person),
        purpose: text("purpose"),
        label: text("label"),
        area: row.word("area").unwrap_or(Area::Agent),
        settles: row.flag("settles").unwrap_or_default(),
        urgent_change: row.number("urgent_change"),
        resolution: row.number("resolution"),
        for_tickets: row.flag("for_tickets").unwrap_or_default(),
        fields: row.texts("fields").unwrap_or_default(),
        source: Sources { linux: source("linux"), windows: source("windows"), macos: source("macos") },
    }
}

fn source(sources: &Table, system: &str) -> Source {
    let none = sources.table(system).and_then(|table| table.text("none"));
    none.map_or_else(|| Source::Api(sources.text(system).unwrap_or_default()), |none| Source::None { none })
}
