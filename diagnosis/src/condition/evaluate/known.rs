use super::super::expression::{Expression, Given, Lookup};
use super::super::reason::Reason;
use super::super::table;
use super::{Cell, Found, Scope};
use crate::vocabulary::Timestamp;

/// Share of a span that an endpoint must have been known for.
const KNOWN_MIN: f64 = 0.7;

/// What is not measured: names of instances, tables, and whether something can be told at all.
impl Scope<'_> {
    pub(super) fn attribute(&self, input: usize, name: &str) -> Found {
        let Some(track) = self.track(input) else { return Found::unknown(self.no_data(input)) };
        match track.series().attributes.get(name) {
            Some(value) => Found::constant(Cell::Text(value.to_owned())),
            None => Found::unknown(Reason::NoData(input)),
        }
    }

    pub(super) fn contains(&self, inner: &Expression, part: &str) -> Found {
        let found = self.find(inner);
        match &found.cell {
            Cell::Text(text) => Found { cell: Cell::Flag(text.contains(part)), ..found },
            _ => found,
        }
    }

    /// What the value rests on leaves no evidence: it says nothing about the machine.
    pub(super) fn given(&self, given: &Given) -> Found {
        let quietly = Scope { compared: None, ..self.clone() };
        match quietly.find(&given.condition).cell {
            Cell::Flag(true) => self.find(&given.value),
            Cell::Unknown(reason) => Found::unknown(reason),
            _ => Found::unknown(Reason::NotGiven(given.input)),
        }
    }

    pub(super) fn look_up(&self, lookup: &Lookup) -> Found {
        let (mut keys, mut at) = (Vec::new(), None);
        for key in &lookup.keys {
            let found = self.find(key);
            at = at.max(found.at);
            match found.cell {
                Cell::Text(text) => keys.push(text),
                Cell::Unknown(reason) => return Found { cell: Cell::Unknown(reason), at },
                Cell::Number(_) | Cell::Flag(_) => {}
            }
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let Some(cell) = lookup.table.cell(lookup.column, &keys) else {
            return Found { cell: Cell::Unknown(Reason::NoRow(lookup.table.name.clone(), keys.join(" "))), at };
        };
        let seconds = || table::date(cell).map(|end| Cell::number(end.seconds_since(self.now)));
        let cell = if lookup.is_date {
            seconds().unwrap_or(Cell::Unknown(Reason::Division))
        } else {
            Cell::Text(cell.to_owned())
        };
        Found { cell, at }
    }

    pub(super) fn awake(&self, span_ms: i64) -> Found {
        let (awake, now) = (&self.store.awake, self.now.0);
        let first = awake.first_heard().unwrap_or(Timestamp(now));
        if ((now - first.0) as f64) < span_ms as f64 * KNOWN_MIN {
            return Found::unknown(Reason::NotKnownFor(span_ms));
        }
        let from = (now - span_ms).max(first.0);
        Found { cell: Cell::number(awake.awake_ms(from, now) as f64 / 1000.0), at: None }
    }
}
