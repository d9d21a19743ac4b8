//! What differs all the time and explains nothing.

use std::time::Duration;

use super::compare;
use super::pattern;
use super::record::Raw;
use super::tables::{Tables, When};
use crate::compact::Table;

/// A line of the list.
#[derive(Debug)]
pub(super) struct Noise {
    signals: Vec<String>,
    items: Vec<String>,
    values: Vec<String>,
    attribute: Option<String>,
    attribute_values: Vec<String>,
    when: Option<When>,
    within: Duration,
    unless_about: bool,
}

impl Noise {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let texts = |key| table.texts(key).unwrap_or_default();
        Self {
            signals: texts("signals"),
            items: texts("items"),
            values: texts("values"),
            attribute: table.text("attribute"),
            attribute_values: texts("attribute_values"),
            when: table.word("when"),
            within: Duration::from_secs_f64(table.number("within_minutes").unwrap_or_default() * 60.0),
            unless_about: table.flag("unless_about").unwrap_or_default(),
        }
    }

    /// Whether it drops `raw`, among all of `others`; `about` is what the finding is about.
    pub(super) fn drops(&self, raw: &Raw, others: &[Raw], about: &str) -> bool {
        pattern::any(&self.signals, &raw.series.signal)
            && self.fits_item(raw)
            && self.fits_values(raw)
            && self.fits_attribute(raw)
            && self.fits_when(raw, others)
            && !(self.unless_about && raw.is_about(about))
    }

    fn fits_item(&self, raw: &Raw) -> bool {
        self.items.is_empty() || raw.series.attributes.iter().any(|(_, value)| pattern::any(&self.items, value))
    }

    fn fits_values(&self, raw: &Raw) -> bool {
        let fits = |value: &Option<String>| value.as_ref().is_some_and(|value| pattern::any(&self.values, value));
        self.values.is_empty() || fits(&raw.from) || fits(&raw.to)
    }

    fn fits_attribute(&self, raw: &Raw) -> bool {
        let Some(attribute) = &self.attribute else { return true };
        raw.series.attributes.get(attribute).is_some_and(|value| pattern::any(&self.attribute_values, value))
    }

    fn fits_when(&self, raw: &Raw, others: &[Raw]) -> bool {
        let (from, to) = (raw.from.as_deref(), raw.to.as_deref());
        match self.when {
            None => true,
            Some(When::SameNetwork) => compare::is_same_network(from, to),
            Some(When::SameSet) => compare::is_same_set(from, to),
            Some(When::PatchLevel) => compare::is_patch_level(from, to),
            Some(When::Returns) => others.iter().any(|other| self.is_way_back(raw, other)),
        }
    }

    /// Whether `other` takes back what `raw` did, or `raw` what `other` did, soon enough.
    fn is_way_back(&self, raw: &Raw, other: &Raw) -> bool {
        let (first, second) = if raw.at <= other.at { (raw, other) } else { (other, raw) };
        first.series == second.series
            && first.from == second.to
            && first.at != second.at
            && second.at.since(first.at) <= self.within
    }
}

/// Whether any line drops `raw`.
pub(super) fn is_noise(raw: &Raw, others: &[Raw], about: &str) -> bool {
    Tables::builtin().noise.iter().any(|line| line.drops(raw, others, about))
}
